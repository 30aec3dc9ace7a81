"""Forecasts that the application's own is measured against. None of them learns of a day with a stock-out.

Their quantiles are their forecast plus that quantile of their own last errors: it fits any method, and favours none.
"""

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Collection, Sequence
from typing import Final

WEEK: Final = 7

ERRORS_KEPT: Final = 56
"""Errors of a forecast, eight weeks, out of which its quantiles come."""

_WEEKS: Final = 4
"""Of the moving average."""


class Rival(ABC):
    """A forecast of daily sales that is told one open day after the other."""

    name: str

    @abstractmethod
    def learn(self, day: int, units: int | None, *, is_promoted: bool = False) -> None:
        """Take in an open day: base units sold, or None where a stock-out hides what would have been."""

    @abstractmethod
    def expect(self, days: Sequence[int], promoted: Collection[int] = ()) -> list[float]:
        """Base units on each of the coming open days, all of which lie within the week after the last one learned."""


class MovingAverage(Rival):
    """The mean of the same weekday over the last weeks; of one week it is the seasonal naive forecast.

    A weekday of which nothing is known yet is expected to sell the mean of those that are known.

    Args:
        name: of the rival.
        weeks: of which the mean is taken.
        is_told: of promotions. It then keeps promoted days apart from the others.
    """

    def __init__(self, name: str, weeks: int, *, is_told: bool = False) -> None:
        self.name = name
        self._is_told = is_told
        self._kept: list[deque[int]] = [deque(maxlen=weeks) for _ in range(2 * WEEK)]

    def learn(self, day: int, units: int | None, *, is_promoted: bool = False) -> None:
        """Keep it under its weekday."""
        if units is not None:
            self._kept[self._place(day, is_promoted=is_promoted)].append(units)

    def expect(self, days: Sequence[int], promoted: Collection[int] = ()) -> list[float]:
        """The mean of each day's weekday."""
        means = [sum(kept) / len(kept) if kept else None for kept in self._kept]
        known = [mean for mean in means if mean is not None]
        other = sum(known) / len(known) if known else 0.0
        places = [self._place(day, is_promoted=day in promoted) for day in days]
        return [other if (mean := means[place]) is None else mean for place in places]

    def _place(self, day: int, *, is_promoted: bool) -> int:
        return day % WEEK + WEEK * (is_promoted and self._is_told)


class Tsb(Rival):
    """Teunter, Syntetos and Babai (2011): a chance of selling anything, times how much a day with a sale sells.

    On each day `p += b·((y > 0) − p)`, on days with a sale `z += a·(y − z)`; `p` begins with the first day, `z` with
    the first sale, as in statsforecast (formulas.md 5.4). Every open day is expected to sell `p·z`.

    >>> rival = Tsb()
    >>> for day, units in enumerate([0, 0, 3, 0, 0, 0, 2, 0, 5, 0, 0, 1, 0, 0, 0, 4, 0, 2, 0, 0]):
    ...     rival.learn(day, units)
    >>> round(rival.expect([20])[0], 10)
    0.7652425641
    """

    name = "TSB"

    def __init__(self, size_rate: float = 0.1, chance_rate: float = 0.1) -> None:
        self._size_rate, self._chance_rate = size_rate, chance_rate
        self._size: float | None = None
        self._chance: float | None = None

    def learn(self, day: int, units: int | None, *, is_promoted: bool = False) -> None:
        """Smooth the chance, and on a sale the size."""
        del day, is_promoted
        if units is None:
            return
        sold = float(units > 0)
        self._chance = sold if self._chance is None else self._chance + self._chance_rate * (sold - self._chance)
        if units > 0:
            self._size = units if self._size is None else self._size + self._size_rate * (units - self._size)

    def expect(self, days: Sequence[int], promoted: Collection[int] = ()) -> list[float]:
        """The same on each day."""
        del promoted
        return [(self._chance or 0.0) * (self._size or 0.0)] * len(days)


class Errors:
    """The newest errors of a rival's forecasts, actual minus expected, each from when it was known."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, float]] = deque()
        self._known: deque[float] = deque(maxlen=ERRORS_KEPT)

    def add(self, error: float, known_from: int) -> None:
        """An error that a forecast of that day or later may use; days come in order."""
        self._waiting.append((known_from, error))

    def quantile(self, level: float, today: int) -> float:
        """The smallest error that so large a share of those known do not exceed; 0 while none is known.

        >>> errors = Errors()
        >>> for error in (3.0, -1.0, 2.0, 5.0):
        ...     errors.add(error, known_from=8)
        >>> errors.quantile(0.5, today=7), errors.quantile(0.5, today=8), errors.quantile(0.9, today=8)
        (0.0, 2.0, 5.0)
        """
        while self._waiting and self._waiting[0][0] <= today:
            self._known.append(self._waiting.popleft()[1])
        if not self._known:
            return 0.0
        return sorted(self._known)[max(math.ceil(level * len(self._known) - 1e-9) - 1, 0)]


def usual_rivals() -> list[Rival]:
    """Those that need nothing but Python."""
    return [MovingAverage("seasonal naive", 1), MovingAverage("mean of 4 weeks", _WEEKS, is_told=True), Tsb()]
