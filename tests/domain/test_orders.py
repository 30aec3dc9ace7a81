"""The life of an order (contracts.md section 4; formulas.md 4.2)."""

from typing import Any

from freshmart_streams.domain import orders, times
from freshmart_streams.domain.orders import Order
from freshmart_streams.events.decisions import OrderStatus
from freshmart_streams.events.values import Mode

WEDNESDAY = times.from_iso("2024-10-09")
ZONE = "Europe/Berlin"
CUT_OFF = times.at_local(WEDNESDAY - 1, "14:00", ZONE)


def proposed(quantity: int = 24, mode: Mode = Mode.AUTO, **more: Any) -> Order:
    """An order of milk, to be delivered on Wednesday, before its cut-off on Tuesday."""
    fields: dict[str, Any] = {"packs": quantity // 12, "quantity": quantity, "revision": 0} | more
    return Order("o-1", "0042", "100234", "molkerei-nord", WEDNESDAY, CUT_OFF, mode, 9, WEDNESDAY, **fields)


def sent(quantity: int = 24) -> Order:
    """The same after its cut-off."""
    order = proposed(quantity)
    orders.settle(order)
    return order


class TestBalance:
    def test_a_sent_order_is_open_in_whole_and_on_order(self) -> None:
        figures = orders.balance(sent())
        assert (figures.ordered, figures.open, figures.on_order, figures.in_transit) == (24, 24, 24, 0)

    def test_a_partial_confirmation_is_short_at_once(self) -> None:
        order = sent()
        orders.apply_response(order, at=10, quantity=18, deliver_by=None)
        assert (orders.balance(order).short, orders.balance(order).open) == (6, 18)

    def test_the_newest_confirmation_by_event_time_counts(self) -> None:
        order = sent()
        orders.apply_response(order, at=10, quantity=18, deliver_by=None)
        orders.apply_response(order, at=9, quantity=0, deliver_by=None)
        assert orders.balance(order).short == 6

    def test_what_is_dispatched_is_in_transit_until_it_is_delivered(self) -> None:
        order = sent()
        orders.apply_dispatch(order, at=10, quantity=12, deliver_by=None)
        assert (orders.balance(order).on_order, orders.balance(order).in_transit) == (12, 12)
        orders.apply_delivery(order, quantity=12, is_final=False)
        assert (orders.balance(order).on_order, orders.balance(order).in_transit) == (12, 0)

    def test_a_final_delivery_closes_the_order_and_the_rest_is_short(self) -> None:
        order = sent()
        orders.apply_delivery(order, quantity=20, is_final=True)
        figures = orders.balance(order)
        assert (figures.received, figures.short, figures.open) == (20, 4, 0)

    def test_more_than_was_ordered_is_over(self) -> None:
        order = sent()
        orders.apply_delivery(order, quantity=30, is_final=True)
        assert (orders.balance(order).received, orders.balance(order).over) == (24, 6)
        assert orders.is_conflicting(order)

    def test_what_was_taken_back_and_came_after_all_is_received_not_cancelled(self) -> None:
        order = sent()
        orders.apply_take_back(order, at=10, quantity=12)
        assert orders.balance(order).cancelled == 12
        orders.apply_delivery(order, quantity=24, is_final=True)
        assert (orders.balance(order).cancelled, orders.balance(order).received) == (0, 24)
        assert orders.is_conflicting(order)


class TestPosition:
    def test_a_proposal_does_not_count(self) -> None:
        assert orders.position(proposed()) == (0, 0)

    def test_a_sent_order_counts(self) -> None:
        assert orders.position(sent()) == (24, 0)

    def test_a_shadow_never_counts(self) -> None:
        order = proposed(mode=Mode.SHADOW)
        orders.settle(order)
        assert orders.position(order) == (0, 0)


class TestSettle:
    def test_an_unreleased_advice_lapses(self) -> None:
        order = proposed(mode=Mode.ADVISE)
        orders.settle(order)
        assert order.is_lapsed
        assert orders.status(order) is OrderStatus.CANCELLED
        assert orders.balance(order).cancelled == 24

    def test_a_released_advice_is_sent(self) -> None:
        order = proposed(mode=Mode.ADVISE, is_held=True)
        orders.settle(order)
        assert orders.status(order) is OrderStatus.SENT

    def test_a_cancelled_order_is_not_sent(self) -> None:
        order = proposed(0)
        orders.settle(order)
        assert orders.status(order) is OrderStatus.CANCELLED


class TestStatus:
    def test_follows_the_order_from_the_proposal_to_the_shelf(self) -> None:
        order = proposed()
        seen = [orders.status(order)]
        orders.settle(order)
        seen.append(orders.status(order))
        orders.apply_response(order, at=1, quantity=24, deliver_by=None)
        seen.append(orders.status(order))
        orders.apply_dispatch(order, at=2, quantity=24, deliver_by=None)
        seen.append(orders.status(order))
        orders.apply_delivery(order, quantity=24, is_final=True)
        seen.append(orders.status(order))
        assert seen == ["proposed", "sent", "confirmed", "in-transit", "received"]

    def test_refused_in_whole_is_cancelled(self) -> None:
        order = sent()
        orders.apply_response(order, at=1, quantity=0, deliver_by=None)
        assert orders.status(order) is OrderStatus.CANCELLED


class TestPassTime:
    def test_the_cut_off_settles_exactly_at_it(self) -> None:
        order = proposed()
        orders.pass_time(order, CUT_OFF - 1, ZONE)
        assert not order.is_settled
        orders.pass_time(order, CUT_OFF, ZONE)
        assert order.is_settled

    def test_overdue_from_local_midnight_after_the_delivery_day(self) -> None:
        order = sent()
        midnight = times.start_of_day(WEDNESDAY + 1, ZONE)
        orders.pass_time(order, midnight - 1, ZONE)
        assert orders.status(order) is OrderStatus.SENT
        orders.pass_time(order, midnight, ZONE)
        assert orders.status(order) is OrderStatus.OVERDUE

    def test_a_new_promise_of_the_supplier_ends_overdue(self) -> None:
        order = sent()
        thursday = times.start_of_day(WEDNESDAY + 1, ZONE)
        orders.pass_time(order, thursday, ZONE)
        orders.apply_dispatch(order, at=thursday, quantity=24, deliver_by=WEDNESDAY + 1)
        orders.pass_time(order, thursday, ZONE)
        assert orders.status(order) is OrderStatus.IN_TRANSIT

    def test_an_overdue_order_still_counts_in_the_position(self) -> None:
        order = sent()
        orders.pass_time(order, times.start_of_day(WEDNESDAY + 30, ZONE), ZONE)
        assert orders.status(order) is OrderStatus.OVERDUE
        assert orders.position(order) == (24, 0)

    def test_next_due_is_always_later_than_the_clock_until_the_row_is_forgotten(self) -> None:
        order, clock = proposed(), CUT_OFF - times.DAY
        steps = []
        while (due := orders.next_due(order, ZONE)) > clock:
            clock = due
            orders.pass_time(order, clock, ZONE)
            steps.append(clock)
        midnights = [times.start_of_day(WEDNESDAY + days, ZONE) for days in (1, 60)]
        assert steps == [CUT_OFF, *midnights]


class TestIsRevisable:
    def test_a_refusal_before_the_cut_off_is_not_decided_again_for_the_same_day(self) -> None:
        order = proposed()
        assert orders.is_revisable(order)
        orders.apply_response(order, at=1, quantity=0, deliver_by=None)
        assert not orders.is_revisable(order)
