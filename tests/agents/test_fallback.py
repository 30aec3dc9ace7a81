"""From `auto` back to `advise`: data that stay away, and decisions that are worth too much (formulas.md 4.13)."""

from typing import Any

import pytest

from freshmart_streams import tables
from freshmart_streams.domain import orders as life
from freshmart_streams.domain.clocks import Feed
from tests.support.shop import MILK, PASTA, STORE, ShopDriver, line

# Tuesday 2024-10-08, a store that is open from 7 to 22; delivered on Monday, Wednesday and Friday, ordered until 14:00.

UHT_MILK = {**MILK, "shelf_life_days": None}


def opened(**store: Any) -> ShopDriver:
    """A store with milk, of which a planner wants at least 30; the first receipt is of nine o'clock."""
    shop = ShopDriver().open_store(UHT_MILK, PASTA, **store).policy("0042", "*", min_stock=30)
    shop.move("2024-10-08 08:00", "count", ("100234", 40), ("100701", 40))
    return shop.sale("2024-10-08 09:00", line(), kind="training").tick("2024-10-08 09:00")


def modes(shop: ShopDriver, sku: str = "100234") -> list[tuple[str, int]]:
    """Mode and quantity of each revision of an article's orders."""
    return [(order["mode"], order["quantity"]) for order in shop.published("reorders") if order["sku"] == sku]


class TestStaleData:
    def test_after_an_hour_of_opening_time_orders_wait_for_a_release(self) -> None:
        shop = opened().tick("2024-10-08 09:59")
        assert shop.alerts() == []
        shop.tick("2024-10-08 10:00").move("2024-10-08 10:05", "count", ("100234", 20))
        assert shop.alerts() == [("stale-data", None, "open")]
        assert modes(shop) == [("advise", 12)]

    def test_the_next_receipt_ends_it_and_the_order_becomes_automatic(self) -> None:
        shop = opened().tick("2024-10-08 10:00").move("2024-10-08 10:05", "count", ("100234", 20))
        shop.sale("2024-10-08 10:10", line())
        assert shop.alerts()[1:] == [("stale-data", None, "closed")]
        assert modes(shop) == [("advise", 12), ("auto", 12)]
        assert shop.day().reorders == 1
        assert shop.tick("2024-10-08 14:00").stock().on_order == 12

    def test_it_may_begin_again(self) -> None:
        shop = opened().tick("2024-10-08 10:00").sale("2024-10-08 10:10", line()).tick("2024-10-08 11:09")
        assert len(shop.alerts()) == 2
        assert shop.tick("2024-10-08 11:10").alerts()[2:] == [("stale-data", None, "open")]

    def test_a_receipt_out_of_an_old_queue_does_not_end_it(self) -> None:
        shop = opened().tick("2024-10-08 10:00").tick("2024-10-08 12:00").sale("2024-10-08 10:30", line())
        assert shop.alerts() == [("stale-data", None, "open")]
        assert shop.sale("2024-10-08 11:30", line()).alerts()[1:] == [("stale-data", None, "closed")]

    def test_hours_in_which_the_store_is_closed_do_not_count(self) -> None:
        shop = opened().sale("2024-10-08 21:30", line()).tick("2024-10-09 07:29")
        assert shop.alerts() == []
        assert shop.tick("2024-10-09 07:30").alerts() == [("stale-data", None, "open")]

    def test_nor_do_public_holidays(self) -> None:
        shop = opened(state="NW").sale("2024-10-31 21:30", line()).tick("2024-11-01 20:00")  # All Saints'
        assert [kind for kind, *_ in shop.alerts()] == []
        assert shop.tick("2024-11-02 07:30").alerts() == [("stale-data", None, "open")]

    def test_an_order_that_exists_keeps_its_mode_and_may_be_reduced_but_not_raised(self) -> None:
        shop = opened().move("2024-10-08 09:10", "count", ("100234", 20)).tick("2024-10-08 10:00")
        shop.move("2024-10-08 10:05", "count", ("100234", 5))
        assert modes(shop) == [("auto", 12)]
        shop.move("2024-10-08 10:10", "count", ("100234", 40))
        assert modes(shop) == [("auto", 12), ("auto", 0)]

    def test_what_was_not_raised_is_once_data_are_fresh(self) -> None:
        shop = opened().move("2024-10-08 09:10", "count", ("100234", 20)).tick("2024-10-08 10:00")
        shop.move("2024-10-08 10:05", "count", ("100234", 5)).sale("2024-10-08 10:10", line())
        assert modes(shop)[0] == ("auto", 12)
        assert modes(shop)[-1][1] > 12

    @pytest.mark.parametrize("store", [{"opening": None}, {"rollout": {"reorder": "advise"}}])
    def test_stores_without_opening_hours_or_automatic_orders_are_not_watched(self, store: dict[str, Any]) -> None:
        assert opened(**store).tick("2024-10-08 20:00").alerts() == []

    def test_nor_is_one_without_a_receipt(self) -> None:
        shop = ShopDriver().open_store(UHT_MILK).tick("2024-10-08 08:00").tick("2024-10-09 20:00")
        assert shop.alerts() == []

    def test_nor_one_that_was_deleted_until_it_is_back(self) -> None:
        shop = opened().raw("freshmart.stores", b"0042", None).tick("2024-10-09 20:00")
        assert shop.alerts() == []
        assert shop.driver.rows(tables.clocks)["0042"].feed is Feed.UNKNOWN
        shop.store(**STORE).sale("2024-10-10 09:00", line(), kind="training").tick("2024-10-10 10:00")
        assert shop.alerts() == [("stale-data", None, "open")]

    def test_without_ticks_nothing_is_stale(self) -> None:
        """A first import of history: movements of a month may come before its receipts."""
        shop = ShopDriver().open_store(UHT_MILK).policy("0042", "*", min_stock=30)
        shop.sale("2024-10-01 09:00", line(), kind="training")
        for day in range(2, 9):
            shop.move(f"2024-10-{day:02d} 12:00", "count", ("100234", 20))
        assert "stale-data" not in {kind for kind, *_ in shop.alerts()}
        assert {mode for mode, _ in modes(shop)} == {"auto"}

    def test_one_entry_of_the_agenda_watches_a_store(self) -> None:
        shop = opened()
        for minute in range(10, 50):
            shop.sale(f"2024-10-08 09:{minute}", line(), kind="training")
        assert sum("stale/" in str(key) for key in shop.driver.stored()) == 1


