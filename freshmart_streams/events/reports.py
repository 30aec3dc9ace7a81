"""`store-days`: the report of one store's business day (contracts.md section 4)."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from freshmart_streams.events.values import Day, Offset, StoreId

HOURS_PER_DAY = 24


class DayStatus(StrEnum):
    """How settled a day's figures are."""

    PRELIMINARY = "preliminary"
    FINAL = "final"
    CORRECTED = "corrected"


class StoreDay(Struct, frozen=True, kw_only=True):
    """A day's figures in cents; `day` is local, `hourly` is net per local hour.

    Gross is the sum of the lines' gross, net is gross less discounts, returns is the absolute gross of return lines
    (already inside gross). `by_category` is net per category, unknown articles under `unknown`. `overrides` counts what
    people said about orders that was not proposed; `override_units` and `override_value` (at cost) are the difference,
    below zero where less was wanted.
    """

    store_id: StoreId
    day: Day
    version: Offset
    status: DayStatus
    receipts: int
    lines: int
    gross_sales: int
    discounts: int
    net_sales: int
    returns: int
    waste_cost: int
    stockout_skus: int
    reorders: int
    price_changes: int
    by_category: dict[str, int]
    hourly: Annotated[tuple[int, ...], Meta(min_length=HOURS_PER_DAY, max_length=HOURS_PER_DAY)]
    overrides: int = 0
    override_units: int = 0
    override_value: int = 0

    @property
    def ce_id(self) -> str:
        """Unique per published state."""
        return f"{self.store_id}/{self.day.isoformat()}.{self.version}"
