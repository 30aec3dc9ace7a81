"""Whatever happens to a store, the places of its orders are those that its orders' rows say, and no others."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from freshmart_streams import tables
from freshmart_streams.domain import order_places
from tests.support.shop import MILK, ShopDriver, line

Step = Callable[[ShopDriver, str], Any]

TIMES = ["2024-10-08 13:00", "2024-10-08 15:00", "2024-10-09 10:00", "2024-10-11 13:59", "2024-12-20 00:00"]
KINDS = ["order-response", "dispatch-advice", "delivery", "order-release"]


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    """What comes between one time and the next: sales, counts, and messages about any of the orders so far."""
    made: list[Step] = []
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            quantity = draw(st.integers(1, 30))
            made.append(lambda shop, at, n=quantity: shop.sale(at, line(quantity=n)))  # type: ignore[misc]
        else:
            step = draw(st.tuples(st.sampled_from(KINDS), st.integers(0, 40), st.integers(0, 9), st.booleans()))
            made.append(lambda shop, at, step=step: about_an_order(shop, at, *step))  # type: ignore[misc]
    return made


def about_an_order(shop: ShopDriver, at: str, kind: str, quantity: int, which: int, final: bool) -> None:
    known = sorted(order.order_id for order in shop.orders())
    if known:
        more: dict[str, Any] = {"actor": "m.schmitz", "reason": "a call"} if kind == "order-release" else {}
        more |= {"final": final} if kind == "delivery" else {}
        shop.move(at, kind, ("100234", quantity), order_id=known[which % len(known)], **more)


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(["auto", "advise", "shadow"]),
    st.lists(steps(), min_size=len(TIMES), max_size=len(TIMES)),
    st.sampled_from([1, 7]),
)
def test_places_are_what_the_orders_say(mode: str, days: list[list[Step]], batch_size: int) -> None:
    shop = ShopDriver(batch_size=batch_size).open_store({**MILK, "shelf_life_days": None}, rollout={"reorder": mode})
    shop.policy("0042", "100234", min_stock=30).move("2024-10-08 08:00", "count", ("100234", 20))
    assert_places(shop)
    for at, work in zip(TIMES, days, strict=True):
        for step in work:
            step(shop, at)
            assert_places(shop)
        shop.tick(at)
        assert_places(shop)


def assert_places(shop: ShopDriver) -> None:
    expected = {place for order in shop.orders() for place in order_places.places(order)}
    assert set(shop.driver.rows(tables.order_places)) == expected
    assert len(expected) == 2 * len(shop.orders())
