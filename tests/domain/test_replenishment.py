"""Levels and quantities, against the published cases of other systems."""

import msgspec
import pytest

from freshmart_streams.domain import calendars, forecast, outlooks, replenishment, times
from freshmart_streams.domain.forecast import Demand, Forecast, Parameters
from freshmart_streams.domain.policies import EffectivePolicy
from freshmart_streams.domain.replenishment import NOTHING, Levels, OrderQuantity, decide_quantity

BERLIN = "Europe/Berlin"
TUESDAY = times.from_iso("2024-10-08")
BONN = calendars.calendar_of(
    timezone=BERLIN, opening={"mon-sat": "07:00-22:00"}, state="NW", delivery_weekdays=[1, 3, 5], order_cutoff="14:00"
)
STEADY = Parameters(level=6.0, weekday_factors=(1.0,) * 7, variance_to_mean=1.0, evidence=1e9)


def of(reorder_point: int, order_up_to_level: int, *, uncapped: int | None = None) -> Levels:
    return Levels(
        reorder_point=reorder_point,
        order_up_to_level=order_up_to_level,
        uncapped_level=order_up_to_level if uncapped is None else uncapped,
        safety_stock=0.0,
        forecast=(),
        service_level=0.98,
    )


class TestLevels:
    def test_the_example_of_the_contract(self) -> None:
        """contracts.md section 4: forecast 5.5, 6.0, 5.5 at 98 %: safety stock 9.0, reorder point and level 26."""
        found = replenishment.levels(interval=Forecast((5.5, 6.0, 5.5), variance=17.0), policy=EffectivePolicy())
        assert found == Levels(26, 26, 26, 9.0, (5.5, 6.0, 5.5), 0.98)

    @pytest.mark.parametrize(
        ("mean", "at_95", "at_98"), [(0.5, 2, 2), (1.0, 3, 3), (3.0, 6, 7), (6.0, 10, 12), (10.0, 15, 17)]
    )
    def test_low_volume_is_the_poisson_quantile(self, mean: float, at_95: int, at_98: int) -> None:
        """formulas.md 5.2."""
        for service_level, reorder_point in ((0.95, at_95), (0.98, at_98)):
            found = replenishment.levels(
                interval=Forecast((mean,), variance=mean), policy=EffectivePolicy(service_level=service_level)
            )
            assert found.reorder_point == reorder_point

    def test_bursts_need_the_negative_binomial(self) -> None:
        # scipy 1.17.1: nbinom.ppf(0.98, 17, 0.5) is 30.
        found = replenishment.levels(interval=Forecast((17.0,), variance=34.0), policy=EffectivePolicy())
        assert (found.reorder_point, found.safety_stock) == (30, 13.0)

    def test_the_reorder_point_of_scperf(self) -> None:
        """formulas.md 5.2: SCperf `ROP(SL=.9, md=2500, sd=500, L=6)` is 16569.5737, here rounded up to a unit."""
        six_days = Forecast((2500.0,) * 6, variance=6 * 500.0**2)
        found = replenishment.levels(interval=six_days, policy=EffectivePolicy(service_level=0.9))
        assert found.safety_stock + 15_000 == pytest.approx(16569.5737, abs=5e-5)
        assert found.reorder_point == 16_570

    def test_stockpyl_newsvendor_with_a_lead_time(self) -> None:
        """formulas.md 5.1: `newsvendor_normal(.18, .70, 50, 8, lead_time=4)` is 264.7669: five days, at .70 / .88."""
        five_days = Forecast((50.0,) * 5, variance=5 * 8.0**2)
        found = replenishment.levels(interval=five_days, policy=EffectivePolicy(service_level=0.70 / 0.88))
        assert 250 + found.safety_stock == pytest.approx(264.76689437415484)

    def test_a_lead_time_that_varies(self) -> None:
        """formulas.md 5.2: L + R = 3, sigma 8, d 50, sigma_L .5, 95 %: safety stock 47.0152."""
        three_days = Forecast((50.0,) * 3, variance=3 * 8.0**2)
        found = replenishment.levels(
            interval=three_days, policy=EffectivePolicy(service_level=0.95), lead_time_sigma_days=0.5
        )
        assert found.safety_stock == pytest.approx(47.0152, abs=5e-5)
        assert found.reorder_point == 198

    def test_thirty_is_still_low_volume(self) -> None:
        """formulas.md 4.4: D_P <= 30. Poisson asks for 42 at 30; above it the normal distribution takes over."""
        policy = EffectivePolicy()
        assert replenishment.levels(interval=Forecast((30.0,), 30.0), policy=policy).reorder_point == 42
        normal = replenishment.levels(interval=Forecast((30.5,), 30.5), policy=policy)
        assert normal.safety_stock == pytest.approx(2.053749 * 30.5**0.5, abs=1e-5)

    def test_what_rounding_adds_to_a_sum_buys_no_unit(self) -> None:
        interval = Forecast((4.4, 5.9, 5.9, 3.8), variance=20.0)  # 20.000000000000004
        policy = EffectivePolicy(service_level=0.5, presentation_stock=8)
        assert replenishment.levels(interval=interval, policy=policy).reorder_point == 28

    def test_presentation_stock_stands_beside_the_demand(self) -> None:
        low = replenishment.levels(interval=Forecast((3.0,), 3.0), policy=EffectivePolicy(presentation_stock=8))
        assert (low.reorder_point, low.safety_stock) == (11, 8.0)
        high = replenishment.levels(interval=Forecast((100.0,), 100.0), policy=EffectivePolicy(presentation_stock=30))
        assert (high.reorder_point, high.safety_stock) == (130, 30.0)

    def test_presentation_stock_below_the_safety_stock_adds_nothing(self) -> None:
        found = replenishment.levels(interval=Forecast((3.0,), 3.0), policy=EffectivePolicy(presentation_stock=4))
        assert found.reorder_point == 7

    def test_min_stock_raises_the_reorder_point_and_the_level_with_it(self) -> None:
        found = replenishment.levels(interval=Forecast((3.0,), 3.0), policy=EffectivePolicy(min_stock=20))
        assert (found.reorder_point, found.order_up_to_level, found.safety_stock) == (20, 20, 4.0)

    def test_max_stock_caps_the_level_only(self) -> None:
        found = replenishment.levels(interval=Forecast((17.0,), 17.0), policy=EffectivePolicy(max_stock=20))
        assert (found.reorder_point, found.order_up_to_level, found.uncapped_level) == (26, 20, 26)

    def test_a_service_level_below_a_half_keeps_no_negative_stock(self) -> None:
        found = replenishment.levels(interval=Forecast((100.0,), 100.0), policy=EffectivePolicy(service_level=0.1))
        assert (found.safety_stock, found.reorder_point) == (0.0, 100)

    def test_an_interval_without_demand_asks_for_nothing(self) -> None:
        found = replenishment.levels(interval=Forecast((), 0.0), policy=EffectivePolicy())
        assert (found.reorder_point, found.order_up_to_level) == (0, 0)

    def test_they_are_read_back_as_they_were_written(self) -> None:
        found = replenishment.levels(interval=Forecast((5.5, 6.0, 5.5), 17.0), policy=EffectivePolicy(max_stock=9))
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Levels) == found


