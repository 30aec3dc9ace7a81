"""What people should look at: one alert per store, article and kind is open at a time (contracts.md section 4).

An alert is opened and closed by its cause, not by the event that shows it: seeing the same cause again changes nothing.
Which alerts of an article are open is kept as bits in its row, so that a sale without one looks nothing up.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from freshmart_streams.domain import identifiers, times
from freshmart_streams.domain.books import Moment, OpenAlert
from freshmart_streams.domain.stock import Stock
from freshmart_streams.events.alerts import Alert, AlertKind, AlertStatus

Details: TypeAlias = Mapping[str, str | int | float | bool | None]

BITS: Final[dict[AlertKind, int]] = {
    AlertKind.UNKNOWN_SKU: 1,
    AlertKind.NEGATIVE_STOCK: 2,
    AlertKind.OVERDUE_ORDER: 4,
    AlertKind.ORDER_CONFLICT: 8,
    AlertKind.PERISHABLE_REDUCTION: 16,
    AlertKind.PHANTOM_STOCK: 32,
}
"""The kinds that `Stock.alerts` keeps; bits are never used for another kind."""

UNKNOWN_SKU: Final = BITS[AlertKind.UNKNOWN_SKU]
NEGATIVE_STOCK: Final = BITS[AlertKind.NEGATIVE_STOCK]


def is_open(stock: Stock, kind: AlertKind) -> bool:
    """Whether an alert of this kind is open for the article."""
    return bool(stock.alerts & BITS[kind])


def open_for_article(moment: Moment, stock: Stock, sku: str, kind: AlertKind, message: str, details: Details) -> None:
    """Open an alert about an article; nothing when it is open already."""
    if not is_open(stock, kind):
        stock.alerts |= BITS[kind]
        _open(moment, sku, kind, message, details)


def close_for_article(moment: Moment, stock: Stock, sku: str, kind: AlertKind, message: str) -> None:
    """Close an alert about an article, if it is open; `message` says what removed its cause."""
    if is_open(stock, kind):
        stock.alerts &= ~BITS[kind]
        _close(moment, alert_key(moment.store.store_id, sku, kind), message)


def raise_for_store(moment: Moment, kind: AlertKind, message: str, details: Details) -> None:
    """Open an alert about a whole store, or revise the open one; it closes when nothing new came for the horizon."""
    key = alert_key(moment.store.store_id, "", kind)
    row = moment.books.alerts.get(key)
    if row is None:
        row = _open(moment, "", kind, message, details)
    else:
        row.revision += 1
        row.message, row.details, row.changed_at = message, dict(details), moment.clock
        moment.books.alerts[key] = row
        _publish(moment, row, AlertStatus.OPEN)
    moment.books.schedule(moment.store.store_id, _quiet_at(moment, row), f"alert/{kind.value}")


def open_for_store(moment: Moment, kind: AlertKind, message: str, details: Details) -> None:
    """Open an alert about a whole store whose cause will be seen to end; nothing when it is open already."""
    if moment.books.alerts.get(alert_key(moment.store.store_id, "", kind)) is None:
        _open(moment, "", kind, message, details)


def close_for_store(moment: Moment, kind: AlertKind, message: str) -> None:
    """Close an alert about a whole store, if it is open; `message` says what removed its cause."""
    _close(moment, alert_key(moment.store.store_id, "", kind), message)


def close_quiet(moment: Moment, kind: AlertKind) -> None:
    """Close a store's alert if nothing new came for the deduplication horizon."""
    key = alert_key(moment.store.store_id, "", kind)
    row = moment.books.alerts.get(key)
    if row is not None and moment.clock >= _quiet_at(moment, row):
        _close(moment, key, f"Nothing new for {moment.books.dedupe_days} days.")


def alert_key(store_id: str, sku: str, kind: AlertKind) -> str:
    """Row key of an alert; `sku` is empty for the whole store."""
    return f"{store_id}/{sku}/{kind.value}"


def _quiet_at(moment: Moment, row: OpenAlert) -> times.Instant:
    return row.changed_at + moment.books.dedupe_days * times.DAY


def _open(moment: Moment, sku: str, kind: AlertKind, message: str, details: Details) -> OpenAlert:
    store_id = moment.store.store_id
    opening = f"{moment.topic}/{moment.books.partition}/{moment.offset}/{moment.part}"
    row = OpenAlert(
        alert_id=identifiers.alert_id(store_id, sku, kind.value, opening),
        kind=kind,
        store_id=store_id,
        sku=sku or None,
        opened_at=moment.clock,
        changed_at=moment.clock,
        message=message,
        details=dict(details),
    )
    moment.books.alerts[alert_key(store_id, sku, kind)] = row
    _publish(moment, row, AlertStatus.OPEN)
    return row


def _close(moment: Moment, key: str, message: str) -> None:
    row = moment.books.alerts.get(key)
    if row is None:
        return
    row.revision += 1
    row.message = message
    _publish(moment, row, AlertStatus.CLOSED)
    moment.books.alerts.delete(key)


def _publish(moment: Moment, row: OpenAlert, status: AlertStatus) -> None:
    event = Alert(
        alert_id=row.alert_id,
        revision=row.revision,
        status=status,
        kind=row.kind,
        store_id=row.store_id,
        sku=row.sku,
        at=times.to_datetime(moment.clock, moment.zone),
        message=row.message,
        details=row.details,
    )
    moment.books.publish_alert(event, moment.at)
