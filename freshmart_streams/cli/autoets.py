"""AutoETS as one more rival of the forecast, where statsforecast happens to be installed; nothing here requires it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence
from importlib.util import find_spec
from typing import Any, Final

from freshmart_streams.evaluation.rivals import WEEK, MovingAverage, Rival, usual_rivals

REFIT_EVERY: Final = 7
"""Open days from one choice of a model to the next; between them its state goes on with the days that come."""

MakeModel = Callable[[int], Any]
"""A statsforecast model for a season of so many open days: it has `fit`, `forward` and `predict`."""


class AutoEts(Rival):
    """Exponential smoothing, its form chosen anew every week, over the open days (Hyndman et al. 2002).

    A day with a stock-out is filled with the mean of its weekday. Until two weeks are over it is that mean itself.
    """

    name = "AutoETS"

    def __init__(self, make_model: MakeModel) -> None:
        self._make_model = make_model
        self._filler = MovingAverage("", 4)
        self._units: list[float] = []
        self._weekdays: set[int] = set()
        self._model: Any = None
        self._fitted = 0

    def learn(self, day: int, units: int | None, *, is_promoted: bool = False) -> None:
        """Append it; the model knows no promotions."""
        del is_promoted
        self._units.append(self._filler.expect([day])[0] if units is None else float(units))
        self._filler.learn(day, units)
        self._weekdays.add(day % WEEK)

    def expect(self, days: Sequence[int], promoted: Collection[int] = ()) -> list[float]:
        """Forecast from the newest model."""
        import numpy as np

        del promoted
        if len(self._units) < 2 * WEEK or not days:
            return self._filler.expect(days)
        known = np.array(self._units)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if self._model is None or len(known) >= self._fitted + REFIT_EVERY:
                self._model = self._make_model(len(self._weekdays)).fit(known)
                self._fitted = len(known)
                found = self._model.predict(h=len(days))["mean"]
            else:
                found = self._model.forward(known, h=len(days))["mean"]
        return [max(float(value), 0.0) for value in found]


def with_autoets() -> list[Rival]:
    """The usual rivals, and AutoETS where it is installed."""
    rivals = usual_rivals()
    if find_spec("statsforecast") is not None:
        from statsforecast.models import AutoETS

        rivals.append(AutoEts(lambda season: AutoETS(season_length=season)))
    return rivals
