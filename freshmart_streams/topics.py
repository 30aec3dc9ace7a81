"""Every topic once: its name, key, event, clean-up, writer and readers (contracts.md section 2). Pure data.

All topics that one group reads or writes have the same number of partitions, fixed for life; that number is a setting.
The changelogs are the engine's own business and not here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from msgspec import Struct

from freshmart_streams.events.alerts import Alert
from freshmart_streams.events.audit import AuditEntry
from freshmart_streams.events.customers import CustomerEvent
from freshmart_streams.events.decisions import Offer, Payable, PriceChange, Reorder
from freshmart_streams.events.journal import JournalEntry
from freshmart_streams.events.master_data import MarketRate, Policy, Product, Store
from freshmart_streams.events.movements import Movement
from freshmart_streams.events.receipts import Receipt
from freshmart_streams.events.reports import StoreDay
from freshmart_streams.events.ticks import Tick

DAY_MS: Final = 86_400_000

LOG_RETENTION_MS: Final = 400 * DAY_MS
"""Inputs, ticks and journal: a replay can reach back to the same week of last year."""
DECISION_RETENTION_MS: Final = 90 * DAY_MS
AUDIT_RETENTION_MS: Final = 3_650 * DAY_MS
CRM_RETENTION_MS: Final = 7 * DAY_MS
PURCHASE_RETENTION_MS: Final = 14 * DAY_MS
DEAD_LETTER_RETENTION_MS: Final = 14 * DAY_MS
TOMBSTONE_RETENTION_MS: Final = 7 * DAY_MS
"""How long a reader of a compacted topic may be away and still see what was deleted."""

INPUT_BYTES_MAX: Final = 12 << 20
"""Largest message on an input: more than an event may have, because it must come in to become a dead letter."""
DEAD_LETTER_EXTRA_BYTES: Final = 64 << 10
"""What a dead letter may be larger than the largest input: room for its headers."""


class GroupName(StrEnum):
    """The two groups of partitions."""

    STORES = "stores"
    CUSTOMERS = "customers"


class Cleanup(StrEnum):
    """Kafka's `cleanup.policy`."""

    DELETE = "delete"
    COMPACT = "compact"
    COMPACT_AND_DELETE = "compact,delete"


class Key(StrEnum):
    """What a topic's message keys are."""

    STORE = "store_id"
    CUSTOMER = "customer_id"
    SKU = "sku"
    POLICY = "store_id/sku"
    RATE = "curve/tenor"
    STORE_DAY = "store_id/day"
    PSEUDONYM = "pseudonym of the customer"
    SUBJECT = "subject id"
    ORIGINAL = "as the original"
    NONE = "none"


BOTH: Final = (GroupName.STORES, GroupName.CUSTOMERS)
_STORES: Final = (GroupName.STORES,)
_CUSTOMERS: Final = (GroupName.CUSTOMERS,)


@dataclass(frozen=True, kw_only=True, slots=True)
class Topic:
    """One topic; `name` is the full one, with the prefix."""

    name: str
    key: Key
    event: type[Struct] | None
    """The type of its values; None where they are not JSON of one type, or internal to a group."""
    cleanup: Cleanup
    retention_ms: int | None
    """How long messages are kept; None where only compaction takes them away."""
    groups: tuple[GroupName, ...]
    """The groups that read or write it: it has their number of partitions."""
    is_input: bool = False
    """Whether results depend on it: its order is the broker's, so its timestamps must be too."""
    is_master_data: bool = False
    """Whether every partition reads it whole."""
    writer: str
    readers: tuple[str, ...]

    @property
    def configs(self) -> dict[str, str]:
        """The broker's settings with which the topic is created."""
        configs = {"cleanup.policy": self.cleanup.value}
        if self.retention_ms is not None:
            configs["retention.ms"] = str(self.retention_ms)
        if self.cleanup is not Cleanup.DELETE:
            configs["delete.retention.ms"] = str(TOMBSTONE_RETENTION_MS)
        if self.is_master_data:  # a replay must see the old versions
            configs["min.compaction.lag.ms"] = str(LOG_RETENTION_MS)
        if self.is_input:
            configs["message.timestamp.type"] = "LogAppendTime"
            configs["max.message.bytes"] = str(INPUT_BYTES_MAX)
        if self.key is Key.ORIGINAL:
            configs["max.message.bytes"] = str(INPUT_BYTES_MAX + DEAD_LETTER_EXTRA_BYTES)
        if self.cleanup is Cleanup.COMPACT_AND_DELETE:  # personal data: deleted means gone, within a known time
            configs["max.compaction.lag.ms"] = str(TOMBSTONE_RETENTION_MS)
        return configs


