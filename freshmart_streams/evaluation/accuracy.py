"""How close forecasts come: every day after the warm-up is an origin, for that day and the seven that begin with it.

A forecast is made in the morning of a day, out of the days before it. All figures are pooled over series and days:

- WAPE `Σ|y − f| / Σy`, bias `Σ(f − y) / Σy` (above 0: too much was expected);
- pinball loss of the quantile Q at the level τ: `max(τ·(y − Q), (τ − 1)·(y − Q))`, as a share of `Σy`
  (Koenker and Bassett 1978);
- coverage: the share of origins with `y ≤ Q`. Demand in whole units covers more than its level, the slower the more.

Left out are closed days, and what a stock-out hides unless the file says the demand; a sum that holds such a day too.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from freshmart_streams.domain import calendars, replenishment
from freshmart_streams.domain.calendars import Calendar
from freshmart_streams.domain.forecast import Parameters
from freshmart_streams.evaluation.own import OwnForecast
from freshmart_streams.evaluation.rivals import WEEK, Errors, Rival, usual_rivals
from freshmart_streams.evaluation.series import Series

OWN: Final = "freshmart"
LEVELS: Final = (0.90, 0.98)

DAY: Final = "1 day"
SUM: Final = "7 days"
PROMOTED: Final = "1 day, promoted"
HORIZONS: Final = (DAY, SUM, PROMOTED)

ERRORS_FROM: Final = 14
"""Days of a series after which errors of the rivals count for their quantiles."""

Rivals = Callable[[], Sequence[Rival]]


@dataclass(slots=True)
class Score:
    """What one method did at one horizon, added up. Base units."""

    origins: int = 0
    actual: float = 0.0
    error: float = 0.0
    """Expected minus actual."""
    absolute: float = 0.0
    pinball: list[float] = field(default_factory=lambda: [0.0] * len(LEVELS))
    covered: list[int] = field(default_factory=lambda: [0] * len(LEVELS))

    def add(self, actual: float, mean: float, quantiles: Sequence[float]) -> None:
        """Count one forecast."""
        self.origins += 1
        self.actual += actual
        self.error += mean - actual
        self.absolute += abs(mean - actual)
        for place, (level, quantile) in enumerate(zip(LEVELS, quantiles, strict=True)):
            short = actual - quantile
            self.pinball[place] += max(level * short, (level - 1) * short)
            self.covered[place] += short <= 0

    @property
    def wape(self) -> float | None:
        """Share of the demand; None without any, as the next two."""
        return self.absolute / self.actual if self.actual else None

    @property
    def bias(self) -> float | None:
        """Share of the demand."""
        return self.error / self.actual if self.actual else None

    @property
    def pinball_loss(self) -> list[float | None]:
        """Share of the demand, for each of `LEVELS`."""
        return [loss / self.actual if self.actual else None for loss in self.pinball]

    @property
    def coverage(self) -> list[float | None]:
        """Share of the origins, for each of `LEVELS`."""
        return [covered / self.origins if self.origins else None for covered in self.covered]


class Traced(NamedTuple):
    """The application's forecast for one day, for a picture."""

    day: int
    actual: int | None
    mean: float
    quantiles: tuple[float, ...]


@dataclass(slots=True)
class Accuracy:
    """The scores of all methods, filled by `measure`."""

    scores: dict[tuple[str, str], Score] = field(default_factory=dict)
    """By method and horizon."""
    left_out: int = 0
    """Open days that stock-outs hide."""

    def score(self, method: str, horizon: str) -> Score:
        """The score to add to."""
        return self.scores.setdefault((method, horizon), Score())


class _Forecast(NamedTuple):
    """Of one day or of a sum."""

    mean: float
    quantiles: tuple[float, ...]


def measure(
    series: Series,
    accuracy: Accuracy,
    *,
    calendar: Calendar,
    warm_up: int,
    typical_purchase: int,
    rivals: Rivals = usual_rivals,
) -> Iterator[Traced]:
    """Add a series to the scores; yields what the application expected of each day after the warm-up.

    Nothing is expected while `warm_up` days are not over.
    """
    own = OwnForecast(calendar, typical_purchase, series.promotions)
    promoted = frozenset(day for day, known in enumerate(series.days, series.first_day) if known.is_promoted)
    others = [_Rated(rival) for rival in rivals()]
    for place, day in enumerate(range(series.first_day, series.first_day + len(series.days))):
        now = series.days[place]
        if calendars.is_open(calendar, day):
            week = list(calendars.selling_days(calendar, day, day + WEEK - 1))
            if place >= min(ERRORS_FROM, warm_up):
                known = _Known(series, place, week)
                forecasts = {other.rival.name: other.forecasts(day, week, known, promoted) for other in others}
                if place >= warm_up:
                    parameters = own.parameters(day)
                    forecasts[OWN] = _own(own, parameters, day)
                    _add(accuracy, forecasts, known, is_promoted=now.is_promoted)
                    yield Traced(day, known.day_truth, *forecasts[OWN][0])
            for other in others:
                other.rival.learn(day, None if now.missing else now.sold, is_promoted=now.is_promoted)
        own.apply_day(day, sold=now.sold, missing=now.missing)


class _Known:
    """What came of a day, and of the week that begins with it; None: hidden, or beyond the end."""

    def __init__(self, series: Series, place: int, week: Sequence[int]) -> None:
        days = series.days[place : place + WEEK]
        is_whole = len(days) == WEEK
        coming = [days[day - week[0]] for day in week] if is_whole else []
        now = days[0]
        self.day_truth = now.truth
        self.day_seen = None if now.missing else now.sold
        truths = [day.truth for day in coming]
        seen = [None if day.missing else day.sold for day in coming]
        self.sum_truth = _sum(truths) if is_whole else None
        self.sum_seen = _sum(seen) if is_whole else None


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


class _Rated:
    """A rival with the errors that its quantiles come from."""

    def __init__(self, rival: Rival) -> None:
        self.rival = rival
        self._errors = Errors(), Errors()

    def forecasts(
        self, day: int, week: Sequence[int], known: _Known, promoted: Collection[int]
    ) -> tuple[_Forecast, _Forecast]:
        """Of the day and of its week; their errors count once they are known."""
        daily = self.rival.expect(week, promoted)
        found = []
        cases = (daily[0], known.day_seen, day + 1), (sum(daily), known.sum_seen, day + WEEK)
        for errors, (mean, seen, known_from) in zip(self._errors, cases, strict=True):
            found.append(_Forecast(mean, tuple(max(mean + errors.quantile(level, day), 0.0) for level in LEVELS)))
            if seen is not None:
                errors.add(seen - mean, known_from)
        return found[0], found[1]


def _own(own: OwnForecast, parameters: Parameters, day: int) -> tuple[_Forecast, _Forecast]:
    found = []
    for last in (day, day + WEEK - 1):
        interval = own.interval(parameters, day, last)
        found.append(_Forecast(interval.mean, tuple(replenishment.quantile(interval, level) for level in LEVELS)))
    return found[0], found[1]


def _add(
    accuracy: Accuracy, forecasts: dict[str, tuple[_Forecast, _Forecast]], known: _Known, *, is_promoted: bool
) -> None:
    accuracy.left_out += known.day_truth is None
    for method, (of_day, of_week) in forecasts.items():
        if known.day_truth is not None:
            accuracy.score(method, DAY).add(known.day_truth, *of_day)
            if is_promoted:
                accuracy.score(method, PROMOTED).add(known.day_truth, *of_day)
        if known.sum_truth is not None:
            accuracy.score(method, SUM).add(known.sum_truth, *of_week)
