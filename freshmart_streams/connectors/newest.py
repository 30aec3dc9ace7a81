"""The newest of what is in the topics: how far the application's time has come, and the stores' time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from freshmart_streams.connectors.kafka import Cluster, read_to_end
from freshmart_streams.domain import times
from freshmart_streams.domain.times import Instant
from freshmart_streams.events.codec import decode_movement, decode_receipt
from freshmart_streams.events.dead_letters import Invalid

_TICKS_READ: Final = 5
_EVENTS_READ: Final = 1_000
"""Of each partition: writers of several stores send them a little out of order."""


def newest_tick(cluster: Cluster) -> Instant | None:
    """Return the time of the newest tick, which is the application's present; None where no ticks are written."""
    stamps = [message.timestamp()[1] for message in read_to_end(cluster, cluster.topic("ticks"), last=_TICKS_READ)]
    return times.from_milliseconds(max(stamps)) if stamps else None


def newest_event(cluster: Cluster) -> datetime | None:
    """Return the newest time among the last receipts and movements, with its own offset; None where there are none.

    What cannot be read, which becomes a dead letter, does not count.
    """
    return max(_event_times(cluster), default=None)


def _event_times(cluster: Cluster) -> Iterator[datetime]:
    for name, time_of in (("sales", _sold_at), ("inventory", _occurred_at)):
        for message in read_to_end(cluster, cluster.topic(name), last=_EVENTS_READ):
            try:
                yield time_of(message.value())
            except Invalid:
                continue


def _sold_at(value: bytes | None) -> datetime:
    return decode_receipt(value).sold_at


def _occurred_at(value: bytes | None) -> datetime:
    return decode_movement(value).occurred_at
