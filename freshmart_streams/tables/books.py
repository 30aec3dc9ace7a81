"""The tables of a batch as the domain's books, and what every handler does with a message before the domain sees it.

One place knows both the engine and the shop's rows: a handler reads a message, opens the books, asks whether the event
may be taken in (`open_moment`), and hands it to the domain.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from msgspec import Struct

from freshmart_streams import tables
from freshmart_streams.domain import calendars, clocks, freshness, policies, times
from freshmart_streams.domain.books import Heads, KnownStore, Moment, article_key, store_clock
from freshmart_streams.domain.books import partition_clock as partition_clock_of
from freshmart_streams.domain.calendars import Calendar
from freshmart_streams.domain.clocks import Clock
from freshmart_streams.domain.policies import EffectivePolicy
from freshmart_streams.domain.stock import StockHead
from freshmart_streams.domain.times import Instant
from freshmart_streams.engine import Batch, NeedMasterData, Record
from freshmart_streams.engine.partitioning import partition_of
from freshmart_streams.events import cloudevents, codec
from freshmart_streams.events import dead_letters as letters
from freshmart_streams.events.alerts import Alert
from freshmart_streams.events.dead_letters import Code, Invalid
from freshmart_streams.events.decisions import Reorder
from freshmart_streams.events.master_data import Store
from freshmart_streams.events.reports import StoreDay
from freshmart_streams.tables.dead_letters import KEPT, DeadLetter, row_key
from freshmart_streams.topics import Topics

E = TypeVar("E", bound=Struct)

PARTITION_SCOPE: Final = ""
"""The agenda's scope for what is due to the partition and not to one store."""

POLICIES_IN_MEMORY: Final = 20_000

_UNKNOWN = KnownStore(Store(store_id="unknown"), is_deleted=True)


@dataclass(frozen=True)
class Shop:
    """What the handlers of the stores group have in common: topics, and the settings that results depend on."""

    topics: Topics
    dedupe_days: int = 14
    day_grace_hours: int = 3


