"""What a store's time is, and which events come too late or too early for it.

A store's clock is the largest event time applied to it, ticks of its partition included. It never goes back.
"""

from enum import IntEnum

import msgspec

from freshmart_streams.domain import times
from freshmart_streams.domain.times import Instant

FUTURE_AT_MOST = times.HOUR
"""How far an event's time may lie after its message's Kafka timestamp."""


class Feed(IntEnum):
    """What is known of how up to date a store's receipts are (`freshness`)."""

    UNKNOWN = 0
    """None came yet."""
    WATCHED = 1
    """The agenda will look whether they stay away."""
    STALE = 2


class Clock(msgspec.Struct, array_like=True, gc=False):
    """How far a store is: one row per store, changed by every event.

    Attributes:
        at: the largest event time of the store's own events.
        topic, offset: the last event that was applied: what due work calls its source.
        seen_days: the days (24 hours in UTC) of which ids are kept, as numbers since 1970.
        waiting_voids: voids that wait for their receipt; while there are none, a receipt need not look for its own.
        out_of_stock: articles that are out of stock now.
        heard_at: the largest event time of a receipt, whatever its kind.
        feed: whether these stay away.
    """

    at: Instant = 0
    topic: str = ""
    offset: int = 0
    seen_days: list[int] = []
    waiting_voids: int = 0
    out_of_stock: int = 0
    heard_at: Instant = 0
    feed: Feed = Feed.UNKNOWN


class PartitionClock(msgspec.Struct, array_like=True, gc=False):
    """How far a partition is: one row.

    Attributes:
        at: the newest tick, 0 before the first.
        topic, offset: where that tick was read.
        master_version: how many rows of stores and policies were taken in; levels computed under another are void.
        dead_letters: how many there have been.
    """

    at: Instant = 0
    topic: str = ""
    offset: int = 0
    master_version: int = 0
    dead_letters: int = 0


def is_too_late(at: Instant, clock: Instant, dedupe_days: int) -> bool:
    """Whether an event is older than ids are remembered; whether it was there before can no longer be told."""
    return at < clock - dedupe_days * times.DAY


def is_from_the_future(at: Instant, timestamp_ms: int) -> bool:
    """Whether an event claims to be more than an hour younger than its own message."""
    return at > times.from_milliseconds(timestamp_ms) + FUTURE_AT_MOST


def seen_day(at: Instant) -> int:
    """Number of the 24 hours since 1970 that hold `at`; the part of an id's row key by which it is forgotten.

    Of UTC, not of the store: a store may move to another time zone, and a resent event must still meet its first copy.
    """
    return at // times.DAY


def seen_key(store_id: str, day: int, mark: str, event_id: str) -> str:
    """Row key of an event's id; `mark` tells topics apart, because an id is unique per store and topic."""
    return f"{store_id}/{day}/{mark}/{event_id}"


def forgotten_at(day: int, dedupe_days: int) -> Instant:
    """The clock time from which every event of a `seen_day` is too late, so that its ids can go.

    >>> day = seen_day(5 * times.DAY)
    >>> is_too_late(6 * times.DAY - 1, forgotten_at(day, 14), 14)
    True
    """
    return (day + 1 + dedupe_days) * times.DAY