class TestDecideQuantity:
    def test_the_example_of_the_contract(self) -> None:
        """contracts.md section 4: position 7, level 26, packs of 12: 2 packs, 24 units, `pack_size`."""
        assert decide_quantity(inventory_position=7, levels=of(26, 26), pack_size=12) == OrderQuantity(
            2, 24, "pack_size"
        )

    def test_orders_when_the_position_reaches_the_reorder_point(self) -> None:
        assert decide_quantity(inventory_position=10, levels=of(10, 40)).quantity == 30
        assert decide_quantity(inventory_position=11, levels=of(10, 40)) == NOTHING

    def test_orders_nothing_when_the_level_is_reached(self) -> None:
        assert decide_quantity(inventory_position=10, levels=of(10, 10)) == NOTHING
        assert decide_quantity(inventory_position=15, levels=of(26, 15, uncapped=26)) == NOTHING

    @pytest.mark.parametrize(
        ("position", "minimum", "maximum", "multiple", "ordered"),
        [(8, 10, 40, 6, 36), (5, 10, 40, 1, 35), (-1, 0, 0, 1, 1), (0, 0, 0, 1, 0), (10, 10, 40, 6, 30)],
    )
    def test_odoo(self, position: int, minimum: int, maximum: int, multiple: int, ordered: int) -> None:
        """formulas.md 5.3, Odoo's code; for the last the documentation of version 19: the point itself triggers."""
        found = decide_quantity(inventory_position=position, levels=of(minimum, maximum), pack_size=multiple)
        assert found.quantity == ordered

    @pytest.mark.parametrize(("maximum", "ordered"), [(300, 200), (250, 100)])
    def test_odoo_pull_request_282833(self, maximum: int, ordered: int) -> None:
        """formulas.md 5.3: forecast 194, minimum 200, multiple 100, in the mode that rounds up."""
        assert decide_quantity(inventory_position=194, levels=of(200, maximum), pack_size=100).quantity == ordered

    @pytest.mark.parametrize(
        ("projected", "level", "reorder_quantity", "ordered"),
        [(0, 100, 110, 110), (-8, 10, 30, 30), (-100, 10, 30, 110)],
    )
    def test_erpnext(self, projected: int, level: int, reorder_quantity: int, ordered: int) -> None:
        """formulas.md 5.3: ERPNext orders the larger of its reorder quantity and what is missing to the reorder level.

        Its fourth case, (10, 10, 30) gives 30, has the position at a level that is the order-up-to level too, where
        contracts.md orders nothing. That the reorder point itself triggers is tested by Odoo's cases.
        """
        found = decide_quantity(inventory_position=projected, levels=of(level, level), min_order_packs=reorder_quantity)
        assert found.quantity == ordered

    def test_business_central_reduces_what_overflows(self) -> None:
        """formulas.md 5.3: stock 80, sale 70, maximum 100: 90; the sale cut to 40: the order is cut by 30 to 60."""
        levels = of(100, 100)
        assert decide_quantity(inventory_position=80 - 70, levels=levels).quantity == 90
        assert decide_quantity(inventory_position=80 - 40, levels=levels).quantity == 60

    def test_sap_perishables(self) -> None:
        """formulas.md 5.3: demand 100, safety 20, stock 50: 70."""
        assert decide_quantity(inventory_position=50, levels=of(120, 120)).quantity == 70