class Topics:
    """All topics under one prefix: `Topics("freshmart.").sales.name` is `freshmart.sales`; iterable, in that order."""

    def __init__(self, prefix: str) -> None:
        """Name the topics; `prefix` ends with its own separator, if it has one."""
        self.prefix = prefix
        self.sales = self._event("sales", Key.STORE, Receipt, "tills")
        self.inventory = self._event("inventory", Key.STORE, Movement, "warehouse, handhelds, supplier replies")
        self.crm = self._event(
            "crm", Key.CUSTOMER, CustomerEvent, "CRM", retention_ms=CRM_RETENTION_MS, groups=_CUSTOMERS
        )
        self.products = self._master("products", Key.SKU, Product, "master data")
        self.stores = self._master("stores", Key.STORE, Store, "master data")
        self.policies = self._master("policies", Key.POLICY, Policy, "planners")
        self.market_rates = self._master("market-rates", Key.RATE, MarketRate, "market-data loader")
        self.ticks = self._event("ticks", Key.NONE, Tick, "app", groups=BOTH)
        self.journal = self._output(
            "journal", Key.NONE, JournalEntry, ("replay", "audit"), retention_ms=LOG_RETENTION_MS, groups=BOTH
        )
        self.purchases = self._event(
            "purchases", Key.CUSTOMER, None, "app (stores)", retention_ms=PURCHASE_RETENTION_MS, groups=BOTH
        )
        self.rights = self._output(
            "rights", Key.PSEUDONYM, None, ("app",), cleanup=Cleanup.COMPACT, retention_ms=None, groups=_CUSTOMERS
        )
        self.reorders = self._output("reorders", Key.STORE, Reorder, ("supplier integration",))
        self.price_changes = self._output("price-changes", Key.STORE, PriceChange, ("labels", "tills"))
        self.offers = self._output(
            "offers", Key.CUSTOMER, Offer, ("CRM", "tills"), cleanup=Cleanup.COMPACT_AND_DELETE, groups=_CUSTOMERS
        )
        self.store_days = self._output(
            "store-days", Key.STORE_DAY, StoreDay, ("app", "reporting", "archive"), Cleanup.COMPACT, retention_ms=None
        )
        self.payables = self._output("payables", Key.STORE, Payable, ("treasury",))
        self.alerts = self._output("alerts", Key.STORE, Alert, ("people",))
        self.dead_letters = self._output(
            "dead-letters", Key.ORIGINAL, None, ("operators",), retention_ms=DEAD_LETTER_RETENTION_MS, groups=BOTH
        )
        self.audit = self._output(
            "audit", Key.SUBJECT, AuditEntry, ("auditors",), retention_ms=AUDIT_RETENTION_MS, groups=BOTH
        )

    def __iter__(self) -> Iterator[Topic]:
        return (value for value in vars(self).values() if isinstance(value, Topic))

    def of_group(self, group: GroupName) -> tuple[Topic, ...]:
        """Return the topics that have the group's number of partitions."""
        return tuple(topic for topic in self if group in topic.groups)

    def _event(
        self,
        name: str,
        key: Key,
        event: type[Struct] | None,
        writer: str,
        retention_ms: int = LOG_RETENTION_MS,
        groups: tuple[GroupName, ...] = _STORES,
    ) -> Topic:
        """An input whose partition belongs to one partition of a group."""
        return Topic(
            name=self.prefix + name,
            key=key,
            event=event,
            cleanup=Cleanup.DELETE,
            retention_ms=retention_ms,
            groups=groups,
            is_input=True,
            writer=writer,
            readers=("app",),
        )

    def _master(self, name: str, key: Key, event: type[Struct], writer: str) -> Topic:
        """An input that every partition reads whole."""
        return Topic(
            name=self.prefix + name,
            key=key,
            event=event,
            cleanup=Cleanup.COMPACT,
            retention_ms=None,
            groups=BOTH,
            is_input=True,
            is_master_data=True,
            writer=writer,
            readers=("app",),
        )

    def _output(
        self,
        name: str,
        key: Key,
        event: type[Struct] | None,
        readers: tuple[str, ...],
        cleanup: Cleanup = Cleanup.DELETE,
        retention_ms: int | None = DECISION_RETENTION_MS,
        groups: tuple[GroupName, ...] = _STORES,
    ) -> Topic:
        """What only the application writes."""
        return Topic(
            name=self.prefix + name,
            key=key,
            event=event,
            cleanup=cleanup,
            retention_ms=retention_ms,
            groups=groups,
            writer="app",
            readers=readers,
        )


def all_topics(prefix: str) -> tuple[Topic, ...]:
    """Return every topic under `prefix`, in the order of the contract."""
    return tuple(Topics(prefix))
