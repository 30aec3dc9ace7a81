"""The article's row: position and the units of one day that demand does not hold yet."""

from freshmart_streams.domain import forecast, stock, times
from freshmart_streams.domain.ledger import Ledger
from freshmart_streams.domain.stock import Stock

TUESDAY = times.from_iso("2024-10-08")


class TestInventoryPosition:
    def test_what_is_missing_on_hand_does_not_ask_for_more(self) -> None:
        assert stock.inventory_position(Stock(Ledger(on_hand=-5), on_order=12)) == 12


class TestApplySold:
    def test_a_day_is_counted_in_the_row_and_goes_to_demand_with_the_next(self) -> None:
        row = Stock()
        assert stock.apply_sold(row, None, day=TUESDAY, units=3) is None
        assert stock.apply_sold(row, None, day=TUESDAY, units=-1) is None
        demand = stock.apply_sold(row, None, day=TUESDAY + 1, units=5)
        assert demand is not None
        assert forecast.sold_on(demand, TUESDAY) == 2
        assert (row.sold_day, row.sold) == (TUESDAY + 1, 5)

    def test_a_late_sale_goes_to_its_own_day(self) -> None:
        row = Stock()
        stock.apply_sold(row, None, day=TUESDAY, units=3)
        demand = stock.apply_sold(row, None, day=TUESDAY - 1, units=4)
        assert demand is not None
        assert forecast.sold_on(demand, TUESDAY - 1) == 4
        assert (row.sold_day, row.sold) == (TUESDAY, 3)

    def test_flushed_twice_counts_once(self) -> None:
        row = Stock()
        stock.apply_sold(row, None, day=TUESDAY, units=3)
        demand = stock.flush_sold(row, None)
        assert demand is not None
        assert stock.flush_sold(row, demand) is None
        assert forecast.sold_on(demand, TUESDAY) == 3
