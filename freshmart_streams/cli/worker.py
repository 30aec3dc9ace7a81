"""`freshmart worker`: take in events, decide and answer, together with other workers of the same broker."""

from __future__ import annotations

from typing import Annotated

import typer

from freshmart_streams.cli.context import read_settings


def command(
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Go on although unread records are gone from the log (retention).")
    ] = False,
    accept_errors: Annotated[
        bool,
        typer.Option(
            "--accept-errors", help="Go on however many messages make the program fail; they are dead letters."
        ),
    ] = False,
) -> None:
    """Run one worker; as many as there are partitions can share the work, each with its own port and data folder.

    Without FRESHMART_BROKER it brings an embedded broker of its own, which other processes can use too.

    For example:

    - `FRESHMART_BROKER=kafka://localhost:9092 freshmart worker`

    - a second one on the same machine: `FRESHMART_WEB_PORT=6067 FRESHMART_DATA_DIR=data-2 freshmart worker`
    """
    settings = read_settings()

    from freshmart_streams.app import run_worker

    raise typer.Exit(run_worker(settings, accept_loss=accept_loss, accept_errors=accept_errors))
