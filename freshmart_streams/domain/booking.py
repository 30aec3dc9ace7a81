"""An order that changed is stored, known to its article, put on the agenda, and published with its reason."""

from datetime import date

from freshmart_streams.domain import order_places, orders, pilots, times
from freshmart_streams.domain.books import Moment, order_key
from freshmart_streams.domain.order_places import Standing
from freshmart_streams.domain.orders import Order
from freshmart_streams.domain.replenishment import Levels
from freshmart_streams.domain.stock import (
    Stock,
    decision_on_order,
    decision_position,
    trial_on_hand,
    trial_waste,
    waste_of,
)
from freshmart_streams.events.decisions import Binding, Reorder, ReorderReason, Source


def book_order(moment: Moment, row: Stock, order: Order, before: Standing) -> None:
    """Store an order that changed and carry the change over to its article's position.

    `before` is its `order_places.standing` before the change. The caller stores the article's row.
    """
    after = order_places.put(moment.books, order, before)
    row.on_order += after.on_order - before.on_order
    row.in_transit += after.in_transit - before.in_transit
    is_live = not order.is_settled or orders.balance(order).open > 0
    if is_live and order.order_id not in row.live_orders:
        row.live_orders = (*row.live_orders, order.order_id)
    elif not is_live and order.order_id in row.live_orders:
        row.live_orders = tuple(one for one in row.live_orders if one != order.order_id)
    if order.is_settled and row.open_order == order.order_id:
        row.open_order, row.open_until = "", 0
        pilots.expect_delivery(moment, row, order)
    moment.books.schedule(moment.store.store_id, orders.next_due(order, moment.zone), f"order/{order.order_id}")


def settle_open(moment: Moment, row: Stock) -> None:
    """The open decision's cut-off passed: the agenda comes to it later, but the position must know now."""
    order = moment.books.orders.get(order_key(moment.store.store_id, row.open_order))
    if order is None:
        row.open_order, row.open_until = "", 0
        return
    before = order_places.standing(order)
    orders.pass_time(order, moment.clock, moment.zone)
    book_order(moment, row, order, before)


def publish(moment: Moment, order: Order) -> None:
    """Publish an order's latest revision."""
    assert order.reason is not None and order.source is not None, "a revision has a reason"  # noqa: PT018
    zone = moment.zone
    event = Reorder(
        order_id=order.order_id,
        revision=order.revision,
        store_id=order.store_id,
        sku=order.sku,
        supplier_id=order.supplier_id,
        packs=order.packs,
        quantity=order.quantity,
        ordered_at=times.to_datetime(order.decided_at, zone),
        cut_off_at=times.to_datetime(order.cut_off_at, zone),
        deliver_by=date.fromordinal(order.deliver_by),
        mode=order.mode,
        proposed_packs=order.proposed_packs,
        proposed_quantity=order.proposed_quantity,
        reason=order.reason,
        source=order.source,
    )
    moment.books.publish_reorder(event, moment.at)


def reason_of(row: Stock, levels: Levels, trigger: str, binding: str) -> ReorderReason:
    """The figures of an article at a decision; of a shadow those of the trial stock, on which it rests."""
    on_hand = trial_on_hand(row)
    return ReorderReason(
        trigger=trigger,
        on_hand=on_hand,
        on_order=decision_on_order(row),
        in_transit=row.in_transit,
        expected_waste=waste_of(on_hand, trial_waste(row)),
        inventory_position=decision_position(row),
        forecast=levels.forecast,
        safety_stock=levels.safety_stock,
        reorder_point=levels.reorder_point,
        order_up_to_level=levels.order_up_to_level,
        service_level=levels.service_level,
        binding=Binding(binding),
    )


def source_of(moment: Moment) -> Source:
    """The message that caused this moment."""
    return Source(moment.topic, moment.books.partition, moment.offset)
