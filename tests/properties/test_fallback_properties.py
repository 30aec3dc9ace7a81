"""Stale data and the limit of decisions: not looking at calm articles, and cutting batches, change nothing."""

from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from freshmart_streams import tables
from freshmart_streams.audit.conservation import walk
from freshmart_streams.domain import order_values, reordering, times
from freshmart_streams.engine.stores import MemoryStore
from freshmart_streams.engine.views import View
from tests.properties.test_shop_properties import folded
from tests.support.shop import MILK, PASTA, ShopDriver, line

TUESDAY = times.from_iso("2024-10-08")
HOURS = st.integers(7 * 60, 21 * 60 + 59).map(lambda minute: f"{minute // 60:02d}:{minute % 60:02d}")
DAYS = st.sampled_from([f"2024-10-{day:02d}" for day in range(8, 12)])
KINDS = st.sampled_from(["sale", "sale", "sale", "tick", "count", "waste", "policy"])
EVENTS = st.lists(
    st.tuples(DAYS, HOURS, KINDS, st.sampled_from(["100234", "100701"]), st.integers(1, 400)), max_size=25
)


def played(events: list[tuple[str, str, str, str, int]], **driver: Any) -> ShopDriver:
    """A store that ordered a pack or two on each of seven days, and then whatever comes."""
    shop = ShopDriver(**driver).open_store({**MILK, "shelf_life_days": None}, PASTA)
    shop.policy("0042", "*", min_stock=30)
    for number in (17, 19, 22, 24, 26, 29):  # before the cut-off; what is sent is refused, and needed no more
        shop.move(f"2024-09-{number} 08:00", "count", ("100234", 20))
        shop.sale(f"2024-09-{number} 12:00", line(quantity=1))
        shop.move(f"2024-09-{number} 15:00", "count", ("100234", 60), ("100701", 60))
        order_id = shop.published("reorders")[-1]["order_id"]
        shop.move(f"2024-09-{number} 16:00", "order-response", ("100234", 0), order_id=order_id)
    for day, hour, kind, sku, units in sorted(events):
        at = f"{day} {hour}"
        if kind == "sale":
            shop.sale(at, line(sku, 1 + units // 20))
        elif kind == "tick":
            shop.tick(at)
        elif kind == "policy":
            shop.policy("0042", sku, min_stock=units)
        else:
            shop.move(at, kind, (sku, units))
    return shop.sale("2024-10-11 21:59", line(), line("100701"))


@settings(deadline=None, max_examples=100)
@given(EVENTS)
def test_the_same_orders_and_alerts_when_every_sale_is_looked_at(events: list[tuple[str, str, str, str, int]]) -> None:
    with patch.object(reordering, "calm", return_value=(0, 0)):
        always = played(events, batch_size=100)
    found = played(events, batch_size=100)
    assert found.published("reorders") == always.published("reorders")
    assert found.published("alerts") == always.published("alerts")


@settings(deadline=None, max_examples=40)
@given(EVENTS, st.integers(2, 9))
def test_batches_and_a_plain_fold_make_no_difference_and_every_law_holds(
    events: list[tuple[str, str, str, str, int]], batch_size: int
) -> None:
    store = MemoryStore()
    one, other = played(events, batch_size=1), played(events, batch_size=batch_size, store=store)
    assert one.driver.stored() == other.driver.stored()
    assert one.driver.outputs() == other.driver.outputs()
    assert folded(other).outputs == other.driver.outputs()
    findings = [finding for page in walk(lambda: View(store, stale=False), 14) for finding in page]
    assert [finding for finding in findings if finding.trouble] == []


@settings(deadline=None, max_examples=60)
@given(EVENTS)
def test_a_delivery_days_value_is_that_of_its_orders(events: list[tuple[str, str, str, str, int]]) -> None:
    shop = played(events, batch_size=1)
    row = shop.driver.rows(tables.order_values)["0042"]
    for day, value in row.days.items():
        assert value == sum(order.worth for order in shop.orders() if order.deliver_by == day)


@settings(deadline=None, max_examples=60)
@given(EVENTS)
def test_no_more_is_automatic_for_a_delivery_than_its_limit(events: list[tuple[str, str, str, str, int]]) -> None:
    shop = played(events, batch_size=1)
    row = shop.driver.rows(tables.order_values)["0042"]
    limit = max(order_values.limit_on(row, today) or 0 for today in (TUESDAY, max(row.days, default=TUESDAY)))
    for day in row.days:
        assert sum(order.worth for order in shop.orders() if order.deliver_by == day and order.mode == "auto") <= limit
