"""Lists as cursors over key ranges: of one store, of one partition, or merged over all workers.

Nothing here ever holds a table. A partition is read in chunks, giving the event loop back in between, until the page
is full or the budget of rows is used up; a page may therefore hold fewer items than its limit and still have a `next`.
"""

import asyncio
import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec

from freshmart_streams.engine import Table
from freshmart_streams.web.context import View, Views
from freshmart_streams.web.problems import unavailable

R = TypeVar("R")

CHUNK = 100
ROWS_PER_PAGE_MAX = 10_000
_encode = msgspec.json.Encoder().encode


class Item(msgspec.Struct, array_like=True, frozen=True):
    """One item of a list: the key and the partition of its row, and its JSON."""

    key: str
    partition: int
    value: msgspec.Raw


class Part(msgspec.Struct):
    """A stretch of a list, complete from where it was asked for up to `complete_to` (None: to its end).

    `positions` says where each unfinished partition goes on. This is also what workers send each other.
    """

    items: list[Item] = []
    positions: dict[int, str] = {}
    complete_to: str | None = None
    as_of: datetime.datetime | None = None
    clock: datetime.datetime | None = None
    stale: bool = False


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A row as it is shown: its JSON value and when (aware) it last changed."""

    value: msgspec.Struct
    changed_at: datetime.datetime | None


@dataclass(frozen=True, kw_only=True)
class Listing(Generic[R]):
    """How the rows of a table become a list.

    Attributes:
        table: the table; the list is in the order of its keys.
        store_of: the store that a row belongs to.
        prefix_of: what the keys of a store's rows start with.
        show: makes an item of a row, or None where the client's filter leaves it out.
        clock_of: how far a store's time is.
        is_known_store: whether a store has master data.
        is_everywhere: every partition has all rows of the table; each is shown from its store's partition only.
    """

    table: Table[R]
    store_of: Callable[[str, R], str | None]
    prefix_of: Callable[[str], str]
    show: Callable[[View, str, R], Shown | None]
    clock_of: Callable[[View, str], datetime.datetime | None]
    is_known_store: Callable[[View, str], bool]
    is_everywhere: bool = False


async def read_partition(
    views: Views, listing: Listing[Any], partition: int, *, stores: Sequence[str] | None, after: str, limit: int
) -> Part:
    """Up to `limit` items of this worker's rows of a partition, behind the key `after`.

    Args:
        views: where the rows are.
        listing: what is listed.
        partition: one that this worker has.
        stores: show rows of these only; None shows all.
        after: the key to go on behind; empty for the beginning.
        limit: items at most.

    Raises:
        ProblemError: `unavailable`, when the partition is lost meanwhile.
    """
    part = Part()
    shown_stores: set[str] = set()
    budget = ROWS_PER_PAGE_MAX
    for prefix in [""] if stores is None else sorted(map(listing.prefix_of, stores)):
        more = True
        while more:
            view = _view(views, partition)
            rows = view.scan(listing.table, prefix, after, CHUNK)
            for key, row in rows:
                store = listing.store_of(key, row)
                is_ours = not listing.is_everywhere or views.partition_for(store or "") == partition
                shown = listing.show(view, key, row) if is_ours and (stores is None or store in stores) else None
                if shown is not None and len(part.items) == limit:
                    # One more than was asked for: so there is a next page, behind the last item.
                    return _finish(part, view, listing, shown_stores, {partition: part.items[-1].key})
                after = key
                if shown is not None:
                    _add(part, Item(key, partition, msgspec.Raw(_encode(shown.value))), shown.changed_at)
                    if store is not None:
                        shown_stores.add(store)
            more = len(rows) == CHUNK
            budget -= len(rows)
            if more and budget <= 0:
                return _finish(part, view, listing, shown_stores, {partition: after})
            if more:
                await asyncio.sleep(0)
    return _finish(part, _view(views, partition), listing, shown_stores, {})


def merge(parts: Iterable[Part], asked: Mapping[int, str], limit: int) -> Part:
    """One stretch of up to `limit` items out of stretches of different partitions, in the order of their keys.

    `asked` holds where each of the partitions was asked to go on from.
    """
    parts = list(parts)
    bound = min((part.complete_to for part in parts if part.complete_to is not None), default=None)
    found = sorted((item for part in parts for item in part.items), key=attrgetter("key", "partition"))
    whole = [item for item in found if bound is None or item.key <= bound]
    items = whole[:limit]
    left = {item.partition for item in found[len(items) :]}
    last = {item.partition: item.key for item in items}
    positions = {partition: last.get(partition, asked[partition]) for partition in left}
    for part in parts:
        positions.update((partition, at) for partition, at in part.positions.items() if partition not in left)
    complete_to = (items[-1].key if len(whole) > limit else bound) if positions else None
    return Part(
        items=items,
        positions=positions,
        complete_to=complete_to,
        as_of=_latest(part.as_of for part in parts),
        clock=_latest(part.clock for part in parts),
        stale=any(part.stale for part in parts),
    )


def _view(views: Views, partition: int) -> View:
    view = views.local(partition)
    if view is None:
        raise unavailable("the rows are moving to another worker")
    return view


def _add(part: Part, item: Item, changed_at: datetime.datetime | None) -> None:
    part.items.append(item)
    part.as_of = _latest((part.as_of, changed_at))


def _finish(part: Part, view: View, listing: Listing[Any], stores: Iterable[str], positions: dict[int, str]) -> Part:
    part.clock = _latest(listing.clock_of(view, store) for store in stores)
    part.stale = view.stale
    part.positions = positions
    part.complete_to = next(iter(positions.values()), None)
    return part


def _latest(times: Iterable[datetime.datetime | None]) -> datetime.datetime | None:
    return max((time for time in times if time is not None), default=None)
