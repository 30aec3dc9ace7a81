"""What an article is expected to sell, out of its days."""

import random
import statistics

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


def history(row: Demand) -> list[int]:
    """What is kept of the days up to `newest_day`."""
    return [forecast.sold_on(row, day) for day in range(row.base_day, row.newest_day + 1)]


def learn(row: Demand, today: int, calendar: Calendar = EVERY_DAY) -> None:
    forecast.learn(row, calendar=calendar, today=today, late_days=16)


def expected_week(expected: Parameters) -> list[float]:
    return [expected.level * factor for factor in expected.weekday_factors]


def parameters(
    row: Demand, today: int, *, calendar: Calendar = EVERY_DAY, elapsed: float = 0.0, typical_purchase: int = 1
) -> Parameters:
    return forecast.parameters(row, calendar=calendar, today=today, elapsed=elapsed, typical_purchase=typical_purchase)


class TestHistory:
    def test_a_day_without_a_sale_sold_nothing(self) -> None:
        row = demand_of(2)
        forecast.apply_sale(row, day=MONDAY + 3, units=5)
        assert [forecast.sold_on(row, MONDAY + place) for place in range(5)] == [2, 0, 0, 5, 0]

    def test_a_late_sale_and_a_void_change_their_own_day(self) -> None:
        row = demand_of(2, 7, 4)
        forecast.apply_sale(row, day=MONDAY + 1, units=-3)
        forecast.apply_sale(row, day=MONDAY, units=1)
        assert row.sold == [3, 4, 4]

    def test_a_late_sale_may_be_the_first(self) -> None:
        row = demand_of(2, first=MONDAY + 3)
        forecast.apply_sale(row, day=MONDAY, units=4)
        assert (row.first_day, row.sold) == (MONDAY, [4, 0, 0, 2])

    def test_days_of_which_something_may_still_become_known_are_kept_after_they_were_learned(self) -> None:
        row = demand_of(*range(100))
        learn(row, MONDAY + 100)
        assert row.learned_day > MONDAY + 90
        assert MONDAY + 84 - forecast.STEP_DAYS_MAX <= row.base_day <= MONDAY + 84
        assert history(row) == list(range(row.base_day - MONDAY, 100))

    def test_a_row_stays_small_however_long_it_is_learned(self) -> None:
        row = Demand()
        for day in range(400):
            forecast.apply_sale(row, day=MONDAY + day, units=100 + day % 20)
            learn(row, MONDAY + day)
        assert len(msgspec.msgpack.encode(row)) <= 450

    def test_after_a_silence_of_any_length_the_row_is_as_small(self) -> None:
        row = demand_of(5)
        forecast.apply_sale(row, day=MONDAY + 10_000, units=1)
        assert history(row)[1:] == [0] * (len(row.sold) - 2) + [1]
        assert len(row.sold) <= forecast.SILENCE_DAYS + 2

    def test_a_silence_without_end_is_learned_at_once(self) -> None:
        row = demand_of(*[7] * 30)
        learn(row, MONDAY + 1_000_000)
        assert row.learned_day > MONDAY + 1_000_000 - forecast.STEP_DAYS_MAX
        assert 0 < parameters(row, MONDAY + 1_000_000).level < 0.2

    def test_a_day_too_old_to_be_kept_changes_no_figure(self) -> None:
        row = demand_of(*range(100))
        learn(row, MONDAY + 100)
        before = msgspec.msgpack.encode(row)
        forecast.apply_sale(row, day=MONDAY + 42, units=9)
        assert msgspec.msgpack.encode(row) == before
        assert forecast.sold_on(row, MONDAY + 42) == 0

    def test_the_row_is_read_back_as_it_was_written(self) -> None:
        row = demand_of(1, -2, 300_000)
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(row), type=Demand) == row

    @given(
        st.lists(st.integers(0, 60), min_size=1, max_size=40),
        st.integers(0, 500),
        st.lists(st.integers(1, 30), max_size=20),
        st.sampled_from([EVERY_DAY, MON_TO_SAT]),
    )
    def test_a_long_silence_teaches_the_same_whether_it_is_looked_at_or_not(
        self, sold: list[int], silence: int, looks: list[int], calendar: Calendar
    ) -> None:
        """A look settles what is old; a row that nobody looked at skips what is beyond `SILENCE_DAYS`."""
        last = MONDAY + len(sold)
        again = last + silence
        unseen, seen = demand_of(*sold), demand_of(*sold)
        day = last
        for distance in looks:
            day += distance
            if day < again:
                learn(seen, day, calendar=calendar)
        for row in (unseen, seen):
            forecast.apply_sale(row, day=again, units=3)
            learn(row, again + 30, calendar=calendar)
        assert (seen.learned, seen.learned_day) == (unseen.learned, unseen.learned_day)

    @given(st.lists(st.tuples(st.integers(0, 90), st.integers(-5, 9)), min_size=1), st.randoms())
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
        assert parameters(rows[0], MONDAY + 91) == parameters(rows[1], MONDAY + 91)


