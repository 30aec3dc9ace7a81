"""A person's word about an order: releases, changes and stops it, with a name and a reason (formulas.md 4.13).

It is followed, kept beside what was proposed, and measured: a day's figures count the overrides (a word that is not
what was proposed), and how many base units and cents at cost they came to. A word that replaces another counts by the
difference to that one, so the figures of all days sum up to what is in force.
"""

from freshmart_streams.domain import booking, money, orders, reordering, reporting, units
from freshmart_streams.domain.books import KnownProduct, Moment
from freshmart_streams.domain.orders import Order
from freshmart_streams.domain.stock import Stock
from freshmart_streams.events.movements import Movement, MovementKind
from freshmart_streams.events.values import Mode


def apply_release(
    moment: Moment, movement: Movement, order: Order, quantity: int, *, row: Stock, known: KnownProduct | None
) -> str | None:
    """Follow a person: fix the quantity before the cut-off, take back after it; returns what does not fit, or None.

    The caller books the order. Nothing happens when a newer word of a person is in force.
    """
    if moment.at < order.released_at:
        return None
    before = orders.override(order)
    if order.is_settled:
        if quantity > order.quantity:
            return "This order is sent and cannot be raised."
        orders.apply_take_back(order, at=moment.at, quantity=quantity)
    else:
        _fix(moment, row, known, order, quantity)
    order.actor, order.release_reason = movement.actor, movement.reason
    _measure(moment, known, before, orders.override(order))
    return None


def _fix(moment: Moment, row: Stock, known: KnownProduct | None, order: Order, quantity: int) -> None:
    """A person releases or changes the quantity before the cut-off: it stands, in whole packs."""
    pack_size = order.quantity // order.packs if order.packs else 1 if known is None else known.product.pack_size
    fixed = units.round_up_to_pack(quantity, pack_size)
    was_released = order.is_held
    orders.hold(order, moment.at)
    if fixed == order.quantity and (was_released or order.mode is not Mode.ADVISE):
        return
    levels = row.levels if known is None else reordering.current_levels(moment, row, known)
    if levels is None or order.reason is None:
        reason = order.reason
    else:
        reason = booking.reason_of(row, levels, MovementKind.ORDER_RELEASE.value, "none")
    assert reason is not None, "a proposed order has a reason"
    source = booking.source_of(moment)
    orders.revise(order, packs=fixed // pack_size, quantity=fixed, at=moment.clock, reason=reason, source=source)
    booking.publish(moment, order)


def _measure(moment: Moment, known: KnownProduct | None, before: int, after: int) -> None:
    """Count what a person's word changed, in base units, among the figures of the day."""
    if after == before:
        return
    figures = reporting.figures_of(moment, moment.today)
    figures.overrides += bool(after) - bool(before)
    figures.override_units += after - before
    if known is not None:
        cost, unit = known.product.cost, known.product.unit
        figures.override_value += money.at_cost(after, cost, unit) - money.at_cost(before, cost, unit)
    reporting.mark_day_changed(moment, moment.today, figures)
