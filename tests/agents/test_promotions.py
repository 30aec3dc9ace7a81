"""A planner announces a promotion: it is ordered for in time, and teaches nothing of other days."""

import pytest

from freshmart_streams import tables
from freshmart_streams.domain import forecast, times
from freshmart_streams.domain.forecast import Demand
from tests.support.shop import MILK, ShopDriver, line

MONDAY = times.from_iso("2024-10-07")
PASTA = {**MILK, "shelf_life_days": None, "pack_size": 6}
WEEK = {"from": "2024-10-08", "until": "2024-10-12"}


def opened(on_hand: int = 40) -> ShopDriver:
    """Monday morning after four weeks of ten a day; delivered from Monday to Saturday."""
    shop = ShopDriver().open_store(PASTA, delivery_weekdays=[1, 2, 3, 4, 5, 6])
    shop.move(f"{times.to_iso(MONDAY - 28)} 06:00", "count", ("100234", 100_000))
    for day in range(MONDAY - 28, MONDAY):
        if day % 7:
            shop.sale(f"{times.to_iso(day)} 12:00", line(quantity=10))
    return shop.move("2024-10-07 06:00", "count", ("100234", on_hand))


def demand(shop: ShopDriver) -> Demand:
    found: Demand = shop.driver.rows(tables.demand)["0042/100234"]
    return found


def sold_through(shop: ShopDriver) -> ShopDriver:
    """A promoted week of thirty a day, and an ordinary one."""
    for day in range(MONDAY + 1, MONDAY + 14):
        if day % 7:
            shop.move(f"{times.to_iso(day)} 05:00", "count", ("100234", 400))
            shop.sale(f"{times.to_iso(day)} 12:00", line(quantity=30 if day <= MONDAY + 5 else 10))
    return shop


def test_what_is_announced_is_ordered_at_the_next_sale() -> None:
    shop = opened().sale("2024-10-07 09:10", line())
    assert shop.published("reorders") == []
    shop.policy("*", "100234", promotions=[WEEK])
    assert shop.published("reorders") == [], "a change of master data triggers no decision by itself"
    order = shop.sale("2024-10-07 09:20", line()).published("reorders")[-1]
    assert order["reason"]["forecast"][-1] == pytest.approx(2 * 10, rel=0.1)  # the first promotion: twice as much
    assert order["quantity"] > 0


def test_one_that_is_called_off_is_ordered_no_more() -> None:
    shop = opened(20).policy("*", "100234", promotions=[WEEK]).sale("2024-10-07 09:10", line())
    announced = shop.published("reorders")[-1]["quantity"]
    shop.policy("*", "100234", promotions=[]).sale("2024-10-07 09:20", line())
    assert shop.published("reorders")[-1]["quantity"] < announced


def test_the_next_one_is_expected_to_sell_what_this_one_did() -> None:
    shop = sold_through(opened().policy("*", "100234", promotions=[WEEK]))
    assert set(demand(shop).promoted) == set(range(MONDAY + 1, MONDAY + 6))
    expected = forecast.in_force(demand(shop))
    assert expected.level == pytest.approx(10.0, rel=0.1)
    assert expected.promotion_factor == pytest.approx(3.0, rel=0.1)


def test_that_days_were_promoted_is_remembered_when_the_planner_tidies_up() -> None:
    shop = sold_through(opened().policy("*", "100234", promotions=[WEEK]))
    before = demand(shop)
    shop.policy("*", "100234", promotions=[])
    shop.sale("2024-10-21 12:00", line(quantity=10))
    assert set(before.promoted) <= set(demand(shop).promoted)
    assert forecast.in_force(demand(shop)).level == pytest.approx(10.0, rel=0.1)


def test_without_it_the_busy_week_raises_what_is_expected_of_others() -> None:
    told = forecast.in_force(demand(sold_through(opened().policy("*", "100234", promotions=[WEEK]))))
    assert forecast.in_force(demand(sold_through(opened()))).level > 1.15 * told.level


def test_a_promotion_that_ends_before_it_begins_is_a_dead_letter() -> None:
    shop = opened().policy("*", "100234", promotions=[{"from": "2024-10-12", "until": "2024-10-08"}])
    assert shop.codes() == ["invalid"]
