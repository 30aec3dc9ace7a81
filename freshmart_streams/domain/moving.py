"""What stock movements do: one rule per kind, in a table.

Stock moves at the time of the event. A movement that names an order moves that order on as well; what does not fit an
order (nobody knows it, another article, more than was ordered, a person too late) still counts as stock where goods
came, and is an `order-conflict` alert.
"""

from collections.abc import Callable
from typing import Final

from freshmart_streams.domain import (
    alerts,
    articles,
    booking,
    forecast,
    lead_times,
    ledger,
    lots,
    money,
    order_places,
    orders,
    phantom,
    pilots,
    pricing,
    releases,
    reporting,
    shrinkage,
    stock,
    times,
)
from freshmart_streams.domain.books import KnownProduct, Moment, article_key, order_key, supplier_key
from freshmart_streams.domain.forecast import Demand
from freshmart_streams.domain.lead_times import LeadTimes
from freshmart_streams.domain.orders import Order
from freshmart_streams.domain.stock import Stock
from freshmart_streams.events.alerts import AlertKind
from freshmart_streams.events.movements import Movement, MovementKind, MovementLine, WasteReason

MARK = "i"
"""Tells ids of movements from ids of other topics."""


class Articles:
    """The articles that a movement names, each with its row and the sum of its lines' quantities."""

    def __init__(self, moment: Moment, movement: Movement) -> None:
        self.moment = moment
        self.quantities: dict[str, int] = {}
        for line in movement.lines:
            self.quantities[line.sku] = self.quantities.get(line.sku, 0) + line.quantity
        self._rows: dict[str, Stock] = {}

    def row(self, sku: str) -> Stock:
        """The row of an article; settled when the movement is done."""
        row = self._rows.get(sku)
        if row is None:
            key = article_key(self.moment.store.store_id, sku)
            row = self._rows[sku] = self.moment.books.stock.get(key) or Stock()
        return row

    def known(self, sku: str) -> KnownProduct | None:
        """The product row of an article."""
        return self.moment.books.products.get(sku)

    def settle(self, trigger: str) -> None:
        """Draw the conclusions for every article whose row was asked for."""
        for sku, row in self._rows.items():
            stock.keep_lots(row)
            articles.settle_article(self.moment, sku, row, self.known(sku), trigger)


def apply_movement(moment: Moment, movement: Movement) -> None:
    """Apply a movement whose id was not seen before. A count must not be too late (`ledger.is_count_too_late`)."""
    touched = Articles(moment, movement)
    _RULES[movement.kind](moment, movement, touched)
    touched.settle(movement.kind.value)


def _count(moment: Moment, movement: Movement, touched: Articles) -> None:
    for sku, quantity in touched.quantities.items():
        row, known = touched.row(sku), touched.known(sku)
        expected, was_counted = row.on_hand, row.counted_at != ledger.NEVER_COUNTED
        if known is not None:
            phantom.note_empty_shelf(moment, sku, row, known.product)
        ledger.apply_count(row, moment.at, quantity, moment.clock)
        if was_counted and known is not None:
            shrinkage.learn_count(moment, known.product, expected=expected, found=row.on_hand)
        row.expected_loss = row.levels_until = 0
        _offer(moment, row, sku)
        alerts.close_for_article(moment, row, sku, AlertKind.ORDER_CONFLICT, "The article was counted.")
        phantom.close(moment, sku, row, "The article was counted.")


def _waste(moment: Moment, movement: Movement, touched: Articles) -> None:
    day = times.local(moment.at, moment.zone)[0]
    cost = 0
    for sku, quantity in touched.quantities.items():
        row, known = touched.row(sku), touched.known(sku)
        before = row.on_hand
        ledger.apply_change(row, moment.at, -quantity, moment.clock)
        if movement.reason == WasteReason.EXPIRED:
            pilots.apply_spoiled(moment, row, None if known is None else known.product, before - row.on_hand)
        cost += 0 if known is None else money.at_cost(quantity, known.product.cost, known.product.unit)
    figures = reporting.figures_of(moment, day)
    figures.waste_cost += cost
    reporting.mark_day_changed(moment, day, figures)


def _changes(sign: int) -> Callable[[Moment, Movement, Articles], None]:
    """The rule of a kind that adds (+1) or takes away (-1) its quantities."""

    def change(moment: Moment, movement: Movement, touched: Articles) -> None:
        for sku, quantity in touched.quantities.items():
            ledger.apply_change(touched.row(sku), moment.at, sign * quantity, moment.clock)

    return change


def _receive(moment: Moment, movement: Movement, touched: Articles) -> None:
    for sku, quantity in touched.quantities.items():
        row = touched.row(sku)
        ledger.apply_change(row, moment.at, quantity, moment.clock)
        if quantity:
            _offer(moment, row, sku)
            phantom.close(moment, sku, row, "Goods came.")
    for line in movement.lines:
        _keep_lot(moment, movement, line, touched)


def _keep_lot(moment: Moment, movement: Movement, line: MovementLine, touched: Articles) -> None:
    """Keep track of goods by the last day on which they can be sold: as told, else by the shelf life of a delivery."""
    day, known = times.local(moment.at, moment.zone)[0], touched.known(line.sku)
    shelf_life_days = None if known is None else known.product.shelf_life_days
    if line.expires_on is not None:
        last_day = line.expires_on.toordinal()
    elif movement.kind is MovementKind.DELIVERY and shelf_life_days is not None:
        last_day = day + shelf_life_days - 1
    else:
        return
    if line.quantity > 0 and moment.today <= last_day <= day + lots.DAYS_MAX:
        stock.apply_received(touched.row(line.sku), last_day, line.quantity)


