"""Goal R6: how fast an empty volume is filled from the changelog.

The rows are those of articles in stores, as the application writes them; they are committed and read with the engine's
own writer and reader, one partition, one process.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from freshmart_streams import tables
from freshmart_streams.domain.replenishment import Levels
from freshmart_streams.domain.stock import Stock
from freshmart_streams.engine.changelog import ChangelogReader, Commit
from freshmart_streams.engine.clock import monotonic, now_ms
from freshmart_streams.engine.connection import Connection
from freshmart_streams.engine.journal import LocalState, Marker
from freshmart_streams.engine.stores import Change, RocksStore, StoreMemory
from freshmart_streams.engine.writers import writer_for
from tests.support.kafka import Kafka

ROWS_PER_COMMIT = 20_000
MEMORY_MB = 64
DAY, NOW = 739_160, 1_728_371_585_000_000


@dataclass(frozen=True)
class Restored:
    """What came back, and how long it took."""

    rows: int
    seconds: float

    @property
    def seconds_per_million(self) -> float:
        """Seconds for a million rows."""
        return self.seconds / self.rows * 1e6


def restore(kafka: Kafka, rows: int, folder: Path) -> Restored:
    """Commit so many rows, then fill an empty volume with them and count what it holds."""
    topic = f"restore-{rows}-changelog"
    kafka.create_topic(topic, partitions=1)
    return asyncio.run(_restore(Connection(bootstrap=kafka.address, mode="tx"), topic, rows, folder))


async def _restore(connection: Connection, topic: str, rows: int, folder: Path) -> Restored:
    writer = writer_for(connection, topic, 0, f"writer of {topic}")
    await writer.open()
    for seq, first in enumerate(range(0, rows, ROWS_PER_COMMIT), start=1):
        changes = list(_articles(first, min(rows, first + ROWS_PER_COMMIT)))
        await writer.write(Commit(Marker(id="restore", seq=seq, at=now_ms()), changes, []), 0)
    await writer.close()
    store = RocksStore(folder, StoreMemory(MEMORY_MB))
    try:
        began = monotonic()
        await ChangelogReader(connection, topic, 0, store, LocalState(Marker())).catch_up()
        seconds = monotonic() - began
        prefix = tables.stock.prefix
        return Restored(len(store.scan(prefix, prefix + b"\xff", rows + 1)), seconds)
    finally:
        store.close()


def _articles(first: int, last: int) -> Iterator[Change]:
    levels = Levels(26, 26, 26, 9.0, (5.5, 6.0, 5.5), 0.98)
    for number in range(first, last):
        row = Stock(number % 90, NOW - number, sold_day=DAY, sold=number % 7, levels=levels, changed_at=NOW)
        yield tables.stock.stored_key(f"{number % 200:04d}/{100_000 + number}"), tables.stock.encode(row)