class TestStockOuts:
    def test_half_a_day_of_sales_is_half_a_day(self) -> None:
        whole, half = demand_of(*[20] * 28), demand_of(*[10] * 28)
        for day in range(28):
            forecast.apply_missing(half, day=MONDAY + day, thousandths=500)
        assert parameters(half, MONDAY + 28).level == pytest.approx(parameters(whole, MONDAY + 28).level, rel=0.02)

    def test_a_day_out_of_stock_teaches_nothing(self) -> None:
        steady = demand_of(*[20] * 21)
        level = parameters(steady, MONDAY + 21).level
        for day in range(21, 28):
            forecast.apply_missing(steady, day=MONDAY + day, thousandths=1_000)
        assert parameters(steady, MONDAY + 28).level == level

    def test_without_the_stock_out_the_same_days_are_a_fall(self) -> None:
        steady = demand_of(*[20] * 21, *[0] * 7)
        assert parameters(steady, MONDAY + 28).level < 10

    def test_what_was_sold_on_a_day_out_of_stock_counts(self) -> None:
        """Somebody sold the last ones before opening; the table was wrong, or the clock."""
        row = demand_of(*[5] * 20, 50)
        forecast.apply_missing(row, day=MONDAY + 20, thousandths=1_000)
        assert parameters(row, MONDAY + 21).level > parameters(row, MONDAY + 20).level

    def test_what_becomes_known_late_is_learned_again(self) -> None:
        early, late = demand_of(*range(10, 40)), demand_of(*range(10, 40))
        forecast.apply_missing(early, day=MONDAY + 28, thousandths=300)
        for row in (early, late):
            learn(row, MONDAY + 30)
        assert forecast.apply_missing(late, day=MONDAY + 28, thousandths=300)
        assert not forecast.apply_missing(late, day=MONDAY + 28, thousandths=300)
        learn(late, MONDAY + 30)
        assert (early.learned, early.learned_day) == (late.learned, late.learned_day)

    def test_nothing_is_missing_of_what_was_never_on_offer(self) -> None:
        """Say, it was only ever written off: the table is below zero, and nobody knows of a day."""
        row = Demand()
        assert not forecast.apply_missing(row, day=MONDAY, thousandths=500)
        forecast.apply_offered(row, day=MONDAY)
        assert not forecast.apply_missing(row, day=MONDAY - 1, thousandths=500)
        assert row.missing == {}

    def test_it_is_forgotten_with_the_days_it_is_about(self) -> None:
        row = demand_of(*[5] * 60)
        for day in range(60):
            forecast.apply_missing(row, day=MONDAY + day, thousandths=day + 1)
        learn(row, MONDAY + 60)
        assert list(row.missing) == list(range(row.base_day, MONDAY + 60))

    @given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 1_000)), min_size=1), st.randoms())
    def test_the_order_in_which_it_becomes_known_does_not_matter(
        self, known: list[tuple[int, int]], dice: object
    ) -> None:
        last = dict(known)
        shuffled = list(last.items())
        dice.shuffle(shuffled)  # type: ignore[attr-defined]
        rows = [demand_of(*range(41)), demand_of(*range(41))]
        for row, missing in zip(rows, (last.items(), shuffled), strict=True):
            for day, thousandths in missing:
                forecast.apply_missing(row, day=MONDAY + day, thousandths=thousandths)
        assert [msgspec.msgpack.encode(row) for row in rows[:1]] == [msgspec.msgpack.encode(row) for row in rows[1:]]


