"""A store's day in figures, money in cents, as contracts.md section 4 defines them.

gross is the sum of the lines' gross, net = gross − discounts, `returns` the absolute gross of return lines (which gross
already holds with their sign). A void takes back exactly what its receipt did. So all figures are plain sums, and the
order in which events arrive makes no difference to them.

Two figures need a definition of their own (OURS):
- `stockout_skus`: articles that were out of stock (nothing left on hand, after there was something) at some time of the
  day. Those that were out already when the day began count from the first event of the day on.
- `reorders`: orders first decided on the day, shadow decisions left out.
- `overrides`, `override_units`, `override_value`: what people said on the day about orders that was not proposed: how
  many, and by how many base units and cents at cost it differs (`releases`).
"""

from collections.abc import Collection
from datetime import date

import msgspec

from freshmart_streams.domain import times
from freshmart_streams.domain.times import Instant
from freshmart_streams.events.reports import HOURS_PER_DAY, DayStatus, StoreDay

UNKNOWN_CATEGORY = "unknown"
"""Of articles that nobody knows, or that have no category."""


class DayFigures(msgspec.Struct, array_like=True, gc=False):
    """The figures of one store and business day, in cents where they are money.

    Attributes:
        version: of the last published report, -1 before the first.
        is_closed: the day is final; what changes from then on makes it `is_corrected`.
        is_changed: something is not yet published.
        changed_at: the store's clock at the last change.
    """

    receipts: int = 0
    lines: int = 0
    gross_sales: int = 0
    discounts: int = 0
    returns: int = 0
    waste_cost: int = 0
    stockout_skus: int = 0
    reorders: int = 0
    price_changes: int = 0
    by_category: dict[str, int] = {}
    hourly: list[int] = []
    version: int = -1
    is_closed: bool = False
    is_corrected: bool = False
    is_changed: bool = False
    changed_at: Instant = 0
    overrides: int = 0
    override_units: int = 0
    override_value: int = 0

    @property
    def net_sales(self) -> int:
        """Gross less discounts, in cents."""
        return self.gross_sales - self.discounts


class LineFigures(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one receipt line did: kept with its receipt, so that a void can take back exactly that."""

    sku: str
    quantity: int
    """Base units, negative for a return."""
    gross: int
    """Cents, with the sign of `quantity`."""
    discount: int
    """Cents, with the sign of `quantity`."""
    category: str


def apply_receipt(figures: DayFigures, hour: int, lines: Collection[LineFigures], sign: int = 1) -> None:
    """Add a receipt to its day; with `sign` -1 take it back. `hour` is the local one it was sold in, 0 to 23.

    >>> figures = DayFigures()
    >>> apply_receipt(figures, 9, [LineFigures("100234", 2, 398, 20, "dairy")])
    >>> figures.net_sales, figures.by_category, figures.hourly[9]
    (378, {'dairy': 378}, 378)
    """
    by_category = figures.by_category
    gross = discounts = returns = 0
    for line in lines:
        line_gross, discount, category = line.gross, line.discount, line.category
        gross += line_gross
        discounts += discount
        if line.quantity < 0:
            returns -= line_gross
        by_category[category] = by_category.get(category, 0) + sign * (line_gross - discount)
    figures.receipts += sign
    figures.lines += sign * len(lines)
    figures.gross_sales += sign * gross
    figures.discounts += sign * discounts
    figures.returns += sign * returns
    if not figures.hourly:
        figures.hourly = [0] * HOURS_PER_DAY
    figures.hourly[hour] += sign * (gross - discounts)


def mark_changed(figures: DayFigures, clock: Instant) -> bool:
    """Note that something is to be published; whether nothing was before."""
    was_changed, figures.is_changed = figures.is_changed, True
    figures.is_corrected = figures.is_closed
    figures.changed_at = clock
    return not was_changed


def close(figures: DayFigures, clock: Instant) -> None:
    """End the day: its next publication is final."""
    figures.is_changed = True
    figures.is_closed = True
    figures.changed_at = clock


def publish(figures: DayFigures, store_id: str, day: int) -> StoreDay:
    """The next version of the day's report; nothing is left to publish then."""
    figures.version += 1
    figures.is_changed = False
    return report(figures, store_id, day)


def report(figures: DayFigures, store_id: str, day: int) -> StoreDay:
    """The day's row as it is now, under the version that was published last (0 before the first).

    Categories without a net are left out: a receipt and its void leave no trace.
    """
    if not figures.is_closed:
        status = DayStatus.PRELIMINARY
    elif figures.is_corrected:
        status = DayStatus.CORRECTED
    else:
        status = DayStatus.FINAL
    return StoreDay(
        store_id=store_id,
        day=date.fromordinal(day),
        version=max(figures.version, 0),
        status=status,
        receipts=figures.receipts,
        lines=figures.lines,
        gross_sales=figures.gross_sales,
        discounts=figures.discounts,
        net_sales=figures.net_sales,
        returns=figures.returns,
        waste_cost=figures.waste_cost,
        stockout_skus=figures.stockout_skus,
        reorders=figures.reorders,
        price_changes=figures.price_changes,
        overrides=figures.overrides,
        override_units=figures.override_units,
        override_value=figures.override_value,
        by_category={category: net for category, net in sorted(figures.by_category.items()) if net},
        hourly=tuple(figures.hourly) or (0,) * HOURS_PER_DAY,
    )


def closes_at(day: int, zone_name: str, grace_hours: int) -> Instant:
    """When a day is final: the local midnight that ends it, plus the hours of grace."""
    return times.start_of_day(day + 1, zone_name) + grace_hours * times.HOUR


def next_full_hour(clock: Instant, second: int) -> Instant:
    """The first full hour of the store's wall clock after `clock`, at which it shows that second of the day."""
    return clock - clock % times.SECOND + (times.SECONDS_PER_HOUR - second % times.SECONDS_PER_HOUR) * times.SECOND
