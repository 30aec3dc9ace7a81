"""Master data in, and what they change in decisions, dead letters and alerts."""

from freshmart_streams import tables
from tests.support.shop import MILK, STORE, TOPICS, ShopDriver, line


class TestProducts:
    def test_a_tombstone_makes_an_article_unknown(self) -> None:
        shop = ShopDriver().open_store(MILK).raw(TOPICS.products.name, b"100234", None)
        shop.sale("2024-10-08 09:13", line())
        assert ("unknown-sku", "100234", "open") in shop.alerts()

    def test_the_history_of_regular_prices_is_kept(self) -> None:
        shop = ShopDriver().product(**MILK).product(**MILK).product(**{**MILK, "price": 109})
        changes = shop.driver.rows(tables.regular_prices)["100234"].changes
        assert [price for _, price in changes] == [119, 109]

    def test_a_void_of_unknown_goods_keeps_its_figures_when_the_product_appears(self) -> None:
        shop = ShopDriver().open_store().sale("2024-10-08 09:13", line("777", 1, 50), receipt_id="r-1")
        shop.product(sku="777", category="new", unit="gram").void("2024-10-08 10:00", "r-1")
        assert shop.day().gross_sales == 0


class TestStores:
    def test_a_time_zone_that_does_not_exist_is_invalid(self) -> None:
        shop = ShopDriver().store(**{**STORE, "timezone": "Europe/Bonn"})
        assert shop.codes() == ["invalid"]
        assert shop.driver.rows(tables.stores) == {}

    def test_a_deleted_store_still_sends_what_was_decided(self) -> None:
        shop = ShopDriver().open_store({**MILK, "shelf_life_days": None}).policy("*", "*", min_stock=30)
        shop.move("2024-10-08 08:00", "count", ("100234", 20)).raw(TOPICS.stores.name, b"0042", None)
        assert shop.tick("2024-10-08 14:00").stock().on_order == 12


class TestPolicies:
    def test_the_most_specific_row_wins_and_a_tombstone_takes_it_back(self) -> None:
        shop = ShopDriver().open_store({**MILK, "shelf_life_days": None})
        shop.policy("*", "*", min_stock=30).policy("0042", "100234", min_stock=50)
        shop.move("2024-10-08 08:00", "count", ("100234", 20))
        assert shop.stock().levels is not None
        assert shop.published("reorders")[-1]["reason"]["reorder_point"] == 50
        shop.raw(TOPICS.policies.name, b"0042/100234", None).sale("2024-10-08 08:10", line())
        assert shop.published("reorders")[-1]["reason"]["reorder_point"] == 30


class TestDeadLetters:
    def test_of_master_data_come_from_partition_zero_only(self) -> None:
        letters = []
        for partition in (0, 1):
            shop = ShopDriver(partition=partition, partition_count=4)
            letters.append(shop.raw(TOPICS.products.name, b"100234", b"{broken").codes())
        assert letters == [["not-json"], []]
