"""What comes in and what goes out: records of the log, before and after the application."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

Headers = Sequence[tuple[str, bytes | None]]
"""Names and values, in their order; a value may be null."""


class Record(Protocol):
    """A record as the broker keeps it; nothing is decoded. aiokafka's `ConsumerRecord` is one."""

    @property
    def topic(self) -> str:
        """The topic that it is in."""

    @property
    def partition(self) -> int:
        """The number of its partition."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970, the broker's where the topic has LogAppendTime."""

    @property
    def timestamp_type(self) -> int:
        """0 where the producer set the time, 1 where the broker did."""

    @property
    def key(self) -> bytes | None:
        """The key as it came."""

    @property
    def value(self) -> bytes | None:
        """The value as it came."""

    @property
    def headers(self) -> Headers:
        """The headers as they came."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record made by hand: by the test driver, the oracle and the replay."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp_type: int = 1


class Output(NamedTuple):
    """A message to publish in the commit under way, on the partition number of its cause."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class Position(NamedTuple):
    """A place in an input: the key of a marker's offsets and of the merge."""

    topic: str
    partition: int
