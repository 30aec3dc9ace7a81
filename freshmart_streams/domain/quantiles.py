"""How much demand a service level asks to have: quantiles of the normal, Poisson and negative binomial distribution.

The discrete ones are exact: terms are added up, none is approximated. The work grows with the standard deviation.
"""

import math
from functools import lru_cache
from statistics import NormalDist
from typing import Final

# Below this, the chance of selling nothing is a number that a float can hold.
_SMALL_EXPONENT: Final = 600.0
# Terms this much smaller than the largest do not move a sum of floats.
_NEGLIGIBLE: Final = 1e-18


@lru_cache(maxsize=256)
def normal(service_level: float) -> float:
    """Standard deviations above the mean that are enough with probability `service_level`.

    >>> round(normal(0.98), 6)
    2.053749
    """
    return NormalDist().inv_cdf(_probability(service_level))


def poisson(mean: float, service_level: float) -> int:
    """The smallest k with `F(k) >= service_level`, demand being Poisson.

    >>> poisson(17, 0.98)
    26
    """
    return negative_binomial(mean, mean, service_level)


@lru_cache(maxsize=16_384)
def negative_binomial(mean: float, variance: float, service_level: float) -> int:
    """The smallest k with `F(k) >= service_level`, demand being negative binomial; Poisson when variance <= mean.

    `r = mean² / (variance − mean)`, success probability `mean / variance`. `ValueError` when the mean is negative or no
    number, or the service level is not between 0 and 1.

    >>> negative_binomial(17, 34, 0.98)
    30
    """
    _probability(service_level)
    if not (0 <= mean < math.inf and variance < math.inf):
        raise ValueError(f"no mean and variance of a demand: {mean}, {variance}")
    if mean == 0:
        return 0
    excess = max(variance - mean, 0.0)
    # The chance of selling nothing is exp(-exponent). log1p keeps it exact where the variance hardly exceeds the mean.
    exponent = mean * mean / excess * math.log1p(excess / mean) if excess > mean * 1e-12 else mean
    if exponent <= _SMALL_EXPONENT:
        return _add_up(math.exp(-exponent), 0, mean, excess, service_level)
    first, total = _first_and_total(mean, excess)
    return _add_up(first[1] / total, first[0], mean, excess, service_level)


def _add_up(term: float, k: int, mean: float, excess: float, service_level: float) -> int:
    """Walk up from the probability `term` of `k`, below which nothing counts, until the sum is enough."""
    total, square, variance = term, mean * mean, mean + excess
    # Rounding may keep the sum just below a service level next to 1: it ends where a term no longer changes it.
    while total < service_level and (k < mean or total + term > total):
        term *= (k * excess + square) / (variance * (k + 1))  # `_ratio`, without a call per term
        k += 1
        total += term
    return k


def _first_and_total(mean: float, excess: float) -> tuple[tuple[int, float], float]:
    """The first k that counts with its term, and the sum of all terms, both relative to the most likely k's term."""
    mode = max(0, math.floor((mean * mean - mean - excess) / mean) + 1)
    k, term, total = mode, 1.0, 1.0
    while term > _NEGLIGIBLE:
        term *= _ratio(k, mean, excess)
        k += 1
        total += term
    k, term = mode, 1.0
    while k > 0 and term > _NEGLIGIBLE:
        k -= 1
        term /= _ratio(k, mean, excess)
        total += term
    return (k, term), total


def _ratio(k: int, mean: float, excess: float) -> float:
    """P(k + 1) / P(k)."""
    return (k * excess + mean * mean) / ((mean + excess) * (k + 1))


def _probability(service_level: float) -> float:
    if not 0 < service_level < 1:
        raise ValueError(f"a service level lies between 0 and 1: {service_level}")
    return service_level
