"""Plain sums of the receipts in a log: no journal, no handlers, none of the domain's code.

Per store and business day: receipts, units, gross, discounts and net of what counts (sales that no void takes back,
each id once). It holds for logs whose events all come within the deduplication horizon, because nothing here knows a
clock, and for stores and units that do not change within the log.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_GRAMS_PER_PRICE = 1_000


@dataclass
class DaySums:
    """What the receipts of one store and day sum up to; money in cents, units in base units."""

    receipts: int = 0
    lines: int = 0
    units: int = 0
    gross: int = 0
    discounts: int = 0

    @property
    def net(self) -> int:
        """Gross less discounts, in cents."""
        return self.gross - self.discounts

    def add(self, other: "DaySums", times: int) -> None:
        """Add another's sums so many times; -1 takes them back."""
        self.receipts += times * other.receipts
        self.lines += times * other.lines
        self.units += times * other.units
        self.gross += times * other.gross
        self.discounts += times * other.discounts


class ReceiptSums:
    """Sums by store and day, taken receipt by receipt, whatever the order of the messages.

    Args:
        zones: time zone of each known store; receipts of others are left out.
        by_weight: articles in grams, priced per 1,000.
        horizon_days: how far behind a store's newest receipt its receipts are still remembered, for repetitions and
            voids; None is for ever.
    """

    def __init__(
        self, zones: Mapping[str, str], by_weight: frozenset[str] = frozenset(), horizon_days: int | None = None
    ) -> None:
        self._zones = {store_id: ZoneInfo(name) for store_id, name in zones.items()}
        self._by_weight = by_weight
        self._horizon = None if horizon_days is None else timedelta(days=horizon_days)
        self._sums: dict[tuple[str, str], DaySums] = {}
        self._stores: dict[str, _Remembered] = {}

    def add(self, value: bytes) -> None:
        """Take a body of `sales` in; one that is no receipt is left out, as it is a dead letter."""
        receipt = _parsed(value)
        if receipt is None or receipt.get("store_id") not in self._zones:
            return
        store_id, kind = receipt["store_id"], receipt.get("kind", "sale")
        sold_at = datetime.fromisoformat(receipt["sold_at"])
        remembered = self._stores.setdefault(store_id, _Remembered())
        if kind == "void":
            self._void(remembered, receipt["voids"], sold_at)
        elif kind == "sale" and all(line["quantity"] for line in receipt["lines"]):
            self._sale(remembered, receipt, sold_at)
        if self._horizon is not None:
            remembered.forget(sold_at, self._horizon)

    def sums(self) -> dict[tuple[str, str], DaySums]:
        """By store and day (`YYYY-MM-DD`); days without receipts that count are left out."""
        return {place: day for place, day in sorted(self._sums.items()) if day.receipts}

    def _sale(self, remembered: "_Remembered", receipt: dict[str, Any], sold_at: datetime) -> None:
        receipt_id, store_id = receipt["receipt_id"], receipt["store_id"]
        if receipt_id in remembered.receipts:
            return
        day = sold_at.astimezone(self._zones[store_id]).date().isoformat()
        own = DaySums()
        _add(own, receipt["lines"], self._by_weight)
        remembered.receipts[receipt_id] = (sold_at, None if receipt_id in remembered.voided else (day, own, store_id))
        if receipt_id not in remembered.voided:
            self._sums.setdefault((store_id, day), DaySums()).add(own, 1)

    def _void(self, remembered: "_Remembered", receipt_id: str, at: datetime) -> None:
        remembered.voided.setdefault(receipt_id, at)
        known = remembered.receipts.get(receipt_id)
        if known is not None and known[1] is not None:
            day, own, store_id = known[1]
            self._sums[store_id, day].add(own, -1)
            remembered.receipts[receipt_id] = (known[0], None)


class _Remembered:
    """The receipts of one store: when each was sold, and what it did (None once it is voided); and the voids."""

    def __init__(self) -> None:
        self.newest: datetime | None = None
        self.receipts: dict[str, tuple[datetime, tuple[str, DaySums, str] | None]] = {}
        self.voided: dict[str, datetime] = {}

    def forget(self, at: datetime, horizon: timedelta) -> None:
        """A receipt of this time has come: forget what is out of reach, the first ones first."""
        self.newest = at if self.newest is None else max(at, self.newest)
        until = self.newest - horizon
        while self.receipts and self.receipts[first := next(iter(self.receipts))][0] < until:
            del self.receipts[first]
        while self.voided and self.voided[first := next(iter(self.voided))] < until:
            del self.voided[first]


def receipt_sums(
    values: Iterable[bytes], zones: Mapping[str, str], by_weight: frozenset[str] = frozenset()
) -> dict[tuple[str, str], DaySums]:
    """Sums by store and day (`YYYY-MM-DD`) of bodies of `sales`; see `ReceiptSums`."""
    sums = ReceiptSums(zones, by_weight)
    for value in values:
        sums.add(value)
    return sums.sums()


def _parsed(value: bytes) -> dict[str, Any] | None:
    try:
        receipt = json.loads(value)
    except ValueError:
        return None
    return receipt if isinstance(receipt, dict) else None


def _add(day: DaySums, lines: list[dict[str, Any]], by_weight: frozenset[str]) -> None:
    day.receipts += 1
    for line in lines:
        quantity, price = line["quantity"], line["unit_price"]
        gross = line.get("amount")
        if gross is None and line["sku"] in by_weight:
            halves = 2 * abs(quantity) * price + _GRAMS_PER_PRICE
            gross = halves // (2 * _GRAMS_PER_PRICE) * (1 if quantity > 0 else -1)
        day.lines += 1
        day.units += quantity
        day.gross += quantity * price if gross is None else gross
        day.discounts += line.get("discount", 0)
