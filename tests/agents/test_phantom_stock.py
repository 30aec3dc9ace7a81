"""Articles that are there in the books only (formulas.md 4.12)."""

from collections.abc import Callable
from typing import Any

import pytest

from freshmart_streams import tables
from freshmart_streams.domain import forecast, times
from freshmart_streams.domain.forecast import Demand
from tests.support.shop import CHEESE, MILK, PASTA, ShopDriver, line

SKU = "100234"
OTHER = "100701"
MONDAY = times.from_iso("2024-09-02")
CLOSED = 6
"""The first Sunday; the first two weeks are 0 to 13."""


def on(number: int, time_of_day: str) -> str:
    """A time of the day that is so many days after the first Monday."""
    return f"{times.to_iso(MONDAY + number)} {time_of_day}"


def day_of(shop: ShopDriver, number: int, sold: int) -> None:
    """A day on which the article sells so many, one by one, and another one something."""
    if number % 7 != CLOSED:
        shop.sale(on(number, "08:00"), line(OTHER))
        for each in range(sold):
            shop.sale(on(number, f"{9 + each:02d}:00"), line(SKU))
    shop.tick(on(number, "23:00"))


def selling(sold: int = 3, days: int = 14, *, every: int = 1, **product: Any) -> ShopDriver:
    """A store in which the article sold as much each day for two weeks, and is counted on the next Monday at 06:00."""
    shop = ShopDriver().open_store({**MILK, "shelf_life_days": None, **product}, PASTA, CHEESE)
    shop.move(on(0, "06:00"), "count", (SKU, 500), (OTHER, 500))
    for number in range(days):
        day_of(shop, number, sold if number % every == 0 else 0)
    return shop.move(on(days, "06:00"), "count", (SKU, 400))


def suspicions(shop: ShopDriver) -> list[str]:
    """Openings and closings of the alert about the article."""
    return [status for kind, sku, status in shop.alerts() if (kind, sku) == ("phantom-stock", SKU)]


def suspected() -> ShopDriver:
    """The article is suspected on Wednesday."""
    shop = selling()
    day_of(shop, 14, 0)
    day_of(shop, 15, 0)
    shop.tick(on(16, "07:00"))
    assert suspicions(shop) == ["open"]
    return shop


def demand(shop: ShopDriver) -> Demand:
    found: Demand = shop.driver.rows(tables.demand)[f"0042/{SKU}"]
    return found


def entries(shop: ShopDriver) -> list[str]:
    """What the agenda has about articles."""
    agenda = next(table for table in shop.driver.group.all_tables if table.name == "agenda")
    return [key for key in shop.driver.rows(agenda) if "\x00doubt/" in key]


class TestSuspicion:
    def test_comes_when_the_store_opens_after_the_second_silent_day(self) -> None:
        shop = selling()
        day_of(shop, 14, 0)
        day_of(shop, 15, 0)
        shop.tick(on(16, "06:59"))
        assert suspicions(shop) == []
        shop.tick(on(16, "07:00"))
        (alert,) = [alert for alert in shop.published("alerts") if alert["kind"] == "phantom-stock"]
        assert alert["message"] == "400 are on hand, and none was sold for 2 days: please count."
        details = alert["details"]
        assert (details["on_hand"], details["days_without_sale"]) == (400, 2)
        assert details["expected_sales"] == pytest.approx(6.0, rel=0.1)
        assert details["probability"] == pytest.approx(0.0025, abs=0.0015)

    def test_counts_from_the_last_sale_on(self) -> None:
        shop = selling()
        shop.sale(on(14, "20:00"), line(SKU)).sale(on(15, "08:00"), line(OTHER)).tick(on(16, "08:00"))
        assert suspicions(shop) == []
        day_of(shop, 16, 0)
        assert suspicions(shop.tick(on(17, "07:00"))) == ["open"]

    def test_does_not_count_closed_days(self) -> None:
        shop = selling(days=19)  # counted on Saturday
        day_of(shop, 19, 0)
        day_of(shop, 20, 0)
        day_of(shop, 21, 0)
        assert suspicions(shop) == []
        assert suspicions(shop.tick(on(22, "07:00"))) == ["open"]

    def test_does_not_come_where_nothing_at_all_is_sold(self) -> None:
        """The tills are silent, not the article."""
        shop = selling()
        for number in range(14, 60):
            shop.tick(on(number, "23:00"))
        assert suspicions(shop) == []
        assert entries(shop) == []

    def test_does_not_come_for_a_slow_article(self) -> None:
        shop = selling(sold=1, days=43, every=14)
        for number in range(43, 80):
            day_of(shop, number, 0)
        assert suspicions(shop) == []

    def test_does_not_come_for_a_new_article(self) -> None:
        shop = ShopDriver().open_store(MILK, PASTA)
        shop.move(on(0, "06:00"), "count", (SKU, 40), (OTHER, 500))
        for number in range(30):
            day_of(shop, number, 0)
        assert suspicions(shop) == []

    def test_does_not_come_where_nothing_is_on_hand(self) -> None:
        shop = selling().move(on(14, "06:30"), "waste", (SKU, 400))
        for number in range(14, 20):
            day_of(shop, number, 0)
        assert suspicions(shop) == []

    def test_heeds_deliveries_that_are_long_ago(self) -> None:
        shop = selling(sold=1, every=2)
        for number in range(14, 25):
            if number == 20:
                shop.move(on(20, "06:00"), "delivery", (SKU, 12))
            day_of(shop, number, 0)
        assert suspicions(shop) == []
        for number in range(25, 36):
            day_of(shop, number, 0)
        assert suspicions(shop) == ["open"]

    def test_counts_purchases_of_goods_by_weight(self) -> None:
        shop = ShopDriver().open_store(CHEESE, PASTA)
        shop.move(on(0, "06:00"), "count", ("100274", 90_000), (OTHER, 500))
        for number in range(14):
            if number % 7 != CLOSED:
                shop.sale(on(number, "08:00"), line(OTHER)).sale(on(number, "10:00"), line("100274", 250))
        for number in range(14, 18):
            shop.sale(on(number, "08:00"), line(OTHER))
        assert ("phantom-stock", "100274", "open") not in shop.alerts()
        for number in range(18, 22):
            day_of(shop, number, 0)
        assert ("phantom-stock", "100274", "open") in shop.alerts()

    def test_orders_nothing(self) -> None:
        shop = suspected()
        row = shop.stock()
        assert (row.on_hand, row.on_order) == (400, 0)
        assert [order for order in shop.orders() if order.sku == SKU] == []

    def test_does_not_come_for_a_deleted_product(self) -> None:
        shop = selling().raw("freshmart.products", SKU.encode(), None, on(14, "06:30"))
        for number in range(14, 20):
            day_of(shop, number, 0)
        assert suspicions(shop) == []
        assert shop.stock().doubt_at == 0


