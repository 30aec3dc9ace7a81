"""What an article is expected to sell: a level per day times a weekday factor, out of the last eight weeks.

Everything is computed from the units sold per business day, whatever order they became known in, so a permuted day
and a late sale give the same figures. The rule (sums before ratios, because ratios of thin demand explode):

- a day y of age a (yesterday is 1) weighs `w = 0.95^a` for the level and `0.93^(a // 7)` for its weekday;
- weekday factor `r = (Σ y + 4) / (Σ plain level + 4)` over the days of that weekday: 1 while little is known;
- level `Σ w·y / Σ w·r`; expected on a day: `level · r`;
- variance to mean `(Σ w·(y − level·r)² + 4) / (Σ w·level·r + 4)`: 1, Poisson, while little is known;
- an interval of mean m varies by `variance to mean · m · (1 + m / Σ w·y)`, at most twice the plain product, because
  the level is only an estimate. (92 series of real receipts, seven days at 98 %: 93 to 95 % of the sums stayed within
  the quantile without this factor, 96 to 97 % with it.)

A day on which the store was closed is no observation, unless something was sold on it. What is returned on a day beyond
what is sold counts as nothing sold. Before there is any history stands one *imagined day* with one typical purchase: it
dates from the day before the article's first, is forgotten like any other day, and lets a new article be ordered. While
not a single day is over, what was sold today so far counts as the part of a day that has passed.

For goods in `gram` the 4s and the 1 are typical purchases too (`units.typical_purchase`), so the unit decides nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import msgspec

from freshmart_streams.domain import calendars
from freshmart_streams.domain.calendars import Calendar

HISTORY_DAYS: Final = 56
"""Closed business days that count: eight of each weekday."""

LEVEL_DECAY: Final = 0.95
WEEKDAY_DECAY: Final = 0.93
SHRINKAGE: Final = 4.0
"""Typical purchases that a weekday factor and the variance have to be told before they leave 1."""

UNCERTAINTY_MAX: Final = 1.0
"""A new article may not be ordered as if it could sell anything."""

_LEVEL_WEIGHTS: Final = tuple(LEVEL_DECAY**age for age in range(HISTORY_DAYS + 1))
_WEEKDAY_WEIGHTS: Final = tuple(WEEKDAY_DECAY ** (age // 7) for age in range(HISTORY_DAYS + 1))


class Demand(msgspec.Struct, array_like=True):
    """The row of an article in a store: base units sold per business day, net of voids and returns, today included."""

    first_day: int = 0
    """The first day the article is known to have been on offer; 0: it never was."""
    newest_day: int = 0
    """The newest day something became known of."""
    sold: list[int] = msgspec.field(default_factory=list)
    """Up to `HISTORY_DAYS` + 1 days without a gap; the last one is `newest_day`. Days after it sold nothing so far."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What is expected of an article, out of its history."""

    level: float
    """Base units per day, before the weekday's factor."""
    weekday_factors: tuple[float, ...]
    """Monday to Sunday."""
    variance_to_mean: float
    """Base units; 1.0 is Poisson."""
    evidence: float
    """Base units sold that the level rests on, older ones counting less."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Demand of an interval: base units per selling day, and the variance of their sum."""

    daily: tuple[float, ...]
    variance: float

    @property
    def mean(self) -> float:
        """Base units of the whole interval."""
        return sum(self.daily)


def apply_sale(demand: Demand, *, day: int, units: int) -> None:
    """Count base units sold on a business day; returns and voids are negative. Days too old to be kept are left out."""
    apply_offered(demand, day=day)
    place = day - demand.newest_day - 1
    if -place <= len(demand.sold):
        demand.sold[place] += units


def apply_offered(demand: Demand, *, day: int) -> None:
    """The article was on offer on a day, sold or not (delivered, counted): from then on no sale is a zero."""
    if not demand.first_day:
        demand.first_day = demand.newest_day = day
        demand.sold = [0]
    elif day > demand.newest_day:
        demand.sold = _newest(demand.sold + [0] * min(day - demand.newest_day, HISTORY_DAYS + 1))
        demand.newest_day = day
    elif day < demand.first_day:
        missing = min(demand.newest_day - day, HISTORY_DAYS) + 1 - len(demand.sold)
        demand.sold = [0] * missing + demand.sold
        demand.first_day = day


def sold_on(demand: Demand, day: int) -> int:
    """Base units sold on a day; 0 before the history."""
    place = day - demand.newest_day - 1
    return demand.sold[place] if place < 0 and -place <= len(demand.sold) else 0


def history(demand: Demand, today: int) -> list[tuple[int, int]]:
    """The days that are over, oldest first, with the base units sold: at most `HISTORY_DAYS`, `today` excluded."""
    if not demand.first_day:
        return []
    first = max(demand.first_day, today - HISTORY_DAYS)
    return [(day, sold_on(demand, day)) for day in range(first, today)]


def parameters(
    demand: Demand, *, calendar: Calendar, today: int, elapsed: float, typical_purchase: int = 1
) -> Parameters:
    """What to expect from `today` on.

    `elapsed` is the part of today's opening time that has passed (`calendars.elapsed_today`); it counts only while no
    day of the article is over. `typical_purchase` is `units.typical_purchase` of its unit.

    An article that sold two pieces in the first half of its first day, one and a half days with the imagined one:

    >>> from freshmart_streams.domain import times
    >>> monday, utc = times.from_iso("2024-10-07"), calendars.calendar_of()
    >>> row = Demand()
    >>> apply_sale(row, day=monday, units=2)
    >>> parameters(row, calendar=utc, today=monday, elapsed=0.5).level
    2.0
    """
    observed = _observe(demand, calendar, today, elapsed)
    imagined = LEVEL_DECAY ** max(0, today - demand.first_day) if demand.first_day else 1.0
    plain = _level(observed, imagined, typical_purchase, (1.0,) * 7)
    prior = SHRINKAGE * typical_purchase
    factors = tuple(
        (sold + prior) / (plain * days + prior)
        for sold, days in zip(observed.weekday_sold, observed.weekday_days, strict=True)
    )
    level = _level(observed, imagined, typical_purchase, factors)
    evidence = sum(observed.sold) + imagined * typical_purchase
    return Parameters(level, factors, _variance_to_mean(observed, level, factors, typical_purchase), evidence)


