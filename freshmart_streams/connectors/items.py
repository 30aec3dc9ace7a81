"""What readers make of a file: messages on their way, and reports of what was no message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from freshmart_streams.connectors.source import Source
from freshmart_streams.domain.times import Instant


class Item(NamedTuple):
    """One message for one topic."""

    topic: str
    """The topic's name without the prefix: `sales`, `inventory`, `products` or `stores`."""
    key: str
    value: bytes
    place: str
    """Where it stands, as `FILE:LINE`, for a person."""
    at: Instant | None = None
    """Event time; None for master data, and for a time that is none: the application will say so."""
    store_id: str | None = None
    """The store it belongs to; None for products."""
    zone: str | None = None
    """For a store's own row: the time zone it names."""
    lines: int = 0
    """Receipt or movement lines in it."""


ZoneOf = Callable[[str], ZoneInfo]
"""The time zone of a store: what a time without an offset means."""

Report = Callable[[str, str], None]
"""Told of every line that is no message: its place, as `FILE:LINE`, and the reason."""


class Reader(Protocol):
    """Reads one format."""

    def __call__(self, source: Source, zone_of: ZoneOf, report: Report) -> Iterator[Item]:
        """Yield the file's messages in its order; `report` what is none. Memory is bounded."""