class TestClosing:
    @pytest.mark.parametrize(
        "happen",
        [
            lambda shop: shop.sale(on(16, "09:00"), line(SKU)),
            lambda shop: shop.move(on(16, "09:00"), "count", (SKU, 380)),
            lambda shop: shop.move(on(16, "09:00"), "count", (SKU, 0)),
            lambda shop: shop.move(on(16, "09:00"), "delivery", (SKU, 12)),
            lambda shop: shop.move(on(16, "09:00"), "waste", (SKU, 400)),
        ],
    )
    def test_by_a_sale_a_count_a_delivery_or_when_nothing_is_left(
        self, happen: Callable[[ShopDriver], ShopDriver]
    ) -> None:
        shop = suspected()
        assert suspicions(happen(shop)) == ["open", "closed"]

    @pytest.mark.parametrize(("kind", "quantity"), [("waste", 3), ("delivery", 0)])
    def test_not_by_anything_else(self, kind: str, quantity: int) -> None:
        shop = suspected().move(on(16, "09:00"), kind, (SKU, quantity)).sale(on(16, "10:00"), line(SKU, -1))
        assert suspicions(shop) == ["open"]

    def test_it_comes_again_after_another_silence(self) -> None:
        shop = suspected().sale(on(16, "09:00"), line(SKU))
        for number in range(17, 20):
            day_of(shop, number, 0)
        assert suspicions(shop) == ["open", "closed", "open"]


class TestAgenda:
    @pytest.mark.parametrize(("sold", "looks_max"), [(3, 21), (10, 21), (1, 9)])
    def test_a_steady_seller_is_looked_at_every_other_day_at_most(self, sold: int, looks_max: int) -> None:
        shop, due = selling(sold), set()
        for number in range(14, 56):
            day_of(shop, number, sold)
            assert len([key for key in entries(shop) if key.endswith(SKU)]) == 1
            due.add(shop.stock().doubt_at)
        assert suspicions(shop) == []
        assert len(due) <= looks_max

    def test_a_new_article_is_looked_at_when_it_has_a_history(self) -> None:
        shop = ShopDriver().open_store(MILK, PASTA).move(on(0, "06:00"), "count", (SKU, 40))
        assert times.to_datetime(shop.stock().doubt_at, "Europe/Berlin").isoformat() == "2024-09-16T07:00:00+02:00"

    def test_repeated_movements_make_one_entry(self) -> None:
        shop = selling()
        for minute in range(10, 20):
            shop.move(on(14, f"06:{minute}"), "count", (SKU, 400 + minute))
        assert len([key for key in entries(shop) if key.endswith(SKU)]) == 1

    def test_a_look_leaves_a_calm_article_calm(self) -> None:
        shop = selling()
        day_of(shop, 14, 3)
        day_of(shop, 15, 3)
        before = shop.stock()
        after = shop.tick(on(16, "07:00")).stock()
        assert after.doubt_at > before.doubt_at
        assert (after.calm_until, after.calm_above) == (before.calm_until, before.calm_above)


class TestCount:
    @pytest.mark.parametrize("found", [0, 150])
    def test_of_a_suspected_article_tells_that_its_shelf_was_empty(self, found: int) -> None:
        shop = suspected().move(on(16, "10:00"), "count", (SKU, found))
        shop.move(on(16, "12:00"), "delivery", (SKU, 200))
        day_of(shop, 16, 0)
        day_of(shop, 17, 3)
        missing = demand(shop).missing
        assert (missing[MONDAY + 14], missing[MONDAY + 15]) == (1_000, 1_000)
        assert 0 < missing[MONDAY + 16] < 500
        for number in range(18, 36):
            day_of(shop, number, 3)
        assert forecast.in_force(demand(shop)).level == pytest.approx(3.0 * 7 / 6, rel=0.2)

    def test_of_another_article_tells_nothing(self) -> None:
        shop = selling()
        day_of(shop, 14, 0)
        shop.move(on(15, "10:00"), "count", (SKU, 150))
        day_of(shop, 15, 3)
        assert demand(shop).missing == {}
