"""Prices per store and article: kept up when the article is touched, changed by labels, forgotten in time."""

from typing import Any

import pytest

from freshmart_streams import tables
from freshmart_streams.domain import times
from freshmart_streams.domain.prices import Prices, RegularPrices
from tests.support.shop import CHEESE, MILK, TOPICS, ShopDriver, berlin, line

KEY = "0042/100234"


def opened(**driver: Any) -> ShopDriver:
    return ShopDriver(**driver).open_store(MILK, CHEESE)


def prices_of(shop: ShopDriver, sku: str = "100234") -> Prices:
    return shop.driver.rows(tables.prices)[f"0042/{sku}"]


def regular(shop: ShopDriver) -> dict[str, RegularPrices]:
    return shop.driver.rows(tables.regular_prices)


def reprice(shop: ShopDriver, price: int, at: str) -> ShopDriver:
    """Master data name another regular price."""
    value = b'{"sku": "100234", "price": %d}' % price
    return shop.raw(TOPICS.products.name, b"100234", value, at)


def confirm(shop: ShopDriver, price_change_id: str, at: str = "2024-10-08 10:00", **more: Any) -> ShopDriver:
    return shop.move(at, "label-confirmed", price_change_id=price_change_id, **more)


class TestRegularPrices:
    def test_are_taken_in_by_the_first_sale_of_the_article(self) -> None:
        shop = opened().sale("2024-10-08 09:00", line())
        assert list(shop.driver.rows(tables.prices)) == [KEY]
        assert prices_of(shop).changes == [(0, 119)]

    @pytest.mark.parametrize("kind", ["count", "delivery", "waste"])
    def test_are_taken_in_by_a_movement(self, kind: str) -> None:
        assert prices_of(opened().move("2024-10-08 09:00", kind, ("100234", 1))).price == 119

    def test_a_change_writes_no_row_of_a_store_before_the_article_is_touched_there(self) -> None:
        shop = opened().sale("2024-10-08 09:00", line())
        before = prices_of(shop)
        assert prices_of(reprice(shop, 109, "2024-10-08 10:00")) == before

    def test_a_change_counts_from_its_message_on_when_the_article_is_touched_later(self) -> None:
        shop = reprice(opened().sale("2024-10-08 09:00", line()), 109, "2024-10-08 10:00")
        shop.sale("2024-10-08 17:00", line())
        assert prices_of(shop).changes == [(0, 119), (times.from_datetime(berlin("2024-10-08 10:00")), 109)]

    def test_that_are_taken_in_are_noted_in_the_row_that_a_sale_reads_anyway(self) -> None:
        shop = opened().sale("2024-10-08 09:00", line())
        known = shop.driver.rows(tables.products)["100234"]
        assert shop.stock().priced_at == known.priced_at == regular(shop)["100234"].changed_at > 0

    def test_a_row_is_written_only_when_a_price_changed(self) -> None:
        shop = opened().sale("2024-10-08 09:00", line())
        shop.driver.commit()
        rows = shop.driver.batch.rows(tables.prices)
        shop.driver.batch_size = 1_000
        shop.sale("2024-10-08 09:10", line()).sale("2024-10-08 09:20", line("100234", -1))
        assert rows.changed_count == 0

    def test_an_article_without_a_price_has_no_row(self) -> None:
        shop = (
            ShopDriver()
            .open_store({"sku": "777"})
            .sale("2024-10-08 09:00", line("777"))
            .sale("2024-10-08 09:00", line("9"))
        )
        assert shop.driver.rows(tables.prices) == {}
        assert regular(shop) == {}


