"""Reorders from the first decision to the last delivery (contracts.md section 4; formulas.md 4.5 and 5.10)."""

from typing import Any

import pytest

from freshmart_streams import tables
from freshmart_streams.domain import orders as life
from freshmart_streams.domain import times
from tests.support.shop import MILK, PASTA, STORE, ShopDriver, line

# Tuesday 2024-10-08; delivered on Monday, Wednesday and Friday, ordered a day ahead until 14:00.

UHT_MILK = {**MILK, "shelf_life_days": None}  # or the shelf life of what nobody bought yet would be in the way


def opened(on_hand: int = 20, **store: Any) -> ShopDriver:
    """A store with milk, of which a planner wants at least 30, so that it is ordered whatever the forecast."""
    shop = ShopDriver().open_store(UHT_MILK, PASTA, **store).policy("0042", "100234", min_stock=30)
    return shop.move("2024-10-08 08:00", "count", ("100234", on_hand))


def sent(on_hand: int = 20) -> tuple[ShopDriver, str]:
    """The same after the cut-off, with the id of the order that was sent."""
    shop = opened(on_hand)
    order_id = shop.published("reorders")[0]["order_id"]
    return shop.tick("2024-10-08 14:00"), order_id


class TestDecisions:
    def test_ordered_at_the_reorder_point_in_whole_packs_with_a_reason_and_its_source(self) -> None:
        shop = opened()
        (order,) = shop.published("reorders")
        assert (order["packs"], order["quantity"], order["revision"], order["mode"]) == (1, 12, 0, "auto")
        assert (order["deliver_by"], order["cut_off_at"]) == ("2024-10-09", "2024-10-08T14:00:00+02:00")
        assert (order["reason"]["trigger"], order["reason"]["inventory_position"]) == ("count", 20)
        assert order["reason"]["reorder_point"] == order["reason"]["order_up_to_level"] == 30
        assert order["source"] == {"topic": "freshmart.inventory", "partition": 0, "offset": 0}
        assert shop.ids("reorders") == [f"{order['order_id']}.0"]
        assert shop.day().reorders == 1

    def test_nothing_is_ordered_above_the_reorder_point(self) -> None:
        assert opened(31).published("reorders") == []

    def test_reached_is_due_but_a_full_level_needs_nothing(self) -> None:
        # position = reorder point = level: nothing is missing
        assert opened(30).published("reorders") == []
        assert len(opened(29).published("reorders")) == 1

    def test_looking_twice_at_the_same_need_is_one_order(self) -> None:
        shop = (
            opened().move("2024-10-08 08:10", "count", ("100234", 20)).move("2024-10-08 08:20", "count", ("100234", 19))
        )
        assert len(shop.published("reorders")) == 1

    def test_a_changed_need_is_a_revision_published_when_the_packs_change(self) -> None:
        shop = opened().sale("2024-10-08 09:00", line(quantity=1)).sale("2024-10-08 09:05", line(quantity=9))
        revisions = [(order["revision"], order["quantity"]) for order in shop.published("reorders")]
        assert revisions == [(0, 12), (1, 24)]
        assert len(shop.orders()) == 1

    def test_a_need_that_goes_away_cancels_with_quantity_zero_and_may_come_back(self) -> None:
        shop = (
            opened().move("2024-10-08 09:00", "count", ("100234", 60)).move("2024-10-08 09:10", "count", ("100234", 20))
        )
        assert [order["quantity"] for order in shop.published("reorders")] == [12, 0, 12]
        assert len({order["order_id"] for order in shop.published("reorders")}) == 1

    def test_after_the_cut_off_the_last_revision_stands_and_counts(self) -> None:
        shop, _ = sent()
        assert shop.stock().on_order == 12
        shop.move("2024-10-08 15:00", "count", ("100234", 100))
        assert len(shop.published("reorders")) == 1

    def test_a_need_after_the_cut_off_is_another_order_for_the_next_day(self) -> None:
        shop, first = sent()
        shop.sale("2024-10-08 15:00", line(quantity=15))
        second = shop.published("reorders")[-1]
        assert (second["deliver_by"], second["reason"]["on_order"], second["revision"]) == ("2024-10-11", 12, 0)
        assert second["order_id"] != first

    def test_a_late_event_is_decided_for_the_opportunity_of_the_stores_clock(self) -> None:
        shop = opened(31).tick("2024-10-08 14:00").sale("2024-10-08 12:00", line(quantity=10))
        assert [order["deliver_by"] for order in shop.published("reorders")] == ["2024-10-11"]

    def test_an_open_decision_keeps_its_day_and_cut_off_when_master_data_change(self) -> None:
        shop = opened().product(**{**UHT_MILK, "lead_time_days": 2}).sale("2024-10-08 09:00", line(quantity=15))
        first, second = shop.published("reorders")
        assert first["order_id"] == second["order_id"]
        assert first["cut_off_at"] == second["cut_off_at"]

    def test_master_data_are_in_force_for_the_next_decision_within_the_same_hour(self) -> None:
        shop = opened().policy("0042", "100234", min_stock=60)
        assert len(shop.published("reorders")) == 1  # a change triggers nothing by itself
        shop.sale("2024-10-08 08:30", line())
        assert shop.published("reorders")[-1]["reason"]["reorder_point"] == 60

    def test_an_article_nobody_knows_is_not_ordered(self) -> None:
        assert ShopDriver().open_store().move("2024-10-08 08:00", "count", ("777", 0)).published("reorders") == []


