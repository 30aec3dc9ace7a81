"""How many customers want an article in an hour: the profile of the day, the week and the year, and Poisson chance."""

from __future__ import annotations

import math
from random import Random

from freshmart_streams.simulation.catalogue import Article, Season

HOUR_SHARES: dict[int, float] = {
    7: 0.05, 8: 0.06, 9: 0.07, 10: 0.08, 11: 0.09, 12: 0.08, 13: 0.06, 14: 0.05,
    15: 0.06, 16: 0.08, 17: 0.10, 18: 0.09, 19: 0.06, 20: 0.04, 21: 0.03,
}  # fmt: skip
"""Share of a day's demand in each local hour; the shares sum to 1."""

WEEKDAY_FACTORS: dict[int, float] = {1: 0.90, 2: 0.88, 3: 0.92, 4: 1.00, 5: 1.18, 6: 1.30, 7: 0.0}
"""Demand of an ISO weekday as a multiple of the mean of the days open; closed on Sundays."""

SEASON_SWING: dict[Season, float] = {"even": 0.0, "summer": 0.30, "winter": -0.25}
"""How far demand rises above its mean in the middle of July, as a share; negative falls."""

_MIDDLE_OF_JULY = 196
_POISSON_BY_PRODUCT_MAX = 30.0


def expected_sales(article: Article, *, size: float, weekday: int, hour: int, day_of_year: int) -> float:
    """Return the mean number of sales of an article in one local hour of a shop."""
    swing = SEASON_SWING[article.season] * math.cos(2 * math.pi * (day_of_year - _MIDDLE_OF_JULY) / 365.25)
    profile = HOUR_SHARES.get(hour, 0.0) * WEEKDAY_FACTORS[weekday]
    return article.sales_per_day * size * profile * (1 + swing)


def poisson(random: Random, mean: float) -> int:
    """One draw from a Poisson distribution of the given mean.

    Knuth's product of uniform numbers below a mean of 30, above it the rounded normal approximation, whose error there
    no simulated shop would notice.
    """
    if mean <= 0:
        return 0
    if mean > _POISSON_BY_PRODUCT_MAX:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count
