"""Plain sums of the receipts in a log: no journal, no handlers, none of the domain's code.

Per store and business day: receipts, units, gross, discounts and net of what counts (sales that no void takes back,
each id once). It holds for logs whose events all come within the deduplication horizon, because nothing here knows a
clock, and for stores and units that do not change within the log.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
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


def receipt_sums(
    values: Iterable[bytes], zones: Mapping[str, str], by_weight: frozenset[str] = frozenset()
) -> dict[tuple[str, str], DaySums]:
    """Sums by store and day (`YYYY-MM-DD`), whatever the order of the messages.

    Args:
        values: bodies of `sales`; those that are no receipts are left out, as they are dead letters.
        zones: time zone of each known store; receipts of others are left out.
        by_weight: articles in grams, priced per 1,000.
    """
    receipts: dict[tuple[str, str], dict[str, Any]] = {}
    voided: set[tuple[str, str]] = set()
    for value in values:
        receipt = _parsed(value)
        if receipt is None or receipt.get("store_id") not in zones:
            continue
        store_id, kind = receipt["store_id"], receipt.get("kind", "sale")
        if kind == "void":
            voided.add((store_id, receipt["voids"]))
        elif kind == "sale" and all(line["quantity"] for line in receipt["lines"]):
            receipts.setdefault((store_id, receipt["receipt_id"]), receipt)
    sums: dict[tuple[str, str], DaySums] = {}
    for (store_id, receipt_id), receipt in sorted(receipts.items()):
        if (store_id, receipt_id) not in voided:
            day = datetime.fromisoformat(receipt["sold_at"]).astimezone(ZoneInfo(zones[store_id])).date().isoformat()
            _add(sums.setdefault((store_id, day), DaySums()), receipt["lines"], by_weight)
    return sums


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
