"""How long a silence may last (formulas.md 4.12, 5.9)."""

import pytest

from freshmart_streams.domain import calendars, ledger, phantom, times
from freshmart_streams.domain.forecast import Parameters
from freshmart_streams.domain.phantom import Silence
from freshmart_streams.domain.stock import Stock

BERLIN = "Europe/Berlin"
MONDAY = times.from_iso("2024-10-07")
STORE = calendars.calendar_of(timezone=BERLIN, opening={"mon-sat": "07:00-22:00"})
EVEN = (1.0,) * 7


def at(time_of_day: str, day: int = MONDAY) -> int:
    return times.at_local(day, time_of_day, BERLIN)


def silence(
    rate: float, sign: int = at("06:00"), *, factors: tuple[float, ...] = EVEN, purchase: float = 1.0
) -> Silence:
    """Of an article that sells so much a day, since Monday before opening."""
    return Silence(sign, Parameters(rate, factors, 1.0, 100.0), purchase, STORE)


class TestProbability:
    @pytest.mark.parametrize(("days", "expected"), [(1, 0.049787), (2, 0.002479), (3, 0.000123)])
    def test_of_a_silence_at_three_a_day(self, days: int, expected: float) -> None:
        found = sum(purchases for _, purchases in silence(3.0).days(MONDAY, MONDAY + days - 1))
        assert phantom.probability(found) == pytest.approx(expected, abs=5e-7)


class TestNextLook:
    def test_comes_after_two_days_at_three_a_day(self) -> None:
        assert silence(3.0).next_look(MONDAY, 0.0) == MONDAY + 2

    def test_heeds_how_much_of_the_first_day_was_left(self) -> None:
        assert silence(3.0, at("19:00")).next_look(MONDAY, 0.0) == MONDAY + 3

    def test_heeds_the_weekday(self) -> None:
        friday = (0.75, 0.75, 0.75, 0.75, 3.0, 1.0, 1.0)
        assert silence(1.5, factors=friday).next_look(MONDAY, 0.0) == MONDAY + 5

    def test_leaves_out_a_closed_day(self) -> None:
        saturday = MONDAY + 5
        assert silence(3.0, at("06:00", saturday)).next_look(saturday, 0.0) == MONDAY + 8

    def test_counts_purchases_of_what_is_bought_by_the_dozen(self) -> None:
        assert silence(36.0, purchase=12.0).next_look(MONDAY, 0.0) == MONDAY + 2

    def test_of_what_sells_by_the_hour_comes_every_other_day(self) -> None:
        assert silence(60.0).next_look(MONDAY, 0.0) == MONDAY + 2

    def test_of_what_was_silent_yesterday_is_not_put_off(self) -> None:
        assert silence(2.4).next_look(MONDAY + 2, 2.4) == MONDAY + 3

    @pytest.mark.parametrize(("rate", "day"), [(0.2, MONDAY + 28), (0.19, 0)])  # 24 of 28 days are open
    def test_never_comes_where_it_would_take_more_than_four_weeks(self, rate: float, day: int) -> None:
        assert silence(rate).next_look(MONDAY, 0.0) == day


class TestLastSign:
    def test_is_the_last_change_or_count(self) -> None:
        row = Stock()
        assert phantom.last_sign(row, 0, BERLIN) == 0
        ledger.apply_count(row, at=at("06:00"), quantity=9, clock=at("06:00"))
        assert phantom.last_sign(row, MONDAY, BERLIN) == at("06:00")
        ledger.apply_change(row, at("09:00"), -1, clock=at("09:00"))
        ledger.apply_change(row, at("08:00"), -1, clock=at("09:00"))
        ledger.apply_change(row, at("10:00"), 0, clock=at("10:00"))
        assert phantom.last_sign(row, MONDAY, BERLIN) == at("09:00")

    def test_of_a_day_whose_changes_are_not_kept_is_its_end(self) -> None:
        assert phantom.last_sign(Stock(counted_at=at("06:00")), MONDAY + 3, BERLIN) == at("00:00", MONDAY + 4)