class Books:
    """The books of one partition, made once per batch by `books_of` (`domain.books.Books`)."""

    __slots__ = (
        "_calendars",
        "_has_policies",
        "_policies",
        "_policies_version",
        "alerts",
        "batch",
        "changed_days",
        "clocks",
        "day_grace_hours",
        "dedupe_days",
        "demand",
        "lead_times",
        "order_places",
        "order_values",
        "orders",
        "partition",
        "partition_clock",
        "pilots",
        "policies",
        "price_labels",
        "prices",
        "products",
        "regular_prices",
        "schedule",
        "seen",
        "service",
        "shop",
        "shrinkage",
        "stock",
        "stock_heads",
        "store_days",
        "stores",
        "topics",
        "unknown_articles",
        "waiting_voids",
    )

    def __init__(self, shop: Shop, batch: Batch) -> None:
        self._calendars: dict[str, tuple[Store, Calendar]] = {}
        self._policies: dict[str, EffectivePolicy] = {}
        self._policies_version = -1
        self._has_policies = False
        self.batch = batch
        self.shop = shop
        self.topics = shop.topics
        self.dedupe_days, self.day_grace_hours = shop.dedupe_days, shop.day_grace_hours
        self.partition = batch.partition
        self.schedule = batch.schedule
        rows = batch.rows
        self.clocks = rows(tables.clocks)
        self.partition_clock = rows(tables.partition_clock)
        self.stores = rows(tables.stores)
        self.products = rows(tables.products)
        self.regular_prices = rows(tables.regular_prices)
        self.policies = rows(tables.policies)
        self.stock = rows(tables.stock)
        self.stock_heads = cast("Heads[StockHead]", self.stock)
        self.demand = rows(tables.demand)
        self.prices = rows(tables.prices)
        self.price_labels = rows(tables.price_labels)
        self.orders = rows(tables.orders)
        self.order_places = rows(tables.order_places)
        self.lead_times = rows(tables.lead_times)
        self.order_values = rows(tables.order_values)
        self.service = rows(tables.service)
        self.shrinkage = rows(tables.shrinkage)
        self.pilots = rows(tables.pilots)
        self.store_days = rows(tables.store_days)
        self.changed_days = rows(tables.changed_days)
        self.seen = rows(tables.seen)
        self.waiting_voids = rows(tables.waiting_voids)
        self.alerts = rows(tables.alerts)
        self.unknown_articles = rows(tables.unknown_articles)

    def calendar_of(self, store: Store) -> Calendar:
        """A store's calendar, made once per row of the store."""
        known = self._calendars.get(store.store_id)
        if known is None or known[0] is not store:
            known = self._calendars[store.store_id] = store, calendars.of_store(store)
        return known[1]

    def policy_of(self, store_id: str, sku: str) -> EffectivePolicy:
        """The policy in force for an article in a store, put together once per version of the master data."""
        version = partition_clock_of(self).master_version
        if version != self._policies_version or len(self._policies) >= POLICIES_IN_MEMORY:
            self._policies, self._policies_version = {}, version
            self._has_policies = bool(self.policies.scan("", limit=1))
        if not self._has_policies:
            return policies.DEFAULT
        key = article_key(store_id, sku)
        try:
            return self._policies[key]
        except KeyError:
            rows = [self.policies.get(name) for name in policies.keys(store_id, sku)]
            found = self._policies[key] = policies.effective_policy(*rows)
            return found

    # What goes out.

    def publish_reorder(self, reorder: Reorder, at: Instant) -> None:
        """Publish a decision."""
        self._send(self.topics.reorders.name, reorder.store_id, reorder, cloudevents.REORDER, reorder.ce_id, at)

    def publish_alert(self, alert: Alert, at: Instant) -> None:
        """Publish the state of an alert."""
        self._send(self.topics.alerts.name, alert.store_id, alert, cloudevents.ALERT, alert.ce_id, at)

    def publish_store_day(self, report: StoreDay, at: Instant) -> None:
        """Publish a day's report."""
        key = f"{report.store_id}/{report.day.isoformat()}"
        self._send(self.topics.store_days.name, key, report, cloudevents.STORE_DAY, report.ce_id, at)

    def _send(self, topic: str, key: str, event: Struct, type_: str, ce_id: str, at: Instant) -> None:
        zone = self.zone_of(key.partition("/")[0])
        headers = cloudevents.headers(type_, ce_id, times.to_datetime(at, zone))
        self.batch.send(topic, key.encode(), codec.encode(event), headers)

    def zone_of(self, store_id: str) -> str:
        """A store's time zone; UTC for one that nobody ever knew."""
        return (self.stores.get(store_id) or _UNKNOWN).store.timezone

    def bury(self, record: Record, code: Code, message: str) -> None:
        """Send a message to the dead letters as it is, with the reason why."""
        headers = letters.headers(record, code, message)
        self.batch.send(self.topics.dead_letters.name, record.key, record.value, headers)
        progress = partition_clock_of(self)
        number = progress.dead_letters
        progress.dead_letters += 1
        self.partition_clock[""] = progress
        newest = DeadLetter(record.topic, record.partition, record.offset, record.timestamp, code.value, message)
        rows = self.batch.rows(tables.dead_letters)
        rows[row_key(number)] = newest
        if number >= KEPT:
            rows.delete(row_key(number - KEPT))

    def read(self, record: Record, reader: Callable[[bytes | None, bytes | None], E]) -> E | None:
        """The event of a store's message; None when it was none and is a dead letter now."""
        try:
            event = reader(record.key, record.value)
        except Invalid as error:
            self.bury(record, error.code, error.message)
            return None
        if record.key is None or partition_of(record.key, self.batch.partition_count) != self.partition:
            self.bury(record, Code.WRONG_PARTITION, "key: expected the partition of Java's default partitioner")
            return None
        return event

    # Whether an event may be taken in.

    def open_moment(self, record: Record, store_id: str, at: Instant) -> Moment | None:
        """The moment of a store's event; None when it may not count and is a dead letter now. Nothing else is changed.

        Raises:
            NeedMasterData: the store is not known yet, but may be by now.
        """
        if clocks.is_from_the_future(at, record.timestamp):
            message = "time of the event: expected at most one hour after its message's timestamp"
            self.bury(record, Code.FROM_THE_FUTURE, message)
            return None
        known = self.stores.get(store_id)
        if known is None or known.is_deleted:
            if not self.batch.master_complete:
                raise NeedMasterData
            self.bury(record, Code.UNKNOWN_STORE, "$.store_id: expected a store of the master data")
            return None
        clock = max(store_clock(self, store_id), at)
        if clocks.is_too_late(at, clock, self.dedupe_days):
            message = f"time of the event: expected at most {self.dedupe_days} days behind the store's clock"
            self.bury(record, Code.TOO_LATE, message)
            return None
        return Moment(self, known.store, clock, at, record.topic, record.offset)

    def await_articles(self, skus: Sequence[str]) -> None:
        """See to it that an article is called unknown only when the master data that is there by now does not have it.

        Raises:
            NeedMasterData: one is not known yet, but may be by now.
        """
        if not self.batch.master_complete and not all(self.products.get_all(skus)):
            raise NeedMasterData

    def pass_moment(self, moment: Moment, day: int, *, is_receipt: bool = False) -> None:
        """Let the store's clock pass an event that counts, and have the ids of its `seen_day` forgotten in time.

        The caller notes the id itself, with what the event did, and then has the agenda advance to the clock: what the
        event made due is handed over with it.
        """
        store_id = moment.store.store_id
        own = self.clocks.get(store_id) or Clock()
        own.at = max(own.at, moment.at)
        own.topic, own.offset = moment.topic, moment.offset
        if day not in own.seen_days:
            own.seen_days.append(day)
            self.schedule(store_id, clocks.forgotten_at(day, self.dedupe_days), f"forget/{day}")
        if is_receipt:
            freshness.note_receipt(moment, own)
        self.clocks[store_id] = own

    def due_moment(self, store_id: str, due: Instant, key: str) -> Moment:
        """The moment of a store's due work; its source is the message that let the clock pass."""
        own, ticks = self.clocks.get(store_id) or Clock(), partition_clock_of(self)
        cause = ticks if ticks.at >= own.at else own
        store = (self.stores.get(store_id) or _UNKNOWN).store
        return Moment(self, store, max(own.at, ticks.at), due, cause.topic, cause.offset, f"{due}/{key}")


def books_of(shop: Shop, batch: Batch) -> Books:
    """The batch's books."""
    return batch.derived(Books, lambda: Books(shop, batch))
