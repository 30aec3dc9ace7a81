"""Quantiles against published tables and against scipy."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.domain import quantiles

LEVELS = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999])


@pytest.mark.parametrize(
    ("level", "z"),
    [
        (0.5, 0.0),
        (0.80, 0.841621),
        (0.90, 1.281552),
        (0.95, 1.644854),
        (0.975, 1.959964),
        (0.98, 2.053749),
        (0.99, 2.326348),
    ],
)
def test_normal_quantiles_of_the_tables(level: float, z: float) -> None:
    """formulas.md 4.4."""
    assert quantiles.normal(level) == pytest.approx(z, abs=5e-7)


def test_the_newsvendor_of_stockpyl() -> None:
    """formulas.md 5.1: `newsvendor_normal(.18, .70, 50, 8)` and `newsvendor_poisson(.18, .70, 50)`, run there."""
    level = 0.70 / (0.18 + 0.70)
    assert 50 + 8 * quantiles.normal(level) == pytest.approx(56.60395592743389, rel=1e-12)
    assert quantiles.poisson(50, level) == 56


def test_the_discrete_newsvendor_of_stockpyl() -> None:
    """formulas.md 5.1: `newsvendor_discrete(1, 4, poisson(6))` is 8."""
    assert quantiles.poisson(6, 4 / 5) == 8


@pytest.mark.parametrize(("mean", "at_95", "at_98"), [(0.5, 2, 2), (1, 3, 3), (3, 6, 7), (6, 10, 12), (10, 15, 17)])
def test_poisson_quantiles_of_the_oracle(mean: float, at_95: int, at_98: int) -> None:
    """formulas.md 5.2."""
    assert (quantiles.poisson(mean, 0.95), quantiles.poisson(mean, 0.98)) == (at_95, at_98)


def test_the_example_of_the_contract() -> None:
    """contracts.md section 4: 17 expected, 98 %, 26."""
    assert quantiles.poisson(17, 0.98) == 26


# scipy 1.17.1: `scipy.stats.poisson.ppf(level, mean)`.
SCIPY_POISSON = [
    (0.001, 0.98, 0),
    (0.001, 0.9999, 1),
    (0.1, 0.999, 2),
    (30, 0.98, 42),
    (100, 0.001, 71),
    (599.0, 0.98, 650),
    (601.0, 0.98, 652),
    (10000.0, 0.95, 10_165),
    (123456.7, 0.9, 123_907),
    (1000000.0, 0.98, 1_002_054),
    (1000000.0, 0.5, 1_000_000),
]


@pytest.mark.parametrize(("mean", "level", "k"), SCIPY_POISSON)
def test_poisson_quantiles_of_scipy(mean: float, level: float, k: int) -> None:
    assert quantiles.poisson(mean, level) == k


# scipy 1.17.1: `scipy.stats.nbinom.ppf(level, mean**2 / (variance - mean), mean / variance)`.
SCIPY_NEGATIVE_BINOMIAL = [
    (0.05, 0.06, 0.98, 1),
    (0.5, 1.0, 0.95, 2),
    (3, 4.5, 0.98, 8),
    (17, 34, 0.98, 30),
    (17, 17.01, 0.98, 26),
    (30, 300, 0.98, 75),
    (30, 3000, 0.99, 264),
    (250, 2500, 0.9, 316),
    (700, 710, 0.98, 755),
    (5000, 50000, 0.98, 5_469),
    (100000, 250000, 0.95, 100_824),
    (1000000.0, 1500000.0, 0.98, 1_002_516),
    (20, 5000, 0.98, 242),
]


@pytest.mark.parametrize(("mean", "variance", "level", "k"), SCIPY_NEGATIVE_BINOMIAL)
def test_negative_binomial_quantiles_of_scipy(mean: float, variance: float, level: float, k: int) -> None:
    assert quantiles.negative_binomial(mean, variance, level) == k


def test_no_demand_needs_nothing() -> None:
    assert quantiles.negative_binomial(0.0, 0.0, 0.999999) == 0


@pytest.mark.parametrize("excess", [1e-300, 1e-16, 1e-13, 1e-9])
def test_a_variance_that_hardly_exceeds_the_mean_is_poisson(excess: float) -> None:
    assert quantiles.negative_binomial(17, 17 + excess, 0.98) == 26


def test_a_service_level_next_to_one_ends() -> None:
    almost = math.nextafter(1.0, 0.0)
    assert 17 < quantiles.poisson(17, almost) < 100
    assert 3 < quantiles.negative_binomial(3, 9, almost) < 1000


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 1.5, math.nan])
def test_a_service_level_lies_between_none_and_certainty(level: float) -> None:
    with pytest.raises(ValueError, match="service level"):
        quantiles.poisson(3, level)
    with pytest.raises(ValueError, match="service level"):
        quantiles.normal(level)


@pytest.mark.parametrize(
    ("mean", "variance"), [(-1, 1), (math.nan, 1), (math.inf, math.inf), (1, math.nan), (1, math.inf)]
)
def test_what_is_no_demand_is_refused(mean: float, variance: float) -> None:
    with pytest.raises(ValueError, match="mean and variance"):
        quantiles.negative_binomial(mean, variance, 0.98)


@given(st.floats(1e-6, 2_000), st.floats(1, 20), LEVELS)
def test_it_is_the_smallest_k_that_is_enough(mean: float, ratio: float, level: float) -> None:
    """The distribution function, summed here from logarithms, reaches the level at k and not at k − 1."""
    variance = mean * ratio
    k = quantiles.negative_binomial(mean, variance, level)
    upto = math.fsum(math.exp(log_probability(j, mean, variance)) for j in range(k))
    assert upto < level + 1e-9
    assert upto + math.exp(log_probability(k, mean, variance)) > level - 1e-9


@given(st.floats(0, 500), st.floats(0, 500), st.floats(1, 10), LEVELS)
def test_more_demand_never_needs_less(one: float, other: float, ratio: float, level: float) -> None:
    less, more = sorted((one, other))
    needs = [quantiles.negative_binomial(mean, mean * ratio, level) for mean in (less, more)]
    assert needs[0] <= needs[1]


def log_probability(k: int, mean: float, variance: float) -> float:
    excess = variance - mean
    if excess < 1e-9 * mean:
        return k * math.log(mean) - mean - math.lgamma(k + 1)
    r = mean * mean / excess
    log_choose = math.lgamma(k + r) - math.lgamma(r) - math.lgamma(k + 1)
    return log_choose + r * math.log(mean / variance) + k * math.log(excess / variance)
