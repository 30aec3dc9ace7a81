"""Lists as cursors over key ranges: of one store, of one partition, or merged over all workers.

Nothing here ever holds a table. A partition is read in chunks, giving the event loop back in between, until the page
is full or the budget of rows is used up; a page may therefore hold fewer items than its limit and still have a `next`.
"""

import asyncio
import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any, Generic, TypeVar

import msgspec

from freshmart_streams.engine import Table
from freshmart_streams.web.context import View, Views
from freshmart_streams.web.problems import unavailable

R = TypeVar("R")

CHUNK = 100
ROWS_PER_PAGE_MAX = 10_000
_encode = msgspec.json.Encoder().encode


class Item(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One item of a list: its place in the list's order (`key`), the partition of its row, and its JSON."""

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
        table: the table; the list is in the order of its keys, or of what follows their prefixes (`is_ranked`).
        store_of: the store that a row belongs to.
        prefixes_of: what the keys of a store's rows start with; for None, of all rows.
        show: makes an item of a row, or None where the client's filter leaves it out.
        clock_of: how far a store's time is.
        is_known_store: whether a store has master data.
        is_everywhere: every partition has all rows of the table; each is shown from its store's partition only.
        is_ranked: rows of several prefixes are merged by what follows the prefix.
    """

    table: Table[R]
    store_of: Callable[[str, R], str | None]
    prefixes_of: Callable[[str | None], Sequence[str]]
    show: Callable[[View, str, R], Shown | None]
    clock_of: Callable[[View, str], datetime.datetime | None]
    is_known_store: Callable[[View, str], bool]
    is_everywhere: bool = False
    is_ranked: bool = False


async def read_partition(
    views: Views, listing: Listing[Any], partition: int, *, stores: Sequence[str] | None, after: str, limit: int
) -> Part:
    """Up to `limit` items of this worker's rows of a partition, behind the key `after`.

    Args:
        views: where the rows are.
        listing: what is listed.
        partition: one that this worker has.
        stores: show rows of these only; None shows all.
        after: the item's key to go on behind; empty for the beginning.
        limit: items at most.

    Raises:
        ProblemError: `unavailable`, when the partition is lost meanwhile.
    """
    part = Part()
    shown_stores: set[str] = set()
    budget = ROWS_PER_PAGE_MAX
    for prefixes in _stretches(listing, stores):
        more = True
        while more:
            view = _view(views, partition)
            # A ranked list shows nearly all that it reads, and reads it once per prefix: no more than can be shown.
            size = min(CHUNK, limit + 1 - len(part.items)) if listing.is_ranked else CHUNK
            rows = _scan(view, listing, prefixes, after, size)
            for place, key, row in rows:
                store = listing.store_of(key, row)
                is_ours = not listing.is_everywhere or views.partition_for(store or "") == partition
                shown = listing.show(view, key, row) if is_ours and (stores is None or store in stores) else None
                if shown is not None and len(part.items) == limit:
                    # One more than was asked for: so there is a next page, behind the last item.
                    return _finish(part, view, listing, shown_stores, {partition: part.items[-1].key})
                after = place
                if shown is not None:
                    _add(part, Item(place, partition, msgspec.Raw(_encode(shown.value))), shown.changed_at)
                    if store is not None:
                        shown_stores.add(store)
            more = len(rows) == size
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


def _stretches(listing: Listing[Any], stores: Sequence[str] | None) -> list[list[str]]:
    """What is read one after the other: prefixes of keys, those of a stretch merged."""
    asked = [None] if stores is None else stores
    prefixes = sorted(prefix for store in asked for prefix in listing.prefixes_of(store))
    return [prefixes] if listing.is_ranked else [[prefix] for prefix in prefixes]


def _scan(
    view: View, listing: Listing[Any], prefixes: Sequence[str], after: str, limit: int
) -> list[tuple[str, str, Any]]:
    """The next rows of all these prefixes: place in the list's order, key, row."""
    found = []
    for prefix in prefixes:
        cut = len(prefix) if listing.is_ranked else 0
        rows = view.scan(listing.table, prefix, prefix[:cut] + after, limit)
        found += [(key[cut:], key, row) for key, row in rows]
    if len(prefixes) > 1:
        found.sort(key=itemgetter(0))
    return found[:limit]


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
