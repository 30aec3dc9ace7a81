"""What a promoted day teaches, and what is expected of the next one."""

import pytest

from freshmart_streams.domain import calendars, forecast, replenishment, times
from freshmart_streams.domain.forecast import Demand, Parameters
from freshmart_streams.domain.policies import EffectivePolicy
from freshmart_streams.domain.promotions import Promotions, promoted_days

MONDAY = times.from_iso("2024-07-01")
TODAY = MONDAY + 70
UTC = calendars.calendar_of()
USUAL, PROMOTED = 10, 30


def history(*promotions: tuple[int, int], days: int = 70, promoted: int = PROMOTED) -> Demand:
    """Ten a day, thirty on promoted ones, of which each is given by first and last place."""
    row = Demand()
    planned: Promotions = tuple((MONDAY + first, MONDAY + last) for first, last in promotions)
    forecast.apply_promoted(row, [])
    for day in range(MONDAY, MONDAY + days):
        is_promoted = bool(list(promoted_days(planned, day, day)))
        forecast.apply_sale(row, day=day, units=promoted if is_promoted else USUAL)
        forecast.apply_promoted(row, promoted_days(planned, day, day))
    return row


def learned(row: Demand, today: int = TODAY) -> Parameters:
    return forecast.parameters(row, calendar=UTC, today=today, elapsed=0.0)


def need(row: Demand, policy: EffectivePolicy, shelf_life_days: int | None = None) -> replenishment.Need:
    found = replenishment.need_of(
        row,
        calendar=UTC,
        at=times.at_local(TODAY, "08:00", "UTC"),
        lead_time_days=1,
        shelf_life_days=shelf_life_days,
        unit="piece",
        policy=policy,
    )
    assert found is not None
    return found


class TestLearning:
    def test_a_promotion_teaches_nothing_of_other_days(self) -> None:
        with_one, without = learned(history((56, 62))), learned(history())
        assert with_one.level == pytest.approx(without.level, rel=0.01)
        assert with_one.weekday_factors == pytest.approx(without.weekday_factors, rel=0.02)

    def test_nobody_told_it_is_a_change_of_level(self) -> None:
        row = history((63, 69))
        row.promoted = ()
        assert learned(row).level > 2 * USUAL

    def test_its_factor_is_what_was_sold_beside_what_was_expected(self) -> None:
        expected = learned(history((28, 34), (56, 62)))
        assert expected.promotion_factor == pytest.approx(PROMOTED / USUAL, rel=0.05)
        day = TODAY + 1
        assert forecast.expected_on(expected, day, is_promoted=True) == pytest.approx(PROMOTED, rel=0.05)
        assert forecast.expected_on(expected, day) == pytest.approx(USUAL, rel=0.05)

    def test_of_the_first_one_twice_as_much_is_expected(self) -> None:
        assert learned(history()).promotion_factor == 2.0

    def test_a_new_article_that_begins_with_a_promotion_is_not_taken_for_one_that_sells_so_much(self) -> None:
        row = history((0, 6), days=7)
        assert learned(row, MONDAY + 7).level == pytest.approx(PROMOTED / 2, rel=0.2)
        row.promoted = ()
        row.learned, row.learned_day = b"", 0
        assert learned(row, MONDAY + 7).level == pytest.approx(PROMOTED, rel=0.2)

    @pytest.mark.parametrize("sold", [0, 100_000])
    def test_whatever_it_sells_the_factor_stays_within_reason(self, sold: int) -> None:
        row = history((14, 20), (28, 34), (42, 48), (56, 62), promoted=sold)
        assert 0.2 <= learned(row).promotion_factor <= 20.0

    def test_a_promotion_that_is_told_late_is_learned_again(self) -> None:
        told_late, told = history(), history((63, 65))
        for day in range(63, 66):
            forecast.apply_sale(told_late, day=MONDAY + day, units=PROMOTED - USUAL)
        forecast.learn(told_late, calendar=UTC, today=TODAY, late_days=16)
        assert learned(told_late) != learned(told)
        forecast.apply_promoted(told_late, range(MONDAY + 63, MONDAY + 66))
        assert learned(told_late) == learned(told)

    def test_days_that_are_not_kept_are_not_noted(self) -> None:
        row = history()
        forecast.learn(row, calendar=UTC, today=TODAY, late_days=16)
        forecast.apply_promoted(row, range(MONDAY - 5, TODAY))
        assert row.promoted == tuple(range(row.base_day, TODAY))
        forecast.learn(row, calendar=UTC, today=TODAY + 40, late_days=16)
        assert all(day >= row.base_day for day in row.promoted)

    def test_before_it_was_on_offer_nothing_is_promoted(self) -> None:
        row = Demand()
        forecast.apply_promoted(row, [MONDAY])
        assert row.promoted == ()


class TestNeed:
    """Ordered in the morning with a day's lead time: today and tomorrow have to be covered."""

    ROW = history((28, 34), (56, 62))
    PLAIN = EffectivePolicy()

    def test_a_promoted_day_of_the_interval_is_ordered_for(self) -> None:
        plain = need(self.ROW, self.PLAIN)
        coming = need(self.ROW, EffectivePolicy(promotions=((TODAY + 1, TODAY + 1),)))
        factor = learned(self.ROW).promotion_factor
        daily = list(plain.levels.forecast)
        daily[1] *= factor
        assert coming.levels.forecast == pytest.approx(daily)
        assert coming.levels.reorder_point > plain.levels.reorder_point

    @pytest.mark.parametrize("days", [(-7, -1), (30, 40)])
    def test_one_that_is_over_or_far_away_is_not(self, days: tuple[int, int]) -> None:
        other = need(self.ROW, EffectivePolicy(promotions=((TODAY + days[0], TODAY + days[1]),)))
        assert other.levels == need(self.ROW, self.PLAIN).levels

    def test_what_it_sells_more_may_be_ordered_of_what_does_not_keep(self) -> None:
        plain = need(self.ROW, self.PLAIN, shelf_life_days=4)
        coming = need(self.ROW, EffectivePolicy(promotions=((TODAY + 1, TODAY + 2),)), shelf_life_days=4)
        assert plain.usable_demand is not None
        assert coming.usable_demand is not None
        assert coming.usable_demand - plain.usable_demand == pytest.approx(2 * (PROMOTED - USUAL), rel=0.1)
        assert coming.demand_rate_per_day > plain.demand_rate_per_day

    def test_of_days_on_which_the_store_is_closed_nothing_is_expected(self) -> None:
        weekdays = calendars.calendar_of(opening={"mon-sat": "08:00-20:00"})
        sunday = TODAY - 1 + 7
        found = [
            replenishment.need_of(
                self.ROW,
                calendar=weekdays,
                at=times.at_local(sunday - 1, "07:00", "UTC"),
                lead_time_days=1,
                shelf_life_days=9,
                unit="piece",
                policy=EffectivePolicy(promotions=promotions),
            )
            for promotions in ((), ((sunday, sunday),))
        ]
        assert found[0] == found[1]
