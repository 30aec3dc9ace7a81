"""The `freshmart` command: one file per command, heavy imports only inside the commands that need them."""

from __future__ import annotations

import sys

from freshmart_streams.cli.errors import INTERRUPTED


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage or setting, 130 ended with Ctrl-C."""
    try:
        from freshmart_streams.cli.commands import run

        code = run(None)
    except KeyboardInterrupt:
        code = INTERRUPTED
    # A signal that hits an `exec` of a string (dataclasses are made so) leaves a mark in CPython, for which `python -m`
    # would end by SIGINT, whatever the code; the next `exec` wipes it out.
    exec("")
    sys.exit(code)