def expected_on(expected: Parameters, day: int) -> float:
    """Base units expected on a day on which the store is open."""
    return expected.level * expected.weekday_factors[(day - 1) % 7]


def expected_on_weekdays(expected: Parameters, counts: Iterable[int]) -> float:
    """Base units expected on that many Mondays to Sundays (`calendars.selling_weekdays`)."""
    return expected.level * sum(n * factor for n, factor in zip(counts, expected.weekday_factors, strict=True))


def demand_rate_per_day(expected: Parameters, days: Sequence[int]) -> float:
    """Base units per calendar day when `days` are the open ones of the coming week."""
    return sum(expected_on(expected, day) for day in days) / 7


def interval_forecast(expected: Parameters, days: Sequence[int], *, today: int, share_of_today: float) -> Forecast:
    """Demand of the open days `days`, of which only `share_of_today` is left of `today`.

    >>> from freshmart_streams.domain import times
    >>> steady = Parameters(level=6.0, weekday_factors=(1.0,) * 7, variance_to_mean=1.0, evidence=33.0)
    >>> tuesday = times.from_iso("2024-10-08")
    >>> interval_forecast(steady, range(tuesday, tuesday + 3), today=tuesday, share_of_today=0.75)
    Forecast(daily=(4.5, 6.0, 6.0), variance=24.75)
    """
    daily = tuple(expected_on(expected, day) * (share_of_today if day == today else 1.0) for day in days)
    mean = sum(daily)
    uncertainty = min(mean / expected.evidence, UNCERTAINTY_MAX) if mean else 0.0
    return Forecast(daily, expected.variance_to_mean * mean * (1 + uncertainty))


@dataclass(slots=True)
class _Observed:
    """Weighted sums over the days that count; each list runs from Monday to Sunday."""

    days: list[float]
    """Σ w"""
    sold: list[float]
    """Σ w·y"""
    squares: list[float]
    """Σ w·y²"""
    weekday_days: list[float]
    """Σ of the weekday's own, slower weights"""
    weekday_sold: list[float]
    """Σ y with them"""


@dataclass(frozen=True, slots=True)
class _Window:
    """The last days of a store that are over: the same for all its articles known as long."""

    is_open: tuple[bool, ...]
    """By age; yesterday is 1."""
    days: tuple[float, ...]
    weekday_days: tuple[float, ...]
    """As in `_Observed`, over the open days."""


def _observe(demand: Demand, calendar: Calendar, today: int, elapsed: float) -> _Observed:
    known = min(max(today - demand.first_day, 0), HISTORY_DAYS) if demand.first_day else 0
    window = _window(calendar, today, known)
    days, weekday_days = list(window.days), list(window.weekday_days)
    sold, squares, weekday_sold = [0.0] * 7, [0.0] * 7, [0.0] * 7
    for age, units in enumerate(reversed(demand.sold), today - demand.newest_day):
        if units <= 0 or not 0 < age <= known:
            continue
        place, weight, weekday_weight = (today - age - 1) % 7, _LEVEL_WEIGHTS[age], _WEEKDAY_WEIGHTS[age]
        if not window.is_open[age]:  # a special opening: its weight is not yet among those of the open days
            days[place] += weight
            weekday_days[place] += weekday_weight
        sold[place] += weight * units
        squares[place] += weight * units * units
        weekday_sold[place] += weekday_weight * units
    if not any(days):
        days[(today - 1) % 7], sold[(today - 1) % 7] = elapsed, float(max(sold_on(demand, today), 0))
    return _Observed(days, sold, squares, weekday_days, weekday_sold)


@lru_cache(maxsize=4_096)
def _window(calendar: Calendar, today: int, known: int) -> _Window:
    is_open = (False, *(calendars.is_open(calendar, today - age) for age in range(1, known + 1)))
    days, weekday_days = [0.0] * 7, [0.0] * 7
    for age in range(1, known + 1):
        if is_open[age]:
            days[(today - age - 1) % 7] += _LEVEL_WEIGHTS[age]
            weekday_days[(today - age - 1) % 7] += _WEEKDAY_WEIGHTS[age]
    return _Window(is_open, tuple(days), tuple(weekday_days))


def _level(observed: _Observed, imagined: float, typical_purchase: int, factors: Sequence[float]) -> float:
    days = sum(n * factor for n, factor in zip(observed.days, factors, strict=True))
    return (sum(observed.sold) + imagined * typical_purchase) / (days + imagined)


def _variance_to_mean(observed: _Observed, level: float, factors: Sequence[float], typical_purchase: int) -> float:
    prior = SHRINKAGE * typical_purchase
    squares, mean = prior * typical_purchase, prior
    for place, factor in enumerate(factors):
        expected = level * factor
        spread = observed.squares[place] - 2 * expected * observed.sold[place] + observed.days[place] * expected**2
        squares += max(spread, 0.0)  # a difference of large sums may end just below zero
        mean += observed.days[place] * expected
    return squares / mean


def _newest(sold: list[int]) -> list[int]:
    return sold[-(HISTORY_DAYS + 1) :]
