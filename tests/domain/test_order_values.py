"""What is usual for a store, and what is too much."""

import statistics

from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.domain import order_values
from freshmart_streams.domain.order_values import OrderValues

CHANGES = st.lists(st.tuples(st.integers(0, 2), st.integers(-500, 2_000)), max_size=60)
"""Days that pass, and what is decided then, in cents."""


def decided(changes: list[tuple[int, int]]) -> tuple[OrderValues, dict[int, int]]:
    """The row, and the sums by day told plainly."""
    row, sums, day = OrderValues(), dict[int, int](), 100
    for days, value in changes:
        day += days
        order_values.add(row, day, value)
        sums[day] = sums.get(day, 0) + value
    return row, sums


@given(CHANGES, st.integers(0, 3))
def test_the_limit_is_three_times_the_median_of_the_last_days_with_orders(
    changes: list[tuple[int, int]], later: int
) -> None:
    row, sums = decided(changes)
    today = max(sums, default=100) + later
    earlier = [value for day, value in sorted(sums.items()) if day < today and value > 0][-order_values.DAYS :]
    limit = order_values.limit_on(row, today)
    if len(earlier) < order_values.DAYS_MIN:
        assert limit is None
    else:
        exact = order_values.LIMIT_TIMES * statistics.median(earlier)
        assert limit is not None
        assert limit <= exact < limit + 1
    assert order_values.value_on(row, today) == sums.get(today, 0)


@given(CHANGES)
def test_a_row_stays_small(changes: list[tuple[int, int]]) -> None:
    assert len(decided(changes)[0].earlier) <= order_values.DAYS


def test_one_day_without_measure_does_not_move_the_limit() -> None:
    row = decided([(1, 1_000)] * 9)[0]
    before = order_values.limit_on(row, row.day + 1)
    order_values.add(row, row.day + 1, 10_000_000)
    assert order_values.limit_on(row, row.day + 1) == before == 3_000
