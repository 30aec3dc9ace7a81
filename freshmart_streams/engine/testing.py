"""A driver for tests: records in, rows and outputs out; no broker, no clock, no event loop.

It commits as the worker does, into a store in memory (or any other), voids a batch whose handler raised, and tries the
record alone before it calls it poison.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

from freshmart_streams.engine.batches import Batch, HandlerError
from freshmart_streams.engine.groups import Group, NeedMasterData
from freshmart_streams.engine.journal import LocalState, Marker, Span, encode_local
from freshmart_streams.engine.records import Headers, Output, Record, StoredRecord
from freshmart_streams.engine.rows import RowMemory
from freshmart_streams.engine.stores import LOCAL, MemoryStore, Store
from freshmart_streams.engine.tables import Table

R = TypeVar("R")


class Driver:
    """One partition of a group, by hand.

    Args:
        group: what is driven.
        partition: its number.
        partition_count: of the group; the partition's keys must fit if handlers check them.
        batch_size: commit after so many records.
        store: where committed rows live; a store in memory unless given.
        check_rows: fail when a handler changes a row and does not store it back.
    """

    def __init__(
        self,
        group: Group,
        *,
        partition: int = 0,
        partition_count: int = 1,
        batch_size: int = 1,
        store: Store | None = None,
        check_rows: bool = True,
        rows_in_memory: int = 100_000,
    ) -> None:
        self.group = group
        self.batch_size = batch_size
        self.journal: list[Span] = []
        self.published: list[Output] = []
        self._store = store or MemoryStore()
        self._options = (group, partition, partition_count)
        self._rows_in_memory = rows_in_memory
        self._check_rows = check_rows
        self._offsets: dict[tuple[str, int], int] = defaultdict(int)
        self._taken: list[Record] = []
        self.batch = self._open()

    def _open(self) -> Batch:
        group, partition, count = self._options
        memory = RowMemory(self._rows_in_memory)
        return Batch(group, partition, count, self._store, memory=memory, check_rows=self._check_rows)

    def feed(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        timestamp: int = 0,
        headers: Headers = (),
        partition: int | None = None,
    ) -> StoredRecord:
        """Append a record to an input and apply it; its offset is counted here."""
        number = self.batch.partition if partition is None else partition
        offset = self._offsets[topic, number]
        record = StoredRecord(topic, number, offset, timestamp, key, value, headers)
        self.apply([record])
        return record

    def apply(self, records: Iterable[Record]) -> None:
        """Apply records of any source, as a replay does."""
        for record in records:
            self._offsets[record.topic, record.partition] = record.offset + 1
            try:
                self._take(record)
            except HandlerError as error:
                self._isolate(record, error)
            if len(self._taken) >= self.batch_size:
                self.commit()

    def _take(self, record: Record) -> None:
        try:
            self.batch.master_complete = False
            self.batch.take(record)
        except NeedMasterData:
            self.batch.master_complete = True  # by hand, all master data that is there has been fed
            self.batch.take(record)
        self._taken.append(record)
        self._work_due()

    def _work_due(self) -> None:
        while self.batch.has_due_work:
            self.batch.work_due()

    def _isolate(self, record: Record, error: HandlerError) -> None:
        before, self._taken = self._taken, []
        trouble: HandlerError | None = error
        while trouble is not None:
            trouble = self._take_again(before, trouble)
        if error.due is not None:
            return
        self.commit()
        try:
            self._take(record)
        except HandlerError as again:
            self.batch.drop()
            self.batch.take_poison(record, again.error)
            self._taken.append(record)
        self.commit()

    def _take_again(self, records: list[Record], trouble: HandlerError) -> HandlerError | None:
        """Fold again without the due work that raised; more of it may raise, each time another entry."""
        self.batch.drop()
        self._taken = []
        if trouble.due is not None:
            self.batch.shun(trouble.due, trouble.error)
        try:
            self._work_due()
            for record in records:
                self._take(record)
        except HandlerError as again:
            if again.due is None:
                raise
            return again
        return None

    def commit(self) -> None:
        """Put what was folded into the store and publish its outputs."""
        self._taken = []
        if self.batch.is_empty:
            return
        changes, outputs, spans, offsets = self.batch.begin_commit()
        marker = self.batch.local.marker
        local = LocalState(Marker(id=marker.id or "by-hand", seq=marker.seq + 1, offsets=offsets))
        self._store.write([*changes, (LOCAL, encode_local(local))])
        self.batch.end_commit(local)
        self.published += outputs
        self.journal += spans

    def restart(self) -> None:
        """Lose all that is not committed and open again from the store; lost records must be fed again."""
        self._taken = []
        self.batch = self._open()

    def rows(self, table: Table[R]) -> dict[str, R]:
        """All committed rows of a table, decoded."""
        self.commit()
        start, stop = table.prefix, table.prefix + b"\xff"
        return {
            key[len(table.prefix) :].decode(): table.decode(value)
            for key, value in self._store.scan(start, stop, 1 << 60)
        }

    def stored(self) -> dict[bytes, bytes]:
        """All committed rows as bytes, the engine's own marker left out: what two runs are compared by."""
        self.commit()
        return dict(self._store.scan(b"\x01", b"\xff", 1 << 60))

    def outputs(self, topic: str | None = None) -> list[Output]:
        """What was published so far, of one topic or of all."""
        self.commit()
        return [output for output in self.published if topic is None or output.topic == topic]
