"""What an article is expected to sell, out of its days."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.domain import calendars, forecast, times
from freshmart_streams.domain.calendars import Calendar
from freshmart_streams.domain.forecast import Demand, Parameters

MONDAY = times.from_iso("2024-09-02")
EVERY_DAY = calendars.calendar_of()
MON_TO_SAT = calendars.calendar_of(opening={"mon-sat": "07:00-22:00"})


def demand_of(*sold: int, first: int = MONDAY) -> Demand:
    """An article known from `first` on that sold these units on the days from there."""
    row = Demand()
    forecast.apply_offered(row, day=first)
    for day, units in enumerate(sold, first):
        forecast.apply_sale(row, day=day, units=units)
    return row


def parameters(
    row: Demand, today: int, *, calendar: Calendar = EVERY_DAY, elapsed: float = 0.0, typical_purchase: int = 1
) -> Parameters:
    return forecast.parameters(row, calendar=calendar, today=today, elapsed=elapsed, typical_purchase=typical_purchase)


class TestHistory:
    def test_a_day_without_a_sale_sold_nothing(self) -> None:
        row = demand_of(2)
        forecast.apply_sale(row, day=MONDAY + 3, units=5)
        assert forecast.history(row, MONDAY + 5) == list(enumerate([2, 0, 0, 5, 0], MONDAY))

    def test_today_is_counted_but_is_no_history_yet(self) -> None:
        row = demand_of(2, 7)
        assert forecast.history(row, MONDAY + 1) == [(MONDAY, 2)]
        assert forecast.sold_on(row, MONDAY + 1) == 7

    def test_a_late_sale_and_a_void_change_their_own_day(self) -> None:
        row = demand_of(2, 7, 4)
        forecast.apply_sale(row, day=MONDAY + 1, units=-3)
        forecast.apply_sale(row, day=MONDAY, units=1)
        assert row.sold == [3, 4, 4]

    def test_a_late_sale_may_be_the_first(self) -> None:
        row = demand_of(2, first=MONDAY + 3)
        forecast.apply_sale(row, day=MONDAY, units=4)
        assert (row.first_day, row.sold) == (MONDAY, [4, 0, 0, 2])

    def test_eight_weeks_and_today_are_kept(self) -> None:
        row = demand_of(*range(100))
        assert row.sold == list(range(43, 100))
        assert forecast.history(row, row.newest_day + 1)[0] == (MONDAY + 44, 44)
        assert row.first_day == MONDAY

    def test_after_a_silence_of_any_length_the_row_is_as_small(self) -> None:
        row = demand_of(5)
        forecast.apply_sale(row, day=MONDAY + 10_000, units=1)
        assert row.sold == [0] * 56 + [1]

    def test_a_day_too_old_to_be_kept_changes_no_figure(self) -> None:
        row = demand_of(*range(100))
        before = list(row.sold)
        forecast.apply_sale(row, day=MONDAY + 42, units=9)
        assert row.sold == before
        assert forecast.sold_on(row, MONDAY + 42) == 0

    def test_an_article_that_was_never_there_has_none(self) -> None:
        assert forecast.history(Demand(), MONDAY) == []

    def test_the_row_is_read_back_as_it_was_written(self) -> None:
        row = demand_of(1, -2, 300_000)
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(row), type=Demand) == row

    @given(st.lists(st.tuples(st.integers(0, 150), st.integers(-5, 9)), min_size=1), st.randoms())
    def test_the_order_in_which_sales_become_known_does_not_matter(
        self, sales: list[tuple[int, int]], dice: object
    ) -> None:
        shuffled = sales.copy()
        dice.shuffle(shuffled)  # type: ignore[attr-defined]
        rows = [Demand(), Demand()]
        for row, known in zip(rows, (sales, shuffled), strict=True):
            for day, units in known:
                forecast.apply_sale(row, day=MONDAY + day, units=units)
        assert rows[0] == rows[1]
        assert parameters(rows[0], MONDAY + 151) == parameters(rows[1], MONDAY + 151)


class TestNewArticle:
    def test_before_any_history_one_purchase_a_day_is_expected(self) -> None:
        """Not nothing: then a new article would never be ordered."""
        expected = parameters(Demand(), MONDAY)
        assert expected == Parameters(level=1.0, weekday_factors=(1.0,) * 7, variance_to_mean=1.0, evidence=1.0)

    def test_on_its_first_day_the_part_of_the_day_that_passed_counts(self) -> None:
        assert parameters(demand_of(11), MONDAY, elapsed=0.5).level == pytest.approx((11 + 1) / (0.5 + 1))

    def test_a_sale_just_after_opening_does_not_explode(self) -> None:
        assert parameters(demand_of(3), MONDAY, elapsed=1e-6).level == pytest.approx(4.0, rel=1e-5)

    def test_a_sale_on_a_day_on_which_the_store_is_closed_counts_too(self) -> None:
        sunday = MONDAY + 6
        assert parameters(demand_of(3, first=sunday), sunday, calendar=MON_TO_SAT).level == 4.0

    def test_once_a_day_is_over_today_counts_no_more(self) -> None:
        quiet, busy = demand_of(6), demand_of(6, 50)
        assert parameters(quiet, MONDAY + 1, elapsed=0.9) == parameters(busy, MONDAY + 1, elapsed=0.9)

    def test_the_imagined_day_is_forgotten(self) -> None:
        levels = [parameters(demand_of(*[0] * days), MONDAY + days).level for days in (1, 7, 28, 56)]
        assert levels == sorted(levels, reverse=True)
        assert levels[-1] < 0.005

    def test_a_new_article_is_at_most_twice_as_uncertain(self) -> None:
        expected = parameters(Demand(), MONDAY)
        days = range(MONDAY, MONDAY + 10)
        interval = forecast.interval_forecast(expected, days, today=MONDAY, share_of_today=1.0)
        assert (interval.mean, interval.variance) == (10.0, 20.0)


class TestParameters:
    def test_a_steady_seller_is_expected_to_go_on(self) -> None:
        expected = parameters(demand_of(*[6] * 56), MONDAY + 56)
        assert expected.level == pytest.approx(6.0, rel=0.01)
        assert all(factor == pytest.approx(1.0, abs=0.01) for factor in expected.weekday_factors)
        assert expected.variance_to_mean < 0.1

    def test_the_week_has_its_profile(self) -> None:
        week = [10, 10, 10, 10, 20, 40, 0]
        expected = parameters(demand_of(*week * 8), MONDAY + 56)
        for place, sold in enumerate(week):
            assert forecast.expected_on(expected, MONDAY + 56 + place) == pytest.approx(sold, rel=0.12, abs=1.0)

    def test_with_thin_demand_the_profile_stays_flat(self) -> None:
        one_saturday = [0] * 5 + [1] + [0] * 8
        factors = parameters(demand_of(*one_saturday), MONDAY + 14).weekday_factors
        assert 1.0 < factors[5] < 1.25
        assert all(0.9 < factor <= 1.0 for place, factor in enumerate(factors) if place != 5)

    def test_the_level_follows_a_change_and_forgets_what_was(self) -> None:
        expected = parameters(demand_of(*[2] * 28 + [8] * 28), MONDAY + 56)
        assert 6.5 < forecast.expected_on(expected, MONDAY + 56) < 8.0

    def test_a_closed_day_is_no_zero(self) -> None:
        six_days_a_week = demand_of(*[6, 6, 6, 6, 6, 6, 0] * 8)
        assert parameters(six_days_a_week, MONDAY + 56, calendar=MON_TO_SAT).level == pytest.approx(6.0, rel=0.01)
        assert parameters(six_days_a_week, MONDAY + 56, calendar=EVERY_DAY).level < 5.5

    def test_a_public_holiday_is_no_zero_either(self) -> None:
        unity_day = times.from_iso("2024-10-03")
        sold = [0 if MONDAY + place == unity_day else 6 for place in range(40)]
        of_the_state = calendars.calendar_of(state="NW")
        with_holiday, without = (
            parameters(demand_of(*sold), MONDAY + 40, calendar=c) for c in (of_the_state, EVERY_DAY)
        )
        assert with_holiday.weekday_factors[3] == pytest.approx(1.0, abs=0.01)
        assert without.weekday_factors[3] < 0.95

    def test_what_was_sold_on_a_closed_day_counts_with_its_day(self) -> None:
        shopping_sunday = demand_of(*[6, 6, 6, 6, 6, 6, 0] * 7, *[6, 6, 6, 6, 6, 6, 60])
        expected = parameters(shopping_sunday, MONDAY + 56, calendar=MON_TO_SAT)
        assert forecast.expected_on(expected, MONDAY + 62) == pytest.approx(50, abs=10)
        assert forecast.expected_on(expected, MONDAY + 57) == pytest.approx(6, rel=0.15)

    def test_bursts_show_in_the_variance(self) -> None:
        steady, bursts = ([3] * 56, [0, 0, 0, 0, 0, 0, 21, *[0, 0, 9, 0, 0, 12, 0]] * 4)
        low, high = (parameters(demand_of(*sold), MONDAY + 56).variance_to_mean for sold in (steady, bursts))
        assert low < 1
        assert high > 4

    def test_a_day_with_more_returns_than_sales_counts_as_nothing_sold(self) -> None:
        assert parameters(demand_of(5, -4, 5), MONDAY + 3) == parameters(demand_of(5, 0, 5), MONDAY + 3)

    def test_after_eight_weeks_without_a_sale_hardly_anything_is_expected(self) -> None:
        assert 0 < parameters(demand_of(50), MONDAY + 80).level < 0.01

    def test_the_unit_changes_nothing_but_the_unit(self) -> None:
        sold = [3, 0, 5, 2, 0, 8, 1] * 5
        pieces = parameters(demand_of(*sold), MONDAY + 35)
        grams = parameters(demand_of(*[250 * y for y in sold]), MONDAY + 35, typical_purchase=250)
        assert grams.level == pytest.approx(250 * pieces.level)
        assert grams.weekday_factors == pytest.approx(pieces.weekday_factors)
        assert grams.variance_to_mean == pytest.approx(250 * pieces.variance_to_mean)
        assert grams.evidence == pytest.approx(250 * pieces.evidence)

    @given(st.lists(st.integers(-3, 10**6), max_size=70), st.integers(0, 40), st.floats(0, 1))
    def test_whatever_was_sold_gives_figures_that_can_be_used(
        self, sold: list[int], later: int, elapsed: float
    ) -> None:
        today = MONDAY + len(sold) + later
        expected = parameters(demand_of(*sold), today, calendar=MON_TO_SAT, elapsed=elapsed)
        assert 0 < expected.level <= max([1, *(units + 1 for units in sold)]) * 2
        # At most Σ w / 0.95^56, about 336: a lone sale on a day on which the store is closed, eight weeks ago.
        assert all(0 < factor < 340 for factor in expected.weekday_factors)
        assert 0 < expected.variance_to_mean < 10**7
        assert expected.evidence > 0


STEADY = Parameters(level=6.0, weekday_factors=(1.0, 1.0, 1.0, 1.0, 1.5, 2.0, 0.5), variance_to_mean=2.0, evidence=60.0)


class TestIntervals:
    def test_today_counts_by_what_is_left_of_it(self) -> None:
        thursday = MONDAY + 3
        days = (thursday, thursday + 1, thursday + 2)
        interval = forecast.interval_forecast(STEADY, days, today=thursday, share_of_today=0.25)
        assert interval.daily == (1.5, 9.0, 12.0)
        assert interval.mean == 22.5
        assert interval.variance == pytest.approx(2.0 * 22.5 * (1 + 22.5 / 60))

    def test_an_interval_without_a_selling_day_needs_nothing(self) -> None:
        interval = forecast.interval_forecast(STEADY, (), today=MONDAY, share_of_today=1.0)
        assert (interval.daily, interval.mean, interval.variance) == ((), 0, 0)

    def test_days_counted_by_weekday_give_the_same_sum(self) -> None:
        days = calendars.selling_days(MON_TO_SAT, MONDAY, MONDAY + 30)
        counts = calendars.selling_weekdays(MON_TO_SAT, MONDAY, MONDAY + 30)
        one_by_one = sum(forecast.expected_on(STEADY, day) for day in days)
        assert forecast.expected_on_weekdays(STEADY, counts) == pytest.approx(one_by_one)

    def test_the_rate_is_per_calendar_day(self) -> None:
        open_days = calendars.selling_days(MON_TO_SAT, MONDAY, MONDAY + 6)
        assert forecast.demand_rate_per_day(STEADY, open_days) == pytest.approx(6.0 * 7.5 / 7)
