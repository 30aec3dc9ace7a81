"""What spoils before it is sold does not count as stock (formulas.md 4.2 and 4.5)."""

from typing import Any

import pytest

from freshmart_streams.domain import times
from tests.support.shop import MILK, ShopDriver, line

MONDAY = times.from_iso("2024-10-07")
YOGURT = {**MILK, "shelf_life_days": None, "pack_size": 6}
"""Of which the delivery says how long it keeps."""


def sold_for_weeks(per_day: int = 10, **product: object) -> ShopDriver:
    """Monday morning after four weeks of so many a day, and nothing left; delivered from Monday to Saturday."""
    shop = ShopDriver().open_store({**YOGURT, **product}, delivery_weekdays=[1, 2, 3, 4, 5, 6])
    shop.move(f"{times.to_iso(MONDAY - 28)} 06:00", "count", ("100234", 100_000))
    for day in range(MONDAY - 28, MONDAY):
        if day % 7:
            shop.sale(f"{times.to_iso(day)} 12:00", line(quantity=per_day))
    return shop.move("2024-10-07 05:00", "count", ("100234", 0))


def delivered(shop: ShopDriver, quantity: int, expires_on: str) -> ShopDriver:
    lines = [{"sku": "100234", "quantity": quantity, "expires_on": expires_on}]
    return shop.move("2024-10-07 06:00", "delivery", lines=lines)


def reason(shop: ShopDriver) -> dict[str, int]:
    found: dict[str, int] = shop.published("reorders")[-1]["reason"]
    return found


def test_goods_that_expire_today_do_not_count_for_tomorrow() -> None:
    fresh = delivered(sold_for_weeks(), 60, "2024-10-12")
    assert (fresh.stock().expected_waste, fresh.stock().lots) == (0, (MONDAY + 5, 60))
    old = delivered(sold_for_weeks(), 60, "2024-10-07")
    waste = reason(old)["expected_waste"]
    assert waste == pytest.approx(60 - 10, abs=2)
    assert reason(old)["inventory_position"] == 60 - waste
    assert old.published("reorders")[-1]["quantity"] > fresh.published("reorders")[-1]["quantity"]


def test_more_of_it_is_lost_hour_by_hour_without_a_sale() -> None:
    shop = delivered(sold_for_weeks(), 14, "2024-10-07")
    wasted = [shop.sale(f"2024-10-07 {hour}:10", line()).stock().expected_waste for hour in ("09", "12", "17", "21")]
    # 14 on hand: one an hour is sold, a little less than is expected.
    assert wasted == sorted(wasted)
    assert wasted[-1] > wasted[0]


def test_what_is_thrown_away_is_not_waste_to_come() -> None:
    shop = delivered(sold_for_weeks(), 60, "2024-10-07")
    shop.move("2024-10-07 22:30", "waste", ("100234", 60), reason="expired")
    shop.sale("2024-10-08 09:00", line(quantity=-1))
    assert shop.stock().expected_waste == 0


def test_without_a_date_the_shelf_life_of_the_article_counts() -> None:
    shop = sold_for_weeks(shelf_life_days=3).move("2024-10-07 06:00", "delivery", ("100234", 30))
    assert shop.stock().lots == (MONDAY + 2, 30)


def test_goods_that_never_expire_are_no_lot() -> None:
    assert delivered(sold_for_weeks(), 30, "9999-12-31").stock().lots == ()
    assert sold_for_weeks().move("2024-10-07 06:00", "delivery", ("100234", 30)).stock().lots == ()


def test_a_receipt_that_names_its_lot_leaves_the_others() -> None:
    shop = delivered(delivered(sold_for_weeks(), 20, "2024-10-07"), 20, "2024-10-10")
    assert shop.stock().lots == (MONDAY, 20, MONDAY + 3, 20)
    shop.sale("2024-10-07 09:00", line(quantity=12, expires_on="2024-10-10", lot="A1"))
    assert (shop.stock().on_hand, shop.stock().lots) == (28, (MONDAY, 20, MONDAY + 3, 8))


class TestOneDayGoods:
    """Delivered every day, sold on that day or not at all."""

    def order(self, *, cost: int, per_day: int = 40) -> dict[str, Any]:
        product = {"shelf_life_days": 1, "pack_size": 1, "price": 100, "cost": cost}
        shop = sold_for_weeks(per_day=per_day, **product).sale("2024-10-07 08:00", line())
        found: dict[str, Any] = shop.published("reorders")[-1]
        return found

    def test_the_more_one_of_them_earns_the_more_is_ordered(self) -> None:
        dear, cheap = self.order(cost=50), self.order(cost=10)
        assert (dear["reason"]["service_level"], cheap["reason"]["service_level"]) == (0.5, 0.9)
        assert cheap["quantity"] > dear["quantity"]

    def test_what_is_on_hand_today_is_of_no_use_tomorrow(self) -> None:
        product = {"shelf_life_days": 1, "pack_size": 1, "price": 100, "cost": 20}
        shop = sold_for_weeks(per_day=40, **product).move("2024-10-07 06:00", "delivery", ("100234", 500))
        order = shop.published("reorders")[-1]
        assert order["reason"]["expected_waste"] == pytest.approx(460, abs=15)
        assert order["quantity"] == pytest.approx(50, abs=15)

    def test_it_is_ordered_for_its_own_day_where_the_next_delivery_is_days_off(self) -> None:
        product = {"shelf_life_days": 1, "pack_size": 1, "price": 100, "cost": 20}
        shop = ShopDriver().open_store({**YOGURT, **product}, delivery_weekdays=[1, 4])
        shop.move(f"{times.to_iso(MONDAY - 28)} 06:00", "count", ("100234", 100_000))
        for day in range(MONDAY - 28, MONDAY - 1):
            if day % 7:
                shop.sale(f"{times.to_iso(day)} 12:00", line(quantity=40))
        shop.move("2024-10-06 05:00", "count", ("100234", 0))
        (order,) = [each for each in shop.published("reorders") if each["deliver_by"] == "2024-10-07"][-1:]
        assert len(order["reason"]["forecast"]) == 3
        assert order["quantity"] == pytest.approx(48, abs=10)
