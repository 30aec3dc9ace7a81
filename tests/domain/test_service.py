"""How well articles are served."""

import random
import statistics

import pytest

from freshmart_streams.domain import forecast, service
from freshmart_streams.domain.forecast import Forecast, Parameters
from freshmart_streams.domain.service import Pace, Service

SEVENTEEN = Forecast((17.0,), variance=17.0)
"""Of these 22 are enough with 90 and 26 with 98 %."""


def expecting(level: float) -> Parameters:
    return Parameters(level, (1.0,) * 7, variance_to_mean=1.0, evidence=1_000.0)


class TestPace:
    @pytest.mark.parametrize(
        ("level", "pace"), [(3.0, Pace.FAST), (2.9, Pace.NORMAL), (0.5, Pace.NORMAL), (0.4, Pace.SLOW)]
    )
    def test_is_counted_in_purchases(self, level: float, pace: Pace) -> None:
        assert service.pace_of(expecting(level), 1) is pace
        assert service.pace_of(expecting(level * 250), 250) is pace


class TestCompare:
    @pytest.mark.parametrize(("sold", "covered"), [(0, (1, 1)), (22, (1, 1)), (23, (0, 1)), (26, (0, 1)), (27, (0, 0))])
    def test_what_is_enough_is_covered(self, sold: int, covered: tuple[int, int]) -> None:
        row = Service()
        service.compare(row, SEVENTEEN, sold, typical_purchase=1)
        assert (row.covered, row.steps) == (covered, 1)

    def test_pinball_loss_weighs_what_was_lacking_and_what_was_left(self) -> None:
        row = Service()
        service.compare(row, SEVENTEEN, 32, typical_purchase=1)  # 10 and 6 were lacking
        service.compare(row, SEVENTEEN, 12, typical_purchase=1)  # 10 and 14 were left
        assert row.losses == pytest.approx((0.9 * 10 + 0.1 * 10, 0.98 * 6 + 0.02 * 14))
        assert (row.expected, row.sold) == (34.0, 44.0)

    def test_the_unit_decides_nothing(self) -> None:
        pieces, grams = Service(), Service()
        many = Forecast((40.0,), variance=40.0)
        service.compare(pieces, many, 50, typical_purchase=1)
        service.compare(grams, Forecast((40_000.0,), variance=40_000_000.0), 50_000, typical_purchase=1_000)
        assert grams.losses == pytest.approx(pieces.losses)
        assert (grams.expected, grams.sold) == (pieces.expected, pieces.sold)

    def test_old_stretches_count_less(self) -> None:
        row = Service()
        for _ in range(service.KEPT_STEPS):
            service.compare(row, SEVENTEEN, 30, typical_purchase=1)
        assert row.steps == service.KEPT_STEPS // 2
        for _ in range(service.KEPT_STEPS // 2 - 1):
            service.compare(row, SEVENTEEN, 1, typical_purchase=1)
        assert row.covered[1] / row.steps == pytest.approx(0.5, abs=0.01)


class TestSpread:
    def test_grows_where_more_is_sold_than_promised_and_falls_back(self) -> None:
        row = Service()
        service.compare(row, SEVENTEEN, 27, typical_purchase=1)
        assert row.spread == pytest.approx(1.0 + 0.02 * 0.98)
        for _ in range(49):
            service.compare(row, SEVENTEEN, 26, typical_purchase=1)
        assert row.spread == pytest.approx(1.0, abs=1e-9)
        service.compare(row, SEVENTEEN, 26, typical_purchase=1)
        assert row.spread == 1.0

    def test_is_where_the_promise_is_kept(self) -> None:
        """Demand varies half as much again as the forecast says, so 98 % of days lie within 1.5 standard deviations."""
        chance, row = random.Random(4), Service()
        expected = Parameters(400.0, (1.0,) * 7, variance_to_mean=1.0, evidence=1e9)
        spreads = []
        for _ in range(6_000):
            wide = forecast.widen(expected, row.spread)
            interval = Forecast((400.0,), forecast.variance_of(wide, 400.0))
            service.compare(row, interval, round(chance.gauss(400.0, 30.0)), typical_purchase=1)
            spreads.append(row.spread)
        assert statistics.fmean(spreads[2_000:]) == pytest.approx(1.5, abs=0.06)

    def test_has_an_end(self) -> None:
        row = Service()
        for _ in range(200):
            service.compare(row, SEVENTEEN, 1_000, typical_purchase=1)
        assert row.spread == service.SPREAD_MAX


class TestDays:
    def test_on_shelf_is_what_was_not_missing(self) -> None:
        rows = [Service(), Service()]
        service.count_days(rows[0], days=3, missing=600, service_level=0.98)
        service.count_days(rows[1], days=1, missing=200, service_level=0.9)
        assert service.on_shelf(rows) == pytest.approx(0.8)
        assert rows[0].promised == pytest.approx(3 * 0.98)

    def test_nothing_is_known_before_a_day_is_over(self) -> None:
        assert service.on_shelf([Service()]) is None

    def test_old_days_count_less(self) -> None:
        row = Service()
        service.count_days(row, days=service.KEPT_DAYS, missing=1_000 * service.KEPT_DAYS, service_level=0.98)
        service.count_days(row, days=service.KEPT_DAYS // 2 - 1, missing=0, service_level=0.98)
        assert service.on_shelf([row]) == pytest.approx(0.5, abs=0.01)
        assert row.promised / row.days == pytest.approx(0.98)