class TestRollout:
    def test_off_decides_nothing(self) -> None:
        assert opened(rollout={"reorder": "off"}).published("reorders") == []

    def test_shadow_is_published_but_never_counts(self) -> None:
        shop = opened(rollout={"reorder": "shadow"}).tick("2024-10-08 14:00")
        assert [order["mode"] for order in shop.published("reorders")][:1] == ["shadow"]
        assert shop.stock().on_order == 0
        assert shop.published("store-days") == []  # it is no reorder of the day either

    def test_an_advice_lapses_at_the_cut_off(self) -> None:
        shop = opened(rollout={"reorder": "advise"}).tick("2024-10-08 14:00")
        first = next(order for order in shop.orders() if order.is_settled)
        assert (life.status(first), shop.stock().on_order) == ("cancelled", 0)

    def test_a_released_advice_counts_and_is_published_again(self) -> None:
        shop = opened(rollout={"reorder": "advise"})
        order_id = shop.published("reorders")[0]["order_id"]
        person = {"order_id": order_id, "actor": "m.schmitz", "reason": "long weekend"}
        shop.move("2024-10-08 10:00", "order-release", ("100234", 24), **person).tick("2024-10-08 14:00")
        assert [order["quantity"] for order in shop.published("reorders")] == [12, 24]
        assert shop.stock().on_order == 24

    def test_what_a_person_fixed_is_not_revised_any_more(self) -> None:
        shop = opened()
        person = {"order_id": shop.published("reorders")[0]["order_id"], "actor": "m.schmitz", "reason": "no room"}
        shop.move("2024-10-08 09:00", "order-release", ("100234", 0), **person).sale(
            "2024-10-08 10:00", line(quantity=9)
        )
        shop.tick("2024-10-08 13:59")
        assert [order["quantity"] for order in shop.published("reorders")] == [12, 0]

    def test_from_shadow_to_auto_the_open_decision_becomes_real(self) -> None:
        shop = opened(rollout={"reorder": "shadow"})
        shop.store(**{**STORE, "rollout": {"reorder": "auto"}}).sale("2024-10-08 09:00", line())
        assert [order["mode"] for order in shop.published("reorders")] == ["shadow", "auto"]
        assert shop.tick("2024-10-08 14:00").stock().on_order == 12
        assert shop.day().reorders == 1


