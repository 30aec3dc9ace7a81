"""What a store's automatic decisions are worth by order day, and how much is more than usual (formulas.md 4.13).

An order day runs from cut-off to cut-off (`outlooks.Hour.order_day`). Values are in cents, at cost.
"""

import statistics
from typing import Final

import msgspec

from freshmart_streams.domain.money import Cents

LIMIT_TIMES: Final = 3
"""The limit as a multiple of the median."""
DAYS: Final = 14
"""Order days with orders that the median is taken over."""
DAYS_MIN: Final = 5
"""With fewer of them there is no limit."""


class OrderValues(msgspec.Struct, array_like=True, gc=False):
    """The order days of a store.

    Attributes:
        day: the last order day on which something was decided, and `value` what that came to.
        earlier: the values of the last days before it that had any, the oldest first.
        told_on: the last order day on which the limit was reached, and people were told.
    """

    day: int = 0
    value: Cents = 0
    earlier: tuple[Cents, ...] = ()
    told_on: int = 0


def value_on(row: OrderValues, day: int) -> Cents:
    """What the decisions of an order day came to so far; `day` is not before `row.day`."""
    return row.value if day == row.day else 0


def limit_on(row: OrderValues, day: int) -> Cents | None:
    """What the decisions of an order day may come to at most; None: there is no limit yet.

    >>> limit_on(OrderValues(day=738_803, value=0, earlier=(900, 1000, 1100, 1200, 90)), 738_803)
    3000
    """
    earlier = _before(row, day)
    if len(earlier) < DAYS_MIN:
        return None
    return LIMIT_TIMES * (statistics.median_low(earlier) + statistics.median_high(earlier)) // 2


def add(row: OrderValues, day: int, value: Cents) -> None:
    """Something was decided on an order day; below zero where an order was reduced."""
    row.earlier, row.value, row.day = _before(row, day), value_on(row, day) + value, day


def _before(row: OrderValues, day: int) -> tuple[Cents, ...]:
    is_over = day > row.day and row.value > 0
    return (*row.earlier, row.value)[-DAYS:] if is_over else row.earlier
