"""`alerts`: what a person should look at (contracts.md section 4)."""

from enum import StrEnum

from msgspec import Struct

from freshmart_streams.events.values import Id, Revision, Sku, StoreId, Text, Time


class AlertKind(StrEnum):
    """What is wrong; one alert per store, article and kind is open at a time."""

    UNKNOWN_SKU = "unknown-sku"
    NEGATIVE_STOCK = "negative-stock"
    PHANTOM_STOCK = "phantom-stock"
    COUNT_TASK = "count-task"
    OVERDUE_ORDER = "overdue-order"
    ORDER_CONFLICT = "order-conflict"
    SUPPLIER_MINIMUM = "supplier-minimum"
    PERISHABLE_REDUCTION = "perishable-reduction"
    SERVICE_BELOW_TARGET = "service-below-target"
    STALE_DATA = "stale-data"
    DECISION_LIMIT = "decision-limit"
    VOID_WITHOUT_RECEIPT = "void-without-receipt"
    DOMAIN_ERROR = "domain-error"


class AlertStatus(StrEnum):
    """An alert closes when its cause is gone."""

    OPEN = "open"
    CLOSED = "closed"


class Alert(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An exception or task; `details` holds figures and ids for a program, `message` is for a person."""

    alert_id: Id
    revision: Revision
    status: AlertStatus
    kind: AlertKind
    store_id: StoreId
    sku: Sku | None = None
    at: Time
    message: Text
    details: dict[str, str | int | float | bool | None]

    @property
    def ce_id(self) -> str:
        """Unique per published state."""
        return f"{self.alert_id}.{self.revision}"
