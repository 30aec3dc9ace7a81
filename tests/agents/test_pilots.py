"""A store in shadow mode, beside what it would be had our orders come (formulas.md 4.13)."""

from typing import Any

import pytest

from freshmart_streams import tables
from freshmart_streams.domain import stock as stock_rules
from freshmart_streams.domain import times
from freshmart_streams.domain.pilots import Pilot
from freshmart_streams.domain.stock import Shelf
from tests.support.shop import MILK, STORE, ShopDriver, line

SKU = "100234"
MONDAY = times.from_iso("2024-10-07")
PRODUCT = {**MILK, "shelf_life_days": None, "pack_size": 1, "cost": 100}
SHADOW = {"rollout": {"reorder": "shadow"}, "delivery_weekdays": [1, 2, 3, 4, 5, 6]}


def pilot(shop: ShopDriver) -> Pilot:
    found: Pilot = shop.driver.rows(tables.pilots)["0042"]
    return found


def date(day: int) -> str:
    return times.to_iso(MONDAY + day)


def opened(on_hand: int = 20, **product: Any) -> ShopDriver:
    """A store of which a planner wants at least 30, so that it is ordered whatever the forecast."""
    shop = ShopDriver().open_store({**PRODUCT, **product}, **SHADOW).policy("0042", SKU, min_stock=30)
    return shop.move(f"{date(0)} 08:00", "count", (SKU, on_hand))


def test_an_order_of_the_trial_comes_on_its_day_to_the_trial_alone() -> None:
    shop = opened(20).tick(f"{date(0)} 14:00")
    row = shop.stock()
    assert row.trial is not None
    assert (row.trial.coming, stock_rules.decision_position(row)) == ((MONDAY + 1, 10), 30)
    assert (row.on_hand, row.on_order, stock_rules.inventory_position(row)) == (20, 0, 20)
    row = shop.sale(f"{date(1)} 09:00", line()).stock()
    assert row.trial is not None
    assert (row.on_hand, stock_rules.trial_on_hand(row), row.trial.coming) == (19, 29, ())
    assert (pilot(shop).orders, pilot(shop).ordered) == (1, 1_000)


def test_what_the_trial_has_is_not_ordered_again() -> None:
    shop = opened(20).tick(f"{date(0)} 14:00").sale(f"{date(1)} 09:00", line()).tick(f"{date(1)} 14:00")
    first, second = [order for order in shop.published("reorders") if order["revision"] == 0]
    assert (first["quantity"], second["quantity"]) == (10, 1)
    assert (second["reason"]["on_hand"], second["reason"]["inventory_position"]) == (29, 29)
    assert [order["mode"] for order in (first, second)] == ["shadow", "shadow"]


def test_what_the_store_ordered_itself_comes_to_the_store_alone() -> None:
    shop = opened(40).move(f"{date(0)} 10:00", "delivery", (SKU, 25))
    assert (shop.stock().on_hand, stock_rules.trial_on_hand(shop.stock())) == (65, 40)
    assert pilot(shop).received == 2_500


def test_what_was_ordered_before_the_pilot_comes_to_both() -> None:
    shop = ShopDriver().open_store(PRODUCT, **{**SHADOW, "rollout": {"reorder": "auto"}})
    shop.policy("0042", SKU, min_stock=30).move(f"{date(0)} 08:00", "count", (SKU, 20)).tick(f"{date(0)} 14:00")
    (order,) = shop.published("reorders")
    shop.store(**{**STORE, **SHADOW}).sale(f"{date(0)} 15:00", line())
    assert stock_rules.decision_position(shop.stock()) == 29
    shop.move(f"{date(1)} 06:00", "delivery", (SKU, 10), order_id=order["order_id"])
    assert (shop.stock().on_hand, stock_rules.trial_on_hand(shop.stock())) == (29, 29)
    assert pilot(shop).received == 0


def test_a_sale_that_the_trial_could_not_make_is_lost_in_it() -> None:
    shop = opened(20).move(f"{date(0)} 10:00", "delivery", (SKU, 25)).sale(f"{date(0)} 11:00", line(quantity=23))
    row = shop.stock()
    assert (row.on_hand, stock_rules.trial_on_hand(row), pilot(shop).trial_lost) == (22, 0, 300)


