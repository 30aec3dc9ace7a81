"""The life of an order: one article of one store for one delivery day, from the proposal to the last delivery.

What messages say is kept as it came (the newest confirmation, sums of what was dispatched and delivered), and every
figure is derived from that. So the order in which the messages arrive makes no difference, and at every moment

    ordered = open + received + cancelled + short

    received  = min(ordered, Σ delivered); what exceeds is `over`: stock that nobody ordered
    cancelled = what was taken back after sending and did not come after all; all that is left when an order lapses
    short     = what is left once the order is closed; before, what the supplier does not confirm
    open      = the rest: `in_transit` as far as it is dispatched, `on_order` as far as it is not

An order is *proposed* until its cut-off. There it is *settled*: sent, or lapsed when it was never more than a proposal
(mode `shadow`, an advice nobody released, quantity 0).
"""

from typing import NamedTuple

import msgspec

from freshmart_streams.domain import times
from freshmart_streams.domain.times import Instant
from freshmart_streams.events.decisions import OrderStatus, ReorderReason, Source
from freshmart_streams.events.values import Mode

PERISHABLE_DAYS = 30
"""Shelf life up to which a sent order is never reduced automatically."""

KEPT_DAYS = 60
"""Days after its delivery day that an order is kept. What is open then leaves the inventory position (until then an
overdue order counts, and a person is told); a message about it that comes later finds an unknown order."""

PROMISED_DAYS_MAX = 366
"""Days after its delivery day up to which a supplier's promise counts."""

NEVER = -1
"""The time of a message that never came; every instant of an event is greater."""

UNCONFIRMED = -1


class Order(msgspec.Struct, array_like=True, gc=False):
    """One order; quantities in base units, days as ordinals, times in microseconds since 1970.

    Attributes:
        decided_at: store's clock at the latest revision.
        reason, source: why, and the message that caused the latest revision.
        is_held: a person fixed the quantity; it is not revised automatically any more.
        released_at: event time of the newest order-release, by `actor` for `release_reason`.
        worth: cents at cost that it counts for among the automatic decisions for its delivery day (`order_values`).
        proposed_packs, proposed_quantity: of the last automatic revision, once a person fixed the quantity.
        is_settled: the cut-off is passed; `is_lapsed` tells an order that was not sent.
        due_by: the day it is expected, `deliver_by` unless the supplier named another; `due_by_at` says when it did.
        is_overdue: local midnight after `due_by` passed while something was open.
        substitute_sku: what the supplier announced to send instead.
    """

    order_id: str
    store_id: str
    sku: str
    supplier_id: str | None
    deliver_by: int
    cut_off_at: Instant
    mode: Mode
    shelf_life_days: int | None
    due_by: int
    packs: int = 0
    quantity: int = 0
    revision: int = -1
    decided_at: Instant = NEVER
    reason: ReorderReason | None = None
    source: Source | None = None
    is_held: bool = False
    released_at: Instant = NEVER
    actor: str | None = None
    release_reason: str | None = None
    is_settled: bool = False
    is_lapsed: bool = False
    confirmed: int = UNCONFIRMED
    confirmed_at: Instant = NEVER
    dispatched: int = 0
    delivered: int = 0
    is_closed: bool = False
    taken_back: int = 0
    due_by_at: Instant = NEVER
    is_overdue: bool = False
    substitute_sku: str | None = None
    proposed_packs: int | None = None
    proposed_quantity: int | None = None
    worth: int = 0


class Balance(NamedTuple):
    """The figures of an order in base units; the first four after `ordered` sum up to it."""

    ordered: int
    open: int
    received: int
    cancelled: int
    short: int
    over: int
    on_order: int
    """The part of `open` that is not yet dispatched."""
    in_transit: int
    """The part of `open` that is dispatched."""


def balance(order: Order) -> Balance:
    """Where every unit of an order is.

    >>> milk = Order("o-1", "0042", "100234", None, 738_803, 0, Mode.AUTO, 9, 738_803, packs=2, quantity=24)
    >>> apply_response(milk, at=1, quantity=18, deliver_by=None)
    >>> apply_delivery(milk, quantity=12, is_final=False)
    >>> balance(milk)
    Balance(ordered=24, open=6, received=12, cancelled=0, short=6, over=0, on_order=6, in_transit=0)
    """
    ordered = order.quantity
    received = min(ordered, max(0, order.delivered))
    cancelled = ordered - received if order.is_lapsed else min(order.taken_back, ordered - received)
    rest = ordered - received - cancelled
    if order.is_closed:
        short = rest
    elif order.confirmed == UNCONFIRMED:
        short = 0
    else:
        short = max(0, ordered - cancelled - max(order.confirmed, received))
    still_open = rest - short
    in_transit = min(still_open, max(0, order.dispatched - order.delivered))
    return Balance(
        ordered=ordered,
        open=still_open,
        received=received,
        cancelled=cancelled,
        short=short,
        over=max(0, order.delivered) - received,
        on_order=still_open - in_transit,
        in_transit=in_transit,
    )


def position(order: Order) -> tuple[int, int]:
    """What the order adds to the store's `on_order` and `in_transit`.

    Nothing as long as it is a shadow; nothing on order before it is sent.
    """
    if order.mode is Mode.SHADOW:
        return 0, 0
    figures = balance(order)
    return (figures.on_order if order.is_settled else 0), figures.in_transit