class TestDecisionLimit:
    """Six deliveries of one pack of milk each, 12 × 79 = 948 cents; then 28.44 euros are the limit."""

    def usual(self, days: int = 6) -> ShopDriver:
        shop = ShopDriver().open_store(UHT_MILK, PASTA).policy("0042", "*", min_stock=30)
        shop.move("2024-09-16 07:00", "count", ("100234", 60), ("100701", 60))
        for day in [17, 19, 22, 24, 26, 29][:days]:
            shop.move(f"2024-09-{day} 08:00", "count", ("100234", 20))
            shop.move(f"2024-09-{day} 15:00", "count", ("100234", 60))
            shop.move(f"2024-09-{day} 16:00", "waste", ("100701", 1))
            for order in shop.orders():
                if order.is_settled and life.balance(order).open:
                    shop.move(f"2024-09-{day} 17:00", "order-response", ("100234", 0), order_id=order.order_id)
        return shop

    def row(self, shop: ShopDriver) -> Any:
        return shop.driver.rows(tables.order_values)["0042"]

    def test_what_goes_beyond_three_times_the_median_waits_for_a_release(self) -> None:
        shop = self.usual().move("2024-10-08 08:00", "count", ("100234", 20))
        assert (self.row(shop).earlier, list(self.row(shop).days.values())) == ((948,) * 6, [948])
        shop.move("2024-10-08 08:10", "count", ("100701", 10))  # 24 × 54 = 1,296
        assert shop.alerts() == []
        shop.product(**{**PASTA, "sku": "9", "cost": 800}).move("2024-10-08 08:30", "count", ("9", 29))
        assert modes(shop, "9") == [("advise", 24)]
        assert shop.alerts() == [("decision-limit", None, "open")]
        (alert,) = shop.published("alerts")
        assert alert["details"] == {"deliver_by": "2024-10-09", "value": 948 + 1296 + 19_200, "limit": 2_844}

    def test_the_alert_closes_at_the_cut_off_and_decisions_for_the_next_delivery_are_automatic(self) -> None:
        shop = self.beyond()
        shop.move("2024-10-08 09:00", "count", ("100234", 20))
        assert modes(shop)[-1] == ("advise", 12)
        shop.move("2024-10-08 13:50", "count", ("9", 90)).tick("2024-10-08 13:59")
        assert len(shop.alerts()) == 1
        shop.tick("2024-10-08 14:00")
        assert shop.alerts()[1:] == [("decision-limit", None, "closed")]
        assert modes(shop)[-1] == ("auto", 12)  # the advice lapsed, and is decided for the next delivery

    def test_what_is_cancelled_makes_room_for_the_others(self) -> None:
        shop = self.beyond().move("2024-10-08 09:00", "count", ("100234", 20))
        shop.move("2024-10-08 09:10", "count", ("9", 90)).sale("2024-10-08 09:20", line())
        assert modes(shop, "9") == [("advise", 24), ("auto", 0)]
        assert modes(shop)[-2:] == [("advise", 12), ("auto", 12)]

    def test_an_automatic_order_is_not_raised_beyond_the_limit_until_there_is_room(self) -> None:
        shop = self.usual().move("2024-10-08 08:00", "count", ("100234", 20))
        shop.policy("0042", "100234", min_stock=3_000).sale("2024-10-08 08:30", line())
        assert modes(shop)[-1] == ("auto", 12)
        assert shop.alerts() == [("decision-limit", None, "open")]
        shop.policy("0042", "100234", min_stock=40).sale("2024-10-08 08:40", line())
        assert modes(shop)[-1] == ("auto", 24)

    def test_a_release_puts_in_force_what_waits(self) -> None:
        shop = self.beyond()
        order_id = next(order["order_id"] for order in shop.published("reorders") if order["sku"] == "9")
        person = {"order_id": order_id, "actor": "m.schmitz", "reason": "the festival"}
        shop.move("2024-10-08 10:00", "order-release", ("9", 24), **person).tick("2024-10-08 14:00")
        assert shop.stock("9").on_order == 24

    def test_what_fell_back_is_not_automatic_on_the_next_day_either_unless_there_is_room(self) -> None:
        shop = self.beyond(at="2024-10-08 15:00")  # for Friday: open until Thursday 14:00
        shop.tick("2024-10-09 14:00").sale("2024-10-09 15:00", line("9", 1))
        assert {mode for mode, _ in modes(shop, "9")} == {"advise"}
        assert shop.alerts() == [("decision-limit", None, "open")]

    def test_a_store_with_less_history_has_no_limit(self) -> None:
        shop = self.usual(days=4).product(**{**PASTA, "sku": "9", "cost": 80_000})
        shop.move("2024-10-08 08:30", "count", ("9", 29))
        assert (modes(shop, "9"), shop.alerts()) == ([("auto", 24)], [])

    def test_an_article_without_a_cost_counts_at_its_price(self) -> None:
        shop = self.usual().product(sku="9", pack_size=24, price=800).move("2024-10-08 08:30", "count", ("9", 29))
        assert modes(shop, "9") == [("advise", 24)]

    def beyond(self, at: str = "2024-10-08 08:30") -> ShopDriver:
        """After six usual days, an order of 192 euros."""
        shop = self.usual().product(**{**PASTA, "sku": "9", "cost": 800}).move(at, "count", ("9", 29))
        assert modes(shop, "9") == [("advise", 24)]
        return shop