class TestNewArticle:
    def test_before_any_history_one_purchase_a_day_is_expected(self) -> None:
        """Not nothing: then a new article would never be ordered."""
        expected = parameters(Demand(), MONDAY)
        assert expected == Parameters(1.0, (1.0,) * 7, variance_to_mean=1.0, evidence=1.0, promotion_factor=2.0)

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
        assert levels[-1] < 0.05

    def test_a_new_article_is_at_most_twice_as_uncertain(self) -> None:
        expected = parameters(Demand(), MONDAY)
        interval = forecast.interval_in(expected, [(day % 7, 1.0) for day in range(10)])
        assert (interval.mean, interval.variance) == (10.0, 20.0)


class TestParameters:
    def test_a_steady_seller_is_expected_to_go_on(self) -> None:
        expected = parameters(demand_of(*[6] * 56), MONDAY + 56)
        assert expected_week(expected) == pytest.approx([6.0] * 7, rel=0.01)
        assert expected.variance_to_mean < 0.5

    def test_the_week_has_its_profile(self) -> None:
        week = [10, 10, 10, 10, 20, 40, 0]
        expected = parameters(demand_of(*week * 8), MONDAY + 56)
        for place, sold in enumerate(week):
            assert forecast.expected_on(expected, MONDAY + 56 + place) == pytest.approx(sold, rel=0.12, abs=1.0)

    def test_with_thin_demand_the_profile_stays_flat(self) -> None:
        one_saturday = [0] * 12 + [1] + [0] * 9
        factors = parameters(demand_of(*one_saturday), MONDAY + 22).weekday_factors
        assert 1.0 < factors[5] < 1.25
        assert all(0.9 < factor <= 1.0 for place, factor in enumerate(factors) if place != 5)

    def test_the_level_follows_a_change_and_forgets_what_was(self) -> None:
        expected = parameters(demand_of(*[2] * 28 + [8] * 28), MONDAY + 56)
        assert 6.5 < forecast.expected_on(expected, MONDAY + 56) < 9.0

    def test_a_closed_day_is_no_zero(self) -> None:
        six_days_a_week = demand_of(*[6, 6, 6, 6, 6, 6, 0] * 8)
        assert parameters(six_days_a_week, MONDAY + 56, calendar=MON_TO_SAT).level == pytest.approx(6.0, rel=0.03)
        assert expected_week(parameters(six_days_a_week, MONDAY + 56, calendar=EVERY_DAY))[6] < 2

    def test_a_public_holiday_is_no_zero_either(self) -> None:
        unity_day = times.from_iso("2024-10-03")
        sold = [0 if MONDAY + place == unity_day else 6 for place in range(40)]
        of_the_state = calendars.calendar_of(state="NW")
        with_holiday, without = (
            parameters(demand_of(*sold), MONDAY + 40, calendar=c) for c in (of_the_state, EVERY_DAY)
        )
        assert expected_week(with_holiday)[3] == pytest.approx(6.0, rel=0.01)
        assert expected_week(without)[3] < 5.7

    def test_what_was_sold_on_a_closed_day_counts_with_its_day(self) -> None:
        shopping_sunday = demand_of(*[6, 6, 6, 6, 6, 6, 0] * 7, *[6, 6, 6, 6, 6, 6, 60])
        expected = parameters(shopping_sunday, MONDAY + 56, calendar=MON_TO_SAT)
        assert 8 < forecast.expected_on(expected, MONDAY + 62) < 12  # and one of 60 is no trend
        assert forecast.expected_on(expected, MONDAY + 57) == pytest.approx(6, rel=0.15)

    def test_bursts_show_in_the_variance(self) -> None:
        steady, bursts = ([3] * 56, [0, 0, 0, 0, 0, 0, 21, *[0, 0, 9, 0, 0, 12, 0]] * 4)
        low, high = (parameters(demand_of(*sold), MONDAY + 56).variance_to_mean for sold in (steady, bursts))
        assert low < 1
        assert high > 4

    def test_a_day_with_more_returns_than_sales_counts_as_nothing_sold(self) -> None:
        assert parameters(demand_of(5, -4, 5), MONDAY + 3) == parameters(demand_of(5, 0, 5), MONDAY + 3)

    def test_after_eight_weeks_without_a_sale_hardly_anything_is_expected(self) -> None:
        assert 0 < max(expected_week(parameters(demand_of(50), MONDAY + 80))) < 0.2

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
        assert all(0 < factor <= 7 for factor in expected.weekday_factors)
        assert 0 < expected.variance_to_mean < 10**7
        assert expected.evidence > 0


