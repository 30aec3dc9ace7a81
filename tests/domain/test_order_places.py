"""The places of an order: newest first by their text, the same rank in every list."""

from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.domain import order_places, orders
from freshmart_streams.domain.orders import Order
from freshmart_streams.events.decisions import OrderStatus
from freshmart_streams.events.values import Mode

YEAR_9999 = 253_402_300_799_999_999
INSTANTS = st.integers(0, YEAR_9999)
IDS = st.from_regex(r"[A-Za-z0-9._-]{1,8}", fullmatch=True)


def order(decided_at: int, store_id: str = "0042", order_id: str = "o-1") -> Order:
    return Order(
        order_id, store_id, "100234", None, 738_803, 0, Mode.AUTO, 9, 738_803, quantity=24, decided_at=decided_at
    )


class TestPlaces:
    def test_none_before_it_is_decided(self) -> None:
        assert order_places.places(order(orders.NEVER)) == ()

    def test_follow_the_status(self) -> None:
        milk = order(7)
        assert [place.split("/")[1] for place in order_places.places(milk)] == ["proposed", "proposed"]
        orders.settle(milk)
        assert [place.split("/")[1] for place in order_places.places(milk)] == ["sent", "sent"]

    @given(IDS, IDS, INSTANTS)
    def test_name_the_order_and_start_with_their_prefix(self, store_id: str, order_id: str, at: int) -> None:
        row = order(at, store_id, order_id)
        own, everywhere = order_places.places(row)
        for place, scope in ((own, store_id), (everywhere, order_places.ALL_STORES)):
            assert place.startswith(order_places.prefix(scope, OrderStatus.PROPOSED))
            assert order_places.store_of(place) == store_id
            assert order_places.row_of(place) == f"{store_id}/{order_id}"
        assert own.removeprefix(f"{store_id}/") == everywhere.removeprefix("*/")

    @given(INSTANTS, INSTANTS)
    def test_the_newer_decision_comes_first(self, one: int, other: int) -> None:
        first, second = order_places.places(order(one))[0], order_places.places(order(other))[0]
        assert (first < second) == (one > other)