class TestBinding:
    """`binding` is the last rule that changed the quantity."""

    def test_a_need_of_whole_packs_is_bound_by_nothing(self) -> None:
        assert decide_quantity(inventory_position=2, levels=of(26, 26), pack_size=12).binding == "none"

    def test_a_minimum_order_that_is_met_changes_nothing(self) -> None:
        found = decide_quantity(inventory_position=2, levels=of(26, 26), pack_size=12, min_order_packs=2)
        assert found == OrderQuantity(2, 24, "none")

    def test_minimum_order(self) -> None:
        found = decide_quantity(inventory_position=20, levels=of(26, 26), pack_size=12, min_order_packs=3)
        assert found == OrderQuantity(3, 36, "min_order")

    def test_maximum_order(self) -> None:
        found = decide_quantity(inventory_position=0, levels=of(100, 100), pack_size=12, max_order_packs=4)
        assert found == OrderQuantity(4, 48, "max_order")

    def test_maximum_order_below_the_minimum_orders_nothing_and_says_why(self) -> None:
        found = decide_quantity(
            inventory_position=0, levels=of(100, 100), pack_size=12, min_order_packs=5, max_order_packs=4
        )
        assert found == OrderQuantity(0, 0, "max_order")

    def test_max_stock(self) -> None:
        found = decide_quantity(inventory_position=8, levels=of(26, 20, uncapped=26), pack_size=12)
        assert found == OrderQuantity(1, 12, "max_stock")

    def test_a_pack_may_overshoot_max_stock_and_binds_last(self) -> None:
        found = decide_quantity(inventory_position=10, levels=of(26, 20, uncapped=26), pack_size=12)
        assert found == OrderQuantity(1, 12, "pack_size")

    def test_shelf_life_is_floored_to_packs(self) -> None:
        # 40 can be sold in time, 7 are there: 33, in packs of 12 two.
        found = decide_quantity(inventory_position=7, levels=of(60, 60), pack_size=12, usable_demand=40.9)
        assert found == OrderQuantity(2, 24, "shelf_life")

    def test_shelf_life_that_suffices_changes_nothing(self) -> None:
        found = decide_quantity(inventory_position=12, levels=of(60, 60), pack_size=12, usable_demand=60.0)
        assert found == OrderQuantity(4, 48, "none")

    @pytest.mark.parametrize("usable_demand", [0.0, 6.9, 30.9])
    def test_cut_below_the_minimum_order_nothing_is_ordered(self, usable_demand: float) -> None:
        found = decide_quantity(
            inventory_position=7, levels=of(60, 60), pack_size=12, min_order_packs=2, usable_demand=usable_demand
        )
        assert found == OrderQuantity(0, 0, "shelf_life")

    def test_the_tighter_cap_comes_last_when_both_cut(self) -> None:
        found = decide_quantity(
            inventory_position=0, levels=of(100, 100), pack_size=12, max_order_packs=4, usable_demand=25.0
        )
        assert found == OrderQuantity(2, 24, "shelf_life")

    def test_goods_by_weight_come_in_packs_of_base_units(self) -> None:
        found = decide_quantity(inventory_position=1_250, levels=of(9_000, 9_000), pack_size=2_500)
        assert found == OrderQuantity(4, 10_000, "pack_size")


