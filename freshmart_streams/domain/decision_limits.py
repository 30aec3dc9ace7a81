"""When what would be decided automatically waits for a person after all: `auto` falls back to `advise`.

Because the store's data are stale (`freshness`), or because what is decided for one delivery day becomes worth more
than usual (`order_values`). Orders that fell back count too; a revision counts by the difference, so what is cancelled
makes room again.

An order that exists keeps its mode: one in `auto` is not raised any more, but may still be reduced; one that fell back
becomes `auto` when there is room for it.
"""

from typing import Final

from freshmart_streams.domain import alerts, freshness, money, order_values, times
from freshmart_streams.domain.books import Moment
from freshmart_streams.domain.money import Cents
from freshmart_streams.domain.order_values import OrderValues
from freshmart_streams.domain.orders import Order
from freshmart_streams.events.alerts import AlertKind
from freshmart_streams.events.master_data import Product
from freshmart_streams.events.values import Mode

DUE: Final = "limit/orders"
"""The agenda's key."""


def mode_for(moment: Moment, order: Order, product: Product, quantity: int) -> Mode:
    """The mode in which so many base units of an order are decided, in a store whose rollout is `auto`."""
    more = _worth(product, quantity) - order.worth
    if order.mode is Mode.AUTO and more <= 0:
        return Mode.AUTO
    if freshness.is_stale(moment.books, moment.store.store_id):
        return Mode.ADVISE
    row = _values(moment)
    limit, value = order_values.limit_on(row, moment.today), order_values.value_for(row, order.deliver_by) + more
    if limit is None or value <= limit:
        return Mode.AUTO
    _tell(moment, row, order, value, limit)
    return Mode.ADVISE


def count(moment: Moment, order: Order, product: Product, quantity: int) -> None:
    """So many base units of an order are decided, in whatever mode."""
    row, worth = _values(moment), _worth(product, quantity)
    order_values.add(row, order.deliver_by, worth - order.worth, today=moment.today)
    order.worth = worth
    moment.books.order_values[moment.store.store_id] = row


def pass_cut_off(moment: Moment) -> None:
    """A cut-off passed up to which people were told that the limit is reached."""
    if moment.clock >= _values(moment).told_until:
        alerts.close_for_store(moment, AlertKind.DECISION_LIMIT, "The cut-off has passed.")


def _tell(moment: Moment, row: OrderValues, order: Order, value: Cents, limit: Cents) -> None:
    if order.cut_off_at <= row.told_until:
        return
    row.told_until = order.cut_off_at
    moment.books.order_values[moment.store.store_id] = row
    message = (
        f"Orders for one delivery would come to {value} cents, {order_values.LIMIT_TIMES} times the usual are {limit}: "
        "what goes beyond waits for a release."
    )
    details: alerts.Details = {"deliver_by": times.to_iso(order.deliver_by), "value": value, "limit": limit}
    alerts.open_for_store(moment, AlertKind.DECISION_LIMIT, message, details)
    moment.books.schedule(moment.store.store_id, order.cut_off_at, DUE)


def _values(moment: Moment) -> OrderValues:
    return moment.books.order_values.get(moment.store.store_id) or OrderValues()


def _worth(product: Product, quantity: int) -> Cents:
    """Cents at cost, or at the price where nobody knows the cost."""
    return money.value(quantity, product.price or 0 if product.cost is None else product.cost, product.unit)
