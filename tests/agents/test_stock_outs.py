"""Days on which an article ran out are no lack of demand (formulas.md 4.6)."""

import pytest

from freshmart_streams import tables
from freshmart_streams.domain import forecast, times
from freshmart_streams.domain.forecast import Demand
from tests.support.shop import PASTA, ShopDriver, line

SKU = "100701"
MONDAY = times.from_iso("2024-09-02")
DAYS = 20
OUT_FROM, OPEN, CLOSES = 14, 7, 22


def day_of(shop: ShopDriver, number: int, *, is_filled: bool, sold: int = 15) -> None:
    """One piece an hour from opening; where the shelf is filled, all day, else until it is empty at 14 o'clock."""
    date = times.to_iso(MONDAY + number)
    there = 60 if is_filled else OUT_FROM - OPEN
    shop.move(f"{date} 05:00", "count", (SKU, there))
    for hour in range(OPEN, CLOSES if is_filled else OUT_FROM):
        shop.sale(f"{date} {hour:02d}:59", line(SKU, 1), receipt_id=f"{number}-{hour}")


def demand_after(*, is_filled: bool) -> Demand:
    """What is known of the article after three weeks."""
    shop = ShopDriver().open_store(PASTA, rollout={"reorder": "auto"})
    for number in range(DAYS):
        if (MONDAY + number) % 7:  # closed on Sundays
            day_of(shop, number, is_filled=is_filled or number < 6)
    shop.move(f"{times.to_iso(MONDAY + DAYS)} 05:00", "count", (SKU, 60))
    return shop.driver.rows(tables.demand)[f"0042/{SKU}"]


def test_the_forecast_of_what_runs_out_every_afternoon_does_not_fall() -> None:
    always, half = demand_after(is_filled=True), demand_after(is_filled=False)
    assert forecast.in_force(half).level == pytest.approx(forecast.in_force(always).level, rel=0.05)
    assert sum(half.sold) < 0.7 * sum(always.sold)


def test_what_was_missing_is_kept_by_day() -> None:
    missing = demand_after(is_filled=False).missing
    assert {day - MONDAY: part for day, part in missing.items()} == {
        number: (CLOSES * 60 - OUT_FROM * 60 + 1) * 1_000 // (60 * (CLOSES - OPEN))
        for number in range(7, DAYS)
        if (MONDAY + number) % 7
    }


def test_an_article_that_is_gone_for_weeks_is_expected_as_before() -> None:
    shop = ShopDriver().open_store(PASTA, rollout={"reorder": "auto"})
    for number in range(13):
        if (MONDAY + number) % 7:
            day_of(shop, number, is_filled=True)
    before = shop.stock(SKU).demand_rate_per_day
    shop.move(f"{times.to_iso(MONDAY + 12)} 22:30", "waste", (SKU, 45))
    shop.move(f"{times.to_iso(MONDAY + 40)} 05:00", "delivery", (SKU, 60))
    shop.sale(f"{times.to_iso(MONDAY + 40)} 07:30", line(SKU, 1))
    assert shop.stock(SKU).demand_rate_per_day == pytest.approx(before, rel=0.1)


def test_where_only_sales_are_told_nobody_knows_what_was_out() -> None:
    shop = ShopDriver().open_store(PASTA, rollout={"reorder": "auto"})
    for number in range(5):
        shop.sale(f"{times.to_iso(MONDAY + number)} 12:00", line(SKU, 5))
    shop.sale(f"{times.to_iso(MONDAY + 40)} 12:00", line(SKU, 1))
    demand = shop.driver.rows(tables.demand)[f"0042/{SKU}"]
    assert demand.missing == {}
    assert forecast.in_force(demand).level < 1.0
