"""What all presenters ask for: a store's master data, clock and zone, articles, and lists over partitions."""

import datetime
from typing import Any, TypeAlias

from freshmart_streams import tables
from freshmart_streams.domain import times
from freshmart_streams.domain.books import KnownProduct
from freshmart_streams.domain.times import Instant
from freshmart_streams.events.master_data import Product, Store
from freshmart_streams.web.context import View
from freshmart_streams.web.lists import Listing

AnyListing: TypeAlias = Listing[Any]


def known_store(view: View, store_id: str) -> Store | None:
    """A store's master data, or None."""
    row = view.get(tables.stores, store_id)
    return None if row is None or row.is_deleted else row.store


def clock(view: View, store_id: str) -> datetime.datetime | None:
    """How far a store's time is, in its zone; None before its first event or tick."""
    at = instant_of(view, store_id)
    return times.to_datetime(at, zone_of(view, store_id)) if at else None


def listing(
    table: Any,
    show: Any,
    *,
    store_of: Any = lambda key, _: key.partition("/")[0],
    prefixes_of: Any = lambda store_id: ["" if store_id is None else f"{store_id}/"],
    is_ranked: bool = False,
) -> AnyListing:
    """A list of the rows of a table, each shown by `show`."""
    return Listing(
        table=table,
        store_of=store_of,
        prefixes_of=prefixes_of,
        show=show,
        clock_of=clock,
        is_known_store=lambda view, store_id: known_store(view, store_id) is not None,
        is_everywhere=table is tables.stores,
        is_ranked=is_ranked,
    )


class LookUp:
    """What rows refer to, read once per answer."""

    def __init__(self) -> None:
        self._products: dict[str, KnownProduct | None] = {}
        self._zones: dict[str, str] = {}

    def known(self, view: View, sku: str) -> KnownProduct | None:
        """An article's row of master data."""
        if sku not in self._products:
            self._products[sku] = view.get(tables.products, sku)
        return self._products[sku]

    def product(self, view: View, sku: str) -> Product | None:
        """An article's master data."""
        known = self.known(view, sku)
        return None if known is None else known.product

    def zone(self, view: View, store_id: str) -> str:
        """A store's time zone."""
        if store_id not in self._zones:
            self._zones[store_id] = zone_of(view, store_id)
        return self._zones[store_id]


def instant_of(view: View, store_id: str) -> Instant:
    """How far a store's time is; 0 before its first event or tick."""
    own, ticks = view.get(tables.clocks, store_id), view.get(tables.partition_clock, "")
    return max(0 if own is None else own.at, 0 if ticks is None else ticks.at)


def business_day_of(view: View, known: Store) -> int | None:
    """The day that a store's clock is in; None before its first event or tick."""
    at = instant_of(view, known.store_id)
    return times.local(at, known.timezone)[0] if at else None


def zone_of(view: View, store_id: str) -> str:
    """A store's time zone; UTC for one that nobody knows."""
    row = view.get(tables.stores, store_id)
    return "UTC" if row is None else row.store.timezone
