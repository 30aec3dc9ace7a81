"""`freshmart demo`: everything in one process, for a first look."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Final

import typer

from freshmart_streams.cli.console import say
from freshmart_streams.cli.context import read_settings
from freshmart_streams.cli.errors import CommandError, WrongUsageError

if TYPE_CHECKING:
    from freshmart_streams.cli.live import Write
    from freshmart_streams.settings import Settings

SPEED: Final = 720.0
"""Twelve simulated minutes a second: a shop's day from seven to ten in 75 seconds, a night in eight."""

_READY_WITHIN_S: Final = 60.0
_ENDS_WITHIN_S: Final = 3.0


def command(
    stores: Annotated[int, typer.Option(min=1, max=50, help="How many stores.")] = 3,
    products: Annotated[int, typer.Option(min=1, max=400, help="How many articles each store sells.")] = 40,
    speed: Annotated[float, typer.Option(min=1, help="Simulated seconds per second.")] = SPEED,
    seed: Annotated[int, typer.Option(help="Another seed is another simulation.")] = 1,
) -> None:
    """Show everything at once: an embedded broker, a worker, simulated stores, the dashboard; Ctrl-C ends it all.

    Every reorder is printed as it is decided, in German or English as LANG says. Nothing is kept: every demo is fresh.

    Example: `freshmart demo`, then open http://localhost:6066
    """
    import dataclasses
    import tempfile
    from pathlib import Path

    settings = read_settings()
    if settings.broker:
        raise WrongUsageError("FRESHMART_BROKER: a demo brings its own broker; unset it (or use worker and simulate)")

    # The lines are for a shop person: what the engine says while all goes well is not.
    logging.getLogger("freshmart_streams.engine").setLevel(logging.WARNING)

    from freshmart_streams.app import run_worker
    from freshmart_streams.engine.broker import EmbeddedBroker
    from freshmart_streams.settings import Clock

    with EmbeddedBroker() as broker, tempfile.TemporaryDirectory(prefix="freshmart-demo-") as folder:
        settings = dataclasses.replace(
            settings, broker=f"embedded://{broker.address}", data_dir=Path(folder), clock=Clock.EVENTS
        )
        with Companions(settings, stores=stores, products=products, speed=speed, seed=seed) as companions:
            code = run_worker(settings)
    if companions.trouble:
        raise CommandError(companions.trouble)
    raise typer.Exit(code)


class Companions:
    """The simulated stores and the printer of decisions, in threads beside the worker.

    When one of them fails the whole demo ends as by Ctrl-C, and `trouble` says why.
    """

    def __init__(self, settings: Settings, *, stores: int, products: int, speed: float, seed: int) -> None:
        from freshmart_streams.cli.context import cluster_of, need_topics, topics_of
        from freshmart_streams.cli.messages import texts_for
        from freshmart_streams.cli.simulate import half_a_year_ago
        from freshmart_streams.simulation.world import Plan, World

        self.trouble = ""
        self._stop = threading.Event()
        self._settings = settings
        self._cluster = cluster_of(settings)
        need_topics(self._cluster, [topic.name for topic in topics_of(settings)])
        self._world = World(Plan(start=half_a_year_ago(), stores=stores, products=products, seed=seed))
        self._speed = speed
        self._texts = texts_for(locale_name())
        self._threads = [
            threading.Thread(target=self._run, args=(work,), name=work.__name__, daemon=True)
            for work in (self._play, self._show)
        ]

    def __enter__(self) -> Companions:
        say(self._texts.starting)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        deadline = time.monotonic() + _ENDS_WITHIN_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        say(self._texts.goodbye)

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # a thread has nobody else to tell
            if not self._stop.is_set():
                self.trouble = f"{error} ({type(error).__name__})"
                os.kill(os.getpid(), signal.SIGINT)

    def _play(self) -> None:
        from freshmart_streams.cli.player import Player

        # Master data that is there before the worker's first start would be in force from its first record on: then no
        # store would ever have ordered by hand. So nothing is sent before the worker is ready.
        self._wait_for_worker()
        say(self._texts.ready.format(url=f"http://localhost:{self._settings.web_port}"))
        player = Player(self._world, self._cluster, speed=self._speed, stop=self._stop, say=say)
        player.run(on_history=lambda: say(self._texts.history))

    def _show(self) -> None:
        from freshmart_streams.cli.lines import Lines
        from freshmart_streams.cli.live import show

        lines = Lines(self._texts, stores=self._world.store_names, products=self._world.products)
        show(self._cluster, lines, stop=self._stop, write=_writer())

    def _wait_for_worker(self) -> None:
        """Wait until the worker takes part; after a minute go on without, it will say itself what it lacks."""
        deadline = time.monotonic() + _READY_WITHIN_S
        while not _is_ready(self._settings.web_port) and time.monotonic() < deadline and not self._stop.wait(0.2):
            pass


def locale_name() -> str:
    """Return the name of the locale that messages are wanted in, as POSIX ranks the variables."""
    return next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")


def _is_ready(port: int) -> bool:
    from urllib.error import URLError
    from urllib.request import ProxyHandler, build_opener

    try:
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/health/ready", timeout=1):
            return True
    except (URLError, OSError):
        return False


def _writer() -> Write:
    from rich.console import Console
    from rich.text import Text

    console = Console()

    def write(line: str, style: str) -> None:
        if console.is_terminal:
            console.print(Text(line, style), no_wrap=True, overflow="ellipsis")
        else:
            print(line, flush=True)

    return write
