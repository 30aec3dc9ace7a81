"""How late suppliers are (formulas.md 4.4)."""

import pytest

from freshmart_streams.domain import lead_times
from freshmart_streams.domain.lead_times import LeadTimes


def sigma_after(*days_late: int) -> float:
    known = LeadTimes()
    for each in days_late:
        lead_times.learn(known, days_late=each)
    return lead_times.sigma_days(known)


def test_a_supplier_that_nobody_knows_is_on_time() -> None:
    assert lead_times.sigma_days(None) == sigma_after() == 0.0


def test_being_early_is_no_risk() -> None:
    assert sigma_after(-1, -2, 0) == 0.0


def test_one_late_delivery_is_no_rule() -> None:
    assert sigma_after(1) == pytest.approx((1 / 21) ** 0.5)


def test_who_is_always_a_day_late_varies_by_a_day() -> None:
    assert sigma_after(*[1] * 400) == pytest.approx(1.0, rel=0.03)


def test_the_order_in_which_they_come_does_not_matter() -> None:
    assert sigma_after(0, 3, 0, 1) == sigma_after(3, 1, 0, 0)


def test_a_delivery_months_late_counts_as_a_fortnight() -> None:
    assert sigma_after(200) == sigma_after(lead_times.DAYS_MAX)


def test_what_is_long_ago_counts_less_and_less() -> None:
    punctual = [0] * 3 * lead_times.KEPT
    assert sigma_after(*[5] * 100, *punctual) < sigma_after(*[5] * 100, *punctual[:900]) / 2
