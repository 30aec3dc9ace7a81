"""When an article could not be bought (formulas.md 4.6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.domain import availability, calendars, ledger, times
from freshmart_streams.domain.ledger import Ledger

BERLIN = "Europe/Berlin"
TUESDAY = times.from_iso("2024-10-08")
STORE = calendars.calendar_of(timezone=BERLIN, opening={"mon-sat": "07:00-22:00"})


def at(time_of_day: str, day: int = TUESDAY) -> int:
    return times.at_local(day, time_of_day, BERLIN)


def stock_of(count: int, *changes: tuple[int, int], counted_at: int = at("06:00")) -> Ledger:
    """An article counted in the morning, and what changed since: times and quantities."""
    row = Ledger()
    ledger.apply_count(row, at=counted_at, quantity=count, clock=counted_at)
    for when, quantity in changes:
        ledger.apply_change(row, when, quantity, clock=max(when, counted_at))
    return row


class TestOutIntervals:
    def test_an_article_that_is_there_was_never_out(self) -> None:
        assert availability.out_intervals(stock_of(5, (at("09:00"), -2)), 0, at("22:00")) == ([], 0)

    def test_it_is_out_from_the_last_sale_until_something_comes(self) -> None:
        row = stock_of(5, (at("09:00"), -5), (at("12:00"), +8))
        assert availability.out_intervals(row, 0, at("22:00")) == ([(at("09:00"), at("12:00"))], 0)

    def test_what_still_runs_ends_for_now(self) -> None:
        row = stock_of(5, (at("09:00"), -5))
        assert availability.out_intervals(row, 0, at("22:00")) == ([(at("09:00"), at("22:00"))], at("09:00"))

    def test_a_sale_of_what_is_not_there_shows_that_it_was_there(self) -> None:
        row = stock_of(5, (at("09:00"), -5), (at("15:00"), -1))
        assert availability.out_intervals(row, 0, at("22:00"))[0] == [(at("15:00"), at("22:00"))]

    def test_what_comes_is_there_even_if_the_table_stays_below_zero(self) -> None:
        row = stock_of(0, (at("09:00"), -5), (at("15:00"), +2))
        assert availability.out_intervals(row, 0, at("22:00")) == ([(at("09:00"), at("15:00"))], 0)

    def test_a_count_of_nothing_is_the_beginning(self) -> None:
        assert availability.out_intervals(stock_of(0), 0, at("22:00"))[1] == at("06:00")

    def test_a_count_that_finds_something_is_the_end(self) -> None:
        row = stock_of(4, counted_at=at("12:00"))
        assert availability.out_intervals(row, at("09:00"), at("22:00")) == ([(at("09:00"), at("12:00"))], 0)

    def test_a_count_that_finds_nothing_changes_nothing(self) -> None:
        row = stock_of(0, counted_at=at("12:00"))
        assert availability.out_intervals(row, at("09:00"), at("22:00"))[0] == [(at("09:00"), at("22:00"))]

    def test_what_the_row_has_forgotten_was_noticed(self) -> None:
        delivered = at("08:00", TUESDAY + 5)
        row = Ledger()
        ledger.apply_change(row, delivered, 10, clock=delivered)
        found = availability.out_intervals(row, at("09:00"), at("22:00", TUESDAY + 5))
        assert found == ([(at("09:00"), delivered)], 0)

    @given(
        st.lists(st.tuples(st.integers(0, 900), st.integers(-6, 6).filter(bool)), unique_by=lambda each: each[0]),
        st.randoms(),
    )
    def test_the_order_of_arrival_does_not_matter(self, changes: list[tuple[int, int]], dice: object) -> None:
        shuffled = changes.copy()
        dice.shuffle(shuffled)  # type: ignore[attr-defined]
        minute, found = 60_000_000, []
        for known in (changes, shuffled):
            row = stock_of(5)
            for when, quantity in known:
                ledger.apply_change(row, at("07:00") + when * minute, quantity, clock=at("23:00"))
            found.append(availability.out_intervals(row, 0, at("23:00")))
        assert found[0] == found[1]


class TestMissingByDay:
    def test_a_part_of_the_opening_time(self) -> None:
        # open for 15 hours, out for the last 3 of them
        missing = availability.missing_by_day([(at("19:00"), at("23:30"))], STORE, TUESDAY, TUESDAY)
        assert missing == {TUESDAY: 200}

    def test_whole_days_between_and_closed_days_not_at_all(self) -> None:
        friday, monday = TUESDAY + 3, TUESDAY + 6
        missing = availability.missing_by_day([(at("22:00", friday), at("10:00", monday))], STORE, friday, monday)
        assert missing == {friday: 0, friday + 1: 1_000, monday: 200}

    def test_several_on_one_day_sum_up(self) -> None:
        intervals = [(at("07:00"), at("08:30")), (at("10:00"), at("11:30"))]
        assert availability.missing_by_day(intervals, STORE, TUESDAY, TUESDAY) == {TUESDAY: 200}

    @pytest.mark.parametrize(("begin", "end"), [("00:00", "07:00"), ("22:00", "23:59")])
    def test_nothing_is_missing_while_the_store_is_closed(self, begin: str, end: str) -> None:
        assert availability.missing_by_day([(at(begin), at(end))], STORE, TUESDAY, TUESDAY) == {TUESDAY: 0}


class TestMissingDays:
    def test_today_is_judged_when_it_is_over(self) -> None:
        row = stock_of(5, (at("09:00"), -5))
        today, since = availability.missing_days(row, 0, calendar=STORE, today=TUESDAY)
        assert (today[TUESDAY], since) == (0, at("09:00"))
        tomorrow, _ = availability.missing_days(row, since, calendar=STORE, today=TUESDAY + 1)
        assert tomorrow[TUESDAY] == 13 * 1_000 // 15

    def test_all_days_since_it_ran_out(self) -> None:
        row = stock_of(5, (at("22:00"), -5))
        missing, _ = availability.missing_days(row, at("22:00"), calendar=STORE, today=TUESDAY + 9)
        assert [missing.get(TUESDAY + day) for day in range(10)] == [0, *[1_000] * 4, None, *[1_000] * 3, 0]

    def test_years_are_not_counted_day_by_day(self) -> None:
        row = stock_of(5, (at("22:00"), -5))
        missing, _ = availability.missing_days(row, at("22:00"), calendar=STORE, today=TUESDAY + 3_000)
        assert len(missing) <= availability.DAYS_BACK_MAX + 1
