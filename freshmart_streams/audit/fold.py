"""A plain, single-threaded fold of a partition's log, along its journal.

It shares with the workers what they are to be checked by (the group's declaration and its handlers) and nothing of what
they are to be checked for: no engine, no store, no batches, no commits. Between two records a row is bytes. So a row that
a handler changed and did not put back is lost here, and a record whose handler raised has changed nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, cast

import msgspec

from freshmart_streams.engine import Group, NeedMasterData, Output, Record, Table

R = TypeVar("R")

Span = Sequence[str | int]
"""`[topic, next offset]`, or `[topic, partition, next offset]` of master data, as in the journal."""


class PlainRows(Generic[R]):
    """The rows of a table as a dictionary of bytes, and those that the record at hand has touched."""

    def __init__(self, row: type[R]) -> None:
        self.stored: dict[str, bytes] = {}
        self._decode: Callable[[bytes], R] = msgspec.msgpack.Decoder(row).decode
        self._live: dict[str, R | None] = {}
        self._changed: set[str] = set()

    def get(self, key: str) -> R | None:
        """The row under a key, or None."""
        if key not in self._live:
            stored = self.stored.get(key)
            self._live[key] = None if stored is None else self._decode(stored)
        return self._live[key]

    def __setitem__(self, key: str, row: R) -> None:
        self._live[key] = row
        self._changed.add(key)

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def delete(self, key: str) -> None:
        """Take a row out."""
        self._live[key] = None
        self._changed.add(key)

    def scan(self, prefix: str, after: str = "", limit: int = 100) -> list[tuple[str, R]]:
        """Rows whose key begins with `prefix` and is greater than `after`, in the order of their UTF-8 keys."""
        keys = {key for key in (*self.stored, *self._changed) if key.startswith(prefix) and key > after}
        found = ((key, self.get(key)) for key in sorted(keys, key=str.encode))
        return [(key, row) for key, row in found if row is not None][:limit]

    def keep(self) -> None:
        """The record counts: its changes become bytes."""
        for key in self._changed:
            row = self._live[key]
            if row is None:
                self.stored.pop(key, None)
            else:
                self.stored[key] = msgspec.msgpack.encode(row)
        self.drop()

    def drop(self) -> None:
        """Forget what the record touched."""
        self._live, self._changed = {}, set()


class PlainBatch:
    """What handlers see of the fold."""

    def __init__(self, group: Group, partition: int, partition_count: int) -> None:
        self.partition = partition
        self.partition_count = partition_count
        self.master_complete = False
        self.tables = {table.name: PlainRows[Any](table.row) for table in group.tables}
        self.sent: list[Output] = []
        self.agenda: dict[tuple[str, int, str], None] = {}
        self.passed: dict[str, int] = {}

    def rows(self, table: Table[R]) -> PlainRows[R]:
        """The rows of a table."""
        return self.tables[table.name]

    def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Publish a message."""
        self.sent.append(Output(topic, key, value, headers))

    def schedule(self, scope: str, due: int, key: str) -> None:
        """Ask for due work; the same again is the same entry."""
        self.agenda[scope, due, key] = None

    def cancel(self, scope: str, due: int, key: str) -> None:
        """Take an entry back."""
        self.agenda.pop((scope, due, key), None)

    def advance(self, scope: str, at: int) -> None:
        """A scope's clock passed `at`."""
        self.passed[scope] = max(at, self.passed.get(scope, 0))

    def advance_all(self, at: int) -> None:
        """Every scope's clock passed `at`."""
        for scope in sorted({scope for scope, _, _ in self.agenda}):
            self.advance(scope, at)

    def take_due(self) -> tuple[str, int, str] | None:
        """The next entry that is due, removed: scopes in the order their clocks passed, then by due time and key."""
        while self.passed:
            scope, at = next(iter(self.passed.items()))
            due = [entry for entry in self.agenda if entry[0] == scope and entry[1] <= at]
            if due:
                first = min(due, key=lambda entry: (entry[1], entry[2].encode()))
                del self.agenda[first]
                return first
            del self.passed[scope]
        return None


class Fold:
    """One partition of a group, folded record by record.

    Args:
        group: its handlers and tables.
        partition: its number.
        partition_count: of the group.
    """

    def __init__(self, group: Group, partition: int, partition_count: int) -> None:
        self._group = group
        self._handlers = group.handlers
        self._batch = PlainBatch(group, partition, partition_count)
        self.outputs: list[Output] = []

    def apply(self, records: Iterable[Record]) -> None:
        """Apply records in their order, each with the work it makes due."""
        for record in records:
            self._take(record)
            while (entry := self._batch.take_due()) is not None:
                assert self._group.due_work is not None, "an agenda needs a due_work handler"
                self._group.due_work(cast(Any, self._batch), *entry)
                self._keep()

    def rows(self, table: Table[R]) -> dict[str, R]:
        """All rows of a table."""
        plain = self._batch.rows(table)
        return {key: msgspec.msgpack.decode(stored, type=table.row) for key, stored in sorted(plain.stored.items())}

    def stored(self) -> dict[tuple[str, str], bytes]:
        """All rows of all tables as bytes, by table and key: what a worker's are compared with."""
        return {(name, key): row for name, rows in self._batch.tables.items() for key, row in rows.stored.items()}

    def _take(self, record: Record) -> None:
        batch = self._batch
        agenda, passed = dict(batch.agenda), dict(batch.passed)
        try:
            batch.master_complete = False
            self._handle(record)
        except Exception as error:  # whatever a handler raises makes its record poison
            for rows in batch.tables.values():
                rows.drop()
            batch.sent, batch.agenda, batch.passed = [], agenda, passed
            if self._group.on_poison is not None:
                self._group.on_poison(cast(Any, batch), record, error)
        self._keep()

    def _handle(self, record: Record) -> None:
        try:
            self._handlers[record.topic](record, cast(Any, self._batch))
        except NeedMasterData:  # along the journal, all that was there comes before this record
            self._batch.master_complete = True
            self._handlers[record.topic](record, cast(Any, self._batch))

    def _keep(self) -> None:
        for rows in self._batch.tables.values():
            rows.keep()
        self.outputs += self._batch.sent
        self._batch.sent = []


def along_journal(
    spans: Iterable[Span], partition: int, records: Mapping[tuple[str, int], Sequence[Record]]
) -> Iterator[Record]:
    """Records in the order in which a partition applied them.

    Args:
        spans: of the partition's journal entries, each entry once, in the order of their sequence.
        partition: its number.
        records: of each topic partition, by offset.

    Raises:
        LookupError: the journal names records that are not there.
    """
    places: dict[tuple[str, int], int] = {}
    for topic, *numbers in spans:
        source = (str(topic), partition if len(numbers) == 1 else int(numbers[0]))
        end, place = int(numbers[-1]), places.get(source, 0)
        have = records.get(source, ())
        while place < len(have) and have[place].offset < end:
            yield have[place]
            place += 1
        places[source] = place
        if not place or have[place - 1].offset < end - 1 and place == len(have):
            raise LookupError(f"the journal goes up to offset {end} of {source}, but the records end before")
