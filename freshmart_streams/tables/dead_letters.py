"""The newest dead letters of the partition, without their bodies: a ring of rows."""

import msgspec

from freshmart_streams.engine import Table

KEPT = 1_000
"""Rows; an older one is deleted when a newer one comes."""


class DeadLetter(msgspec.Struct, array_like=True, gc=False):
    """Where a message was that could not be taken in, and why; `code` and `message` as in the letter's headers.

    `timestamp` is the message's own, in milliseconds since 1970. Its key is left out: it may be anything.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    code: str
    message: str


dead_letters: Table[DeadLetter] = Table("dead_letters", DeadLetter)
"""By the letter's number in the partition, twelve digits wide: the order of the keys is the order of the letters."""


def row_key(number: int) -> str:
    """Row key of a letter."""
    return f"{number:012d}"