def _deliver(moment: Moment, movement: Movement, touched: Articles) -> None:
    before = {sku: touched.row(sku).on_hand for sku in touched.quantities}
    _receive(moment, movement, touched)
    if not _is_ours(moment, movement):
        for sku, on_hand in before.items():
            row, known = touched.row(sku), touched.known(sku)
            pilots.apply_delivery(moment, row, None if known is None else known.product, row.on_hand - on_hand)
    if movement.order_id is None:
        return

    def deliver(order: Order, quantity: int) -> str | None:
        was_closed = order.is_closed
        orders.apply_delivery(order, quantity=quantity, is_final=movement.final)
        if order.is_closed and not was_closed and quantity:
            _learn_lead_time(moment, order)
        return "More came than was ordered." if orders.is_conflicting(order) else None

    _move_order(moment, movement, touched, deliver)


def _is_ours(moment: Moment, movement: Movement) -> bool:
    """Whether an order of ours brought it, one that a supplier may act on."""
    order = moment.books.orders.get(order_key(moment.store.store_id, movement.order_id or ""))
    return order is not None and orders.is_in_force(order)


def _learn_lead_time(moment: Moment, order: Order) -> None:
    if order.supplier_id is not None:
        key = supplier_key(moment.store.store_id, order.supplier_id)
        known = moment.books.lead_times.get(key) or LeadTimes()
        lead_times.learn(known, days_late=times.local(moment.at, moment.zone)[0] - order.deliver_by)
        moment.books.lead_times[key] = known


def _respond(moment: Moment, movement: Movement, touched: Articles) -> None:
    def respond(order: Order, quantity: int) -> str | None:
        orders.apply_response(order, at=moment.at, quantity=quantity, deliver_by=_day(movement))
        order.substitute_sku = movement.substitute_sku or order.substitute_sku
        return "More is confirmed than was ordered." if quantity > order.quantity else None

    _move_order(moment, movement, touched, respond)


def _dispatch(moment: Moment, movement: Movement, touched: Articles) -> None:
    def dispatch(order: Order, quantity: int) -> str | None:
        orders.apply_dispatch(order, at=moment.at, quantity=quantity, deliver_by=_day(movement))
        return "More is on its way than was ordered." if order.dispatched > order.quantity else None

    _move_order(moment, movement, touched, dispatch)


def _release(moment: Moment, movement: Movement, touched: Articles) -> None:
    def release(order: Order, quantity: int) -> str | None:
        row, known = touched.row(order.sku), touched.known(order.sku)
        return releases.apply_release(moment, movement, order, quantity, row=row, known=known)

    _move_order(moment, movement, touched, release)


def _move_order(
    moment: Moment, movement: Movement, touched: Articles, move: Callable[[Order, int], str | None]
) -> None:
    """Move the order that a movement names, if it is one of ours; `move` returns what does not fit, or None."""
    order_id = movement.order_id or ""
    order = moment.books.orders.get(order_key(moment.store.store_id, order_id))
    if order is None:
        for sku in touched.quantities:
            _conflict(moment, touched, sku, order_id, "Nobody knows this order.")
        return
    row = touched.row(order.sku)
    before = order_places.standing(order)
    orders.pass_time(order, moment.clock, moment.zone)
    if orders.is_in_force(order):
        conflict = move(order, touched.quantities.get(order.sku, 0))
        orders.pass_time(order, moment.clock, moment.zone)
    else:
        conflict = "This order is not in force."
    booking.book_order(moment, row, order, before)
    alerts.close_for_article(moment, row, order.sku, AlertKind.OVERDUE_ORDER, "The order moved.")
    if conflict is not None:
        _conflict(moment, touched, order.sku, order_id, conflict)
    elif movement.kind is MovementKind.DELIVERY:
        message = "A later delivery fits its order."
        alerts.close_for_article(moment, row, order.sku, AlertKind.ORDER_CONFLICT, message)
    for sku in touched.quantities:
        if sku not in {order.sku, order.substitute_sku, movement.substitute_sku}:
            _conflict(moment, touched, sku, order_id, "This order is for another article.")


def _conflict(moment: Moment, touched: Articles, sku: str, order_id: str, message: str) -> None:
    row = touched.row(sku)
    alerts.open_for_article(moment, row, sku, AlertKind.ORDER_CONFLICT, message, {"order_id": order_id})


def _offer(moment: Moment, row: Stock, sku: str) -> None:
    """The article is on offer from this day on: a day without a sale is a zero now."""
    key, day = article_key(moment.store.store_id, sku), times.local(moment.at, moment.zone)[0]
    demand = moment.books.demand.get(key) or Demand()
    forecast.apply_offered(demand, day=day)
    if day < moment.today:
        stock.note_history_change(row)
    moment.books.demand[key] = demand


def _day(movement: Movement) -> int | None:
    return None if movement.deliver_by is None else movement.deliver_by.toordinal()


def _confirm_label(moment: Moment, movement: Movement, touched: Articles) -> None:
    pricing.confirm_label(moment, movement.price_change_id or "")


_RULES: Final[dict[MovementKind, Callable[[Moment, Movement, Articles], None]]] = {
    MovementKind.COUNT: _count,
    MovementKind.DELIVERY: _deliver,
    MovementKind.WASTE: _waste,
    MovementKind.ADJUSTMENT: _changes(+1),
    MovementKind.TRANSFER_OUT: _changes(-1),
    MovementKind.TRANSFER_IN: _receive,
    MovementKind.ORDER_RESPONSE: _respond,
    MovementKind.DISPATCH_ADVICE: _dispatch,
    MovementKind.ORDER_RELEASE: _release,
    MovementKind.LABEL_CONFIRMED: _confirm_label,
}
