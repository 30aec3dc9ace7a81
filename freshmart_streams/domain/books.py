"""What the rules are given: the rows of a partition, and the moment at which something happens to a store.

`Books` is what the application's tables look like from here. The domain reads and changes rows and says what is to be
published or to happen later; how that is stored and sent is not its business. A row that was changed is put back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from freshmart_streams.domain import times
from freshmart_streams.domain.calendars import Calendar
from freshmart_streams.domain.clocks import Clock, PartitionClock
from freshmart_streams.domain.forecast import Demand
from freshmart_streams.domain.lead_times import LeadTimes
from freshmart_streams.domain.order_values import OrderValues
from freshmart_streams.domain.orders import Order
from freshmart_streams.domain.policies import EffectivePolicy
from freshmart_streams.domain.prices import PriceLabel, Prices, RegularPrices
from freshmart_streams.domain.receipts import Seen, WaitingVoid
from freshmart_streams.domain.stock import Stock, StockHead
from freshmart_streams.domain.store_days import DayFigures
from freshmart_streams.domain.times import Instant
from freshmart_streams.events.alerts import Alert, AlertKind
from freshmart_streams.events.decisions import Reorder
from freshmart_streams.events.master_data import Policy, Product, Store
from freshmart_streams.events.reports import StoreDay

if TYPE_CHECKING:
    from freshmart_streams.domain.pilots import Pilot
    from freshmart_streams.domain.service import Service
    from freshmart_streams.domain.shrinkage import Shrinkage

R = TypeVar("R")
H = TypeVar("H")


class Rows(Protocol[R]):
    """The rows of one table."""

    def get(self, key: str) -> R | None:
        """The row under a key; it is live: change it in place, then put it back."""

    def __setitem__(self, key: str, row: R) -> None:
        """Put a row in, or back."""

    def get_all(self, keys: Sequence[str]) -> list[R | None]:
        """The rows under many keys, each live."""

    def delete(self, key: str) -> None:
        """Take a row out."""

    def scan(self, prefix: str, after: str = "", limit: int = 100) -> list[tuple[str, R]]:
        """Rows whose key begins with `prefix` and is greater than `after`, in the order of their keys."""


class Heads(Protocol[H]):
    """The heads of the rows of one table (`engine.tables`)."""

    def heads(self, keys: Sequence[str]) -> list[H | None]:
        """The heads under many keys, each live."""

    def keep_all(self, rows: Mapping[str, H]) -> None:
        """Put those back that were changed."""


class KnownProduct(msgspec.Struct, array_like=True, gc=False):
    """An article's row of master data.

    Attributes:
        version: counts the rows there have been.
        priced_at: `RegularPrices.changed_at`; 0 for an article that never had a price.
    """

    product: Product
    version: int = 0
    priced_at: Instant = 0


class KnownStore(msgspec.Struct, array_like=True, gc=False):
    """A store's row of master data; a deleted one is kept for the work that is still due, and takes no new events."""

    store: Store
    is_deleted: bool = False


class OpenAlert(msgspec.Struct, array_like=True, gc=False):
    """An alert that is open; `sku` is None for one about the whole store."""

    alert_id: str
    kind: AlertKind
    store_id: str
    sku: str | None
    opened_at: Instant
    changed_at: Instant
    message: str
    details: dict[str, str | int | float | bool | None]
    revision: int = 0


class Mark(msgspec.Struct, array_like=True, gc=False):
    """A row that holds nothing: its key says it all."""


