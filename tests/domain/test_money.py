"""Rounding to the cent: once, half up of the absolute value, so that a return mirrors its sale."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.domain import money

QUANTITIES = st.integers(-(10**9), 10**9)
PRICES = st.integers(0, 10**7)


def test_pieces_are_multiplied() -> None:
    assert money.line_gross(quantity=2, unit_price=199, unit="piece") == 398


@pytest.mark.parametrize(
    ("grams", "price", "cents"),
    [(1000, 199, 199), (345, 199, 69), (500, 199, 100), (5, 100, 1), (4, 100, 0), (-500, 199, -100), (-5, 100, -1)],
)
def test_goods_by_weight_are_rounded_half_away_from_zero(grams: int, price: int, cents: int) -> None:
    assert money.line_gross(quantity=grams, unit_price=price, unit="gram") == cents


def test_the_printed_amount_counts_even_when_it_is_zero() -> None:
    assert money.line_gross(quantity=3, unit_price=99, unit="piece", amount=0) == 0
    assert money.line_gross(quantity=-512, unit_price=1990, unit="gram", amount=-1018) == -1018


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="base unit"):
        money.value(1, 1, "litre")


@given(QUANTITIES, PRICES, st.sampled_from(["piece", "gram"]))
def test_a_return_mirrors_its_sale(quantity: int, price: int, unit: str) -> None:
    assert money.value(-quantity, price, unit) == -money.value(quantity, price, unit)


@given(QUANTITIES, PRICES)
def test_it_rounds_as_decimal_does(quantity: int, price: int) -> None:
    exact = (Decimal(quantity) * price / 1000).quantize(Decimal(1), ROUND_HALF_UP)
    assert money.value(quantity, price, "gram") == exact


@given(st.integers(), st.integers(1, 10**12))
def test_the_quotient_is_never_further_away_than_half(numerator: int, denominator: int) -> None:
    assert abs(2 * (money.divide_half_up(numerator, denominator) * denominator - numerator)) <= denominator
