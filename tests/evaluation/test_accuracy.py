"""The figures are those that a hand computes."""

import pytest

from freshmart_streams.domain import calendars, forecast, times
from freshmart_streams.evaluation.accuracy import DAY, OWN, PROMOTED, SUM, Accuracy, Score, measure
from freshmart_streams.evaluation.rivals import Errors, MovingAverage, Tsb
from freshmart_streams.evaluation.series import Day, Series

MONDAY = times.from_iso("2024-01-01")
ALWAYS = calendars.calendar_of()
SIX_DAYS = calendars.calendar_of(opening={"mon-sat": "00:00-24:00"})


def scores(days: list[Day], *, calendar: calendars.Calendar = ALWAYS, warm_up: int = 28) -> Accuracy:
    accuracy = Accuracy()
    list(measure(Series("a", MONDAY, tuple(days)), accuracy, calendar=calendar, warm_up=warm_up, typical_purchase=1))
    return accuracy


class TestScore:
    def test_is_what_a_hand_computes(self) -> None:
        score = Score()
        score.add(10, 8.0, [12, 14])
        score.add(4, 7.0, [3, 5])
        score.add(6, 6.0, [6, 9])
        assert (score.origins, score.wape, score.bias) == (3, 5 / 20, 1 / 20)
        # 0.90: 0.1 · 2 + 0.9 · 1 + 0; 0.98: 0.02 · (4 + 1 + 3)
        assert score.pinball_loss == pytest.approx([1.1 / 20, 0.16 / 20])
        assert score.coverage == pytest.approx([2 / 3, 1.0])

    def test_has_no_share_of_a_demand_that_is_nothing(self) -> None:
        score = Score()
        score.add(0, 1.0, [1, 2])
        assert (score.wape, score.bias, score.pinball_loss) == (None, None, [None, None])


class TestRivals:
    def test_seasonal_naive_expects_last_weeks_weekday(self) -> None:
        rival = MovingAverage("naive", 1)
        for day in range(14):
            rival.learn(MONDAY + day, day)
        assert rival.expect([MONDAY + 14, MONDAY + 20]) == [7.0, 13.0]

    def test_mean_of_four_weeks_forgets_the_fifth(self) -> None:
        rival = MovingAverage("mean", 4)
        for week, units in enumerate((100, 1, 2, 3, 6)):
            rival.learn(MONDAY + 7 * week, units)
        assert rival.expect([MONDAY + 35]) == [3.0]

    def test_do_not_learn_of_a_stock_out(self) -> None:
        rivals = [MovingAverage("naive", 1), Tsb()]
        for rival in rivals:
            rival.learn(MONDAY, 5)
            rival.learn(MONDAY + 7, None)
        assert [rival.expect([MONDAY + 14]) for rival in rivals] == [[5.0], [5.0]]

    def test_tsb_agrees_with_statsforecast(self) -> None:
        rival = Tsb(0.1, 0.1)  # formulas.md 5.4
        for day, units in enumerate([0, 0, 3, 0, 0, 0, 2, 0, 5, 0, 0, 1, 0, 0, 0, 4, 0, 2, 0, 0]):
            rival.learn(day, units)
        assert rival.expect([20])[0] == pytest.approx(0.7652425641, abs=5e-11)

    def test_errors_count_from_the_day_on_which_they_are_known(self) -> None:
        errors = Errors()
        errors.add(4.0, known_from=8)
        assert [errors.quantile(0.9, today) for today in (7, 8)] == [0.0, 4.0]


class TestMeasure:
    def test_makes_every_day_after_the_warm_up_an_origin(self) -> None:
        found = scores([Day(5)] * 42)
        assert found.scores[OWN, DAY].origins == 14
        assert found.scores[OWN, SUM].origins == 8

    def test_expects_to_the_bit_what_the_domain_does(self) -> None:
        days = [Day(3 + day % 7) for day in range(29)]
        row = forecast.Demand()
        for day, known in enumerate(days[:28], MONDAY):
            forecast.apply_sale(row, day=day, units=known.sold)
        expected = forecast.parameters(row, calendar=ALWAYS, today=MONDAY + 28, elapsed=0.0)
        assert scores(days).scores[OWN, DAY].error == forecast.expected_on(expected, MONDAY + 28) - 3

    def test_makes_no_error_on_what_repeats_itself_with_seasonal_naive(self) -> None:
        found = scores([Day(3 + day % 7) for day in range(70)])
        assert found.scores["seasonal naive", DAY].wape == 0.0
        assert found.scores["seasonal naive", SUM].coverage == [1.0, 1.0]

    def test_leaves_out_days_with_a_stock_out_and_sums_that_hold_one(self) -> None:
        days = [Day(5)] * 42
        days[34] = Day(1, missing=800)
        found = scores(days)
        assert (found.scores[OWN, DAY].origins, found.left_out) == (13, 1)
        assert found.scores[OWN, SUM].origins == 1  # of 28 to 35 only the week that begins on the 35th

    def test_counts_them_where_the_file_says_the_demand(self) -> None:
        days = [Day(5)] * 42
        days[34] = Day(1, missing=800, demand=5)
        found = scores(days)
        assert (found.scores[OWN, DAY].origins, found.left_out) == (14, 0)
        assert found.scores[OWN, DAY].actual == 14 * 5

    def test_leaves_out_closed_days(self) -> None:
        days = [Day(0 if day % 7 == 6 else 5) for day in range(42)]
        found = scores(days, calendar=SIX_DAYS)
        assert found.scores[OWN, DAY].origins == 12
        assert found.scores["seasonal naive", SUM].wape == 0.0

    def test_scores_promotions_by_themselves(self) -> None:
        days = [Day(5)] * 42
        days[40] = Day(10, is_promoted=True)
        score = scores(days).scores["seasonal naive", PROMOTED]
        assert (score.origins, score.bias) == (1, -0.5)
