"""Receipts in, rows and outputs out."""

from freshmart_streams import tables
from tests.support.shop import CHEESE, MILK, PASTA, TOPICS, ShopDriver, line


def opened() -> ShopDriver:
    """A store with milk counted in the morning."""
    return (
        ShopDriver().open_store(MILK, PASTA, CHEESE).move("2024-10-08 05:40", "count", ("100234", 40), ("100701", 40))
    )


class TestSales:
    def test_a_sale_moves_stock_and_figures(self) -> None:
        shop = opened().sale("2024-10-08 09:13", line(quantity=2, discount=20), line("100701", 1, 99))
        assert (shop.stock().on_hand, shop.stock("100701").on_hand) == (38, 39)
        day = shop.day()
        assert (day.receipts, day.lines, day.gross_sales, day.discounts, day.net_sales) == (1, 2, 337, 20, 317)
        assert day.by_category == {"dairy": 218, "dry-goods": 99}
        assert day.hourly[9] == 317

    def test_the_same_receipt_counts_once(self) -> None:
        shop = opened()
        for _ in range(3):
            shop.sale("2024-10-08 09:13", line(quantity=2), receipt_id="r-1")
        assert shop.stock().on_hand == 38
        assert shop.day().receipts == 1
        assert shop.codes() == []

    def test_a_receipt_id_is_unique_per_store_only(self) -> None:
        shop = opened().store(store_id="0043", timezone="Europe/Berlin")
        for store_id in ("0042", "0043"):
            shop.sale("2024-10-08 09:13", line(), receipt_id="r-1", store_id=store_id)
        assert shop.day(store_id="0042").receipts == shop.day(store_id="0043").receipts == 1

    def test_a_business_day_is_the_stores_whatever_the_offset(self) -> None:
        shop = opened().sale("2024-10-09 00:30", line(), sold_at="2024-10-08T22:30:00Z")
        assert shop.day("2024-10-09").receipts == 1

    def test_one_article_on_two_lines_is_one_change_of_its_stock(self) -> None:
        shop = opened().move("2024-10-08 08:00", "count", ("100234", 1))
        shop.sale("2024-10-08 09:13", line(quantity=2), line(quantity=-2))
        assert shop.stock().on_hand == 1
        assert ("negative-stock", "100234", "open") not in shop.alerts()

    def test_goods_by_weight(self) -> None:
        shop = opened().sale("2024-10-08 09:13", line("100274", 345, 1690))
        assert shop.stock("100274").on_hand == -345
        assert shop.day().gross_sales == 583  # 583.05

    def test_a_return_brings_stock_back(self) -> None:
        shop = opened().sale("2024-10-08 09:13", line(quantity=-2))
        assert shop.stock().on_hand == 42
        assert (shop.day().gross_sales, shop.day().returns) == (-238, 238)

    def test_training_aborted_order_and_transfer_move_nothing_but_the_clock(self) -> None:
        shop = opened()
        for kind in ("training", "aborted", "order", "transfer"):
            shop.sale("2024-10-08 09:13", line(quantity=2), kind=kind)
        assert shop.stock().on_hand == 40
        assert shop.published("store-days") == []
        # the clock moved on: an order cut off at 14:00 is for the next delivery day
        shop.sale("2024-10-08 15:00", line(), kind="training").sale("2024-10-08 09:30", line(quantity=39))
        assert [order["deliver_by"] for order in shop.published("reorders")] == ["2024-10-11"]

    def test_negative_stock_is_one_alert_until_a_count(self) -> None:
        shop = opened().sale("2024-10-08 09:13", line(quantity=41)).sale("2024-10-08 09:14", line())
        assert shop.stock().on_hand == -2
        assert shop.alerts() == [("negative-stock", "100234", "open")]
        shop.move("2024-10-08 10:00", "count", ("100234", 12))
        assert shop.alerts()[1:] == [("negative-stock", "100234", "closed")]
        first, second = shop.ids("alerts")
        assert first.removesuffix(".0") == second.removesuffix(".1")

    def test_a_second_opening_is_another_alert(self) -> None:
        shop = opened().sale("2024-10-08 09:13", line(quantity=41)).move("2024-10-08 10:00", "count", ("100234", 0))
        shop.sale("2024-10-08 11:00", line())
        ids = [alert["alert_id"] for alert in shop.published("alerts")]
        assert ids[0] == ids[1] != ids[2]


