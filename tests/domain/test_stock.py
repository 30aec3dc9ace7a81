"""The article's row: position and the units of one day that demand does not hold yet."""

import pytest

from freshmart_streams.domain import forecast, stock, times
from freshmart_streams.domain.stock import Stock

TUESDAY = times.from_iso("2024-10-08")


class TestInventoryPosition:
    def test_what_is_missing_on_hand_does_not_ask_for_more(self) -> None:
        assert stock.inventory_position(Stock(on_hand=-5, on_order=12)) == 12

    def test_what_spoils_is_as_if_it_were_not_there(self) -> None:
        row = Stock(on_hand=9, on_order=12, expected_waste=4)
        assert stock.inventory_position(row) == 17
        assert stock.inventory_position(Stock(on_hand=3, on_order=12, expected_waste=4)) == 12

    @pytest.mark.parametrize("position", [1, 12, 13, 40])
    def test_so_many_on_hand_make_the_position(self, position: int) -> None:
        row = Stock(on_order=12, expected_waste=4)
        row.on_hand = stock.on_hand_for(row, position)
        assert stock.inventory_position(row) == max(position, 12)


class TestApplySold:
    def test_days_are_counted_in_the_row_until_they_are_handed_over(self) -> None:
        row = Stock()
        for day, units in ((TUESDAY, 3), (TUESDAY, -1), (TUESDAY + 1, 5), (TUESDAY, 4)):
            assert stock.apply_sold(row, day, units)
        assert stock.sold_by_day(row) == {TUESDAY: 6, TUESDAY + 1: 5}
        demand = stock.flush_sold(row, None, TUESDAY + 1)
        assert demand is not None
        assert forecast.sold_on(demand, TUESDAY) == 6
        assert [stock.sold_on(row, demand, TUESDAY + place) for place in range(2)] == [6, 5]

    def test_a_late_sale_of_a_day_that_is_not_there_is_for_demand(self) -> None:
        row = Stock()
        stock.apply_sold(row, TUESDAY, 3)
        assert not stock.apply_sold(row, TUESDAY - 1, 4)
        assert (row.sold_day, row.sold) == (TUESDAY, 3)

    def test_handed_over_twice_counts_once(self) -> None:
        row = Stock()
        stock.apply_sold(row, TUESDAY, 3)
        demand = stock.flush_sold(row, None, TUESDAY + 1)
        assert demand is not None
        assert stock.flush_sold(row, demand, TUESDAY + 1) is None
        assert forecast.sold_on(demand, TUESDAY) == 3


class TestSteps:
    def test_a_step_ends_with_its_time_or_with_what_days_that_are_over_sold(self) -> None:
        row = Stock(step_until=TUESDAY + 7, step_units=5)
        stock.apply_sold(row, TUESDAY, 4)
        assert not stock.is_step_over(row, TUESDAY + 1)
        assert stock.begin_day(row, TUESDAY + 1)
        stock.apply_sold(row, TUESDAY + 1, 1)
        assert not stock.is_step_over(row, TUESDAY + 1)
        assert stock.is_step_over(row, TUESDAY + 2)
        assert not stock.begin_day(row, TUESDAY + 2)

    def test_a_day_of_returns_takes_nothing_back(self) -> None:
        row = Stock(step_until=TUESDAY + 7, step_units=5)
        stock.apply_sold(row, TUESDAY, -4)
        stock.begin_day(row, TUESDAY + 1)
        assert row.step_units == 5
