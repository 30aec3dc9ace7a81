"""The way from a receipt to its reorder in parts: into the log, to the commit that contains it, from there to a reader.

When a receipt is in the log, its record says; when a commit began, its marker in the changelog says. Both are whole
milliseconds of the machine's clock, which all that take part share.
"""

import math
import time
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message

from freshmart_streams.engine.changelog import MARKER
from freshmart_streams.engine.clock import now_ms
from freshmart_streams.engine.journal import decode_marker
from freshmart_streams.engine.records import Position

PARTS = ("into the log", "to the commit", "to the reader")
SLOWEST = 0.01


@dataclass(frozen=True)
class Way:
    """Seconds of the clock `time.perf_counter`."""

    sent: float
    logged: float
    """When the broker had the receipt."""
    committed: float
    """When the commit that contains it began."""
    taken: float
    """When a reader of what is committed had the reorder."""

    @property
    def seconds(self) -> float:
        """The whole way."""
        return self.taken - self.sent

    @property
    def parts(self) -> tuple[float, float, float]:
        """Seconds of each part, as `PARTS` has them."""
        return self.logged - self.sent, self.committed - self.logged, self.taken - self.committed


@dataclass(frozen=True)
class Logged:
    """Where a receipt is in the log, and since when, in milliseconds since 1970."""

    position: Position
    offset: int
    at_ms: int

    @classmethod
    def of(cls, message: Message) -> "Logged":
        """What the broker said when it acknowledged the message."""
        kind, at_ms = message.timestamp()
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if kind != TIMESTAMP_LOG_APPEND_TIME or topic is None or partition is None or offset is None:
            raise ValueError("the broker does not say when it had a message")
        return cls(Position(topic, partition), offset, at_ms)


class Commits:
    """When the commits of the changelog's messages began."""

    def __init__(self, messages: Iterable[Message], topic: str) -> None:
        self._next: dict[Position, list[int]] = {}
        self._at_ms: dict[Position, list[int]] = {}
        for message in messages:
            key, value, partition = message.key(), message.value(), message.partition()
            if key is None or value is None or partition is None or not key.startswith(MARKER):
                continue
            marker, position = decode_marker(value), Position(topic, partition)
            following = marker.next_offset(position)
            if following is not None:
                self._next.setdefault(position, []).append(following)
                self._at_ms.setdefault(position, []).append(marker.at)

    def began_ms(self, receipt: Logged) -> int:
        """When the first one that contains the receipt began, in milliseconds since 1970."""
        place = bisect_right(self._next[receipt.position], receipt.offset)
        return self._at_ms[receipt.position][place]


def ways(
    sent: Mapping[str, float], logged: Mapping[str, Logged], commits: Commits, taken: Mapping[str, float]
) -> list[Way]:
    """The way of each probe, the quickest first."""
    zero = _zero()
    found = [
        Way(at, logged[probe].at_ms / 1e3 + zero, commits.began_ms(logged[probe]) / 1e3 + zero, taken[probe])
        for probe, at in sent.items()
    ]
    return sorted(found, key=lambda way: way.seconds)


def slowest_parts(sorted_ways: Sequence[Way]) -> tuple[float, ...]:
    """The mean of each part over the slowest percent, of one at least; seconds."""
    slowest = sorted_ways[-math.ceil(len(sorted_ways) * SLOWEST) :]
    return tuple(fmean(part) for part in zip(*(way.parts for way in slowest), strict=True))


def _zero() -> float:
    """Where on the clock `time.perf_counter` the year 1970 began: taken when a millisecond begins."""
    before = now_ms()
    while (now := now_ms()) == before:
        pass
    return time.perf_counter() - now / 1e3
