"""What happens when a clock passes a time: the agenda's entries, by the first word of their key.

| key                | due                                         | what                                            |
|--------------------|---------------------------------------------|-------------------------------------------------|
| `order/<id>`       | cut-off, overdue, forgotten                 | the order's state; then the article is decided  |
| `publish/<day>`    | full hour of the store's clock              | the day's report, if it changed                 |
| `close/<day>`      | local midnight and the hours of grace       | the day's final report                          |
| `drop/<day>`       | `reporting.KEPT_DAYS` after the day         | the day's row                                   |
| `forget/<number>`  | deduplication horizon after a `seen_day`    | ids of that day, a slice at a time              |
| `void/<receipt>`   | deduplication horizon after a waiting void  | its alert                                       |
| `stale/sales`      | an opening hour after the last receipt      | whether the store's data are stale              |
| `limit/orders`     | cut-off of a delivery at its limit          | closes the alert about it                       |
| `alert/<kind>`     | deduplication horizon after its last change | closes a store's alert                          |
| `doubt/<sku>`      | opening, when a silence is no chance        | suspects the article, or plans the next look    |
| `regular/<sku>`    | 30 days after an article was deleted        | the history of its regular price                |

The last one is the partition's and due by its ticks; the others are a store's, by its clock.

An entry may come when there is nothing left to do: the state says what is due, the entry only says when to look.
"""

from collections.abc import Callable
from typing import Final

from freshmart_streams.domain import (
    alerts,
    articles,
    booking,
    decision_limits,
    freshness,
    order_places,
    orders,
    phantom,
    pricing,
    reporting,
    selling,
    times,
)
from freshmart_streams.domain.books import Books, Moment, article_key, order_key
from freshmart_streams.domain.order_places import Standing
from freshmart_streams.domain.orders import Order
from freshmart_streams.domain.stock import Stock
from freshmart_streams.events.alerts import AlertKind

FORGOTTEN_AT_A_TIME = 500

REGULAR_PRICE: Final = "regular"
"""The first word of the partition's own work."""


def do_due_work(moment: Moment, key: str) -> None:
    """Do what an agenda entry of a store asks for; `moment.at` is the time it was due."""
    work, _, name = key.partition("/")
    _WORK[work](moment, name)


def do_partition_work(books: Books, key: str) -> None:
    """Do what an agenda entry of the partition asks for: `REGULAR_PRICE` is the only kind."""
    pricing.forget_regular(books, key.partition("/")[2])


def _order(moment: Moment, order_id: str) -> None:
    books, store_id = moment.books, moment.store.store_id
    order = books.orders.get(order_key(store_id, order_id))
    if order is None:
        return
    row = books.stock.get(article_key(store_id, order.sku)) or Stock()
    before, was_settled, was_overdue = order_places.standing(order), order.is_settled, order.is_overdue
    orders.pass_time(order, moment.clock, moment.zone)
    if moment.clock >= orders.forgotten_at(order, moment.zone):
        _forget_order(moment, row, order, before)
    else:
        booking.book_order(moment, row, order, before)
    if order.is_overdue and not was_overdue:
        _alert_overdue(moment, row, order)
    trigger = "cut-off" if order.is_settled and not was_settled else "overdue"
    articles.settle_article(moment, order.sku, row, books.products.get(order.sku), trigger)


def _forget_order(moment: Moment, row: Stock, order: Order, before: Standing) -> None:
    row.on_order -= before.on_order
    row.in_transit -= before.in_transit
    if order.order_id in row.live_orders:
        row.live_orders = tuple(one for one in row.live_orders if one != order.order_id)
    if row.open_order == order.order_id:
        row.open_order, row.open_until = "", 0
    message = "The order was given up."
    alerts.close_for_article(moment, row, order.sku, AlertKind.OVERDUE_ORDER, message)
    order_places.delete(moment.books, order, before)


def _alert_overdue(moment: Moment, row: Stock, order: Order) -> None:
    due_by, still_open = times.to_iso(order.due_by), orders.balance(order).open
    message = f"{still_open} of {order.quantity} were due by {due_by} and have not come."
    details: alerts.Details = {"order_id": order.order_id, "open": still_open, "due_by": due_by}
    alerts.open_for_article(moment, row, order.sku, AlertKind.OVERDUE_ORDER, message, details)


def _publish(moment: Moment, day: str) -> None:
    reporting.publish_if_changed(moment.books, moment.store.store_id, times.from_iso(day), moment.at)


def _close(moment: Moment, day: str) -> None:
    reporting.close_day(moment, times.from_iso(day))


def _drop(moment: Moment, day: str) -> None:
    reporting.drop_day(moment, times.from_iso(day))


def _forget(moment: Moment, number: str) -> None:
    """Delete a slice of the day's ids, and come back for the rest."""
    books, store_id = moment.books, moment.store.store_id
    slice_ = books.seen.scan(f"{store_id}/{number}/", limit=FORGOTTEN_AT_A_TIME)
    for key, _ in slice_:
        books.seen.delete(key)
    if len(slice_) == FORGOTTEN_AT_A_TIME:
        books.schedule(store_id, moment.at, f"forget/{number}")
        return
    own = books.clocks.get(store_id)
    if own is not None and int(number) in own.seen_days:
        own.seen_days.remove(int(number))
        books.clocks[store_id] = own


def _void(moment: Moment, voided_id: str) -> None:
    selling.give_up_void(moment, voided_id)


def _alert(moment: Moment, kind: str) -> None:
    alerts.close_quiet(moment, AlertKind(kind))


def _stale(moment: Moment, _: str) -> None:
    freshness.look(moment)


def _limit(moment: Moment, _: str) -> None:
    decision_limits.pass_cut_off(moment)


def _doubt(moment: Moment, sku: str) -> None:
    books, key = moment.books, article_key(moment.store.store_id, sku)
    row, known = books.stock.get(key), books.products.get(sku)
    if row is None or not 0 < row.doubt_at <= moment.clock:
        return
    if known is None:  # nobody knows it any more
        row.doubt_at = 0
    else:
        phantom.look(moment, sku, row, known.product)
    books.stock[key] = row


_WORK: Final[dict[str, Callable[[Moment, str], None]]] = {
    "order": _order,
    "publish": _publish,
    "close": _close,
    "drop": _drop,
    "forget": _forget,
    "void": _void,
    "stale": _stale,
    "limit": _limit,
    "alert": _alert,
    "doubt": _doubt,
}
