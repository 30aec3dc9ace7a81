"""Money is an integer number of cents, and where a value falls between two cents it is rounded here.

Half a cent goes away from zero (half up of the absolute value), once, at the end of a line, so that a return mirrors
its sale to the cent.
"""

from typing import TypeAlias

from freshmart_streams.domain import units

Cents: TypeAlias = int


def divide_half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` to the nearest integer, halves away from zero; the denominator is positive.

    >>> divide_half_up(5, 2), divide_half_up(-5, 2), divide_half_up(7, 5)
    (3, -3, 1)
    """
    nearest = (2 * abs(numerator) + denominator) // (2 * denominator)
    return nearest if numerator >= 0 else -nearest


def value(quantity: int, price: Cents, unit: str) -> Cents:
    """Cents that `quantity` base units are worth at `price` (per piece, or per 1,000 g of goods in `gram`).

    Also of waste, at the product's cost. 345 g at 1.99 the kilogram is 68.655 cents:

    >>> value(345, 199, "gram"), value(-345, 199, "gram"), value(2, 199, "piece")
    (69, -69, 398)
    """
    return divide_half_up(quantity * price, units.price_basis(unit))


def at_cost(quantity: int, cost: Cents | None, unit: str) -> Cents:
    """Cents that `quantity` base units cost; 0 where nobody knows the cost.

    >>> at_cost(150, 1120, "gram"), at_cost(-12, 79, "piece"), at_cost(12, None, "piece")
    (168, -948, 0)
    """
    return value(quantity, cost or 0, unit)


def line_gross(*, quantity: int, unit_price: Cents, unit: str, amount: Cents | None = None) -> Cents:
    """The gross of a receipt line, with the sign of `quantity`; `amount`, as printed at the till, counts instead.

    >>> line_gross(quantity=3, unit_price=99, unit="piece", amount=250)
    250
    """
    return value(quantity, unit_price, unit) if amount is None else amount
