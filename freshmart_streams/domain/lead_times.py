"""How late a supplier's deliveries are in a store: what a lead time varies by.

    sigma = √(Σ days late² / (deliveries + 20))

A delivery that is on time or early counts as none late, for it is no risk; the 20 are imagined ones that were on time,
so that a first late delivery is no rule. Articles take the figure over when their demand is learned (`forecast`), so
that a truck that comes does not have every article of its supplier looked at.
"""

import math
from typing import Final

import msgspec

DAYS_MAX: Final = 14
"""Later than that counts as so late: it is another mishap, not a lead time."""

PRIOR: Final = 20

KEPT: Final = 1_000
"""Deliveries after which all that is known counts half."""


class LeadTimes(msgspec.Struct, array_like=True, gc=False):
    """The row of a supplier in a store: orders that were delivered, and the sum of their squared days late."""

    deliveries: int = 0
    squared_days: int = 0


def learn(known: LeadTimes, *, days_late: int) -> None:
    """Count an order that was delivered so many days after its delivery day; below zero: before."""
    late = min(max(days_late, 0), DAYS_MAX)
    known.deliveries += 1
    known.squared_days += late * late
    if known.deliveries >= KEPT:
        known.deliveries //= 2
        known.squared_days //= 2


def sigma_days(known: LeadTimes | None) -> float:
    """Standard deviation of the lead time, in days (formulas.md 4.4); 0.0 while nothing was late.

    >>> supplier = LeadTimes()
    >>> for days_late in (0, 1, -1, 2, 0):
    ...     learn(supplier, days_late=days_late)
    >>> round(sigma_days(supplier), 4)
    0.4472
    """
    return 0.0 if known is None else math.sqrt(known.squared_days / (known.deliveries + PRIOR))