def test_that_the_store_runs_out_is_noticed_however_much_the_trial_has() -> None:
    """By Wednesday the trial has thirty more, and its position lies above every reorder point."""
    shop = opened(20).policy("0042", SKU, min_stock=80)
    shop.sale(f"{date(0)} 09:00", line()).tick(f"{date(0)} 14:00").policy("0042", SKU, min_stock=10)
    for hour in range(9, 21):
        shop.sale(f"{date(2)} {hour:02d}:00", line(quantity=2))
    row = shop.stock()
    assert (row.on_hand, row.shelf) == (-5, Shelf.OUT)
    assert stock_rules.trial_on_hand(row) > 30
    assert shop.published("alerts")[-1]["kind"] == "negative-stock"
    assert shop.day(date(2)).stockout_skus == 1


def test_a_mistake_of_the_books_is_no_lost_sale() -> None:
    shop = opened(2).sale(f"{date(0)} 11:00", line(quantity=5))
    assert (shop.stock().on_hand, pilot(shop).trial_lost) == (-3, 0)
    shop.move(f"{date(0)} 12:00", "count", (SKU, 8))
    assert stock_rules.trial_on_hand(shop.stock()) == 8


def test_each_spoils_by_its_own_lots() -> None:
    """Both begin with twenty until Tuesday; the store gets ten more, until Wednesday, and throws away what is left."""
    product = {**PRODUCT, "shelf_life_days": 2}
    shop = ShopDriver().open_store(product, **{**SHADOW, "rollout": {"reorder": "off"}})
    shop.move(f"{date(0)} 05:00", "count", (SKU, 0)).move(f"{date(0)} 06:00", "delivery", (SKU, 20))
    shop.store(**{**STORE, **SHADOW}).sale(f"{date(0)} 09:00", line(quantity=2))
    shop.move(f"{date(1)} 06:00", "delivery", (SKU, 10)).sale(f"{date(1)} 09:00", line(quantity=3))
    assert stock_rules.trial_on_hand(shop.stock()) == shop.stock().on_hand - 10
    shop.move(f"{date(1)} 22:00", "waste", (SKU, 15), reason="expired")
    shop.move(f"{date(2)} 06:00", "delivery", (SKU, 7))
    assert (pilot(shop).wasted, pilot(shop).trial_wasted) == (1_500, 1_500)
    assert stock_rules.trial_on_hand(shop.stock()) == pilot(shop).ordered // 100, "of the trial its first order is left"


@pytest.mark.parametrize("reason", ["theft", "damaged", "donation"])
def test_what_is_stolen_or_broken_is_so_in_both(reason: str) -> None:
    shop = opened(40).move(f"{date(0)} 10:00", "waste", (SKU, 4), reason=reason)
    assert (shop.stock().on_hand, stock_rules.trial_on_hand(shop.stock()), pilot(shop).wasted) == (36, 36, 0)


def weeks(days: int, *, delivered: int, sold: int = 10) -> ShopDriver:
    """A store that orders so much a day by hand, whatever it sells."""
    shop = ShopDriver().open_store(PRODUCT, **SHADOW).move(f"{date(0)} 05:00", "count", (SKU, 60))
    for day in range(days):
        if (MONDAY + day) % 7:
            shop.move(f"{date(day)} 06:00", "delivery", (SKU, delivered))
            shop.sale(f"{date(day)} 12:00", line(quantity=sold)).tick(f"{date(day)} 14:00")
    return shop


def test_a_store_that_orders_too_much_has_more_than_its_trial() -> None:
    found = pilot(weeks(40, delivered=13))
    assert found.stock > 1.5 * found.trial_stock
    assert found.trial_lost == 0
    assert found.received == 100 * 13 * 35
    assert found.ordered < found.received


def test_a_store_that_runs_out_loses_what_its_trial_sells() -> None:
    shop = weeks(12, delivered=10)
    shop.move(f"{date(12)} 05:00", "waste", (SKU, shop.stock().on_hand), reason="donation")
    shop.sale(f"{date(21)} 09:00", line(quantity=-1))
    found = pilot(shop)
    assert found.missing > 3_000
    assert found.lost == pytest.approx(found.missing / 1_000 * 10 * 100, rel=0.2)


def test_a_pilot_ends_and_the_next_one_begins_anew() -> None:
    shop = opened(20).tick(f"{date(0)} 14:00").store(**{**STORE, **SHADOW, "rollout": {"reorder": "advise"}})
    shop.sale(f"{date(1)} 09:00", line())
    assert shop.stock().trial is None
    ended = pilot(shop)
    assert (ended.orders, ended.until > ended.since) == (1, True)
    shop.store(**{**STORE, **SHADOW}).sale(f"{date(2)} 09:00", line())
    assert shop.stock().trial is not None
    assert (pilot(shop).orders, pilot(shop).until, pilot(shop).since > ended.since) == (0, 0, True)
    assert stock_rules.trial_on_hand(shop.stock()) == shop.stock().on_hand
