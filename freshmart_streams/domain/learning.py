"""What is learned of an article's demand: a state of fixed size that takes in one day after the other.

Ratios of sums, never sums of ratios, which explode on thin demand (formulas.md 4.6b). Of a day with y units sold, on a
weekday with the factor r and at the level l:

- sums of sales and of factors, forgotten at four rates, give four levels `Σ y / Σ r`; the level is their mean, weighted
  by their recent squared errors, so that an article finds out by itself how fast it changes;
- the weekday's factor is `(Σ y + 4) / (Σ l + 4)`, forgotten by 7 % a week: 1 while little is known, and 7 at most,
  which is a week's sales on one day;
- variance to mean is `(Σ e² + 4) / (Σ l·r + 4)` over the errors e = y − l·r: 1, Poisson, while little is known;
- both leave out the first week, in which the level is only found, or they would learn what it lacked;
- of a day on which the article could be bought for a share of the opening time only, the sums of factors and of levels
  take in that share (exposure, formulas.md 4.6): nothing sold while nothing was there is no lack of demand;
- after two weeks a day further off than 3 standard deviations and 3 purchases counts as being there: one bulk buyer is
  no trend. (Without the purchases what sells in bursts is underestimated by a third: docs/decisions.)

It begins with one *imagined day* that sold one typical purchase, so that a new article can be ordered. All 4s and 1s
are typical purchases (`units.typical_purchase`), so that the unit decides nothing.

The state is kept in single precision, which is more than a forecast has, and rounded each time it is kept.
"""

import math
from struct import Struct
from typing import Final

SHRINKAGE: Final = 4.0
"""Typical purchases that a weekday factor and the variance have to be told before they leave 1."""

SILENT_MAX: Final = 56
"""Days in a row without a sale after which further ones teach nothing."""

_SELECTION: Final = -12.0
"""Power of a level's squared error that is its weight: nearly the best one alone, without jumps."""
_SILENCE_SHARE: Final = 0.5
"""Share of a day during which the article could be bought from which on no sale is a day of silence."""

_CLIPPED_FROM: Final = 14
_FOUND_AFTER: Final = 7
_CLIP: Final = 3.0
_FACTOR_MAX: Final = 7.0
_LEAST_MEAN: Final = 0.05
_LEAST_ERROR: Final = 1e-6

# Days learned and days since the last sale; sums of sales, of factors, and squared errors, each at four rates; sums of
# squared errors and of what was expected; sales and levels by weekday, from Monday to Sunday.
_STATE: Final = Struct("<HB28f")
_DAYS_MAX: Final = 0xFFFF
_SILENT: Final = 2
"""Where a packed state has its days since the last sale."""


def silent_days(kept: bytes) -> int:
    """Days in a row without a sale, `SILENT_MAX` at most, that a packed state has learned."""
    return kept[_SILENT] if kept else 0


class Learned:
    """The state between two days: sums that are forgotten little by little, in base units where they are units."""

    __slots__ = ("_sums", "days", "purchase", "silent")

    def __init__(self, kept: bytes, typical_purchase: int) -> None:
        """Read what `pack` returned; nothing at all is the imagined day."""
        self.purchase = float(typical_purchase)
        self._sums: list[float]
        if kept:
            self.days, self.silent, *self._sums = _STATE.unpack(kept)
        else:
            self.days = self.silent = 0
            self._sums = [self.purchase] * 4 + [1.0] * 4 + [0.0] * 20

    def pack(self) -> bytes:
        """The state as 115 bytes."""
        return _STATE.pack(min(self.days, _DAYS_MAX), self.silent, *self._sums)

    def level_and_evidence(self) -> tuple[float, float]:
        """Base units per day before the weekday's factor, and the base units sold that this rests on."""
        sales, factors = self._sums[0:4], self._sums[4:8]
        least = _LEAST_ERROR * self.purchase * self.purchase
        errors = [error + least for error in self._sums[8:12]]
        best = min(errors)
        weights = [(error / best) ** _SELECTION for error in errors]
        total = sum(weights)
        level = sum(weight * y / r for weight, y, r in zip(weights, sales, factors, strict=True)) / total
        return level, sum(weight * y for weight, y in zip(weights, sales, strict=True)) / total

    def weekday_factors(self) -> tuple[float, ...]:
        """Monday to Sunday."""
        prior = SHRINKAGE * self.purchase
        sold, levels = self._sums[14:21], self._sums[21:28]
        return tuple(min((y + prior) / (level + prior), _FACTOR_MAX) for y, level in zip(sold, levels, strict=True))

    def variance_to_mean(self) -> float:
        """Base units; 1.0 is Poisson."""
        prior = SHRINKAGE * self.purchase
        return (self._sums[12] + prior * self.purchase) / (self._sums[13] + prior)

    def learn(self, units: int, place: int, share: float = 1.0) -> None:
        """Take in a day that is over: `units` sold, on a weekday, Monday being 0.

        `share` is the part of the day during which the article could be bought.

        Written out, because it is done once per article and day: a third of the time that loops over the rates take.
        """
        if units > 0:
            self.silent, y = 0, float(units)
        elif self.silent < SILENT_MAX:
            self.silent, y = self.silent + (share >= _SILENCE_SHARE), 0.0
        else:
            return
        sums, purchase = self._sums, self.purchase
        (y0, y1, y2, y3, r0, r1, r2, r3, e0, e1, e2, e3, squares, means) = sums[:14]
        prior, least = SHRINKAGE * purchase, _LEAST_ERROR * purchase * purchase
        l0, l1, l2, l3 = y0 / r0, y1 / r1, y2 / r2, y3 / r3
        best = min(e0, e1, e2, e3) + least
        w0, w1 = ((e0 + least) / best) ** _SELECTION, ((e1 + least) / best) ** _SELECTION
        w2, w3 = ((e2 + least) / best) ** _SELECTION, ((e3 + least) / best) ** _SELECTION
        level = (w0 * l0 + w1 * l1 + w2 * l2 + w3 * l3) / (w0 + w1 + w2 + w3)
        sold, levels = sums[14 + place], sums[21 + place]
        r = min((sold + prior) / (levels + prior), _FACTOR_MAX) * share
        expected = level * r
        if self.days >= _CLIPPED_FROM:
            variance = (squares + prior * purchase) / (means + prior) * max(expected, _LEAST_MEAN * purchase)
            spread = _CLIP * (math.sqrt(variance) + purchase)
            y = min(max(y, expected - spread), expected + spread)
        sums[:12] = (
            0.99 * y0 + y,
            0.97 * y1 + y,
            0.92 * y2 + y,
            0.80 * y3 + y,
            0.99 * r0 + r,
            0.97 * r1 + r,
            0.92 * r2 + r,
            0.80 * r3 + r,
            0.98 * e0 + 0.02 * (y - l0 * r) ** 2,
            0.98 * e1 + 0.02 * (y - l1 * r) ** 2,
            0.98 * e2 + 0.02 * (y - l2 * r) ** 2,
            0.98 * e3 + 0.02 * (y - l3 * r) ** 2,
        )
        if self.days >= _FOUND_AFTER:
            sums[12] = 0.98 * squares + (y - expected) ** 2
            sums[13] = 0.98 * means + expected
            sums[14 + place] = 0.93 * sold + y
            sums[21 + place] = 0.93 * levels + level * share
        self.days += 1