class TestDeletedArticles:
    def test_keep_their_history_for_30_days_and_then_forget_it(self) -> None:
        shop = opened().raw(TOPICS.products.name, b"100234", None, "2024-10-08 09:00")
        assert [price for _, price in regular(shop)["100234"].changes] == [119, None]
        shop.tick("2024-11-07 07:59")  # winter time has begun
        assert "100234" in regular(shop)
        shop.tick("2024-11-07 08:01")
        assert "100234" not in regular(shop)
        assert "100274" in regular(shop)

    def test_that_come_back_keep_it(self) -> None:
        shop = opened().sale("2024-10-08 08:00", line()).raw(TOPICS.products.name, b"100234", None, "2024-10-08 09:00")
        reprice(shop, 139, "2024-10-09 09:00").sale("2024-10-20 09:00", line())
        assert [price for _, price in prices_of(shop).changes] == [119, None, 139]
        assert "100234" in regular(shop.tick("2024-11-08 09:00"))

    def test_that_are_deleted_again_keep_it_for_30_days_from_then_on(self) -> None:
        shop = opened().raw(TOPICS.products.name, b"100234", None, "2024-10-08 09:00")
        reprice(shop, 139, "2024-10-09 09:00").raw(TOPICS.products.name, b"100234", None, "2024-10-18 09:00")
        assert "100234" in regular(shop.tick("2024-11-10 09:00"))
        assert "100234" not in regular(shop.tick("2024-11-18 09:00"))

    def test_that_come_back_after_it_is_forgotten_are_taken_in_anew(self) -> None:
        shop = opened().sale("2024-10-08 08:00", line()).raw(TOPICS.products.name, b"100234", None, "2024-10-08 09:00")
        shop.tick("2024-11-08 09:00")
        reprice(shop, 139, "2024-11-08 09:10").sale("2024-11-08 09:30", line())
        assert prices_of(shop).price == 139


class TestLabels:
    def test_the_old_price_holds_until_the_label_is_confirmed(self) -> None:
        shop = opened().sale("2024-10-08 08:00", line())
        shop.decide_price("2024-10-08 09:00", "pc-1", 99)
        assert prices_of(shop).price == 119
        row = prices_of(confirm(shop, "pc-1"))
        assert (row.price, row.awaited, row.reduced_from) == (99, None, 119)
        assert row.changes[-1][0] == times.from_datetime(berlin("2024-10-08 10:00"))

    def test_confirmed_again_under_another_event_is_no_news(self) -> None:
        shop = opened()
        shop.decide_price("2024-10-08 09:00", "pc-1", 99)
        once = prices_of(confirm(shop, "pc-1", event_id="a"))
        assert prices_of(confirm(shop, "pc-1", "2024-10-08 11:00", event_id="b")) == once
        assert shop.alerts() == []

    def test_of_an_unknown_price_change_is_an_alert_about_the_store(self) -> None:
        shop = confirm(opened(), "pc-9")
        (alert,) = shop.published("alerts")
        assert (alert["kind"], alert["status"], alert["details"]) == (
            "order-conflict",
            "open",
            {"price_change_id": "pc-9"},
        )
        assert "sku" not in alert
        assert shop.codes() == []

    def test_of_a_decision_that_another_replaced_is_unknown(self) -> None:
        shop = opened()
        shop.decide_price("2024-10-08 09:00", "pc-1", 99)
        shop.decide_price("2024-10-08 09:00", "pc-2", 89)
        assert list(shop.driver.rows(tables.price_labels)) == ["0042/pc-2"]
        assert prices_of(confirm(shop, "pc-1")).price == 119
        assert shop.alerts() == [("order-conflict", None, "open")]

    def test_ids_are_forgotten_when_a_regular_price_follows(self) -> None:
        shop = opened()
        shop.decide_price("2024-10-08 09:00", "pc-1", 99)
        confirm(shop, "pc-1")
        assert list(shop.driver.rows(tables.price_labels)) == ["0042/pc-1"]
        reprice(shop, 129, "2024-10-08 11:00").sale("2024-10-08 12:00", line())
        assert shop.driver.rows(tables.price_labels) == {}
        assert prices_of(shop).price == 129

    def test_moves_neither_stock_nor_an_order(self) -> None:
        shop = opened()
        shop.decide_price("2024-10-08 09:00", "pc-1", 99)
        confirm(shop, "pc-1")
        assert shop.driver.rows(tables.stock) == {}
        assert shop.driver.rows(tables.clocks)["0042"].at == times.from_datetime(berlin("2024-10-08 10:00"))