class TestUnknownArticles:
    def test_they_count_and_are_alerted_once_until_the_product_appears(self) -> None:
        shop = opened().sale("2024-10-08 09:13", line("777", 3, 50)).sale("2024-10-08 09:14", line("777", 1, 50))
        assert shop.stock("777").on_hand == -4
        assert shop.day().by_category == {"unknown": 200}
        assert [alert for alert in shop.alerts() if alert[0] == "unknown-sku"] == [("unknown-sku", "777", "open")]
        shop.product(sku="777", category="new")
        assert ("unknown-sku", "777", "closed") in shop.alerts()
        assert all(order["sku"] != "777" for order in shop.published("reorders"))


class TestVoids:
    def test_a_void_takes_back_exactly_what_the_receipt_did(self) -> None:
        shop = opened()
        before = shop.stock().on_hand
        shop.sale("2024-10-08 09:13", line(quantity=2, discount=20), line("777", 1, 50), receipt_id="r-1")
        shop.product(**{**MILK, "category": "changed-since"})
        shop.void("2024-10-08 10:00", "r-1")
        day = shop.day()
        assert shop.stock().on_hand == before
        assert (day.receipts, day.lines, day.gross_sales, day.discounts) == (0, 0, 0, 0)
        assert set(day.by_category.values()) == {0}
        assert not any(day.hourly)

    def test_it_counts_on_the_receipts_day(self) -> None:
        shop = opened().sale("2024-10-08 21:59", line(), receipt_id="r-1").tick("2024-10-09 03:00")
        shop.void("2024-10-09 08:00", "r-1")
        assert shop.day("2024-10-08").receipts == 0
        assert shop.day("2024-10-08").is_corrected
        shop.tick("2024-10-09 08:00")
        assert shop.published("store-days")[-1]["status"] == "corrected"

    def test_a_second_void_does_nothing(self) -> None:
        shop = opened().sale("2024-10-08 09:13", line(quantity=2), receipt_id="r-1")
        shop.void("2024-10-08 10:00", "r-1").void("2024-10-08 10:01", "r-1")
        assert shop.stock().on_hand == 40
        assert shop.day().receipts == 0

    def test_a_void_of_a_void_is_invalid(self) -> None:
        shop = opened().sale("2024-10-08 09:13", line(quantity=2), receipt_id="r-1")
        shop.void("2024-10-08 10:00", "r-1", receipt_id="v-1").void("2024-10-08 10:01", "v-1")
        assert shop.codes() == ["invalid"]
        assert shop.stock().on_hand == 40

    def test_a_void_that_comes_first_waits_and_the_receipt_does_nothing(self) -> None:
        shop = opened().void("2024-10-08 09:14", "r-1").void("2024-10-08 09:15", "r-1")
        shop.sale("2024-10-08 09:13", line(quantity=2), receipt_id="r-1")
        assert shop.stock().on_hand == 40
        shop.sale("2024-10-08 09:13", line(quantity=2), receipt_id="r-1")  # sent again: seen
        assert shop.stock().on_hand == 40

    def test_a_void_of_a_training_receipt_takes_nothing_back(self) -> None:
        shop = opened().sale("2024-10-08 09:13", line(quantity=2), receipt_id="r-1", kind="training")
        assert shop.void("2024-10-08 09:14", "r-1").stock().on_hand == 40

    def test_a_sale_voided_across_a_count_leaves_the_count_alone(self) -> None:
        shop = opened().sale("2024-10-08 09:13", line(quantity=2), receipt_id="r-1")
        shop.move("2024-10-08 10:00", "count", ("100234", 38)).void("2024-10-08 11:00", "r-1")
        assert shop.stock().on_hand == 38

    def test_a_void_without_receipt_ends_as_an_alert_after_the_horizon(self) -> None:
        shop = opened().void("2024-10-08 09:14", "r-1").tick("2024-10-22 00:00")
        assert shop.alerts() == [("stale-data", None, "open")]
        shop.tick("2024-10-23 02:00")
        assert shop.alerts()[1:] == [("void-without-receipt", None, "open")]
        shop.tick("2024-11-06 02:00")
        assert shop.alerts()[2:] == [("void-without-receipt", None, "closed")]


