"""What holds for every order, whatever the article, the policy and the position are."""

import dataclasses

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import structs

from freshmart_streams.domain import calendars, forecast, replenishment, times
from freshmart_streams.domain.forecast import Demand, Forecast
from freshmart_streams.domain.policies import EffectivePolicy
from freshmart_streams.domain.replenishment import Levels, Need, decide_quantity, lowest_position_alike

MONDAY = times.from_iso("2024-09-02")
BONN = calendars.calendar_of(
    timezone="Europe/Berlin", opening={"mon-sat": "07:00-22:00"}, state="NW", delivery_weekdays=[1, 3, 5]
)

POLICIES = st.builds(
    EffectivePolicy,
    service_level=st.floats(0.5, 0.999),
    min_stock=st.integers(0, 50),
    max_stock=st.none() | st.integers(0, 200),
    presentation_stock=st.integers(0, 30),
    capacity=st.none() | st.integers(0, 300),
)
INTERVALS = st.builds(
    lambda daily, ratio: Forecast(tuple(daily), ratio * sum(daily)),
    st.lists(st.floats(0, 60), max_size=8),
    st.floats(0.1, 8),
)
LEVELS = st.builds(lambda interval, policy: replenishment.levels(interval=interval, policy=policy), INTERVALS, POLICIES)
POSITIONS = st.integers(-50, 400)
PACKS = st.integers(1, 48)
MINIMA = st.none() | st.integers(0, 5)
MAXIMA = st.none() | st.integers(0, 20)
USABLE = st.none() | st.floats(0, 500)


class TestLevels:
    @given(INTERVALS, POLICIES)
    def test_they_cover_the_expected_demand_and_the_shelf(self, interval: Forecast, policy: EffectivePolicy) -> None:
        found = replenishment.levels(interval=interval, policy=policy)
        assert found.reorder_point >= policy.min_stock
        assert found.reorder_point >= interval.mean + policy.presentation_stock - 1e-6
        assert found.order_up_to_level <= found.uncapped_level == found.reorder_point
        if policy.max_stock is not None:
            assert found.order_up_to_level <= policy.max_stock

    @given(INTERVALS, POLICIES, st.floats(0.5, 0.999))
    def test_more_service_never_means_less_stock(
        self, interval: Forecast, policy: EffectivePolicy, service_level: float
    ) -> None:
        assume(service_level > policy.service_level)
        more = dataclasses.replace(policy, service_level=service_level)
        less_stock, more_stock = (replenishment.levels(interval=interval, policy=each) for each in (policy, more))
        assert less_stock.reorder_point <= more_stock.reorder_point


