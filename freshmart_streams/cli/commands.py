"""All commands in one place, and how each of them ends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

import typer

from freshmart_streams import __version__
from freshmart_streams.cli import (
    audit,
    broker,
    dead_letters,
    demo,
    doctor,
    evaluate,
    import_files,
    pilot,
    simulate,
    token,
    topics,
    worker,
)
from freshmart_streams.cli.errors import DONE, FAILED, CommandError

app = typer.Typer(
    name="freshmart",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Real-time stock, reorders and reports for grocery chains.",
    epilog="A first look: `freshmart demo`. Settings are environment variables that begin with FRESHMART_. "
    "Exit codes: 0 done, 1 failed, 2 wrong usage or setting, 130 ended with Ctrl-C.",
)

app.command("demo")(demo.command)
app.command("worker")(worker.command)
app.command("broker")(broker.command)
app.command("simulate")(simulate.command)
app.command("import")(import_files.command)
app.command("evaluate")(evaluate.command)
app.command("pilot")(pilot.command)
app.add_typer(topics.app, name="topics")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(audit.app, name="audit")
app.add_typer(token.app, name="token")
app.command("doctor")(doctor.command)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Take the options that come before the command."""
    del version


def run(arguments: Sequence[str] | None) -> int:
    """Run one command line (None: the process's own) and return its exit code."""
    with _noticed_signals() as noticed:
        try:
            code = _run(arguments)
        except (Exception, KeyboardInterrupt) as error:
            if noticed:
                return 128 + noticed[0]  # it came of the signal, whatever it is
            if not isinstance(error, CommandError):
                raise
            print("freshmart: " + " ".join(str(error).split()), file=sys.stderr)
            return error.exit_code
    return 128 + noticed[0] if noticed else code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        app(args=arguments, prog_name="freshmart")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    return DONE


@contextmanager
def _noticed_signals() -> Iterator[list[int]]:
    """Let SIGINT and SIGTERM end the block by a KeyboardInterrupt, and collect which came.

    The Kafka client may turn a KeyboardInterrupt that hits one of its calls into a SystemError; knowing of the signal
    tells that one from a real one. A process with the number 1, in a container, has no other answer to SIGTERM.
    Where a signal is ignored (a shell's background job) it stays ignored.
    """
    noticed: list[int] = []

    def notice(number: int, frame: FrameType | None) -> None:
        del frame
        noticed.append(number)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number, handler in before.items():
            if handler in {signal.default_int_handler, signal.SIG_DFL}:
                signal.signal(number, notice)
        yield noticed
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
