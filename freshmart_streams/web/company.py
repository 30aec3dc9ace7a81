"""The company's day: every worker reads `store-days`, keeps the newest rows, and sums them up when asked."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from freshmart_streams.events.reports import HOURS_PER_DAY, DayStatus, StoreDay
from freshmart_streams.web.schema import CompanyReport, StoreRank

DAYS_KEPT = 35
RANKED_STORES_MAX = 100
_SUMMED = (
    "receipts",
    "lines",
    "gross_sales",
    "discounts",
    "net_sales",
    "returns",
    "waste_cost",
    "stockout_skus",
    "reorders",
    "price_changes",
    "overrides",
    "override_units",
    "override_value",
)


@dataclass(frozen=True)
class CompanyDay:
    """The newest rows of a business day, one per store, and the newest event time among them."""

    day: datetime.date
    stores: tuple[StoreDay, ...]
    as_of: datetime.datetime | None


class CompanyDays:
    """What this worker has read of `store-days`: one row per store and day, for the newest `DAYS_KEPT` days."""

    def __init__(self) -> None:
        self._days: dict[datetime.date, dict[str, StoreDay]] = {}
        self._as_of: dict[datetime.date, datetime.datetime] = {}

    def take(self, row: StoreDay, at: datetime.datetime | None = None) -> None:
        """A row was published, caused at `at` (its `ce_time`); an older version than the known one changes nothing."""
        rows = self._days.setdefault(row.day, {})
        known = rows.get(row.store_id)
        if known is not None and known.version > row.version:
            return
        rows[row.store_id] = row
        if at is not None:
            self._as_of[row.day] = max(at, self._as_of.get(row.day, at))
        while len(self._days) > DAYS_KEPT:
            oldest = min(self._days)
            del self._days[oldest]
            self._as_of.pop(oldest, None)

    def day(self, day: datetime.date | None) -> CompanyDay | None:
        """The rows of a day, of the newest one for None; None when there are none."""
        if day is None:
            day = max(self._days, default=None)
        if day is None or day not in self._days:
            return None
        return CompanyDay(day, tuple(self._days[day].values()), self._as_of.get(day))


def report(company: CompanyDay) -> CompanyReport:
    """The sum over the stores, with the best of them."""
    rows = company.stores
    ranked = sorted(rows, key=lambda row: (-row.net_sales, row.store_id))
    return msgspec.convert(
        {
            **{name: sum(getattr(row, name) for row in rows) for name in _SUMMED},
            "day": company.day,
            "stores": len(rows),
            "preliminary_stores": sum(row.status is DayStatus.PRELIMINARY for row in rows),
            "by_category": _by_category(rows),
            "hourly": [sum(row.hourly[hour] for row in rows) for hour in range(HOURS_PER_DAY)],
            "ranking": [_ranked(rank, row) for rank, row in enumerate(ranked[:RANKED_STORES_MAX], start=1)],
            "as_of": company.as_of,
        },
        CompanyReport,
    )


def _by_category(rows: Iterable[StoreDay]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for row in rows:
        for category, net in row.by_category.items():
            totals[category] = totals.get(category, 0) + net
    return dict(sorted(totals.items()))


def _ranked(rank: int, row: StoreDay) -> StoreRank:
    return StoreRank(
        rank=rank,
        store_id=row.store_id,
        net_sales=row.net_sales,
        receipts=row.receipts,
        stockout_skus=row.stockout_skus,
        reorders=row.reorders,
    )