class TestCapacity:
    def test_no_more_is_ordered_than_shelf_and_backroom_hold(self) -> None:
        shop = ShopDriver().open_store(UHT_MILK).policy("0042", "100234", min_stock=60, capacity=40)
        shop.move("2024-10-08 08:00", "count", ("100234", 10))
        (order,) = shop.published("reorders")
        assert (order["quantity"], order["reason"]["binding"]) == (24, "capacity")
        shop.sale("2024-10-08 09:00", line(quantity=8))
        assert [order["quantity"] for order in shop.published("reorders")] == [24, 36]

    def test_a_full_backroom_takes_nothing(self) -> None:
        shop = ShopDriver().open_store(UHT_MILK).policy("0042", "100234", min_stock=60, capacity=40)
        assert shop.move("2024-10-08 08:00", "count", ("100234", 29)).published("reorders") == []


class TestOverrides:
    """What people want instead of what is proposed: followed, kept beside it, and measured (formulas.md 4.13)."""

    def said(self, shop: ShopDriver, at: str, quantity: int) -> ShopDriver:
        person = {"order_id": shop.published("reorders")[0]["order_id"], "actor": "m.schmitz", "reason": "long weekend"}
        return shop.move(at, "order-release", ("100234", quantity), **person)

    def figures(self, shop: ShopDriver) -> tuple[int, int, int]:
        day = shop.day()
        return day.overrides, day.override_units, day.override_value

    def test_a_changed_quantity_is_published_with_what_was_proposed_and_measured(self) -> None:
        shop = self.said(opened(rollout={"reorder": "advise"}), "2024-10-08 10:00", 36)
        proposal, release = shop.published("reorders")
        assert "proposed_quantity" not in proposal
        assert (release["quantity"], release["proposed_packs"], release["proposed_quantity"]) == (36, 1, 12)
        assert "actor" not in release  # a supplier's business is the quantity
        (order,) = shop.orders()
        assert (order.actor, order.release_reason) == ("m.schmitz", "long weekend")
        assert self.figures(shop) == (1, 24, 24 * 79)
        report = shop.tick("2024-10-08 10:01").published("store-days")[-1]
        assert (report["overrides"], report["override_units"], report["override_value"]) == (1, 24, 1896)

    def test_a_release_of_what_was_proposed_is_no_override(self) -> None:
        shop = self.said(opened(rollout={"reorder": "advise"}), "2024-10-08 10:00", 12)
        assert self.figures(shop) == (0, 0, 0)

    def test_a_word_that_replaces_another_counts_by_the_difference(self) -> None:
        shop = self.said(self.said(opened(), "2024-10-08 10:00", 36), "2024-10-08 11:00", 24)
        assert self.figures(shop) == (1, 12, 12 * 79)
        assert self.figures(self.said(shop, "2024-10-08 12:00", 12)) == (0, 0, 0)
        (order,) = shop.orders()
        assert (order.proposed_packs, order.proposed_quantity, order.quantity) == (1, 12, 12)

    def test_a_word_that_is_older_than_the_one_in_force_changes_nothing(self) -> None:
        shop = self.said(self.said(opened(), "2024-10-08 10:00", 0), "2024-10-08 09:00", 36)
        assert self.figures(shop) == (1, -12, -948)

    def test_what_is_taken_back_after_sending_counts_too(self) -> None:
        shop = self.said(opened().tick("2024-10-08 14:00"), "2024-10-08 15:00", 0)
        assert self.figures(shop) == (1, -12, -948)

    def test_an_article_without_a_cost_counts_in_units_only(self) -> None:
        shop = opened().product(**{**UHT_MILK, "cost": None})
        assert self.figures(self.said(shop, "2024-10-08 10:00", 36)) == (1, 24, 0)


