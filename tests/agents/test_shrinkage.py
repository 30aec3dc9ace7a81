"""What counts find missing is expected to go missing until the next one (formulas.md 4.12)."""

import pytest

from freshmart_streams import tables
from freshmart_streams.domain import shrinkage, times
from freshmart_streams.domain.shrinkage import Shrinkage
from tests.support.shop import MILK, ShopDriver, line

MONDAY = times.from_iso("2024-10-07")
SPIRITS = {**MILK, "shelf_life_days": None, "pack_size": 6, "category": "spirits", "price": 1_000, "unit": "piece"}


def sold_for(weeks: int, *, lost_a_week: int, per_day: int = 10) -> ShopDriver:
    """Weeks of so many a day at 10 euros; every Monday morning a count finds some missing, and goods come."""
    shop = ShopDriver().open_store(SPIRITS, delivery_weekdays=[1, 2, 3, 4, 5, 6])
    first = MONDAY - 7 * weeks
    shop.move(f"{times.to_iso(first)} 04:00", "count", ("100234", 200))
    for day in range(first, MONDAY):
        if day % 7 == 1 and day > first:
            left = shop.stock().on_hand - lost_a_week
            shop.move(f"{times.to_iso(day)} 05:00", "count", ("100234", left))
            shop.move(f"{times.to_iso(day)} 05:30", "adjustment", ("100234", 200 - left))
        if day % 7:
            shop.sale(f"{times.to_iso(day)} 12:00", line(quantity=per_day, unit_price=1_000))
    return shop


def lost(shop: ShopDriver) -> Shrinkage:
    found: Shrinkage = shop.driver.rows(tables.shrinkage)["0042"]
    return found


def test_its_rate_is_what_is_missing_beside_what_was_sold() -> None:
    row = lost(sold_for(8, lost_a_week=3))
    assert row.lost == {"spirits": 7 * 3 * 1_000}
    assert row.sold["spirits"] == pytest.approx(8 * 6 * 10 * 1_000, rel=0.05)  # the last day is not closed yet
    assert shrinkage.rate(row, "spirits") == pytest.approx(21_000 / (470_000 + 100_000), rel=0.01)


def test_what_is_taken_to_be_gone_does_not_count_as_stock_until_the_next_count() -> None:
    shop = sold_for(8, lost_a_week=3)
    row = shop.stock()
    assert row.expected_loss <= 2, "it was counted this week"
    for day in range(MONDAY, MONDAY + 28):
        if day % 7:
            shop.sale(f"{times.to_iso(day)} 12:00", line(quantity=5, unit_price=1_000))
    shop.move("2024-11-04 05:00", "adjustment", ("100234", 100 - shop.stock().on_hand))
    shop.sale("2024-11-04 12:00", line(quantity=5, unit_price=1_000))
    row = shop.stock()
    share = shrinkage.rate(lost(shop), "spirits")
    assert 0 < row.expected_loss <= share * 10 * 36 + 1
    assert row.expected_waste == row.expected_loss
    shop.move("2024-11-05 05:00", "count", ("100234", row.on_hand))
    assert (shop.stock().expected_loss, shop.stock().expected_waste) == (0, 0)


def test_finding_more_takes_away_from_it() -> None:
    row = lost(sold_for(4, lost_a_week=-3))
    assert row.lost["spirits"] < 0
    assert shrinkage.rate(row, "spirits") == 0.0


def test_a_first_count_and_a_missing_booking_are_no_shrinkage() -> None:
    shop = ShopDriver().open_store(SPIRITS)
    shop.move("2024-10-07 05:00", "delivery", ("100234", 60))
    shop.move("2024-10-07 06:00", "count", ("100234", 40))
    shop.move("2024-10-07 07:00", "count", ("100234", 8))
    assert "0042" not in shop.driver.rows(tables.shrinkage)
    shop.move("2024-10-07 08:00", "count", ("100234", 6))
    assert lost(shop).lost == {"spirits": 2_000}


def test_it_is_never_more_than_a_tenth() -> None:
    assert shrinkage.rate(Shrinkage(10, {"spirits": 1_000_000}, {"spirits": 900_000}), "spirits") == 0.1


def test_what_is_known_is_forgotten_by_halves() -> None:
    row = Shrinkage(shrinkage.KEPT_DAYS - 1, {"spirits": 1_000_000}, {"spirits": 40_000})
    shop = ShopDriver().open_store(SPIRITS)
    shop.driver.batch.rows(tables.shrinkage)["0042"] = row
    shop.sale("2024-10-07 12:00", line(unit_price=1_000)).sale("2024-10-08 12:00", line(unit_price=1_000))
    assert lost(shop) == Shrinkage(shrinkage.KEPT_DAYS // 2, {"spirits": 500_500}, {"spirits": 20_000})
