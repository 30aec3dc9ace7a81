"""What an article costs: the regular price that master data sets, and the price in force in a store, with its history.

A regular price counts from its place in the log on; its time is that of its message. A price that was decided counts
from the time at which its shelf label was confirmed, and until then the old price holds. A row of a store is not
touched when a regular price changes: it takes in what is new when something happens to the article there, from the
article's own history (`take_regular`). The first price it takes in counts as if it had always been there.

The *prior price* that an announced reduction has to name (PAngV section 11, contracts.md section 4) is the lowest one
of the 30 days before it, the price in force when they began included. In steps without a rise in between it stays that
of the first step. Changes are therefore kept for 30 days, by time: in whatever order they came, the history is the
same.
"""

from bisect import bisect_right
from operator import itemgetter
from typing import TypeAlias

import msgspec

from freshmart_streams.domain import times
from freshmart_streams.domain.money import Cents
from freshmart_streams.domain.times import Instant

KEPT = 30 * times.DAY
"""Microseconds of history; the price in force at its beginning is kept too."""

CHANGES_MAX = 128
"""Changes that a history holds, about four a day; beyond that the two oldest become one at the lower price. A prior
price may then come out lower than it was, which the law allows, and never higher."""

Change: TypeAlias = tuple[Instant, Cents | None]
"""From when on the article cost so much; None where it had no price."""

_time_of = itemgetter(0)


class RegularPrices(msgspec.Struct, array_like=True, gc=False):
    """An article's regular price: its changes, oldest first, no two at one time."""

    changes: list[Change] = []

    @property
    def changed_at(self) -> Instant:
        """Time of the last change, 0 before the first; it only grows, so it says which of two histories is newer."""
        return self.changes[-1][0] if self.changes else 0


class AwaitedPrice(msgspec.Struct, array_like=True, gc=False):
    """A price that was decided and waits for its label.

    Attributes:
        price_change_id: of the decision; the label is confirmed under it.
        price: cents.
        effective_at: from when on it was meant to hold.
        prior_price: the prior price that it was published with; None for what is no announced reduction.
    """

    price_change_id: str
    price: Cents
    effective_at: Instant
    prior_price: Cents | None = None


class Prices(msgspec.Struct, array_like=True, gc=False):
    """The prices of an article in a store.

    Attributes:
        changes: what it cost, by time; the last one is in force.
        regular_at: `RegularPrices.changed_at` up to which regular prices are taken in.
        awaited: the price that waits for its label.
        price_change_id: of the decision whose price is in force; empty for a regular price.
        reduced_from: while an announced reduction runs, its prior price, whatever step it is at.
    """

    changes: list[Change] = []
    regular_at: Instant = 0
    awaited: AwaitedPrice | None = None
    price_change_id: str = ""
    reduced_from: Cents | None = None

    @property
    def price(self) -> Cents | None:
        """Cents in force; None where there is no price."""
        return self.changes[-1][1] if self.changes else None


class PriceLabel(msgspec.Struct, array_like=True, gc=False):
    """Whose price a decision is about: a label is confirmed by the decision's id alone."""

    sku: str


def apply_price(regular: RegularPrices, at: Instant, price: Cents | None) -> bool:
    """Put a regular price in force from `at` on; whether that changed anything.

    >>> milk = RegularPrices()
    >>> apply_price(milk, 5, 119), apply_price(milk, 10, 119), apply_price(milk, 20, 109)
    (True, False, True)
    >>> milk.changes
    [(5, 119), (20, 109)]
    """
    changes = regular.changes
    if price == (changes[-1][1] if changes else None):
        return False
    at = max(at, regular.changed_at + 1)
    changes.append((at, price))
    _forget(changes, at)
    return True


def take_regular(prices: Prices, regular: RegularPrices, clock: Instant) -> bool:
    """Take in the regular prices that are new to the store, none later than its clock; whether there were any.

    >>> milk, regular = Prices(), RegularPrices([(5, 119), (20, 109)])
    >>> take_regular(milk, regular, clock=15), milk.changes
    (True, [(0, 119), (15, 109)])
    """
    new = [change for change in regular.changes if change[0] > prices.regular_at]
    for at, price in new:
        if _put(prices, min(at, clock) if prices.changes else 0, price, clock):
            prices.price_change_id, prices.reduced_from = "", None
    prices.regular_at = max(prices.regular_at, regular.changed_at)
    return bool(new)


def confirm_label(prices: Prices, at: Instant, clock: Instant) -> None:
    """The label of the awaited price shows it since `at`; a price that came later by its time stays in force."""
    awaited, before = prices.awaited, prices.price
    assert awaited is not None, "a price waits for its label"
    prices.awaited = None
    if _put(prices, at, awaited.price, clock):
        prices.price_change_id = awaited.price_change_id
        is_step_down = before is not None and awaited.price < before
        first = awaited.prior_price if prices.reduced_from is None else prices.reduced_from
        prices.reduced_from = first if is_step_down else None


def prior_price(prices: Prices, at: Instant) -> Cents | None:
    """The price in cents that a reduction decided at `at` is measured against; None where there was none.

    `at` is the store's clock, and the regular prices are taken in.

    >>> shoes = Prices([(0, 10_000), (20 * times.DAY, 8_000), (27 * times.DAY, 9_000)])
    >>> prior_price(shoes, 30 * times.DAY), prior_price(shoes, 57 * times.DAY)
    (8000, 9000)
    """
    if prices.reduced_from is not None:
        return prices.reduced_from
    kept = prices.changes[max(0, bisect_right(prices.changes, at - KEPT, key=_time_of) - 1) :]
    return min((price for _, price in kept if price is not None), default=None)


def _put(prices: Prices, at: Instant, price: Cents | None, clock: Instant) -> bool:
    """Put a change in its place by time; whether it is the one in force."""
    place = bisect_right(prices.changes, at, key=_time_of)
    is_last = place == len(prices.changes)
    prices.changes.insert(place, (at, price))
    _forget(prices.changes, clock)
    return is_last


def _forget(changes: list[Change], clock: Instant) -> None:
    """Drop the prices that ended more than 30 days ago."""
    while len(changes) > 1 and changes[1][0] <= clock - KEPT:
        del changes[0]
    while len(changes) > CHANGES_MAX:
        (since, first), (_, second) = changes[:2]
        lower = min((price for price in (first, second) if price is not None), default=None)
        changes[:2] = [(since, lower)]
