"""Stock movements in, rows and outputs out."""

import pytest

from tests.support.shop import CHEESE, MILK, ShopDriver, line


def opened() -> ShopDriver:
    """A store with forty milk counted in the morning."""
    return ShopDriver().open_store(MILK, CHEESE).move("2024-10-08 05:40", "count", ("100234", 40))


class TestMovements:
    @pytest.mark.parametrize(
        ("kind", "quantity", "on_hand"),
        [
            ("delivery", 48, 88),
            ("waste", 3, 37),
            ("adjustment", -3, 37),
            ("adjustment", 3, 43),
            ("transfer-out", 5, 35),
            ("transfer-in", 5, 45),
            ("count", 12, 12),
        ],
    )
    def test_each_kind_moves_stock_by_its_own_rule(self, kind: str, quantity: int, on_hand: int) -> None:
        assert opened().move("2024-10-08 06:00", kind, ("100234", quantity)).stock().on_hand == on_hand

    def test_the_same_movement_counts_once(self) -> None:
        shop = opened()
        for _ in range(2):
            shop.move("2024-10-08 06:00", "delivery", ("100234", 48), event_id="wms-991")
        assert shop.stock().on_hand == 88

    def test_an_id_is_unique_per_topic_so_a_receipt_may_share_it(self) -> None:
        shop = opened().move("2024-10-08 06:00", "waste", ("100234", 1), event_id="x-1")
        assert shop.sale("2024-10-08 06:00", line(), receipt_id="x-1").stock().on_hand == 38

    def test_waste_costs_what_the_product_costs(self) -> None:
        shop = opened().move("2024-10-08 06:00", "waste", ("100234", 3), ("100274", 150), ("777", 9), reason="expired")
        assert shop.day().waste_cost == 3 * 79 + 168  # 150 g at 11.20 the kilogram

    def test_a_count_with_two_lots_of_an_article_is_their_sum(self) -> None:
        assert opened().move("2024-10-08 06:00", "count", ("100234", 10), ("100234", 5)).stock().on_hand == 15

    def test_a_late_count_keeps_what_was_sold_strictly_later(self) -> None:
        shop = opened().sale("2024-10-08 09:00", line(quantity=2)).sale("2024-10-08 10:00", line(quantity=3))
        shop.move("2024-10-08 09:00", "count", ("100234", 50))
        assert shop.stock().on_hand == 47

    def test_a_count_of_more_than_48_hours_ago_is_too_late(self) -> None:
        shop = opened().sale("2024-10-10 09:00", line(), kind="training")
        shop.move("2024-10-08 09:00", "count", ("100234", 50)).move("2024-10-08 08:59", "count", ("100234", 60))
        assert shop.codes() == ["too-late"]
        assert shop.stock().on_hand == 50

    def test_a_late_sale_from_before_the_count_changes_demand_but_not_stock(self) -> None:
        shop = opened().sale("2024-10-08 05:30", line(quantity=4))
        assert shop.stock().on_hand == 40
        assert (shop.day().receipts, shop.stock().sold) == (1, 4)


class TestStockOuts:
    def test_an_article_that_ran_out_counts_once_a_day(self) -> None:
        shop = opened().sale("2024-10-08 09:00", line(quantity=40))
        assert shop.day().stockout_skus == 1
        shop.move("2024-10-08 10:00", "delivery", ("100234", 5)).sale("2024-10-08 11:00", line(quantity=5))
        assert shop.day().stockout_skus == 1

    def test_one_that_is_still_out_counts_for_the_next_day_too(self) -> None:
        shop = opened().sale("2024-10-08 09:00", line(quantity=40)).sale("2024-10-09 09:00", line("100274", 100))
        assert shop.day("2024-10-09").stockout_skus == 1

    def test_one_that_never_was_there_did_not_run_out(self) -> None:
        assert opened().sale("2024-10-08 09:00", line("100274", 100)).day().stockout_skus == 0