class TestBadInput:
    def test_an_answer_to_an_order_nobody_knows_is_a_conflict(self) -> None:
        shop = opened(50).move("2024-10-08 16:00", "order-response", ("100234", 12), order_id="no-such")
        assert shop.alerts() == [("order-conflict", "100234", "open")]
        assert shop.stock().on_hand == 50

    def test_a_count_of_a_billion_is_a_dead_letter(self) -> None:
        shop = opened().move("2024-10-08 09:00", "count", ("100234", 1_000_000_000))
        assert (shop.codes(), shop.stock().on_hand) == (["invalid"], 20)

    @pytest.mark.parametrize("bad", [{"service_level": 1.5}, {"service_level": 0}, {"actor": "a.b", "reason": "so"}])
    def test_a_policy_that_cannot_be_is_a_dead_letter_and_changes_nothing(self, bad: dict[str, Any]) -> None:
        shop = opened(31).policy("0042", "100234", min_stock=900, **bad).sale("2024-10-08 09:00", line(quantity=2))
        assert (shop.codes(), shop.published("reorders")[-1]["reason"]["reorder_point"]) == (["invalid"], 30)

    @pytest.mark.parametrize("bad", [{"pack_size": 0}, {"lead_time_days": 400}])
    def test_a_product_that_cannot_be_is_a_dead_letter_and_changes_nothing(self, bad: dict[str, Any]) -> None:
        shop = opened().product(**{**UHT_MILK, **bad}).sale("2024-10-08 09:00", line(quantity=9))
        assert shop.codes() == ["invalid"]
        first, second = shop.published("reorders")
        assert (second["deliver_by"], second["quantity"] // second["packs"]) == (first["deliver_by"], 12)

    @pytest.mark.parametrize("bad", [{"delivery_weekdays": []}, {"delivery_weekdays": [7]}])
    def test_a_calendar_without_delivery_days_orders_nothing_and_is_told(self, bad: dict[str, Any]) -> None:
        shop = opened(**bad).sale("2024-10-08 09:00", line(quantity=9)).sale("2024-10-08 10:00", line("100701"))
        assert shop.published("reorders") == []
        (alert,) = (alert for alert in shop.published("alerts") if alert["kind"] == "service-below-target")
        assert "delivery weekday" in alert["message"]
        shop.store(**STORE).sale("2024-10-08 11:00", line())
        assert shop.alerts()[-1] == ("service-below-target", None, "closed")
        assert len(shop.published("reorders")) == 1

    def test_a_service_level_next_to_one_orders_no_million(self) -> None:
        shop = ShopDriver().open_store(UHT_MILK).policy("*", "*", service_level=0.9999999999999999)
        shop.move("2024-10-08 08:00", "count", ("100234", 20)).sale("2024-10-08 09:00", line(quantity=20))
        assert 0 < shop.published("reorders")[-1]["quantity"] < 10_000


class TestSupplier:
    def test_the_milk_arrives(self) -> None:
        shop, order_id = sent()
        shop.move("2024-10-08 16:00", "order-response", ("100234", 12), order_id=order_id)
        shop.move("2024-10-09 04:00", "dispatch-advice", ("100234", 12), order_id=order_id)
        assert (shop.stock().on_order, shop.stock().in_transit) == (0, 12)
        shop.move("2024-10-09 06:00", "delivery", ("100234", 12), order_id=order_id)
        stock = shop.stock()
        assert (stock.on_hand, stock.on_order, stock.in_transit, stock.live_orders) == (32, 0, 0, ())
        assert shop.alerts() == []

    def test_what_is_refused_is_ordered_again_at_the_next_opportunity(self) -> None:
        shop, order_id = sent()
        shop.move("2024-10-08 16:00", "order-response", ("100234", 0), order_id=order_id)
        again = shop.published("reorders")[-1]
        assert again["order_id"] != order_id
        assert (again["deliver_by"], again["reason"]["trigger"]) == ("2024-10-11", "order-response")

    def test_a_refusal_before_the_cut_off_waits_for_the_next_opportunity_too(self) -> None:
        shop = opened()
        order_id = shop.published("reorders")[0]["order_id"]
        shop.move("2024-10-08 09:00", "order-response", ("100234", 0), order_id=order_id)
        shop.sale("2024-10-08 10:00", line(quantity=5))
        assert len(shop.published("reorders")) == 1
        assert shop.tick("2024-10-08 14:00").published("reorders")[-1]["reason"]["trigger"] == "cut-off"

    def test_a_short_delivery_closes_the_order(self) -> None:
        shop, order_id = sent()
        shop.move("2024-10-09 06:00", "delivery", ("100234", 7), order_id=order_id)
        order = next(order for order in shop.orders() if order.order_id == order_id)
        assert (life.balance(order).received, life.balance(order).short) == (7, 5)

    def test_a_part_of_a_delivery_leaves_the_rest_open(self) -> None:
        shop, order_id = sent()
        shop.move("2024-10-09 06:00", "delivery", ("100234", 7), order_id=order_id, final=False)
        assert (shop.stock().on_hand, shop.stock().on_order) == (27, 5)

    def test_more_than_ordered_is_stock_and_a_conflict(self) -> None:
        shop, order_id = sent()
        shop.move("2024-10-09 06:00", "delivery", ("100234", 20), order_id=order_id)
        assert (shop.stock().on_hand, shop.stock().on_order) == (40, 0)
        assert shop.alerts() == [("order-conflict", "100234", "open")]
        shop.move("2024-10-09 07:00", "count", ("100234", 40))
        assert shop.alerts()[1:] == [("order-conflict", "100234", "closed")]

    def test_a_delivery_for_an_order_nobody_knows_is_plain_stock_and_a_conflict(self) -> None:
        shop = opened(50).move("2024-10-09 06:00", "delivery", ("100234", 20), order_id="no-such")
        assert shop.stock().on_hand == 70
        assert shop.alerts() == [("order-conflict", "100234", "open")]

    def test_an_announced_substitute_is_plain_stock_without_a_conflict(self) -> None:
        shop, order_id = sent()
        reply = {"order_id": order_id, "substitute_sku": "100701"}
        shop.move("2024-10-08 16:00", "order-response", ("100234", 0), **reply)
        shop.move("2024-10-09 06:00", "delivery", ("100701", 24), order_id=order_id)
        assert shop.stock("100701").on_hand == 24
        assert shop.alerts() == []

    def test_overdue_is_alerted_at_midnight_and_closed_when_the_order_moves(self) -> None:
        shop, order_id = sent()
        shop.tick("2024-10-09 23:59")
        assert shop.alerts() == []
        shop.tick("2024-10-10 00:00")
        assert shop.alerts() == [("overdue-order", "100234", "open")]
        shop.move("2024-10-10 05:00", "dispatch-advice", ("100234", 12), order_id=order_id, deliver_by="2024-10-10")
        assert shop.alerts()[1:] == [("overdue-order", "100234", "closed")]

    def test_an_order_that_never_comes_stays_on_order_until_its_row_is_forgotten(self) -> None:
        shop, _ = sent()
        assert shop.tick("2024-12-07 23:59").stock().on_order == 12
        shop.tick("2024-12-08 00:00")
        assert shop.stock().on_order == 0

    @pytest.mark.parametrize("quantity", [0, 6])
    def test_taken_back_by_a_person_after_sending_is_cancelled(self, quantity: int) -> None:
        shop, order_id = sent()
        person = {"order_id": order_id, "actor": "m.schmitz", "reason": "called the dairy"}
        shop.move("2024-10-08 16:00", "order-release", ("100234", quantity), **person)
        assert shop.stock().on_order == quantity


class TestPlaces:
    """Where an order is listed: in its store's lists and in those of all stores."""

    def test_an_order_is_listed_as_it_stands_wherever_it_goes(self) -> None:
        shop = opened()
        order_id = shop.published("reorders")[0]["order_id"]
        stations = [self.station(shop, order_id)]
        shop.tick("2024-10-08 14:00")
        stations.append(self.station(shop, order_id))
        for at, kind in (("08 16:00", "order-response"), ("09 04:00", "dispatch-advice"), ("09 06:00", "delivery")):
            shop.move(f"2024-10-{at}", kind, ("100234", 12), order_id=order_id)
            stations.append(self.station(shop, order_id))
        assert stations == ["proposed", "sent", "confirmed", "in-transit", "received"]

    def test_a_revision_comes_before_what_was_decided_earlier(self) -> None:
        shop = opened().policy("0042", "100701", min_stock=30)
        shop.move("2024-10-08 08:30", "count", ("100701", 20))
        milk, pasta = (order["order_id"] for order in shop.published("reorders"))
        assert self.listed(shop) == [pasta, milk]
        shop.sale("2024-10-08 09:05", line(quantity=10))
        assert self.listed(shop) == [milk, pasta]

    def test_an_order_that_is_forgotten_is_listed_nowhere(self) -> None:
        shop, order_id = sent()
        shop.move("2024-10-09 06:00", "delivery", ("100234", 12), order_id=order_id)
        shop.tick("2024-12-07 23:59")
        assert self.station(shop, order_id) == "received"
        shop.tick("2024-12-08 00:00")
        assert self.places(shop, order_id) == []

    def station(self, shop: ShopDriver, order_id: str) -> str:
        """The status under which the order is listed, once in each of the two lists."""
        own, everywhere = sorted(self.places(shop, order_id), reverse=True)
        assert (own.split("/")[0], everywhere.split("/")[0]) == ("0042", "*")
        assert own.removeprefix("0042/") == everywhere.removeprefix("*/")
        return own.split("/")[1]

    def listed(self, shop: ShopDriver) -> list[str]:
        """The orders of all stores that are proposed, in the order of the list."""
        places = sorted(shop.driver.rows(tables.order_places))
        return [place.rpartition("/")[2] for place in places if place.startswith("*/proposed/")]

    def places(self, shop: ShopDriver, order_id: str) -> list[str]:
        return [place for place in shop.driver.rows(tables.order_places) if place.endswith(f"/{order_id}")]


class TestPerishables:
    def test_a_sent_order_that_is_not_needed_any_more_is_an_alert_not_a_reduction(self) -> None:
        shop = self.sent_with_shelf_life(30)
        on_order = shop.stock().on_order
        assert on_order > 0
        shop.move("2024-10-08 15:00", "count", ("100234", 900))
        assert shop.alerts() == [("perishable-reduction", "100234", "open")]
        assert shop.stock().on_order == on_order
        shop.move("2024-10-08 16:00", "count", ("100234", 18))
        assert shop.alerts()[1:] == [("perishable-reduction", "100234", "closed")]

    def test_what_keeps_longer_raises_no_alert(self) -> None:
        shop = self.sent_with_shelf_life(31)
        shop.move("2024-10-08 15:00", "count", ("100234", 900))
        assert shop.alerts() == []

    def sent_with_shelf_life(self, days: int) -> ShopDriver:
        """An order of milk that sells ten a day, after its cut-off on Tuesday."""
        shop = ShopDriver().open_store({**MILK, "shelf_life_days": days})
        shop.move("2024-09-30 06:00", "count", ("100234", 400))
        for day in ("09-30", "10-01", "10-02", "10-03", "10-04", "10-05", "10-07"):
            shop.sale(f"2024-{day} 12:00", line(quantity=10))
        shop.move("2024-10-08 08:00", "count", ("100234", 18)).sale("2024-10-08 13:30", line(), kind="training")
        return shop.tick("2024-10-08 14:00")


class TestLeadTimes:
    def test_a_supplier_that_is_often_late_gets_larger_orders(self) -> None:
        """The same sales; the second store's milk comes two days late, time after time."""
        points = []
        for days_late in (0, 2):
            shop = ShopDriver().open_store(UHT_MILK, delivery_weekdays=[1, 2, 3, 4, 5, 6])
            shop.move("2024-09-02 06:00", "count", ("100234", 10))
            for day in range(2, 27):
                shop.sale(f"2024-09-{day:02d} 09:00", line(quantity=6))
                for order in shop.orders():
                    due = order.deliver_by - times.from_iso("2024-09-01") + 1 + days_late
                    if due == day and order.is_settled:
                        at = f"2024-09-{day:02d} 10:00"
                        shop.move(at, "delivery", ("100234", order.quantity), order_id=order.order_id)
                shop.tick(f"2024-09-{day:02d} 14:00")
            points.append(shop.published("reorders")[-1]["reason"]["safety_stock"])
            known = shop.driver.rows(tables.lead_times)["0042/molkerei-nord"]
            assert known.squared_days == known.deliveries * days_late**2
        assert points[1] > points[0] + 1
