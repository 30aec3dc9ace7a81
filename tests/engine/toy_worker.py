"""A worker process over the toy groups: `python -m tests.engine.toy_worker SETUP`, which is JSON.

Faults are patched into this process alone, from the outside: the engine has no hooks for them.
"""

import asyncio
import logging
import signal
import sys
from pathlib import Path

import msgspec

from freshmart_streams.engine.app import App
from freshmart_streams.engine.connection import Connection, Mode
from freshmart_streams.engine.options import EngineOptions
from tests.engine.fault_points import Fault, install
from tests.engine.toy import Toy


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker process must be told.

    Attributes:
        bootstrap: of the broker.
        mode: `tx` or `log`.
        folder: for its data.
        prefix: of the topics; without its last dot the application's id.
        groups: the names of the groups that it runs.
        fault: what happens to it, if anything does.
        grumbles: whether it is a version that cannot bury the word `grumble`.
        standbys: copies of each partition that other workers keep.
        accept_loss: as the option of `freshmart worker`.
        errors_max: see `EngineOptions`; the toy's words raise more often than any program may.
        disk_reserve: see `EngineOptions`.
        session_timeout: seconds until the group believes it dead.
        tick_seconds: distance of ticks; by default a test sees none.
    """

    bootstrap: str
    mode: Mode
    folder: str
    prefix: str
    groups: list[str]
    fault: Fault | None = None
    grumbles: bool = False
    standbys: int = 0
    accept_loss: bool = False
    errors_max: int | None = None
    disk_reserve: int | None = 0
    session_timeout: float = 2.0
    tick_seconds: float = 60.0


def app_of(setup: Setup) -> App:
    """The app as a worker declares it."""
    toy = Toy(setup.prefix, grumbles=setup.grumbles)
    groups = [group for group in (toy.group, toy.visitors) if group.name in setup.groups]
    options = EngineOptions(
        app_id=setup.prefix.rstrip("."),
        folder=Path(setup.folder),
        tick_seconds=setup.tick_seconds,
        accept_loss=setup.accept_loss,
        errors_max=setup.errors_max,
        disk_reserve=setup.disk_reserve,
    )
    app = App(
        options.app_id,
        connection=Connection(bootstrap=setup.bootstrap, mode=setup.mode),
        groups=groups,
        options=options,
        session_timeout=setup.session_timeout,
        standbys=setup.standbys,
        web_enabled=False,
    )
    app.conf.broker_commit_interval = 0.3
    return app


async def work(setup: Setup) -> str:
    """Run until SIGTERM; return why the app refused to go on, if it did."""
    app = app_of(setup)
    if setup.fault is not None:
        install(setup.fault, app)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, app.stopping.set)
    app.finalize()
    starting = asyncio.create_task(app.start())
    await app.stopping.wait()
    starting.cancel()
    await app.stop()
    return app.refusal


def main() -> None:
    """Run as a process; exit 2 with one line where the app refuses."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    refusal = asyncio.run(work(msgspec.json.decode(sys.argv[1], type=Setup)))
    if refusal:
        print(refusal)
        sys.exit(2)


if __name__ == "__main__":
    main()
