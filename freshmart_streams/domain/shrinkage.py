"""Shrinkage: what is gone without a sale or booked waste, as counts find it; a share of sales by store and category.

    rate = Σ value lost / (Σ net sales + 1,000.00), never below zero, a tenth at most

Value lost is what a count finds to be less than the books had, at the regular price; found more takes away from it. So
mistakes that cancel each other out are none. The thousand (euros, or whatever the currency) are imagined sales without
a loss, so that a first count is no rule. Left out are first counts, and differences that look like a booking that is
missing rather than like shrinkage.

Between two counts the books are wrong by what was lost meanwhile. So an article is taken to have lost, since its last
count, this share of what it was expected to sell, half of what is on hand at most; that many do not count in its
inventory position. Articles take the figure over with their step of learning (`forecast`), and lose it when counted.
"""

from typing import Final

import msgspec

from freshmart_streams.domain import calendars, money, times, units
from freshmart_streams.domain.books import Moment
from freshmart_streams.domain.ledger import NEVER_COUNTED
from freshmart_streams.domain.stock import Stock
from freshmart_streams.domain.store_days import UNKNOWN_CATEGORY, DayFigures
from freshmart_streams.events.master_data import Product

RATE_MAX: Final = 0.1
"""More is no shrinkage but a leak that somebody should look for."""

IMAGINED_SALES: Final = 100_000
"""Cents."""

KEPT_DAYS: Final = 364
"""Closed days after which all that is known counts half."""

DAYS_MAX: Final = 182
"""After so many days a count is too old to tell more."""

PURCHASES_SURE: Final = 10
"""Typical purchases: a difference up to that is never taken for a booking that is missing."""


class Shrinkage(msgspec.Struct, array_like=True, gc=False):
    """The row of a store; cents by category.

    Attributes:
        days: closed days in it.
        sold: net sales of these days.
        lost: what counts found missing, at regular prices; below zero: more was found.
    """

    days: int = 0
    sold: dict[str, int] = msgspec.field(default_factory=dict)
    lost: dict[str, int] = msgspec.field(default_factory=dict)


def learn_day(moment: Moment, figures: DayFigures) -> None:
    """A day is closed: its net sales."""
    row = _row(moment)
    for category, cents in figures.by_category.items():
        row.sold[category] = row.sold.get(category, 0) + cents
    row.days += 1
    if row.days >= KEPT_DAYS:
        row.days //= 2
        row.sold = {category: cents // 2 for category, cents in row.sold.items()}
        row.lost = {category: cents // 2 for category, cents in row.lost.items()}
    moment.books.shrinkage[moment.store.store_id] = row


def learn_count(moment: Moment, product: Product, *, expected: int, found: int) -> None:
    """An article that had been counted before was counted: base units by the books, and base units there."""
    missing = expected - found
    sure = PURCHASES_SURE * units.typical_purchase(product.unit)
    if not missing or product.price is None or abs(missing) > max(sure, abs(expected) // 2):
        return
    row, category = _row(moment), product.category or UNKNOWN_CATEGORY
    row.lost[category] = row.lost.get(category, 0) + money.value(missing, product.price, product.unit)
    moment.books.shrinkage[moment.store.store_id] = row


def rate(row: Shrinkage | None, category: str | None) -> float:
    """Share of a category's sales that is lost besides.

    >>> row = Shrinkage(days=30, sold={"spirits": 900_000}, lost={"spirits": 20_000})
    >>> rate(row, "spirits"), rate(row, "dairy"), rate(None, "spirits")
    (0.02, 0.0, 0.0)
    """
    if row is None:
        return 0.0
    name = category or UNKNOWN_CATEGORY
    share = row.lost.get(name, 0) / (max(row.sold.get(name, 0), 0) + IMAGINED_SALES)
    return min(max(share, 0.0), RATE_MAX)


def expected_loss(moment: Moment, stock: Stock, product: Product, per_day: float) -> int:
    """Base units that an article is taken to have lost since its last count; it sells so many on an open day."""
    if stock.counted_at == NEVER_COUNTED or stock.on_hand <= 0:
        return 0
    share = rate(moment.books.shrinkage.get(moment.store.store_id), product.category)
    if not share:
        return 0
    first = max(times.local(stock.counted_at, moment.zone)[0], moment.today - DAYS_MAX)
    days = sum(calendars.selling_weekdays(moment.calendar, first, moment.today - 1))
    return min(int(share * per_day * days), stock.on_hand // 2)


def _row(moment: Moment) -> Shrinkage:
    return moment.books.shrinkage.get(moment.store.store_id) or Shrinkage()
