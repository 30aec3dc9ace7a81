"""Regular prices as master data set them, with the history that a price reduction has to be measured against.

A change counts from its place in the log on; its time is that of its message. What a store charges beside the regular
price (markdowns, labels) is decided elsewhere.
"""

import msgspec

from freshmart_streams.domain import times
from freshmart_streams.domain.money import Cents
from freshmart_streams.domain.times import Instant

KEPT = 30 * times.DAY
"""Microseconds of history; the price in force at its beginning is kept too."""


class RegularPrices(msgspec.Struct, array_like=True):
    """An article's regular price: changes as (time, cents), oldest first; None where there was no price."""

    changes: list[tuple[Instant, Cents | None]] = []


def apply_price(prices: RegularPrices, at: Instant, price: Cents | None) -> bool:
    """Put a price in force from `at` on; whether that changed anything.

    >>> milk = RegularPrices()
    >>> apply_price(milk, 0, 119), apply_price(milk, 10, 119), apply_price(milk, 20, 109)
    (True, False, True)
    >>> milk.changes
    [(0, 119), (20, 109)]
    """
    if prices.changes and prices.changes[-1][1] == price:
        return False
    prices.changes.append((at, price))
    while len(prices.changes) > 1 and prices.changes[1][0] <= at - KEPT:
        del prices.changes[0]
    return True