class TestSteps:
    def test_an_article_is_learned_after_its_first_day_if_that_sold_anything(self) -> None:
        assert parameters(demand_of(5), MONDAY + 1).level > 2
        assert parameters(demand_of(0, 5), MONDAY + 2).level == 1.0

    def test_what_sells_slowly_is_learned_once_a_fortnight(self) -> None:
        row = demand_of(0, *[1, 0, 0] * 10)
        levels = [parameters(row, MONDAY + day).level for day in range(31)]
        assert [day for day in range(1, 31) if levels[day] != levels[day - 1]] == [8, 22]

    def test_what_sells_fast_is_learned_every_day(self) -> None:
        row = demand_of(*range(20, 60))
        levels = [parameters(row, MONDAY + day).level for day in range(2, 40)]
        assert len(set(levels)) == len(levels)

    def test_a_sudden_rise_is_learned_the_next_day(self) -> None:
        slow = [0, 1, 0, 0, 1, 0, 0] * 4
        assert max(expected_week(parameters(demand_of(*slow, 0), MONDAY + 29))) < 1
        assert max(expected_week(parameters(demand_of(*slow, 40), MONDAY + 29))) > 1

    def test_how_long_the_running_step_lasts(self) -> None:
        row = demand_of(0)
        assert forecast.until_next_step(row, today=MONDAY, typical_purchase=1) == (MONDAY + 8, 1)
        forecast.apply_sale(row, day=MONDAY + 1, units=5)
        learn(row, MONDAY + 2)
        assert forecast.until_next_step(row, today=MONDAY + 2, typical_purchase=1) == (MONDAY + 8, 32 - 5)
        assert parameters(row, MONDAY + 6) == forecast.in_force(row)

    @given(
        st.lists(st.integers(-3, 60), min_size=1, max_size=120),
        st.sets(st.integers(1, 130)),
        st.lists(st.tuples(st.integers(0, 13), st.integers(-9, 30)), max_size=4),
    )
    def test_when_it_is_learned_and_what_became_known_late_make_no_difference(
        self, sold: list[int], looked_on: set[int], late: list[tuple[int, int]]
    ) -> None:
        """Looked at on some days and told the rest late, a row knows what one knows that was told in order."""
        often, once = Demand(), Demand()
        last = len(sold) - 1
        changes = {max(last - age, 0): units for age, units in late}
        for day, units in enumerate(sold):
            forecast.apply_sale(often, day=MONDAY + day, units=units)
            forecast.apply_sale(once, day=MONDAY + day, units=units + changes.get(day, 0))
            if day in looked_on:
                learn(often, MONDAY + day, MON_TO_SAT)
        for day, units in changes.items():
            forecast.apply_sale(often, day=MONDAY + day, units=units)
            learn(often, MONDAY + last, MON_TO_SAT)
        for today in (last + 1, last + 9, last + 200):
            seen = [parameters(row, MONDAY + today, calendar=MON_TO_SAT) for row in (often, once)]
            assert seen[0] == seen[1]