class Books(Protocol):
    """The tables of one partition, and what goes out of it."""

    @property
    def clocks(self) -> Rows[Clock]:
        """By store."""

    @property
    def partition_clock(self) -> Rows[PartitionClock]:
        """One row, under `""`."""

    @property
    def stores(self) -> Rows[KnownStore]:
        """By store."""

    @property
    def products(self) -> Rows[KnownProduct]:
        """By sku."""

    @property
    def regular_prices(self) -> Rows[RegularPrices]:
        """By sku."""

    @property
    def policies(self) -> Rows[Policy]:
        """By `store/sku`, either part may be `*`."""

    @property
    def stock(self) -> Rows[Stock]:
        """By `store/sku`."""

    @property
    def stock_heads(self) -> Heads[StockHead]:
        """The heads of `stock`."""

    @property
    def demand(self) -> Rows[Demand]:
        """By `store/sku`."""

    @property
    def prices(self) -> Rows[Prices]:
        """By `store/sku`."""

    @property
    def price_labels(self) -> Rows[PriceLabel]:
        """By `store/price_change_id`: the decisions whose label may be confirmed."""

    @property
    def orders(self) -> Rows[Order]:
        """By `store/order_id`."""

    @property
    def order_values(self) -> Rows[OrderValues]:
        """By store."""

    @property
    def order_places(self) -> Rows[Mark]:
        """By `order_places.places`."""

    @property
    def lead_times(self) -> Rows[LeadTimes]:
        """By `store/supplier`."""

    @property
    def service(self) -> "Rows[Service]":
        """By `service.service_key`."""

    @property
    def store_days(self) -> Rows[DayFigures]:
        """By `store/day`."""

    @property
    def changed_days(self) -> Rows[Mark]:
        """By `store/day`: what is not yet published."""

    @property
    def shrinkage(self) -> "Rows[Shrinkage]":
        """By store."""

    @property
    def pilots(self) -> "Rows[Pilot]":
        """By store."""

    @property
    def seen(self) -> Rows[Seen]:
        """By `clocks.seen_key`."""

    @property
    def waiting_voids(self) -> Rows[WaitingVoid]:
        """By `store/receipt_id` of the receipt that is waited for."""

    @property
    def alerts(self) -> Rows[OpenAlert]:
        """By `store/sku/kind`."""

    @property
    def unknown_articles(self) -> Rows[Mark]:
        """By `sku/store`: which unknown-sku alerts close when the product appears."""

    @property
    def partition(self) -> int:
        """Its number."""

    @property
    def dedupe_days(self) -> int:
        """How long ids are remembered."""

    @property
    def day_grace_hours(self) -> int:
        """How long after midnight a day is final."""

    def calendar_of(self, store: Store) -> Calendar:
        """A store's calendar."""

    def policy_of(self, store_id: str, sku: str) -> EffectivePolicy:
        """The policy in force for an article in a store."""

    def publish_reorder(self, reorder: Reorder, at: Instant) -> None:
        """Publish a decision that an event at `at` triggered."""

    def publish_alert(self, alert: Alert, at: Instant) -> None:
        """Publish the opening, change or closing of an alert."""

    def publish_store_day(self, report: StoreDay, at: Instant) -> None:
        """Publish a day's report."""

    def schedule(self, store_id: str, due: Instant, key: str) -> None:
        """Ask that `due_work.do_due_work` is called with `key` when the store's clock passes `due`."""


@dataclass(slots=True)
class Moment:
    """Something happens to a store: at which time of its clock, and because of which message."""

    books: Books
    store: Store
    clock: Instant
    """The store's clock, this event included."""
    at: Instant
    """Time of the event (or of the due work) itself."""
    topic: str
    offset: int
    """The message that caused it."""
    part: str = ""
    """Which part of what the message caused, where that is more than its own handling."""
    zone: str = field(init=False)
    """Name of the store's time zone."""
    today: int = field(init=False)
    """The business day that the store's clock is in."""
    second: int = field(init=False)
    """Second of that day on the store's wall clock."""

    def __post_init__(self) -> None:
        self.zone = self.store.timezone
        self.today, self.second = times.local(self.clock, self.zone)

    @property
    def calendar(self) -> Calendar:
        """The store's calendar."""
        return self.books.calendar_of(self.store)


def article_key(store_id: str, sku: str) -> str:
    """Row key of an article in a store."""
    return f"{store_id}/{sku}"


def order_key(store_id: str, order_id: str) -> str:
    """Row key of an order."""
    return f"{store_id}/{order_id}"


def supplier_key(store_id: str, supplier_id: str) -> str:
    """Row key of a supplier in a store."""
    return f"{store_id}/{supplier_id}"


def day_key(store_id: str, day: int) -> str:
    """Row key of a store's business day."""
    return f"{store_id}/{times.to_iso(day)}"


def partition_clock(books: Books) -> PartitionClock:
    """How far the partition is."""
    return books.partition_clock.get("") or PartitionClock()


def store_clock(books: Books, store_id: str) -> Instant:
    """A store's clock: its own newest event or its partition's newest tick, 0 before either."""
    own = books.clocks.get(store_id)
    return max(0 if own is None else own.at, partition_clock(books).at)
