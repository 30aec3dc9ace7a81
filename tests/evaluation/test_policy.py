"""Nothing appears or vanishes in a replay, and both rules do what they say."""

from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.domain import calendars, times
from freshmart_streams.evaluation.policy import (
    SETTLING_DAYS,
    MinMax,
    Ours,
    Stocked,
    Terms,
    compare,
    longest_interval,
    means_per_block,
    replay,
)
from freshmart_streams.evaluation.series import Day, Series
from freshmart_streams.evaluation.shelf import Shelf

MONDAY = times.from_iso("2024-01-01")
EVERY_DAY = calendars.calendar_of(delivery_weekdays=range(1, 8))
THRICE = calendars.calendar_of(delivery_weekdays=[1, 3, 5])
START = 28


def series(units: list[int]) -> Series:
    return Series("a", MONDAY, tuple(Day(each) for each in units))


class Fixed:
    """Orders the same every time, and remembers what it is told."""

    def __init__(self, quantity: int) -> None:
        self.quantity = quantity
        self.ordered: list[tuple[int, int]] = []
        self.told: list[tuple[int, int]] = []

    def order(self, day: int, shelf: Shelf, coming: int) -> int:
        self.ordered.append((day - MONDAY, shelf.on_hand + coming))
        return self.quantity

    def apply_day(self, day: int, *, sold: int, missing: int) -> None:
        self.told.append((sold, missing))


class TestShelf:
    @given(st.lists(st.tuples(st.sampled_from(["receive", "sell", "spoil"]), st.integers(0, 20)), max_size=60))
    def test_keeps_what_came_and_did_not_go(self, steps: list[tuple[str, int]]) -> None:
        shelf = Shelf()
        for day, (step, units) in enumerate(steps):
            if step == "receive":
                shelf.receive(units, last_day=day + 3)
            elif step == "sell":
                assert shelf.sell(units) <= units
            else:
                shelf.spoil(day)
            assert shelf.received == shelf.sold + shelf.wasted + shelf.on_hand
            assert shelf.on_hand >= 0


class TestReplay:
    @given(
        units=st.lists(st.integers(0, 30), min_size=START + 1, max_size=70),
        lead_time_days=st.integers(0, 4),
        pack_size=st.integers(1, 12),
        shelf_life_days=st.none() | st.integers(1, 6),
        is_ours=st.booleans(),
    )
    def test_receives_what_it_sells_wastes_and_keeps(
        self, units: list[int], lead_time_days: int, pack_size: int, shelf_life_days: int | None, is_ours: bool
    ) -> None:
        terms = Terms(THRICE, lead_time_days, pack_size, shelf_life_days)
        rule = Ours(series(units), terms, START) if is_ours else MinMax(series(units), terms, START, 1.5)
        stocked = Stocked()
        shelf = replay(series(units), terms, rule, START, stocked)
        assert shelf.received == shelf.sold + shelf.wasted + shelf.on_hand
        assert shelf.received % pack_size == 0
        assert shelf.sold <= sum(units[START:])
        assert stocked.sold <= stocked.demand == sum(units[START + SETTLING_DAYS :])

    def test_delivers_after_the_lead_time_and_loses_what_is_not_there(self) -> None:
        rule, terms = Fixed(4), Terms(EVERY_DAY, lead_time_days=2)
        replay(series([1] * 7 + [10] * 4), terms, rule, 7, Stocked())
        # 3 to begin with; the two orders of 4 that are under way count; from the 9th on 4 arrive and are sold
        assert rule.ordered == [(7, 3), (8, 4), (9, 8), (10, 8)]
        assert rule.told == [(3, 700), (0, 1_000), (4, 600), (4, 600)]

    def test_orders_on_the_last_day_on_which_a_delivery_day_can_be_reached(self) -> None:
        rule = Fixed(1)
        replay(series([1] * 14), Terms(THRICE, lead_time_days=1), rule, 7, Stocked())
        assert [day % 7 for day, _ in rule.ordered] == [1, 3, 6]  # for Wednesday, Friday and Monday

    def test_throws_away_what_is_too_old_in_the_morning(self) -> None:
        terms = Terms(EVERY_DAY, lead_time_days=1, shelf_life_days=2)
        stocked = Stocked()
        days = [1] * 7 + [0] * 20
        shelf = replay(series(days), terms, Fixed(5), 7, stocked)
        assert shelf.on_hand == 10  # of the last two days
        assert shelf.wasted == shelf.received - 10
        assert stocked.waste_share == 1.0
        assert stocked.fill_rate is None


class TestMinMax:
    def test_is_set_anew_every_four_weeks_from_the_eight_before(self) -> None:
        units = [2] * 28 + [4] * 28 + [9] * 28 + [0]
        assert means_per_block(series(units), EVERY_DAY, 28) == [2.0, 3.0, 6.5]

    def test_lasts_for_the_longest_interval(self) -> None:
        assert longest_interval(Terms(EVERY_DAY, lead_time_days=1)) == 2
        assert longest_interval(Terms(THRICE, lead_time_days=1)) == 4  # Thursday, for Friday, to Sunday


class TestCompare:
    def test_finds_the_factor_at_which_both_serve_alike(self) -> None:
        units = [[8, 9, 10, 11, 14, 17, 6][day % 7] + day * 7 % 5 for day in range(140)]
        found = compare([series(units)], Terms(EVERY_DAY), START)
        assert found.ours.fill_rate is not None
        assert found.min_max.fill_rate is not None
        assert found.min_max.fill_rate >= found.ours.fill_rate > 0.95
        assert found.min_max.fill_rate - found.ours.fill_rate < 0.01
        assert found.ours.days == 140 - START - SETTLING_DAYS
