"""`dead-letters`: input that could not be taken in, unchanged, with the reason in KIP-1034 headers.

A letter is the original key, value and headers plus five headers that name where it came from and what is wrong. The
message names places (JSON paths) and expectations, never values: letters are read by people who may not see customers.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct

Headers = list[tuple[str, bytes | None]]

PREFIX: Final = "__streams.errors."
TOPIC: Final = PREFIX + "topic"
PARTITION: Final = PREFIX + "partition"
OFFSET: Final = PREFIX + "offset"
EXCEPTION: Final = PREFIX + "exception"
MESSAGE: Final = PREFIX + "message"
MESSAGE_LENGTH_MAX: Final = 1_000
"""Characters; keeps the added headers far below the 64 KiB that the topic allows for them."""


class Code(StrEnum):
    """Why a message is a dead letter, in the order in which the reasons are looked for (`codec`)."""

    NULL_KEY = "null-key"
    NULL_VALUE = "null-value"
    TOO_LARGE = "too-large"
    NOT_JSON = "not-json"
    UNKNOWN_KIND = "unknown-kind"
    INVALID = "invalid"
    KEY_MISMATCH = "key-mismatch"
    WRONG_PARTITION = "wrong-partition"
    FROM_THE_FUTURE = "from-the-future"
    UNKNOWN_STORE = "unknown-store"
    TOO_LATE = "too-late"
    DOMAIN_ERROR = "domain-error"


class Invalid(Exception):
    """A message that is no event; `code` is for programs, `message` (where, what was expected) for people."""

    def __init__(self, code: Code, message: str) -> None:
        """Keep both parts; neither holds a value of the message."""
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        """Code and message on one line."""
        return f"{self.code.value}: {self.message}"


class Origin(Protocol):
    """The part of a record that its dead letter names."""

    @property
    def topic(self) -> str:
        """Name of the topic it was read from."""

    @property
    def partition(self) -> int:
        """Partition it was read from."""

    @property
    def offset(self) -> int:
        """Offset it was read at."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Its own headers, in order."""


class Failure(Struct, frozen=True):
    """What the five headers of a letter say."""

    topic: str
    partition: int
    offset: int
    code: str
    message: str


def headers(record: Origin, code: Code, message: str) -> Headers:
    """Return the headers of a record's dead letter: its own, untouched, and after them the five that say why."""
    return [
        *record.headers,
        (TOPIC, record.topic.encode()),
        (PARTITION, b"%d" % record.partition),
        (OFFSET, b"%d" % record.offset),
        (EXCEPTION, code.value.encode()),
        (MESSAGE, message[:MESSAGE_LENGTH_MAX].encode("utf-8", "replace")),
    ]


def original_headers(letter: Iterable[tuple[str, bytes | None]]) -> Headers:
    """Return a letter's headers without those that say why it is one: what `resend` sends."""
    return [(name, value) for name, value in letter if not name.startswith(PREFIX)]


def failure(letter: Iterable[tuple[str, bytes | None]]) -> Failure | None:
    """Read why a message is a dead letter, or None when its headers do not say; of repeated headers the last counts."""
    found = {name: (value or b"").decode("utf-8", "replace") for name, value in letter if name.startswith(PREFIX)}
    try:
        return Failure(
            found[TOPIC], int(found[PARTITION]), int(found[OFFSET]), found[EXCEPTION], found.get(MESSAGE, "")
        )
    except (KeyError, ValueError):
        return None
