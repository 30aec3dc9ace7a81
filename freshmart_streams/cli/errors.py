"""What ends a command early: one line on stderr and an exit code, never a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

DONE: Final = 0
FAILED: Final = 1
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130


class CommandError(Exception):
    """The command failed; the message is one line for a person."""

    exit_code = FAILED


class WrongUsageError(CommandError):
    """An argument or a setting is wrong."""

    exit_code = WRONG_USAGE


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn the expected errors of the connectors into the command's own."""
    from freshmart_streams.connectors.kafka import KafkaFailure
    from freshmart_streams.connectors.source import InputError

    try:
        yield
    except InputError as error:
        raise WrongUsageError(str(error)) from error
    except KafkaFailure as error:
        raise CommandError(str(error)) from error
