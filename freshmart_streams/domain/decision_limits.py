"""When what would be decided automatically waits for a person after all: `auto` falls back to `advise`.

Because the store's data are stale (`freshness`), or because what is decided for it in an order day becomes worth more
than usual (`order_values`). Orders that fell back count too; a revision counts by the difference, so what is cancelled
makes room again.

An order that exists keeps its mode: one in `auto` is not raised any more, but may still be reduced; one that fell back
becomes `auto` when there is room for it.
"""

from typing import Final

from freshmart_streams.domain import alerts, freshness, money, order_values, outlooks, times
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
    row, day, worth = _values(moment), _order_day(moment), _worth(product, quantity)
    more = worth - _counted(order, day)
    if order.mode is Mode.AUTO and more <= 0:
        return Mode.AUTO
    if freshness.is_stale(moment.books, moment.store.store_id):
        return Mode.ADVISE
    limit, value = order_values.limit_on(row, day), order_values.value_on(row, day) + more
    if limit is None or value <= limit:
        return Mode.AUTO
    _tell(moment, row, day, value, limit)
    return Mode.ADVISE


def count(moment: Moment, order: Order, product: Product, quantity: int) -> None:
    """So many base units of an order are decided, in whatever mode; the order's own is still that of before."""
    row, day, worth = _values(moment), _order_day(moment), _worth(product, quantity)
    order_values.add(row, day, worth - _counted(order, day))
    order.worth, order.worth_on = worth, day
    moment.books.order_values[moment.store.store_id] = row


def end_day(moment: Moment) -> None:
    """The order day on which the limit was reached may be over."""
    row, day = _values(moment), _order_day(moment)
    if day > row.told_on:
        alerts.close_for_store(moment, AlertKind.DECISION_LIMIT, "Another order day began.")
    else:
        _look_again(moment, row.told_on)


def _tell(moment: Moment, row: OrderValues, day: int, value: Cents, limit: Cents) -> None:
    if row.told_on == day:
        return
    row.told_on = day
    moment.books.order_values[moment.store.store_id] = row
    message = (
        f"Orders of this day would come to {value} cents, {order_values.LIMIT_TIMES} times the usual are {limit}: "
        "what goes beyond waits for a release."
    )
    details: alerts.Details = {"order_day": times.to_iso(day), "value": value, "limit": limit}
    alerts.open_for_store(moment, AlertKind.DECISION_LIMIT, message, details)
    _look_again(moment, day)


def _look_again(moment: Moment, day: int) -> None:
    """When an order day ends: at its cut-off the next one begins."""
    moment.books.schedule(moment.store.store_id, times.at_local(day, moment.store.order_cutoff, moment.zone), DUE)


def _values(moment: Moment) -> OrderValues:
    return moment.books.order_values.get(moment.store.store_id) or OrderValues()


def _order_day(moment: Moment) -> int:
    """The order day that runs, or the last one that was counted: a cut-off that moved does not turn it back."""
    hour = outlooks.hour_of(moment.calendar, moment.clock, moment.today, moment.second)
    return max(hour.order_day, _values(moment).day)


def _counted(order: Order, day: int) -> Cents:
    """What the order counts for already; what fell back on an earlier day has to find room anew."""
    return order.worth if order.mode is Mode.AUTO or order.worth_on == day else 0


def _worth(product: Product, quantity: int) -> Cents:
    """Cents at cost, or at the price where nobody knows the cost."""
    return money.value(quantity, product.price or 0 if product.cost is None else product.cost, product.unit)
