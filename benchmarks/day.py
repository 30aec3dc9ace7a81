"""A day of simulated stores with a supplier who answers: what it writes to each topic and to the disk, CPU and memory.

Nine days of history, ordered by hand, are taken in at once; then the stores are reordered for, and the second of these
days, a Thursday, is measured from midnight to midnight. So much simulated time as `--speed` says passes in a second, so
that the supplier hears of orders before their cut-off; while the stores are closed it passes faster.
"""

import argparse
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import orjson
from confluent_kafka import Message

from benchmarks.broker import Broker
from benchmarks.contestants import Run
from benchmarks.freshmart import Freshmart
from benchmarks.measuring import QUIET_SECONDS, Course, Running, say, until_quiet
from benchmarks.workload import Chain
from freshmart_streams.cli.context import cluster_of
from freshmart_streams.cli.player import Player
from freshmart_streams.settings import Settings
from freshmart_streams.simulation.catalogue import articles
from freshmart_streams.simulation.world import Plan, World

START = date(2024, 9, 30)
"""A Monday: the tenth day after it is a Thursday, on which a shop of middle size sells what the catalogue says."""
BY_HAND_DAYS = 9
NIGHT_HOURS, NIGHT_FACTOR = 9, 6
PURCHASES_PER_RECEIPT = 3.2
"""As the simulator draws them; several of one article are one line."""
ARTICLES_MAX = 50_000
FIRST_REVISION = 0


@dataclass(frozen=True)
class Written:
    """What the measured day brought."""

    receipts: int
    lines: int
    reorders: int
    revisions: int
    """Newer ones of reorders."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How large a day; articles and receipts in all follow from it."""
    parser.set_defaults(stores=20)
    parser.add_argument("--per-store", type=int, default=1_000, help="receipts of a store, about (%(default)s)")
    parser.add_argument("--speed", type=float, default=1_440, help="simulated seconds per second (%(default)s)")


def articles_for(receipts: int) -> int:
    """How many articles a store of middle size sells to have so many receipts on a day of middle strength."""
    purchases = 0.0
    for count, article in enumerate(articles(ARTICLES_MAX), 1):
        purchases += article.sales_per_day
        if purchases >= receipts * PURCHASES_PER_RECEIPT:
            return count
    raise SystemExit(f"{receipts} receipts are more than {ARTICLES_MAX} articles bring")


def count_day(sales: Iterable[Message], reorders: Iterable[Message]) -> Written:
    """What is in the messages of a day."""
    receipts = [len(orjson.loads(message.value() or b"{}").get("lines", ())) for message in sales]
    revisions = [int(orjson.loads(message.value() or b"{}")["revision"]) for message in reorders]
    first = revisions.count(FIRST_REVISION)
    return Written(len(receipts), sum(receipts), first, len(revisions) - first)


def measure(broker: Broker, folder: Path, chain: Chain, asked: argparse.Namespace) -> str:
    """Play the days; a table of the last one."""
    worker, run, articles_each = Freshmart(), Run(broker, folder, "day", ""), articles_for(asked.per_store)
    topics = Freshmart.topics(run)
    told = (topics.sales, topics.inventory, topics.reorders, topics.store_days, topics.journal)
    names = [*(topic.name for topic in told), *worker.changelogs(run)]
    say(f"{chain.stores} stores with {articles_each:,} articles each")
    worker.create_topics(run)
    until_quiet(partial(broker.end, [topic.name for topic in topics]))  # each partition has its leader then
    plan = Plan(start=START, stores=chain.stores, products=articles_each, manual_days=BY_HAND_DAYS, seed=chain.seed)
    process = worker.start(run)
    try:
        with _playing(process, World(plan), asked.speed, partial(broker.end, worker.changelogs(run))) as played:
            played.until_day()
            before, sizes = broker.ends(names), _sizes(folder, names)
            course = played.watch()
        day = count_day(*(broker.read(topic.name, before) for topic in (topics.sales, topics.reorders)))
    finally:
        process.stop()
    written = {name: size - sizes[name] for name, size in _sizes(folder, names).items()}
    return _table(run, day, written, course, chain.stores * articles_each)


class Played:
    """The days, played in a thread of its own.

    Args:
        process: the worker.
        world: at its beginning.
        speed: simulated seconds per second.
        written: how far the worker is.
    """

    def __init__(self, process: Running, world: World, speed: float, written: Callable[[], int]) -> None:
        self._process = process
        self._world = world
        self._speed = speed
        self._written = written
        self._begins_at = world.history_ends_at + timedelta(days=1)
        self._ends_at = self._begins_at + timedelta(days=1)
        self._stop = threading.Event()
        cluster = cluster_of(Settings.from_environment(process.environments[0]))
        player = Player(world, cluster, speed=speed, stop=self._stop, say=say)
        self._thread = ThreadPoolExecutor(1)
        self._done = self._thread.submit(player.run, self._ends_at, on_history=self._take_in)

    def _take_in(self) -> None:
        until_quiet(self._written)
        say("the history is taken in")

    def until_day(self) -> None:
        """Wait for the midnight with which the day begins."""
        while self._world.now < self._begins_at and not self._done.done():
            time.sleep(0.05)
        say("the day begins")

    def watch(self) -> Course:
        """Watch the worker to the end of the day, longer than a night passes without a write."""
        night_seconds = NIGHT_HOURS * 3_600 / (NIGHT_FACTOR * self._speed)
        course = self._process.watch(self._written, quiet_seconds=QUIET_SECONDS + night_seconds)
        if not self._done.done():
            raise RuntimeError(f"nothing was written although it is only {self._world.now}: {self._process.last_words}")
        self._done.result()
        return course

    def end(self) -> None:
        """Play no more."""
        self._stop.set()
        self._thread.shutdown()


@contextmanager
def _playing(process: Running, world: World, speed: float, written: Callable[[], int]) -> Iterator[Played]:
    played = Played(process, world, speed, written)
    try:
        yield played
    finally:
        played.end()


def _sizes(folder: Path, names: Sequence[str]) -> dict[str, int]:
    """Bytes of each topic in the broker's log, as they came: nothing is compacted meanwhile."""
    log = folder / "kafka" / "log"
    return {
        name: sum(file.stat().st_size for file in log.glob(f"{name}-*/*.log") if _is_of(file.parent.name, name))
        for name in names
    }


def _is_of(place: str, name: str) -> bool:
    return place.removeprefix(f"{name}-").isdigit()


def _table(run: Run, day: Written, written: Mapping[str, int], course: Course, keys: int) -> str:
    disk = sum(file.stat().st_size for file in (run.folder / "state").rglob("*") if file.is_file())
    cpu_seconds = course.samples[-1].cpu - course.samples[0].cpu
    rows = [
        ("receipts", f"{day.receipts:,}"),
        ("lines", f"{day.lines:,}"),
        ("reorders", f"{day.reorders:,}"),
        ("their revisions", f"{day.revisions:,}"),
        *(
            (f"bytes per line, {name.removeprefix(f'{run.app}.')}", f"{size / day.lines:,.1f}")
            for name, size in written.items()
        ),
        ("disk bytes in all", f"{disk:,}"),
        ("disk bytes per article in a store", f"{disk / keys:,.0f}"),
        ("CPU seconds", f"{cpu_seconds:,.1f}"),
        ("peak memory, MB", f"{course.peak_resident / 1e6:,.0f}"),
    ]
    return "\n".join(["| one day | |", "|---|---|", *(f"| {name} | {figure} |" for name, figure in rows)])
