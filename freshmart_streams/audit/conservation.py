"""The laws of conservation, looked at all the time while a worker runs: a slow walk over the rows it owns.

The walk goes by cursor, a page of rows at a time, and pauses between two pages. A page is read without a pause, so its
rows are of one commit. A whole day of receipts is more than a page; it counts only when the day's figures were the same
before and after, and what looks wrong then is looked at a second time before it is told.
"""

import asyncio
import logging
from collections.abc import Callable, Generator, Iterator
from typing import TypeAlias, TypeVar

from freshmart_streams import tables
from freshmart_streams.audit.laws import (
    Finding,
    Law,
    article_laws,
    day_laws,
    day_sums,
    order_laws,
    receipts_law,
    units_laws,
)
from freshmart_streams.domain import clocks, selling, store_days, times
from freshmart_streams.domain.books import day_key
from freshmart_streams.domain.store_days import DayFigures
from freshmart_streams.engine import Table
from freshmart_streams.engine.views import View, Views

log = logging.getLogger(__name__)

PAGE = 100
"""Rows looked at without a pause."""
PAUSE_SECONDS = 0.1
"""Between two pages: at most a thousand rows a second."""
LINES_MAX = 1_000
"""Log lines in a worker's life: a law that breaks everywhere must not fill the disk. The metric goes on counting."""

R = TypeVar("R")

Committed: TypeAlias = Callable[[], View | None]
"""The rows of a partition as of now; None when they are not this worker's any more."""

Pages: TypeAlias = Iterator[list[Finding]]
"""Findings page by page; between two of them anything may happen to the rows."""


def walk(committed: Committed, dedupe_days: int) -> Pages:
    """Look once at all rows of a partition; ends when they are gone.

    Args:
        committed: asked anew for each page.
        dedupe_days: how long receipts are remembered; older days cannot be compared with them.
    """
    yield from _each(committed, tables.orders, order_laws)
    yield from _each(committed, tables.stock, article_laws)
    after = ""
    while days := _scan(committed, tables.store_days, "", after):
        after = days[-1][0]
        yield [finding for key, figures in days for finding in day_laws(key, figures)]
        for key, _ in days:
            yield from _follow_day(committed, key, dedupe_days)


def _each(committed: Committed, table: Table[R], laws: Callable[[View, str, R], Iterator[Finding]]) -> Pages:
    after = ""
    while (view := committed()) is not None and (found := view.scan(table, "", after=after, limit=PAGE)):
        after = found[-1][0]
        yield [finding for key, row in found for finding in laws(view, key, row)]


def _scan(committed: Committed, table: Table[R], prefix: str, after: str) -> list[tuple[str, R]]:
    view = committed()
    return [] if view is None else view.scan(table, prefix, after=after, limit=PAGE)


def _follow_day(committed: Committed, key: str, dedupe_days: int) -> Pages:
    """Compare a day with its receipts, twice if it looks wrong."""
    findings = yield from _compare_day(committed, key, dedupe_days)
    if any(finding.trouble for finding in findings):
        findings = yield from _compare_day(committed, key, dedupe_days)
    yield findings


def _compare_day(committed: Committed, key: str, dedupe_days: int) -> Generator[list[Finding], None, list[Finding]]:
    """What is found of a day; nothing when its receipts are no longer all there, or it changed meanwhile."""
    store_id, _, text = key.partition("/")
    day = times.from_iso(text)
    view = committed()
    figures = None if view is None else view.get(tables.store_days, key)
    if view is None or figures is None or not _is_remembered(view, store_id, day, dedupe_days):
        return []
    summed, units = DayFigures(), dict[str, int]()
    number = _number_of(day)
    for one in (number - 1, number, number + 1):  # a local day lies within three days of UTC, wherever the store is
        prefix, after = clocks.seen_key(store_id, one, selling.MARK, ""), ""
        while found := _scan(committed, tables.seen, prefix, after):
            after = found[-1][0]
            for _, seen in found:
                if seen.day == day and not seen.is_voided:
                    store_days.apply_receipt(summed, seen.hour, seen.lines)
                    for line in seen.lines:
                        units[line.sku] = units.get(line.sku, 0) + line.quantity
            yield []
    if not _is_unchanged(committed, key, figures):
        return []
    findings = [receipts_law(key, figures, summed)]
    articles = list(units.items())
    for start in range(0, len(articles), PAGE):
        view = committed()
        if view is None or not _is_unchanged(committed, key, figures):
            return []
        findings += units_laws(view, store_id, day, dict(articles[start : start + PAGE]))
        yield []
    return findings


def _is_unchanged(committed: Committed, key: str, figures: DayFigures) -> bool:
    view = committed()
    now = None if view is None else view.get(tables.store_days, key)
    return now is not None and (now.changed_at, day_sums(now)) == (figures.changed_at, day_sums(figures))


def _is_remembered(view: View, store_id: str, day: int, dedupe_days: int) -> bool:
    """Whether all receipts of a day are still there; where that cannot be told for certain, not."""
    own, ticks = view.get(tables.clocks, store_id), view.get(tables.partition_clock, "")
    if own is None or not own.seen_days:
        return False
    number, clock = _number_of(day), max(own.at, 0 if ticks is None else ticks.at)
    oldest = min(own.seen_days)
    is_first = oldest == number and view.get(tables.store_days, day_key(store_id, day - 1)) is None
    return (oldest < number or is_first) and clock < clocks.forgotten_at(number - 1, dedupe_days)


def _number_of(day: int) -> int:
    return clocks.seen_day(times.start_of_day(day, "UTC"))


class Conservation:
    """The walk of one worker over the partitions that it owns, and what it counted.

    Args:
        views: where the rows are.
        dedupe_days: how long receipts are remembered.

    Attributes:
        checks: how often each law was looked at.
        violations: how often one was found broken; a row that stays wrong counts each time the walk passes it.
    """

    def __init__(self, views: Views, dedupe_days: int) -> None:
        self._views = views
        self._dedupe_days = dedupe_days
        self._told: set[str] = set()
        self.checks: dict[str, int] = {law.value: 0 for law in Law}
        self.violations: dict[str, int] = {law.value: 0 for law in Law}

    async def run(self) -> None:
        """Walk until cancelled."""
        while True:
            for partition in range(self._views.partition_count):
                await self._pass(partition)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _pass(self, partition: int) -> None:
        """Walk once over a partition. Whatever goes wrong must not harm the worker: it is told, and tried again."""
        try:
            for findings in walk(lambda: self._committed(partition), self._dedupe_days):
                self.take(findings)
                await asyncio.sleep(PAUSE_SECONDS)
        except Exception as error:
            self._tell(f"partition {partition} cannot be looked at: {type(error).__name__}: {error}")

    def take(self, findings: list[Finding]) -> None:
        """Count findings, and tell of the broken laws: each key once."""
        for law, key, trouble in findings:
            self.checks[law.value] += 1
            if trouble:
                self.violations[law.value] += 1
                self._tell(f"{law.value} is broken at {key}", trouble)

    def _committed(self, partition: int) -> View | None:
        view = self._views.local(partition)
        return None if view is None or view.stale else view

    def _tell(self, what: str, trouble: str = "") -> None:
        if what in self._told or len(self._told) >= LINES_MAX:
            return
        self._told.add(what)
        log.error("conservation: %s", f"{what}: {trouble}" if trouble else what)
        if len(self._told) == LINES_MAX:
            log.error("conservation: no more lines before the next start; the metric goes on counting")
