"""Quantities are integers in a product's base unit: `piece` or `gram`."""

from typing import Final

PIECE: Final = "piece"
"""The unit of an article that nobody knows, too."""
GRAM: Final = "gram"

_PRICE_BASIS: Final = {PIECE: 1, GRAM: 1_000}
_TYPICAL_PURCHASE: Final = {PIECE: 1, GRAM: 250}


def price_basis(unit: str) -> int:
    """How many base units a price is for: 1 piece, 1,000 gram; `ValueError` for another unit.

    >>> price_basis("gram")
    1000
    """
    return _look_up(_PRICE_BASIS, unit)


def typical_purchase(unit: str) -> int:
    """Base units of one small purchase, a forecast's first guess; `ValueError` for another unit."""
    return _look_up(_TYPICAL_PURCHASE, unit)


def round_up_to_pack(quantity: int, pack_size: int) -> int:
    """The smallest whole number of packs that holds `quantity`, in base units; `pack_size` is positive.

    >>> round_up_to_pack(19, 12), round_up_to_pack(24, 12)
    (24, 24)
    """
    return -(-quantity // pack_size) * pack_size


def _look_up(table: dict[str, int], unit: str) -> int:
    try:
        return table[unit]
    except KeyError:
        raise ValueError(f"no base unit: {unit!r}") from None
