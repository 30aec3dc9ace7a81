"""One evaluation from daily sales to figures: accuracy and policy over the series that are long enough."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from freshmart_streams.domain import times
from freshmart_streams.evaluation import accuracy, policy
from freshmart_streams.evaluation.accuracy import HORIZONS, LEVELS, OWN, Accuracy, Rivals, Traced
from freshmart_streams.evaluation.policy import SETTLING_DAYS, Compared, Stocked, Terms
from freshmart_streams.evaluation.rivals import WEEK, usual_rivals
from freshmart_streams.evaluation.series import DailySales, Series

DAYS_AFTER_WARM_UP: Final = SETTLING_DAYS + WEEK
"""Days that a series needs after the warm-up: what is measured of the replay begins after the settling."""

RULES: Final = (OWN, "min/max")

Progress = Callable[[str, int, int], None]
"""Is told the step, and how many of how many series are done."""


class TooShortError(ValueError):
    """No series is long enough; the message is one line."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an evaluation found."""

    measured: int
    """Series."""
    too_short: int
    """Series that were left out."""
    first_day: int
    """The first day of the series that were measured, warm-up included; an ordinal, as the next."""
    last_day: int
    warm_up: int
    accuracy: Accuracy
    policy: Compared
    traced_series: str
    """The series that sold most."""
    traced: tuple[Traced, ...]
    """The application's forecast of each of its days."""

    def methods(self) -> list[str]:
        """The forecasts that were measured, the application's own first."""
        return list(dict.fromkeys([OWN, *(method for method, _ in self.accuracy.scores)]))

    def as_dict(self) -> dict[str, Any]:
        """All figures for JSON: shares, not per cent; None where there was no demand."""
        return {
            "series": self.measured,
            "series_too_short": self.too_short,
            "first_day": times.to_iso(self.first_day),
            "last_day": times.to_iso(self.last_day),
            "warm_up_days": self.warm_up,
            "days_hidden_by_stock_outs": self.accuracy.left_out,
            "accuracy": [
                _score(method, horizon, score)
                for horizon in HORIZONS
                for method in self.methods()
                if (score := self.accuracy.scores.get((method, horizon))) is not None
            ],
            "policy": [
                _stocked(rule, stocked)
                for rule, stocked in zip(RULES, (self.policy.ours, self.policy.min_max), strict=True)
            ],
            "min_max_factor": self.policy.factor,
        }


def evaluate(
    sales: DailySales,
    terms: Terms,
    *,
    warm_up: int,
    rivals: Rivals = usual_rivals,
    progress: Progress = lambda step, done, total: None,
) -> Report:
    """Replay all series that have `DAYS_AFTER_WARM_UP` days after the warm-up.

    Raises:
        TooShortError: when none has.
    """
    needed = warm_up + DAYS_AFTER_WARM_UP
    chosen = [series for series in sales.series if len(series.days) >= needed]
    if not chosen:
        longest = max(len(series.days) for series in sales.series)
        raise TooShortError(
            f"the longest series has {longest} days; {needed} are needed, {warm_up} of them to warm up (--warm-up)"
        )
    most_sold = max(chosen, key=_sold)
    found, traced = Accuracy(), tuple[Traced, ...]()
    for done, series in enumerate(chosen, 1):
        expected = tuple(
            accuracy.measure(
                series,
                found,
                calendar=terms.calendar,
                warm_up=warm_up,
                typical_purchase=terms.typical_purchase,
                rivals=rivals,
            )
        )
        if series is most_sold:
            traced = expected
        progress("forecasts", done, len(chosen))
    compared = policy.compare(chosen, terms, warm_up, lambda done: progress("orders", done, len(chosen)))
    return Report(
        measured=len(chosen),
        too_short=len(sales.series) - len(chosen),
        first_day=min(series.first_day for series in chosen),
        last_day=sales.last_day,
        warm_up=warm_up,
        accuracy=found,
        policy=compared,
        traced_series=most_sold.name,
        traced=traced,
    )


def _sold(series: Series) -> int:
    return sum(day.sold for day in series.days)


def _score(method: str, horizon: str, score: accuracy.Score) -> dict[str, Any]:
    pinball, coverage = (
        {f"{level:.2f}": value for level, value in zip(LEVELS, values, strict=True)}
        for values in (score.pinball_loss, score.coverage)
    )
    return {
        "method": method,
        "horizon": horizon,
        "origins": score.origins,
        "wape": score.wape,
        "bias": score.bias,
        "pinball": pinball,
        "coverage": coverage,
    }


def _stocked(rule: str, stocked: Stocked) -> dict[str, Any]:
    return {
        "rule": rule,
        "days": stocked.days,
        "demand": stocked.demand,
        "fill_rate": stocked.fill_rate,
        "service_level": stocked.service_level,
        "stock_days": stocked.stock_days,
        "waste_share": stocked.waste_share,
    }
