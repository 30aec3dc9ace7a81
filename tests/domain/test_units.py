"""Base units and packs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.domain import units


def test_a_price_is_for_one_piece_or_a_thousand_gram() -> None:
    assert (units.price_basis("piece"), units.price_basis("gram")) == (1, 1000)


@pytest.mark.parametrize("unit", ["", "Piece", "kg", "litre"])
def test_another_unit_is_refused(unit: str) -> None:
    for look_up in (units.price_basis, units.typical_purchase):
        with pytest.raises(ValueError, match="base unit"):
            look_up(unit)


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_whole_packs_hold_the_quantity_with_less_than_a_pack_to_spare(quantity: int, pack_size: int) -> None:
    packed = units.round_up_to_pack(quantity, pack_size)
    assert packed % pack_size == 0
    assert 0 <= packed - quantity < pack_size
