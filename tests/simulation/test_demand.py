"""Demand follows the hour, the weekday and the season, and chance is Poisson's."""

from random import Random
from statistics import mean, pvariance

import pytest

from freshmart_streams.simulation.catalogue import ARTICLES
from freshmart_streams.simulation.demand import HOUR_SHARES, WEEKDAY_FACTORS, expected_sales, poisson
from freshmart_streams.simulation.shops import CLOSES_AT, OPENS_AT

MILK = ARTICLES[0]
WATER = next(article for article in ARTICLES if article.season == "summer")
JANUARY, JULY = 15, 196


class TestProfiles:
    def test_hours_share_one_day(self) -> None:
        assert sum(HOUR_SHARES.values()) == pytest.approx(1)
        assert set(HOUR_SHARES) == set(range(OPENS_AT, CLOSES_AT))

    def test_open_weekdays_average_to_about_one(self) -> None:
        assert mean(factor for factor in WEEKDAY_FACTORS.values() if factor) == pytest.approx(1, abs=0.05)

    def test_a_week_is_six_days_of_the_catalogue(self) -> None:
        week = sum(
            expected_sales(MILK, size=1, weekday=weekday, hour=hour, day_of_year=JANUARY)
            for weekday in range(1, 8)
            for hour in range(24)
        )
        assert week == pytest.approx(MILK.sales_per_day * sum(WEEKDAY_FACTORS.values()))


class TestExpectedSales:
    @pytest.mark.parametrize(("weekday", "hour"), [(7, 12), (1, 6), (1, 22), (1, 3)])
    def test_is_nothing_while_closed(self, weekday: int, hour: int) -> None:
        assert expected_sales(MILK, size=1, weekday=weekday, hour=hour, day_of_year=JULY) == 0

    def test_grows_with_the_shop(self) -> None:
        small, large = (expected_sales(MILK, size=size, weekday=6, hour=11, day_of_year=JULY) for size in (0.5, 1.5))
        assert large == pytest.approx(3 * small)

    def test_is_higher_in_season(self) -> None:
        summer, winter = (expected_sales(WATER, size=1, weekday=1, hour=11, day_of_year=day) for day in (JULY, JANUARY))
        assert summer > 1.5 * winter


class TestPoisson:
    @pytest.mark.parametrize("expected", [0.2, 3.0, 25.0, 80.0])
    def test_has_the_mean_and_variance_of_its_law(self, expected: float) -> None:
        random = Random(7)
        draws = [poisson(random, expected) for _ in range(20_000)]
        assert mean(draws) == pytest.approx(expected, rel=0.05)
        assert pvariance(draws) == pytest.approx(expected, rel=0.05)

    def test_of_nothing_is_nothing(self) -> None:
        assert poisson(Random(1), 0.0) == 0
