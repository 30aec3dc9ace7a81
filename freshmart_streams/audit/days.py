"""The days of the stores against plain sums of their receipts: neither journal nor handlers nor rules take part.

From the oracle it only takes which receipts became dead letters. What plain sums cannot know is left out: stores whose
time zone changed, that sold an article by weight before anybody knew that it is one, or where a void came when its
receipt was forgotten.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final

from freshmart_streams import tables
from freshmart_streams.audit.committed import StoredRow
from freshmart_streams.audit.differences import Difference, Kind, What
from freshmart_streams.audit.sums import DaySums, ReceiptSums
from freshmart_streams.domain.store_days import DayFigures
from freshmart_streams.engine import Output, Record
from freshmart_streams.events import dead_letters
from freshmart_streams.events.alerts import AlertKind
from freshmart_streams.events.master_data import Unit
from freshmart_streams.topics import Topics

KEPT_DAYS: Final = 390
"""A store's days are forgotten after 400: those that may be gone are not compared."""

Rows = Mapping[str, Mapping[str, StoredRow]]


class Days:
    """Gathers, while the oracle folds one partition, what the plain sums have to know; then compares.

    Args:
        topics: of the application.
        dedupe_days: how long ids are remembered.
    """

    def __init__(self, topics: Topics, dedupe_days: int) -> None:
        self._topics = topics
        self._dedupe_days = dedupe_days
        self._buried: set[int] = set()
        self._zones: dict[str, set[str]] = {}
        self._units: dict[str, set[str]] = {}
        self._unknown: set[tuple[str, str]] = set()
        self._stray: set[str] = set()
        self.compared = 0
        self.notes: list[str] = []

    @property
    def sales(self) -> str:
        """The topic of the receipts."""
        return self._topics.sales.name

    def applied(self, record: Record) -> None:
        """The oracle took a record in."""
        if record.topic == self._topics.stores.name:
            _note(self._zones, record, "timezone", "")
        elif record.topic == self._topics.products.name:
            _note(self._units, record, "unit", Unit.PIECE.value)

    def published(self, output: Output) -> None:
        """The oracle published a message."""
        if output.topic == self._topics.dead_letters.name:
            why = dict(output.headers)
            if why.get(dead_letters.TOPIC) == self.sales.encode():
                self._buried.add(int(why[dead_letters.OFFSET] or 0))
        elif output.topic == self._topics.alerts.name:
            alert = json.loads(output.value or b"{}")
            if alert["kind"] == AlertKind.UNKNOWN_SKU.value:
                self._unknown.add((alert["store_id"], alert["sku"]))
            elif alert["kind"] == AlertKind.VOID_WITHOUT_RECEIPT.value:
                self._stray.add(alert["store_id"])

    def compare(self, receipts: Iterable[Record], rows: Rows) -> Iterator[Difference]:
        """Compare the sums of these receipts with the rows of `store_days`."""
        partition = -1
        zones = {
            store_id: tables.stores.decode(row.value).store.timezone
            for store_id, row in rows.get(tables.stores.name, {}).items()
            if self._is_plain(store_id)
        }
        by_weight = frozenset(sku for sku, units in self._units.items() if Unit.GRAM.value in units)
        sums = ReceiptSums(zones, by_weight, self._dedupe_days + 1)
        for record in receipts:
            partition = record.partition
            if record.offset not in self._buried and record.value is not None:
                sums.add(record.value)
        yield from self._compare(partition, sums.sums(), rows.get(tables.store_days.name, {}), zones.keys())

    def _compare(
        self,
        partition: int,
        sums: Mapping[tuple[str, str], DaySums],
        rows: Mapping[str, StoredRow],
        stores: Iterable[str],
    ) -> Iterator[Difference]:
        stored = {
            (store_id, day): tables.store_days.decode(row.value)
            for key, row in rows.items()
            for store_id, _, day in [key.partition("/")]
            if store_id in set(stores)
        }
        newest: dict[str, str] = {}
        for store_id, day in (*sums, *stored):
            newest[store_id] = max(day, newest.get(store_id, day))
        for place in sorted(sums.keys() | stored.keys()):
            store_id, day = place
            if date.fromisoformat(day) < date.fromisoformat(newest[store_id]) - timedelta(days=KEPT_DAYS):
                continue
            self.compared += 1
            expected, found = _figures(sums.get(place)), _figures(stored.get(place))
            if expected != found:
                yield Difference(
                    kind=Kind.SUM,
                    what=What.CHANGED,
                    partition=partition,
                    where=tables.store_days.name,
                    key="/".join(place),
                    expected=_text(expected),
                    found=_text(found),
                )

    def _is_plain(self, store_id: str) -> bool:
        if len(self._zones.get(store_id, ())) > 1:
            self.notes.append(f"plain sums: store {store_id} is left out, its time zone changed")
            return False
        if store_id in self._stray:
            self.notes.append(f"plain sums: store {store_id} is left out, a void did not meet its receipt")
            return False
        guessed = sorted(
            sku for store, sku in self._unknown if store == store_id and Unit.GRAM.value in self._units.get(sku, ())
        )
        mixed = sorted(sku for sku, units in self._units.items() if len(units) > 1)
        if guessed or mixed:
            article = (guessed or mixed)[0]
            self.notes.append(f"plain sums: store {store_id} is left out, the unit of article {article} changed")
            return False
        return True


def _note(seen: dict[str, set[str]], record: Record, field: str, default: str) -> None:
    try:
        row = json.loads(record.value or b"")
    except ValueError:
        return
    if isinstance(row, dict) and record.key is not None:
        seen.setdefault(record.key.decode("utf-8", "replace"), set()).add(str(row.get(field, default)))


Figures = tuple[int, int, int, int]


def _figures(day: DaySums | DayFigures | None) -> Figures:
    if day is None:
        return (0, 0, 0, 0)
    if isinstance(day, DaySums):
        return day.receipts, day.lines, day.gross, day.discounts
    return day.receipts, day.lines, day.gross_sales, day.discounts


def _text(figures: Any) -> str:
    receipts, lines, gross, discounts = figures
    return f"receipts {receipts}, lines {lines}, gross_sales {gross}, discounts {discounts}"
