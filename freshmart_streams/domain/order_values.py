"""What a store's automatic decisions are worth by delivery day, and how much is more than usual (formulas.md 4.13).

By delivery day and not by the day of the decision, because that is what makes days alike: a store that is delivered
once a week decides a little on most days and nearly all of it on one. Values are in cents, at cost; a delivery day's is
the sum of `Order.worth` over its orders.
"""

import statistics
from typing import Final

import msgspec

from freshmart_streams.domain.money import Cents
from freshmart_streams.domain.times import Instant

LIMIT_TIMES: Final = 3
"""The limit as a multiple of the median."""
DAYS: Final = 14
"""Delivery days with orders that the median is taken over."""
DAYS_MIN: Final = 5
"""With fewer of them there is no limit."""


class OrderValues(msgspec.Struct, array_like=True, gc=False):
    """The delivery days of a store.

    Attributes:
        days: what the decisions for a delivery day come to, for days that were not over at the last decision.
        earlier: the values of the last days before these that had any, the oldest first.
        told_until: the cut-off up to which people were told last that the limit is reached.
    """

    days: dict[int, Cents] = {}
    earlier: tuple[Cents, ...] = ()
    told_until: Instant = 0


def value_for(row: OrderValues, day: int) -> Cents:
    """What the decisions for a delivery day come to."""
    return row.days.get(day, 0)


def limit_on(row: OrderValues, today: int) -> Cents | None:
    """What the decisions for a delivery day to come may come to at most; None: there is no limit yet.

    >>> limit_on(OrderValues({738_803: 90}, earlier=(900, 1000, 1100, 1200)), today=738_804)
    3000
    """
    earlier = _before(row, today)
    if len(earlier) < DAYS_MIN:
        return None
    return LIMIT_TIMES * (statistics.median_low(earlier) + statistics.median_high(earlier)) // 2


def add(row: OrderValues, day: int, value: Cents, *, today: int) -> None:
    """Something is decided today for a delivery day; below zero where an order is reduced."""
    row.earlier = _before(row, today)
    row.days = {one: sum_ for one, sum_ in row.days.items() if one >= today}
    row.days[day] = row.days.get(day, 0) + value


def _before(row: OrderValues, today: int) -> tuple[Cents, ...]:
    over = (value for day, value in sorted(row.days.items()) if day < today and value > 0)
    return (*row.earlier, *over)[-DAYS:]