def status(order: Order) -> OrderStatus:
    """Where the order stands, in the words of contracts.md section 4."""
    figures = balance(order)
    if figures.open == 0:
        settled_by_goods = figures.received > 0 or order.is_closed
        return OrderStatus.RECEIVED if settled_by_goods and not order.is_lapsed else OrderStatus.CANCELLED
    if not order.is_settled:
        return OrderStatus.PROPOSED
    if order.is_overdue:
        return OrderStatus.OVERDUE
    if figures.in_transit > 0:
        return OrderStatus.IN_TRANSIT
    return OrderStatus.SENT if order.confirmed == UNCONFIRMED else OrderStatus.CONFIRMED


def is_in_force(order: Order) -> bool:
    """Whether the supplier may act on the order: a shadow is only a comparison, and what lapsed was never sent."""
    return order.mode is not Mode.SHADOW and not order.is_lapsed


def is_revisable(order: Order) -> bool:
    """Whether a changed need may still change the quantity.

    Not after the cut-off, not after a person fixed it, and not once the supplier acted on it: what is refused or short
    is decided again at the next opportunity.
    """
    return not (
        order.is_settled
        or order.is_held
        or order.is_closed
        or order.confirmed != UNCONFIRMED
        or order.dispatched
        or order.delivered
    )


def is_perishable(order: Order) -> bool:
    """Whether the order may not be reduced automatically once it is sent."""
    return order.shelf_life_days is not None and order.shelf_life_days <= PERISHABLE_DAYS


def revise(order: Order, *, packs: int, quantity: int, at: Instant, reason: ReorderReason, source: Source) -> None:
    """Put a new quantity in force before the cut-off, as the next revision; the first one is 0."""
    order.revision += 1
    order.packs, order.quantity = packs, quantity
    order.decided_at, order.reason, order.source = at, reason, source


def hold(order: Order, at: Instant) -> None:
    """A person's word before the cut-off: what was proposed is kept beside it, and revised no more."""
    if not order.is_held:
        order.proposed_packs, order.proposed_quantity = order.packs, order.quantity
    order.is_held, order.released_at = True, at


def override(order: Order) -> int:
    """Base units by which a person's word differs from what was proposed; 0 where it does not, or nobody spoke.

    >>> milk = Order("o-1", "0042", "100234", None, 738_803, 0, Mode.ADVISE, 9, 738_803, packs=2, quantity=24)
    >>> hold(milk, at=1)
    >>> milk.packs, milk.quantity = 1, 12
    >>> override(milk)
    -12
    """
    proposed = order.quantity if order.proposed_quantity is None else order.proposed_quantity
    return order.quantity - order.taken_back - proposed


def settle(order: Order) -> None:
    """Pass the cut-off: the last revision stands and is sent, or the order lapses because it never was in force."""
    if order.is_settled:
        return
    order.is_settled = True
    is_unreleased = order.mode is Mode.ADVISE and not order.is_held
    order.is_lapsed = order.mode is Mode.SHADOW or is_unreleased or order.quantity == 0


def apply_response(order: Order, *, at: Instant, quantity: int, deliver_by: int | None) -> None:
    """The supplier confirms so much of the order; of several answers the newest by event time counts."""
    if at >= order.confirmed_at:
        order.confirmed, order.confirmed_at = quantity, at
    _expect(order, at, deliver_by)


def apply_dispatch(order: Order, *, at: Instant, quantity: int, deliver_by: int | None) -> None:
    """So much more of the order is on its way."""
    order.dispatched += quantity
    _expect(order, at, deliver_by)


def apply_delivery(order: Order, *, quantity: int, is_final: bool) -> None:
    """So much more of the order arrived; a final delivery closes it."""
    order.delivered += quantity
    order.is_closed = order.is_closed or is_final


def apply_take_back(order: Order, *, at: Instant, quantity: int) -> None:
    """After sending, a person agreed with the supplier that only so much of the order comes."""
    if at >= order.released_at:
        order.released_at = at
        order.taken_back = max(0, order.quantity - quantity)


def is_conflicting(order: Order) -> bool:
    """Whether more came than was ordered, or what was taken back came after all."""
    return order.delivered > max(0, order.quantity - order.taken_back)


def pass_time(order: Order, clock: Instant, zone_name: str) -> None:
    """Bring the order up to the store's clock: settle it, call it overdue."""
    if clock >= order.cut_off_at:
        settle(order)
    is_awaited = balance(order).open > 0 and order.is_settled
    order.is_overdue = is_awaited and clock >= times.start_of_day(order.due_by + 1, zone_name)


def next_due(order: Order, zone_name: str) -> Instant:
    """When time next changes something about the order: its cut-off, overdue, and at last forgotten."""
    if not order.is_settled:
        return order.cut_off_at
    if balance(order).open > 0 and not order.is_overdue:
        return times.start_of_day(order.due_by + 1, zone_name)
    return forgotten_at(order, zone_name)


def forgotten_at(order: Order, zone_name: str) -> Instant:
    """When the row is deleted."""
    return times.start_of_day(max(order.deliver_by, order.due_by) + KEPT_DAYS, zone_name)


def _expect(order: Order, at: Instant, deliver_by: int | None) -> None:
    """Expect the order on the day that the newest message names, at most a year late: later is a slip of the pen."""
    if deliver_by is not None and at >= order.due_by_at:
        order.due_by, order.due_by_at = min(deliver_by, order.deliver_by + PROMISED_DAYS_MAX), at