class TestUsableDemand:
    def usable(self, shelf_life_days: int | None) -> float | None:
        hour = outlooks.hour_of(BONN, times.at_local(TUESDAY, "13:05", BERLIN), TUESDAY, (13 * 60 + 5) * 60)
        outlook = hour.outlook(1)
        assert outlook is not None
        policy = EffectivePolicy()
        need = replenishment.need_in(hour, outlook, STEADY, shelf_life_days=shelf_life_days, policy=policy)
        return need.usable_demand

    def test_goods_of_one_day_can_be_sold_on_the_day_they_come(self) -> None:
        assert self.usable(1) == pytest.approx(3.6 + 6)

    def test_closed_days_sell_nothing_but_age_the_goods(self) -> None:
        # The rest of Tuesday; Wednesday to Tuesday with a Sunday in between: six days of sales.
        assert self.usable(7) == pytest.approx(3.6 + 6 * 6)

    def test_what_keeps_is_not_cut(self) -> None:
        assert self.usable(None) is None
        assert self.usable(replenishment.SHELF_LIFE_DAYS + 1) is None


class TestNeedOf:
    def test_it_puts_opportunity_forecast_and_levels_together(self) -> None:
        row = Demand()
        forecast.apply_offered(row, day=TUESDAY - 60)
        for day in calendars.selling_days(BONN, TUESDAY - 60, TUESDAY - 1):
            forecast.apply_sale(row, day=day, units=6)
        found = replenishment.need_of(
            row,
            calendar=BONN,
            at=times.at_local(TUESDAY, "13:05", BERLIN),
            lead_time_days=1,
            shelf_life_days=4,
            unit="piece",
            policy=EffectivePolicy(),
        )
        assert found is not None
        assert found.opportunity.deliver_by == TUESDAY + 1
        # From 13:00 on nine of fifteen hours are left; then Wednesday and Thursday.
        assert found.levels.forecast == pytest.approx((3.6, 6.0, 6.0), rel=0.02)
        # A steady seller varies less than Poisson; Poisson is taken. scipy 1.17.1: poisson.ppf(.98, 15.6) is 24.
        assert found.levels.reorder_point == found.levels.order_up_to_level == 24
        assert found.demand_rate_per_day == pytest.approx(36 / 7, rel=0.02)
        # Wednesday to Saturday.
        assert found.usable_demand == pytest.approx(3.6 + 4 * 6, rel=0.02)

    def test_a_new_article_is_ordered_before_it_ever_sold(self) -> None:
        found = replenishment.need_of(
            Demand(),
            calendar=BONN,
            at=times.at_local(TUESDAY, "09:00", BERLIN),
            lead_time_days=1,
            shelf_life_days=None,
            unit="piece",
            policy=EffectivePolicy(),
        )
        assert found is not None
        assert decide_quantity(inventory_position=0, levels=found.levels, pack_size=6).packs == 2

    def test_a_store_without_deliveries_needs_nothing(self) -> None:
        found = replenishment.need_of(
            Demand(),
            calendar=calendars.calendar_of(delivery_weekdays=[]),
            at=0,
            lead_time_days=1,
            shelf_life_days=None,
            unit="piece",
            policy=EffectivePolicy(),
        )
        assert found is None


class TestDaysOfCover:
    def test_what_is_there_by_what_is_sold_a_day(self) -> None:
        assert replenishment.days_of_cover(24, 6.0) == 4.0

    def test_a_negative_stock_covers_nothing(self) -> None:
        assert replenishment.days_of_cover(-3, 6.0) == 0.0

    def test_without_demand_it_lasts_for_ever(self) -> None:
        assert replenishment.days_of_cover(24, 0.0) is None
