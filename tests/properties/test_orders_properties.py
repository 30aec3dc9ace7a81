"""At every moment `ordered = open + received + cancelled + short`, in whatever order the messages came."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from freshmart_streams.domain import orders, times
from freshmart_streams.domain.orders import Order
from freshmart_streams.events.values import Mode

WEDNESDAY = times.from_iso("2024-10-09")
ZONE = "Europe/Berlin"
CUT_OFF = times.at_local(WEDNESDAY - 1, "14:00", ZONE)

QUANTITIES = st.integers(0, 60)
TIMES = st.integers(0, 6 * 24).map(lambda hour: CUT_OFF + hour * times.HOUR)
DAYS = st.none() | st.integers(WEDNESDAY - 1, WEDNESDAY + 5)


def proposed(quantity: int, mode: Mode = Mode.AUTO) -> Order:
    """An order before its cut-off."""
    return Order(
        "o-1", "0042", "100234", None, WEDNESDAY, CUT_OFF, mode, 9, WEDNESDAY, packs=quantity, quantity=quantity
    )


def check(order: Order) -> None:
    """What holds for every order at every moment."""
    figures = orders.balance(order)
    assert figures.ordered == figures.open + figures.received + figures.cancelled + figures.short
    assert figures.open == figures.on_order + figures.in_transit
    assert min(figures) >= 0
    assert figures.received + figures.over == order.delivered
    on_order, in_transit = orders.position(order)
    assert 0 <= on_order + in_transit <= figures.ordered
    assert order.is_settled or on_order == 0
    orders.status(order)


class OrderLife(RuleBasedStateMachine):
    """Messages of suppliers, warehouses and people in any order, and time that only goes forward."""

    @initialize(quantity=st.integers(0, 40), mode=st.sampled_from([Mode.SHADOW, Mode.ADVISE, Mode.AUTO]))
    def propose(self, quantity: int, mode: Mode) -> None:
        self.order = proposed(quantity, mode)
        self.clock = CUT_OFF - times.DAY

    @rule(quantity=QUANTITIES)
    def revise(self, quantity: int) -> None:
        if orders.is_revisable(self.order):
            self.order.packs = self.order.quantity = quantity

    @rule(at=TIMES, quantity=QUANTITIES, deliver_by=DAYS)
    def respond(self, at: int, quantity: int, deliver_by: int | None) -> None:
        orders.apply_response(self.order, at=at, quantity=quantity, deliver_by=deliver_by)

    @rule(at=TIMES, quantity=QUANTITIES, deliver_by=DAYS)
    def dispatch(self, at: int, quantity: int, deliver_by: int | None) -> None:
        orders.apply_dispatch(self.order, at=at, quantity=quantity, deliver_by=deliver_by)

    @rule(quantity=QUANTITIES, is_final=st.booleans())
    def deliver(self, quantity: int, is_final: bool) -> None:
        orders.apply_delivery(self.order, quantity=quantity, is_final=is_final)

    @rule(at=TIMES, quantity=QUANTITIES)
    def take_back(self, at: int, quantity: int) -> None:
        if self.order.is_settled:
            orders.apply_take_back(self.order, at=at, quantity=quantity)

    @rule(hours=st.integers(1, 72))
    def pass_time(self, hours: int) -> None:
        self.clock += hours * times.HOUR
        orders.pass_time(self.order, self.clock, ZONE)

    @invariant()
    def every_unit_is_somewhere(self) -> None:
        if hasattr(self, "order"):
            check(self.order)

    @invariant()
    def there_is_always_a_next_due_time_until_it_is_forgotten(self) -> None:
        if hasattr(self, "order"):
            orders.pass_time(self.order, self.clock, ZONE)
            due = orders.next_due(self.order, ZONE)
            assert due > self.clock or self.clock >= orders.forgotten_at(self.order, ZONE)


TestOrderLife = OrderLife.TestCase

Message = tuple[str, int, int, int | None]

MESSAGES = st.lists(
    st.tuples(st.sampled_from(["response", "dispatch", "part", "final"]), TIMES, QUANTITIES, DAYS),
    max_size=8,
    unique_by=lambda message: message[1],  # of two answers at one time the later offset wins
)


def told(messages: list[Message]) -> Order:
    """A sent order after these messages."""
    order = proposed(24)
    orders.settle(order)
    for kind, at, quantity, deliver_by in messages:
        apply: dict[str, Callable[[], None]] = {
            "response": lambda: orders.apply_response(order, at=at, quantity=quantity, deliver_by=deliver_by),  # noqa: B023 - called at once
            "dispatch": lambda: orders.apply_dispatch(order, at=at, quantity=quantity, deliver_by=deliver_by),  # noqa: B023
            "part": lambda: orders.apply_delivery(order, quantity=quantity, is_final=False),  # noqa: B023
            "final": lambda: orders.apply_delivery(order, quantity=quantity, is_final=True),  # noqa: B023
        }
        apply[kind]()
        check(order)
    return order


@given(MESSAGES, st.data())
def test_the_order_of_the_messages_makes_no_difference(messages: list[Message], data: st.DataObject) -> None:
    permuted = data.draw(st.permutations(messages))
    one, other = told(messages), told(permuted)
    assert orders.balance(one) == orders.balance(other)
    assert orders.status(one) == orders.status(other)
    assert one.due_by == other.due_by
