"""A worker process over the toy group: `python -m tests.engine.toy_worker BOOTSTRAP MODE FOLDER`."""

import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import cast

from freshmart_streams.engine.app import App
from freshmart_streams.engine.connection import Connection, Mode
from freshmart_streams.engine.options import EngineOptions
from tests.engine import toy


async def work(bootstrap: str, mode: Mode, folder: Path) -> str:
    """Run until SIGTERM; return why the app refused to go on, if it did."""
    options = EngineOptions(app_id="toy", folder=folder, tick_seconds=1.0)
    connection = Connection(bootstrap=bootstrap, mode=mode)
    app = App("toy", connection=connection, groups=[toy.GROUP], options=options, session_timeout=6, web_enabled=False)
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
    bootstrap, mode, folder = sys.argv[1:]
    refusal = asyncio.run(work(bootstrap, cast(Mode, mode), Path(folder)))
    if refusal:
        print(refusal)
        sys.exit(2)


if __name__ == "__main__":
    main()
