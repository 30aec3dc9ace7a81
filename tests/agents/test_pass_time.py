"""Ticks, full hours, the close of the day, and the work that they make due."""

from freshmart_streams import tables
from tests.support.shop import MILK, TOPICS, ShopDriver, line


def opened() -> ShopDriver:
    """A store with plenty of milk."""
    return ShopDriver().open_store(MILK).move("2024-10-08 05:40", "count", ("100234", 400))


class TestReports:
    def test_a_changed_day_is_published_at_the_next_tick_and_not_again(self) -> None:
        shop = opened().sale("2024-10-08 09:13", line())
        assert shop.published("store-days") == []
        shop.tick("2024-10-08 09:14").tick("2024-10-08 09:15")
        (report,) = shop.published("store-days")
        assert (report["version"], report["status"], report["receipts"], report["net_sales"]) == (
            0,
            "preliminary",
            1,
            119,
        )
        assert shop.ids("store-days") == ["0042/2024-10-08.0"]

    def test_without_ticks_it_is_published_at_each_full_hour_of_the_stores_clock(self) -> None:
        shop = opened().sale("2024-10-08 09:13", line()).sale("2024-10-08 09:59", line())
        assert shop.published("store-days") == []
        shop.sale("2024-10-08 10:00", line())
        assert [report["receipts"] for report in shop.published("store-days")] == [3]

    def test_the_close_of_the_day_is_final_and_what_comes_later_corrects_it(self) -> None:
        shop = opened().sale("2024-10-08 21:00", line()).tick("2024-10-08 22:00").tick("2024-10-09 02:59")
        assert [report["status"] for report in shop.published("store-days")] == ["preliminary"]
        shop.tick("2024-10-09 03:00").sale("2024-10-08 21:30", line()).tick("2024-10-09 03:01")
        seen = [(report["version"], report["status"], report["receipts"]) for report in shop.published("store-days")]
        assert seen == [(0, "preliminary", 1), (1, "final", 1), (2, "corrected", 2)]

    def test_the_message_key_names_store_and_day(self) -> None:
        shop = opened().sale("2024-10-08 09:13", line()).tick("2024-10-08 09:14")
        (output,) = shop.driver.outputs(TOPICS.store_days.name)
        assert output.key == b"0042/2024-10-08"
        assert dict(output.headers)["ce_time"] == b"2024-10-08T09:14:01+02:00"

    def test_more_days_than_one_slice_are_all_published_at_one_tick(self) -> None:
        shop = ShopDriver(batch_size=2_000)
        for number in range(450):
            store_id = f"s{number}"
            shop.store(store_id=store_id, timezone="Europe/Berlin")
            shop.sale("2024-10-08 09:13", line("1"), store_id=store_id)
        assert len(shop.tick("2024-10-08 09:14").published("store-days")) == 450
        assert shop.driver.rows(tables.changed_days) == {}

    def test_a_days_row_is_dropped_after_its_year(self) -> None:
        shop = opened().sale("2024-10-08 09:13", line()).tick("2025-11-11 23:00")
        assert list(shop.driver.rows(tables.store_days)) == ["0042/2024-10-08"]
        assert shop.tick("2025-11-12 00:00").driver.rows(tables.store_days) == {}


class TestTicks:
    def test_a_tick_counts_with_its_messages_timestamp(self) -> None:
        shop = opened().raw(TOPICS.ticks.name, None, b'{"at": "2031-01-01T00:00:00Z"}', "2024-10-08 14:00")
        shop.sale("2024-10-08 09:00", line())
        assert shop.codes() == []

    def test_ticks_make_a_silent_stores_old_events_late(self) -> None:
        shop = opened().tick("2024-10-30 00:00").sale("2024-10-08 09:13", line())
        assert shop.codes() == ["too-late"]

    def test_a_broken_tick_is_a_dead_letter(self) -> None:
        assert opened().raw(TOPICS.ticks.name, None, b"{}").codes() == ["invalid"]

    def test_one_tick_settles_every_article_that_is_due(self) -> None:
        shop = ShopDriver(batch_size=500).policy("*", "*", min_stock=30)
        products = [{**MILK, "sku": f"a{number}", "shelf_life_days": None} for number in range(60)]
        shop.open_store(*products)
        shop.move("2024-10-08 08:00", "count", *((str(product["sku"]), 20) for product in products))
        shop.tick("2024-10-08 14:00")
        assert {row.on_order for row in shop.driver.rows(tables.stock).values()} == {12}

    def test_an_order_row_is_forgotten_sixty_days_after_its_delivery_day(self) -> None:
        shop = ShopDriver().open_store({**MILK, "shelf_life_days": None}).policy("*", "*", min_stock=30)
        shop.move("2024-10-08 08:00", "count", ("100234", 20)).tick("2024-10-08 14:00")
        order_id = shop.orders()[0].order_id
        shop.move("2024-10-09 06:00", "delivery", ("100234", 12), order_id=order_id)
        shop.tick("2024-12-07 23:59")
        assert order_id in {order.order_id for order in shop.orders()}
        shop.tick("2024-12-08 00:00")
        assert order_id not in {order.order_id for order in shop.orders()}
