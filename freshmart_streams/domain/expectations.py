"""What is expected of an article day by day, for people to look at: decisions ask for intervals (`replenishment`)."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from freshmart_streams.domain import calendars, forecast, promotions, replenishment, units
from freshmart_streams.domain.calendars import Calendar
from freshmart_streams.domain.forecast import Demand, Parameters
from freshmart_streams.domain.promotions import Promotions
from freshmart_streams.domain.times import Instant
from freshmart_streams.events.master_data import Unit

DAYS: Final = 14
"""How many days are looked ahead, today included."""

QUANTILES: Final = (0.5, 0.9, 0.98)


class ExpectedDay(NamedTuple):
    """Base units expected on one open day, of today what is left of it."""

    day: int
    mean: float
    quantiles: Sequence[float]
    """So many are enough with the probabilities `QUANTILES`."""
    is_promoted: bool


def parameters_at(demand: Demand, *, calendar: Calendar, at: Instant, unit: Unit, spread: float) -> Parameters:
    """What is expected at an instant, whenever a decision asked last."""
    expected = forecast.parameters(
        demand,
        calendar=calendar,
        today=calendars.today(calendar, at),
        elapsed=calendars.elapsed_today(calendar, at),
        typical_purchase=units.typical_purchase(unit),
    )
    return forecast.widen(expected, spread)


def expected_days(
    expected: Parameters, *, calendar: Calendar, at: Instant, planned: Promotions = ()
) -> list[ExpectedDay]:
    """The open days of the coming `DAYS`, each with its mean and its quantiles."""
    today = calendars.today(calendar, at)
    found = []
    for day in calendars.selling_days(calendar, today, today + DAYS - 1):
        is_promoted = promotions.is_promoted(planned, day)
        mean = forecast.expected_on(expected, day, is_promoted=is_promoted)
        if day == today:
            mean *= calendars.share_of_today(calendar, at)
        interval = forecast.Forecast((mean,), forecast.variance_of(expected, mean))
        enough = [replenishment.quantile(interval, level) for level in QUANTILES]
        found.append(ExpectedDay(day, mean, enough, is_promoted))
    return found
