"""A worker's web side without a worker: the real handlers over the real encoding of rows, kept in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from freshmart_streams.domain.books import KnownProduct, KnownStore
from freshmart_streams.engine import Table, partition_of
from freshmart_streams.engine.stores import MemoryStore
from freshmart_streams.engine.views import View
from freshmart_streams.web import Context, mount
from freshmart_streams.web.company import CompanyDays

PARTITIONS = 4
NOW = 1_728_371_585.0  # 2024-10-08T07:13:05Z


@dataclass
class Worker:
    """Who has which partitions, and how their rows are given out; implements `Views`."""

    stores: Mapping[int, MemoryStore]
    owned: frozenset[int] = frozenset(range(PARTITIONS))
    standby: frozenset[int] = frozenset()
    owners: dict[int, str] = field(default_factory=dict)
    partition_count: int = PARTITIONS

    def partition_for(self, key: str, /) -> int:
        return partition_of(key.encode(), self.partition_count)

    def owner(self, partition: int, /) -> str | None:
        return self.owners.get(partition)

    def local(self, partition: int, /) -> View | None:
        if partition in self.owned or partition in self.standby:
            return View(self.stores[partition], stale=partition not in self.owned)
        return None


class Rows:
    """The committed rows of all partitions, as every worker of a test sees them."""

    def __init__(self) -> None:
        self.partitions = {partition: MemoryStore() for partition in range(PARTITIONS)}

    def put(self, table: Table[Any], key: str, row: Any) -> None:
        """Store a row in the partition of the store that its key begins with; master data in all of them."""
        if isinstance(row, KnownProduct | KnownStore):
            for partition in self.partitions:
                self.put_in(partition, table, key, row)
        else:
            self.put_in(partition_of(key.partition("/")[0].encode(), PARTITIONS), table, key, row)

    def put_in(self, partition: int, table: Table[Any], key: str, row: Any) -> None:
        """Store a row in one partition; None deletes it."""
        value = None if row is None else table.encode(row)
        self.partitions[partition].write([(table.stored_key(key), value)])

    def get(self, table: Table[Any], key: str) -> Any:
        """The row of a store under a key."""
        stored = self.partitions[partition_of(key.partition("/")[0].encode(), PARTITIONS)].get(table.stored_key(key))
        return None if stored is None else table.decode(stored)


@dataclass
class Site:
    """One worker's application, and what a test may turn."""

    rows: Rows = field(default_factory=Rows)
    company: CompanyDays = field(default_factory=CompanyDays)
    worker: Worker | None = None
    reasons: Sequence[str] = ()
    metrics: bytes = b'freshmart_lag_records{topic="freshmart.sales",partition="0"} 0\n'
    now: float = NOW
    tokens_file: Path | None = None
    peer_key_file: Path | None = None

    def application(self) -> web.Application:
        """The application, as `app.py` puts it together."""
        if self.worker is None:
            self.worker = Worker(self.rows.partitions)
        application = web.Application()
        mount(
            application,
            Context(
                views=self.worker,
                now=lambda: self.now,
                ready=lambda: self.reasons,
                metrics=lambda: self.metrics,
                company=self.company.day,
                tokens_file=self.tokens_file,
                peer_key_file=self.peer_key_file,
            ),
        )
        return application