class TestDecideQuantity:
    @given(POSITIONS, LEVELS, PACKS)
    def test_an_order_that_no_cap_cut_lifts_the_position_to_the_level_and_by_less_than_a_pack_beyond(
        self, position: int, levels: Levels, pack_size: int
    ) -> None:
        levels = structs.replace(levels, capacity=None)
        found = decide_quantity(inventory_position=position, levels=levels, pack_size=pack_size)
        if replenishment.is_due(inventory_position=position, levels=levels):
            assert levels.order_up_to_level <= position + found.quantity < levels.order_up_to_level + pack_size
        else:
            assert found == replenishment.NOTHING

    @given(POSITIONS, LEVELS, PACKS, MINIMA, MAXIMA, USABLE)
    def test_no_order_breaks_a_rule(
        self,
        position: int,
        levels: Levels,
        pack_size: int,
        minimum: int | None,
        maximum: int | None,
        usable: float | None,
    ) -> None:
        found = decide_quantity(
            inventory_position=position,
            levels=levels,
            pack_size=pack_size,
            min_order_packs=minimum,
            max_order_packs=maximum,
            usable_demand=usable,
        )
        assert found.quantity == found.packs * pack_size
        if not found.packs:
            assert found.quantity == 0
            return
        assert found.packs >= max(minimum or 1, 1)
        assert maximum is None or found.packs <= maximum
        assert usable is None or position + found.quantity <= usable + 1e-6
        assert levels.capacity is None or position + found.quantity <= levels.capacity

    @given(POSITIONS, LEVELS, PACKS, MINIMA, MAXIMA, USABLE)
    def test_the_binding_rule_is_the_one_without_which_the_quantity_were_another(
        self,
        position: int,
        levels: Levels,
        pack_size: int,
        minimum: int | None,
        maximum: int | None,
        usable: float | None,
    ) -> None:
        def order(
            minimum: int | None, maximum: int | None, usable: float | None, capacity: int | None = levels.capacity
        ) -> replenishment.OrderQuantity:
            return decide_quantity(
                inventory_position=position,
                levels=structs.replace(levels, capacity=capacity),
                pack_size=pack_size,
                min_order_packs=minimum,
                max_order_packs=maximum,
                usable_demand=usable,
            )

        assume(minimum is None or maximum is None or minimum <= maximum)
        found = order(minimum, maximum, usable)
        need = max(levels.order_up_to_level - position, 0)
        match found.binding:
            case "none":
                assert found.quantity in (0, need)
            case "max_stock":
                assert found.quantity == need < levels.uncapped_level - position
            case "pack_size":
                assert found.quantity != need
                assert found.quantity == order(None, None, None, None).quantity
            case "min_order":
                assert found.packs == minimum
                assert found.quantity > order(None, maximum, usable).quantity
            case "max_order":
                assert found.quantity < order(minimum, None, None, None).quantity
            case "capacity":
                assert found.quantity < order(minimum, maximum, None, None).quantity
            case "shelf_life":
                without = order(minimum, maximum, None)
                # What the capacity leaves may be below the minimum order already: then there is no order anyway.
                assert found.quantity < without.quantity or (without.packs == 0 and without.binding == "capacity")
            case other:
                raise AssertionError(other)

    @given(st.integers(-50, 400), st.integers(0, 60), LEVELS, PACKS, MINIMA, MAXIMA, USABLE)
    def test_a_higher_position_never_orders_more(
        self,
        position: int,
        more: int,
        levels: Levels,
        pack_size: int,
        minimum: int | None,
        maximum: int | None,
        usable: float | None,
    ) -> None:
        low, high = (
            decide_quantity(
                inventory_position=each,
                levels=levels,
                pack_size=pack_size,
                min_order_packs=minimum,
                max_order_packs=maximum,
                usable_demand=usable,
            )
            for each in (position, position + more)
        )
        assert high.packs <= low.packs

    @given(st.integers(-50, 400), LEVELS, PACKS, MINIMA, MAXIMA, USABLE)
    def test_down_to_the_lowest_position_alike_it_orders_the_same(
        self,
        position: int,
        levels: Levels,
        pack_size: int,
        minimum: int | None,
        maximum: int | None,
        usable: float | None,
    ) -> None:
        def order(at: int) -> tuple[int, int]:
            found = decide_quantity(
                inventory_position=at,
                levels=levels,
                pack_size=pack_size,
                min_order_packs=minimum,
                max_order_packs=maximum,
                usable_demand=usable,
            )
            return found.packs, found.quantity

        lowest = lowest_position_alike(
            inventory_position=position, levels=levels, pack_size=pack_size, usable_demand=usable
        )
        assert lowest <= position
        assert {order(each) for each in range(lowest, position + 1)} == {order(position)}
        if minimum is None and maximum is None and usable is None and levels.capacity is None:
            assert order(lowest - 1) != order(position)  # and no further down than that


SALES = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 5), st.booleans()), max_size=60
)  # day, units, and whether it was voided


def need_after(sales: list[tuple[int, int]]) -> Need | None:
    row = Demand()
    for day, units in sales:
        forecast.apply_sale(row, day=MONDAY + day, units=units)
    return replenishment.need_of(
        row,
        calendar=BONN,
        at=times.at_local(MONDAY + 41, "10:20", "Europe/Berlin"),
        lead_time_days=1,
        shelf_life_days=9,
        unit="piece",
        policy=EffectivePolicy(),
    )


class TestNeed:
    @given(SALES, st.data())
    def test_a_permuted_history_with_its_voids_anywhere_gives_the_same_need(
        self, sales: list[tuple[int, int, bool]], data: st.DataObject
    ) -> None:
        facts = [(day, units) for day, units, _ in sales] + [(day, -units) for day, units, void in sales if void]
        assert need_after(data.draw(st.permutations(facts))) == need_after(facts)