STEADY = Parameters(level=6.0, weekday_factors=(1.0, 1.0, 1.0, 1.0, 1.5, 2.0, 0.5), variance_to_mean=2.0, evidence=60.0)


class TestIntervals:
    def test_today_counts_by_what_is_left_of_it(self) -> None:
        interval = forecast.interval_in(STEADY, [(3, 0.25), (4, 1.0), (5, 1.0)])
        assert interval.daily == (1.5, 9.0, 12.0)
        assert interval.mean == 22.5
        assert interval.variance == pytest.approx(2.0 * 22.5 * (1 + 22.5 / 60))

    def test_an_interval_without_a_selling_day_needs_nothing(self) -> None:
        interval = forecast.interval_in(STEADY, ())
        assert (interval.daily, interval.mean, interval.variance) == ((), 0, 0)

    def test_days_counted_by_weekday_give_the_same_sum(self) -> None:
        days = calendars.selling_days(MON_TO_SAT, MONDAY, MONDAY + 30)
        counts = calendars.selling_weekdays(MON_TO_SAT, MONDAY, MONDAY + 30)
        one_by_one = sum(forecast.expected_on(STEADY, day) for day in days)
        assert forecast.expected_on_weekdays(STEADY, counts) == pytest.approx(one_by_one)

    def test_days_that_depend_on_each_other_vary_more_together(self) -> None:
        together = msgspec.structs.replace(STEADY, sum_factor=4.0)
        alone, week = forecast.variance_of(STEADY, 40.0, 7), forecast.variance_of(together, 40.0, 7)
        assert week == pytest.approx(4 * alone)
        assert forecast.variance_of(together, 40.0, 1) == forecast.variance_of(STEADY, 40.0, 1)
        # Of seven days there are 21 pairs, and each adds the variance of one day; of three there are three.
        three = forecast.variance_of(together, 40.0, 3)
        assert three == pytest.approx(alone + 3 * alone / 3)

    def test_widened_by_half_again_it_has_so_many_times_the_standard_deviation(self) -> None:
        wide = forecast.widen(STEADY, 1.5)
        assert forecast.variance_of(wide, 40.0, 5) == pytest.approx(2.25 * forecast.variance_of(STEADY, 40.0, 5))
        assert forecast.widen(STEADY, 1.0) is STEADY


class TestWeeks:
    """What is learned of days in a row: 60 sold a day, each day or each whole week for itself a half more or less."""

    def learned(self, days_alike: int, seed: int = 3) -> Parameters:
        chance, row, half = random.Random(seed), Demand(), 30
        for first in range(0, 364, days_alike):
            more = chance.uniform(-half, half)
            for day in range(first, first + days_alike):
                forecast.apply_sale(row, day=MONDAY + day, units=round(60 + more))
                learn(row, MONDAY + day + 1)
        return parameters(row, MONDAY + 364)

    def test_days_for_themselves_add_up(self) -> None:
        assert statistics.fmean(self.learned(1, seed).sum_factor for seed in range(8)) < 1.5

    def test_days_that_go_together_do_not(self) -> None:
        assert statistics.fmean(self.learned(7, seed).sum_factor for seed in range(8)) > 2.5

    def test_a_new_article_begins_with_what_is_common(self) -> None:
        assert parameters(demand_of(3, 4, 0, 5), MONDAY + 4).sum_factor == 1.3

    def test_what_an_older_version_packed_is_read(self) -> None:
        row = demand_of(*[3, 4, 0, 5, 9, 7, 1] * 8)
        learn(row, MONDAY + 56)
        older = msgspec.structs.replace(row, learned=row.learned[: len(row.learned) - 20])
        for day in range(56, 90):
            forecast.apply_sale(older, day=MONDAY + day, units=4)
            learn(older, MONDAY + day + 1)
        assert parameters(older, MONDAY + 90).sum_factor == pytest.approx(1.0, abs=0.5)
