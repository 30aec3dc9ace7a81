"""What is learned of an article's demand: a state of fixed size that takes in one day after the other.

Ratios of sums, never sums of ratios, which explode on thin demand (formulas.md 4.6b). Of a day with y units sold, on a
weekday with the factor r and at the level l:

- sums of sales and of factors, forgotten at four rates, give four levels `Σ y / Σ r`; the level is their mean, weighted
  by their recent squared errors, so that an article finds out by itself how fast it changes;
- the weekday's factor is `(Σ y + 4) / (Σ l + 4)`, forgotten by 7 % a week: 1 while little is known, and 7 at most,
  which is a week's sales on one day;
- variance to mean is `(Σ e² + 4) / (Σ l·r + 4)` over the errors e = y − l·r: 1, Poisson, while little is known;
- both leave out the first week, in which the level is only found, or they would learn what it lacked;
- days in a row err in the same direction where demand moves faster than the level, so weeks are watched as well: each
  run of seven days is compared with what its first morning expected, and `(Σ E² + 1.3 · 4 V) / (Σ v + 4 V)` says by
  how much more the sum varies than its days would if they did not depend on each other (v is that of each such week, V
  that of the week to come; 1.3 is what an article begins with). Here no day counts as another than it was, for bursts
  are what weeks differ by;
- of a day on which the article could be bought for a share of the opening time only, the sums of factors and of levels
  take in that share (exposure, formulas.md 4.6): nothing sold while nothing was there is no lack of demand;
- of a promoted day only two sums take in what was sold and what would have been expected without: `(Σ y + 2 · 4) /
  (Σ l·r + 4)` is the promotion's factor. So a promotion teaches nothing of the days without one, and is over when it is
  over. How far off such days are counts for the variance. In the first week, before there is a level to compare with,
  they are days like others on which this factor was there;
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

UNCERTAINTY_MAX: Final = 1.0
"""A new article may not be ordered as if it could sell anything."""

SILENT_MAX: Final = 56
"""Days in a row without a sale after which further ones teach nothing."""

PROMOTION_FACTOR: Final = 2.0
"""Times as much is expected of the first promotion; a guess, which four typical purchases outweigh."""

_PROMOTION_FACTORS: Final = (0.2, 20.0)
"""Between these lies what a promotion can do."""

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

WEEK: Final = 7
"""Days in a row that are watched as one."""

_WEEKS_IMAGINED: Final = 4.0
"""Weeks at which a new article begins; on real series and simulated ones twice or half as many cover as well."""

_IMAGINED_FACTOR: Final = 1.3
"""By which these varied more than their days, about what series of real receipts came to."""

_WEEK_SQUARES_MAX: Final = 25.0
"""Times its variance, at most, the squared error of a week counts."""

# Days learned and days since the last sale; sums of sales, of factors, and squared errors, each at four rates; sums of
# squared errors and of what was expected; sales and levels by weekday, from Monday to Sunday; of the running week the
# level it began with, its error and what was expected of it; sums of the weeks' squared errors and of their variances;
# of promoted days sums of sales and of what was expected without the promotion.
_STATE: Final = Struct("<HB35f")
_DAYS_MAX: Final = 0xFFFF
_SILENT: Final = 2
"""Where a packed state has its days since the last sale."""


def silent_days(kept: bytes) -> int:
    """Days in a row without a sale, `SILENT_MAX` at most, that a packed state has learned."""
    return kept[_SILENT] if kept else 0


def variance_of_sum(variance_to_mean: float, mean: float, evidence: float) -> float:
    """Variance of a sum of days that do not depend on each other, and of which this is expected.

    `variance to mean · m · (1 + m / evidence)`, at most twice the plain product, because the level is only an estimate.
    """
    return variance_to_mean * mean * (1.0 + min(mean / evidence, UNCERTAINTY_MAX)) if mean else 0.0


class Learned:
    """The state between two days: sums that are forgotten little by little, in base units where they are units."""

    __slots__ = ("_sums", "days", "purchase", "silent")

    def __init__(self, kept: bytes, typical_purchase: int) -> None:
        """Read what `pack` returned; nothing at all is the imagined day.

        Fields are only ever appended: what an older version packed knows nothing of them, which is zeros.
        """
        self.purchase = float(typical_purchase)
        self._sums: list[float]
        if kept:
            self.days, self.silent, *self._sums = _STATE.unpack(kept.ljust(_STATE.size, b"\0"))
        else:
            self.days = self.silent = 0
            self._sums = [self.purchase] * 4 + [1.0] * 4 + [0.0] * 27

    def pack(self) -> bytes:
        """The state as 143 bytes."""
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

    def sum_factor(self) -> float:
        """By how much more the demand of `WEEK` days varies than its days say; 1 at least."""
        squares, variances = self._sums[31:33]
        if not variances:
            return _IMAGINED_FACTOR
        level, evidence = self.level_and_evidence()
        coming = _WEEKS_IMAGINED * variance_of_sum(self.variance_to_mean(), WEEK * level, evidence)
        return max((squares + _IMAGINED_FACTOR * coming) / (variances + coming), 1.0)

    def promotion_factor(self) -> float:
        """Times as much as otherwise is sold on a promoted day."""
        sold, without = self._sums[33:35]
        prior, (least, most) = SHRINKAGE * self.purchase, _PROMOTION_FACTORS
        return min(max((sold + PROMOTION_FACTOR * prior) / (without + prior), least), most)

    def learn_promoted(self, units: int, place: int, share: float = 1.0) -> None:
        """Take in a promoted day that is over; as `learn`."""
        factor, sums = self.promotion_factor(), self._sums
        without = self.level_and_evidence()[0] * self.weekday_factors()[place] * share
        if self.days < _FOUND_AFTER:
            self.learn(units, place, share * factor)
            return
        if units > 0:
            self.silent = 0
        y, expected = float(max(units, 0)), without * factor
        sums[33] = 0.98 * sums[33] + y
        sums[34] = 0.98 * sums[34] + without
        sums[12] = 0.98 * sums[12] + (self._clipped(y, expected) - expected) ** 2
        sums[13] = 0.98 * sums[13] + expected

    def _clipped(self, y: float, expected: float) -> float:
        """What a day counts as of which this was expected."""
        if self.days < _CLIPPED_FROM:
            return y
        variance = self.variance_to_mean() * max(expected, _LEAST_MEAN * self.purchase)
        spread = _CLIP * (math.sqrt(variance) + self.purchase)
        return min(max(y, expected - spread), expected + spread)

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
        expected, told = level * r, y
        y = self._clipped(y, expected)
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
            day_of_week = (self.days - _FOUND_AFTER) % WEEK
            if day_of_week:
                first_level = sums[28]
                sums[29] += told - first_level * r
                sums[30] += first_level * r
                if day_of_week == WEEK - 1:
                    self._end_week()
            else:
                sums[28:31] = level, told - expected, expected
        self.days += 1

    def _end_week(self) -> None:
        """Compare the week that is over with what was expected of it."""
        sums = self._sums
        variance = variance_of_sum(self.variance_to_mean(), sums[30], self.level_and_evidence()[1])
        sums[31] = 0.97 * sums[31] + min(sums[29] ** 2, _WEEK_SQUARES_MAX * variance)
        sums[32] = 0.97 * sums[32] + variance