class TestDeduplication:
    def test_older_than_the_horizon_is_too_late(self) -> None:
        shop = opened().sale("2024-10-23 09:00", line(), kind="training").sale("2024-10-09 08:59", line())
        assert shop.codes() == ["too-late"]

    def test_ids_are_forgotten_only_when_their_events_would_be_too_late(self) -> None:
        shop = opened().sale("2024-10-08 09:13", line(), receipt_id="r-1")
        shop.tick("2024-10-22 09:00").sale("2024-10-08 09:13", line(), receipt_id="r-1")
        assert shop.codes() == []
        shop.tick("2024-10-23 02:00").sale("2024-10-08 09:13", line(), receipt_id="r-1")
        assert shop.codes() == ["too-late"]
        assert shop.day().receipts == 1

    def test_many_ids_of_a_day_are_forgotten_in_slices(self) -> None:
        shop = ShopDriver(batch_size=5_000).open_store()
        for number in range(1_100):
            shop.sale("2024-10-08 09:13", line(), receipt_id=f"r-{number}", kind="training")
        shop.tick("2024-10-23 02:00")
        assert shop.driver.rows(tables.seen) == {}
        assert shop.driver.rows(tables.clocks)["0042"].seen_days == []


class TestBadInput:
    def test_a_store_nobody_knows(self) -> None:
        shop = ShopDriver().sale("2024-10-08 09:13", line())
        assert shop.codes() == ["unknown-store"]

    def test_a_deleted_store_takes_nothing_in(self) -> None:
        shop = opened().raw(TOPICS.stores.name, b"0042", None).sale("2024-10-08 09:13", line())
        assert shop.codes() == ["unknown-store"]

    def test_an_event_from_the_future_whatever_the_clock(self) -> None:
        shop = opened().sale("2024-10-08 09:00", line(), sold_at="2024-10-08T10:00:01.000001+02:00")
        assert shop.codes() == ["from-the-future"]
        assert shop.sale("2024-10-08 09:00", line(), sold_at="2024-10-08T10:00:01+02:00").codes() == ["from-the-future"]

    def test_a_message_on_the_wrong_partition(self) -> None:
        shop = ShopDriver(partition=0, partition_count=4).open_store(MILK)  # 0042 belongs to partition 1
        assert shop.sale("2024-10-08 09:13", line()).codes() == ["wrong-partition"]

    def test_letters_keep_key_value_and_headers_and_say_where_they_were(self) -> None:
        shop = opened().raw(TOPICS.sales.name, b"0042", b"{broken")
        (letter,) = shop.driver.outputs(TOPICS.dead_letters.name)
        headers = dict(letter.headers)
        assert (letter.key, letter.value) == (b"0042", b"{broken")
        assert headers["__streams.errors.exception"] == b"not-json"
        assert headers["__streams.errors.topic"] == b"freshmart.sales"
        assert headers["__streams.errors.offset"] == b"0"

    def test_each_kind_of_bad_message_is_a_letter_and_the_next_good_one_counts(self) -> None:
        shop = opened()
        sales = TOPICS.sales.name
        shop.raw(sales, None, b"{}").raw(sales, b"0042", None).raw(sales, b"0042", b"[]")
        shop.raw(sales, b"0042", b"x" * 1_000_001)
        shop.sale("2024-10-08 09:13", line(quantity=0)).sale("2024-10-08 09:13", line(), kind="gift")
        shop.sale("2024-10-08 09:13", line())
        assert shop.codes() == ["null-key", "null-value", "invalid", "too-large", "invalid", "unknown-kind"]
        assert shop.stock().on_hand == 39

    def test_only_the_last_thousand_letters_are_kept_without_their_bodies(self) -> None:
        shop = ShopDriver(batch_size=2_000)
        for _ in range(1_003):
            shop.raw(TOPICS.sales.name, b"0042", b"{broken")
        rows = shop.driver.rows(tables.dead_letters)
        assert (len(rows), min(rows), max(rows)) == (1_000, "000000000003", "000000001002")
        assert rows["000000001002"].offset == 1_002
