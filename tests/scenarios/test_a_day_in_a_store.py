"""A day in a store, told as it happens: what is fed in, and what must come out.

Tuesday, 8 October 2024, in Bonn. Milk sells about ten a day, and is delivered on Mondays, Wednesdays and Fridays.
"""

import pytest

from freshmart_streams import tables
from freshmart_streams.agents import stores_group
from freshmart_streams.audit.fold import Fold
from freshmart_streams.audit.sums import receipt_sums
from freshmart_streams.domain import orders as life
from freshmart_streams.domain import times
from tests.support.shop import CHEESE, MILK, PASTA, TOPICS, ShopDriver, line


def week_before() -> ShopDriver:
    """A store that has sold milk for a week."""
    shop = ShopDriver(batch_size=4).open_store(MILK, PASTA, CHEESE)
    shop.move("2024-09-30 06:00", "count", ("100234", 105), ("100701", 200), ("100274", 9_000))
    for day in ("09-30", "10-01", "10-02", "10-03", "10-04", "10-05", "10-07"):
        shop.sale(f"2024-{day} 12:00", line(quantity=10))
    return shop


@pytest.fixture
def shop() -> ShopDriver:
    """The store after its Tuesday and the delivery on Wednesday morning."""
    shop = week_before()
    # Early: twelve of the milk that should be there are spoilt, and the night's count says so.
    shop.move("2024-10-08 06:10", "waste", ("100234", 2), reason="expired")
    shop.move("2024-10-08 06:30", "count", ("100234", 21))
    # Morning: receipts, one sent twice, one with cheese by weight, one return.
    shop.sale("2024-10-08 09:13", line(quantity=2, discount=20), line("100701", 1, 99), receipt_id="3-117")
    shop.sale("2024-10-08 09:13", line(quantity=2, discount=20), line("100701", 1, 99), receipt_id="3-117")
    shop.sale("2024-10-08 10:02", line("100274", 345, 1690), receipt_id="3-118")
    shop.sale("2024-10-08 10:30", line("100701", -1, 99), receipt_id="3-119")
    # A till that was off the net delivers a void before its receipt; a trainee practises; a child's toy is scanned.
    shop.void("2024-10-08 11:05", "4-020")
    shop.sale("2024-10-08 11:00", line(quantity=9), receipt_id="4-020")
    shop.sale("2024-10-08 11:10", line(quantity=50), receipt_id="4-021", kind="training")
    shop.sale("2024-10-08 11:20", line("toy", 1, 799), receipt_id="4-022")
    shop.sale("2024-10-08 13:30", line(quantity=6), receipt_id="3-130")
    # Cut-off, and the dairy answers: it is short by a pack.
    shop.tick("2024-10-08 14:00")
    (sent,) = [
        order for order in shop.orders() if order.is_settled and order.deliver_by == times.from_iso("2024-10-09")
    ]
    shop.move("2024-10-08 16:00", "order-response", ("100234", sent.quantity - 12), order_id=sent.order_id)
    # Evening, night and the delivery.
    shop.sale("2024-10-08 21:40", line(quantity=3), receipt_id="3-190")
    shop.tick("2024-10-08 22:00").tick("2024-10-09 03:00")
    shop.move("2024-10-09 04:00", "dispatch-advice", ("100234", sent.quantity - 12), order_id=sent.order_id)
    return shop.move("2024-10-09 06:00", "delivery", ("100234", sent.quantity - 12), order_id=sent.order_id)


class TestTheDay:
    def test_nothing_is_lost_in_dead_letters(self, shop: ShopDriver) -> None:
        assert shop.codes() == []

    def test_figures(self, shop: ShopDriver) -> None:
        final = [report for report in shop.published("store-days") if report["status"] == "final"][-1]
        milk, pasta, cheese, toy = 11 * 119, 99 - 99, 583, 799
        assert final["day"] == "2024-10-08"
        assert (final["receipts"], final["lines"]) == (6, 7)
        assert final["gross_sales"] == milk + pasta + cheese + toy
        assert (final["discounts"], final["returns"], final["waste_cost"]) == (20, 99, 2 * 79)
        assert final["net_sales"] == final["gross_sales"] - 20 == sum(final["hourly"])
        assert final["by_category"] == {"cheese": 583, "dairy": milk - 20, "unknown": 799}

    def test_milk(self, shop: ShopDriver) -> None:
        (first,) = [order for order in shop.orders() if order.deliver_by == times.from_iso("2024-10-09")]
        figures = life.balance(first)
        assert (figures.short, figures.open, life.status(first)) == (12, 0, "received")
        stock = shop.stock()
        assert stock.on_hand == 21 - 11 + figures.received
        assert (stock.on_order, stock.in_transit) == (0, 0)

    def test_what_was_short_is_decided_again_for_friday(self, shop: ShopDriver) -> None:
        again = [order for order in shop.published("reorders") if order["deliver_by"] == "2024-10-11"]
        assert again
        assert again[-1]["sku"] == "100234"
        assert {order["revision"] for order in again} == set(range(len(again)))

    def test_people_are_told_about_the_toy_only(self, shop: ShopDriver) -> None:
        assert sorted(shop.alerts()) == [("negative-stock", "toy", "open"), ("unknown-sku", "toy", "open")]

    def test_plain_sums_without_any_of_our_code_agree(self, shop: ShopDriver) -> None:
        values = [record.value for record in shop.records if record.topic == TOPICS.sales.name and record.value]
        sums = receipt_sums(values, {"0042": "Europe/Berlin"}, frozenset({"100274"}))
        days = shop.driver.rows(tables.store_days)
        for (store_id, day), expected in sums.items():
            row = days[f"{store_id}/{day}"]
            assert (row.receipts, row.lines, row.gross_sales, row.discounts, row.net_sales) == (
                expected.receipts,
                expected.lines,
                expected.gross,
                expected.discounts,
                expected.net,
            )
        assert sums["0042", "2024-10-08"].units == 11 + 345 + 1

    def test_a_plain_fold_of_the_log_agrees_byte_for_byte(self, shop: ShopDriver) -> None:
        outputs = shop.driver.outputs()
        fold = Fold(stores_group(TOPICS), partition=0, partition_count=1)
        fold.apply(shop.records)
        assert fold.outputs == outputs
        for table in stores_group(TOPICS).tables:
            assert fold.rows(table) == shop.driver.rows(table)

    @pytest.mark.parametrize("batch_size", [1, 7, 5_000])
    def test_every_prefix_restarted_converges(self, shop: ShopDriver, batch_size: int) -> None:
        """No output may be repeated: the driver publishes with the commit."""
        whole = shop.driver.stored()
        driver = ShopDriver(batch_size=batch_size).driver
        done = 0
        for stop in range(1, len(shop.records) + 1):
            driver.apply(shop.records[done:stop])
            done = stop - len(driver._taken)
            driver.restart()
        driver.apply(shop.records[done:])
        assert driver.stored() == whole
        assert driver.outputs() == shop.driver.outputs()
