"""What is usual for a store, and what is too much."""

import statistics

from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.domain import order_values
from freshmart_streams.domain.order_values import OrderValues

CHANGES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(-500, 2_000)), max_size=60)
"""Days that pass, days until the delivery, and what is decided for it, in cents."""


def decided(changes: list[tuple[int, int, int]]) -> tuple[OrderValues, dict[int, int], int]:
    """The row, the sums by delivery day told plainly, and the day it is then."""
    row, sums, today = OrderValues(), dict[int, int](), 100
    for days, ahead, value in changes:
        today += days
        order_values.add(row, today + ahead, value, today=today)
        sums[today + ahead] = sums.get(today + ahead, 0) + value
    return row, sums, today


@given(CHANGES, st.integers(0, 6))
def test_the_limit_is_three_times_the_median_of_the_last_days_with_orders(
    changes: list[tuple[int, int, int]], later: int
) -> None:
    row, sums, today = decided(changes)
    today += later
    earlier = [value for day, value in sorted(sums.items()) if day < today and value > 0][-order_values.DAYS :]
    limit = order_values.limit_on(row, today)
    if len(earlier) < order_values.DAYS_MIN:
        assert limit is None
    else:
        exact = order_values.LIMIT_TIMES * statistics.median(earlier)
        assert limit is not None
        assert limit <= exact < limit + 1
    assert all(order_values.value_for(row, day) == value for day, value in sums.items() if day >= today)


@given(CHANGES)
def test_a_row_stays_small(changes: list[tuple[int, int, int]]) -> None:
    row, _, _ = decided(changes)
    assert len(row.earlier) <= order_values.DAYS
    assert len(row.days) <= 5


def test_one_day_without_measure_does_not_move_the_limit() -> None:
    row, _, today = decided([(1, 1, 1_000)] * 9)
    before = order_values.limit_on(row, today + 2)
    order_values.add(row, today + 2, 10_000_000, today=today + 2)
    assert order_values.limit_on(row, today + 3) == before == 3_000
