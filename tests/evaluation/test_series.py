"""Daily series are read, or refused with one line that names line and column."""

import pytest

from freshmart_streams.domain import times
from freshmart_streams.evaluation.series import Day, SeriesError, read

HEADER = "date,series,quantity"


def refusal(*lines: str) -> str:
    with pytest.raises(SeriesError) as caught:
        read(lines)
    return str(caught.value)


class TestRead:
    def test_fills_days_without_a_line_with_nothing_sold_up_to_the_last_day_of_all(self) -> None:
        sales = read([HEADER, "2024-10-07,milk,3", "2024-10-09,milk,2.0", "2024-10-10,bread,1"])
        bread, milk = sales.series
        assert (bread.name, len(bread.days)) == ("bread", 1)
        assert [day.sold for day in milk.days] == [3, 0, 2, 0]
        assert milk.first_day == times.from_iso("2024-10-07")
        assert sales.last_day == times.from_iso("2024-10-10")

    def test_takes_weekdays_that_never_occur_as_closed(self) -> None:
        sales = read([HEADER, *(f"2024-10-{day:02},milk,1" for day in range(7, 13))])  # Monday to Saturday
        assert sales.open_weekdays == {1, 2, 3, 4, 5, 6}
        assert sales.opening is not None
        assert "sun" not in sales.opening

    def test_needs_no_opening_hours_when_every_weekday_occurs(self) -> None:
        assert read([HEADER, *(f"2024-10-{day:02},milk,1" for day in range(7, 14))]).opening is None

    def test_reads_every_column_whatever_its_order_and_spelling(self) -> None:
        header = "Series,Date,Stock-out,Quantity,Demand,Promotion,Price"
        (series,) = read([header, "milk,2024-10-07,0.25,3,4,true,0.99", "milk,2024-10-08,true,0,,no,"]).series
        assert series.days == (Day(3, 250, 4, True), Day(0, 1_000, None, False))
        assert [day.truth for day in series.days] == [4, None]
        assert [day.replayed for day in series.days] == [4, 0]


class TestRefusal:
    @pytest.mark.parametrize(
        ("lines", "words"),
        [
            ([], "line 1: the file is empty"),
            ([HEADER], "line 2: there is no day"),
            (["date,quantity"], "line 1: the column series is missing"),
            ([HEADER + ",stockout"], "line 1, column 4: 'stockout' is not known"),
            ([HEADER + ",date"], "line 1, column 4: date is there twice"),
            ([HEADER, "2024-10-07,milk"], "line 2: 2 cells"),
            ([HEADER, "07.10.2024,milk,1"], "line 2, column date: '07.10.2024' is no date"),
            ([HEADER, "9999-12-31,milk,1"], "line 2, column date: 9999-12-31 does not lie"),
            ([HEADER, "2024-10-07,,1"], "line 2, column series: it is empty"),
            ([HEADER, "2024-10-07,milk,1", "2024-10-08,milk,-1"], "line 3, column quantity: '-1' is no number"),
            ([HEADER, "2024-10-07,milk,nan"], "line 2, column quantity: 'nan' is no number"),
            ([HEADER, "2024-10-07,milk,1e12"], "line 2, column quantity: '1e12' is no whole number"),
            ([HEADER, "2024-10-07,milk,1.5"], "line 2, column quantity: '1.5' is no whole number"),
            ([HEADER + ",price", "2024-10-07,milk,1,free"], "line 2, column price: 'free' is no number"),
            ([HEADER + ",stock_out", "2024-10-07,milk,1,25"], "line 2, column stock_out: '25' is no share"),
            ([HEADER + ",promotion", "2024-10-07,milk,1,0.5"], "line 2, column promotion: '0.5' is neither"),
            ([HEADER + ",demand", "2024-10-07,milk,3,2"], "line 2, column demand: 2 is less than what was sold"),
            ([HEADER, *["2024-10-07,milk,1"] * 2], "line 3, column date: 2024-10-07 is there twice for series 'milk'"),
            ([HEADER, "1990-10-07,milk,1", "2024-10-07,milk,1"], "column date: from 1990-10-07 to 2024-10-07"),
            ([HEADER, '2024-10-07,"milk'], "no CSV"),
        ],
    )
    def test_names_line_and_column(self, lines: list[str], words: str) -> None:
        said = refusal(*lines)
        assert words in said
        assert "\n" not in said
