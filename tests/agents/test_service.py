"""What a store's service comes to, and when a person is told."""

from typing import Any

import pytest

from freshmart_streams import tables
from freshmart_streams.domain import service, times
from freshmart_streams.domain.service import Pace, Service
from tests.support.shop import PASTA, ShopDriver, line

SKU = "100701"
MONDAY = times.from_iso("2024-09-02")


def date(number: int) -> str:
    return times.to_iso(MONDAY + number)


def weeks(days: int, *, there: int, sold: int, **store: Any) -> ShopDriver:
    """A store in which so many pieces of an article are there each morning, and as many sold at eight."""
    shop = ShopDriver().open_store(PASTA, opening={"mon-sun": "07:00-22:00"}, **store)
    for number in range(days):
        shop.move(f"{date(number)} 05:00", "count", (SKU, there))
        shop.sale(f"{date(number)} 08:00", line(SKU, sold))
    return shop.move(f"{date(days)} 05:00", "count", (SKU, there))


def rows(shop: ShopDriver) -> dict[str, Service]:
    return shop.driver.rows(tables.service)


def test_each_day_that_is_learned_is_compared_with_what_was_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "COMPARED_ONE_IN", 1)
    shop = weeks(15, there=100, sold=10)
    (row,) = rows(shop).values()
    assert set(rows(shop)) == {f"0042/{Pace.FAST.value}"}
    # The first day is learned, and not compared: nothing was expected of it. Two days are learned in one step.
    assert (row.days, row.missing, row.steps) == (14, 0, 13)
    assert row.covered == (12, 13)  # after its first day a new article is expected to sell less
    assert row.sold == 140
    assert row.expected == pytest.approx(140, rel=0.15)


def test_every_day_counts_for_the_shelf_and_some_are_compared() -> None:
    (row,) = rows(weeks(60, there=100, sold=10)).values()
    assert row.days == 59
    assert 5 < row.steps < 25


def test_a_day_with_a_stock_out_counts_for_the_shelf_only() -> None:
    shop = weeks(15, there=10, sold=10)
    (row,) = rows(shop).values()
    assert (row.steps, row.days) == (0, 14)
    assert service.on_shelf([row]) == pytest.approx(1 / 15, abs=0.001)  # an hour of fifteen


def test_a_store_that_is_served_worse_than_promised_is_told_once_and_told_when_it_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "DAYS_MIN", 5)
    monkeypatch.setattr(service, "KEPT_DAYS", 20)
    monkeypatch.setattr(service, "LOOK_EVERY", 1)
    shop = weeks(12, there=10, sold=10)
    kind = "service-below-target"
    assert [alert for alert in shop.alerts() if alert[0] == kind] == [(kind, None, "open")]
    (opened,) = (alert for alert in shop.published("alerts") if alert["kind"] == kind)
    assert "98.0% are promised" in opened["message"]
    for number in range(12, 200):
        shop.move(f"{date(number)} 05:00", "count", (SKU, 100))
        shop.sale(f"{date(number)} 08:00", line(SKU, 10))
    assert [alert for alert in shop.alerts() if alert[0] == kind] == [(kind, None, "open"), (kind, None, "closed")]


def test_nobody_is_told_where_people_order_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "DAYS_MIN", 5)
    monkeypatch.setattr(service, "LOOK_EVERY", 1)
    shop = weeks(12, there=10, sold=10, rollout={"reorder": "shadow"})
    assert rows(shop)[f"0042/{Pace.FAST.value}"].missing > 0
    assert [alert for alert in shop.alerts() if alert[0] == "service-below-target"] == []
