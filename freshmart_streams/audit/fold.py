"""A plain, single-threaded fold of a partition's log, along its journal.

It shares with the workers what they are to be checked by (the group's declaration and its handlers) and nothing of
what they are to be checked for: no engine, no store, no batches, no commits. Between two records a row is bytes. So a
row that a handler changed and did not put back is lost here, and a record whose handler raised has changed nothing.
"""

import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar, cast

import msgspec

from freshmart_streams.engine import Group, NeedMasterData, Output, Record, Table
from freshmart_streams.engine.records import Headers

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


class PlainAgenda:
    """Due work in order: scopes as their clocks pass, and of each scope by due time and key."""

    def __init__(self, clock: Callable[[str], int | None]) -> None:
        self._clock = clock
        self._entries: dict[str, list[tuple[int, bytes]]] = {}
        self._passed: dict[str, int] = {}

    def schedule(self, scope: str, due: int, key: str) -> None:
        """Add an entry; the same again is the same entry."""
        entries, entry = self._entries.setdefault(scope, []), (due, key.encode())
        place = bisect.bisect_left(entries, entry)
        if entries[place : place + 1] != [entry]:
            entries.insert(place, entry)
        at = self._clock(scope)
        if at is not None and due <= at:
            self.advance(scope, at)

    def cancel(self, scope: str, due: int, key: str) -> None:
        """Take an entry out, if it is there."""
        entries, entry = self._entries.get(scope, []), (due, key.encode())
        if entry in entries:
            entries.remove(entry)

    def advance(self, scope: str, at: int) -> None:
        """A scope's clock passed `at`."""
        self._passed[scope] = max(at, self._passed.get(scope, 0))

    def advance_all(self, at: int) -> None:
        """Every scope's clock passed `at`."""
        for scope in sorted(self._entries):
            self.advance(scope, at)

    def take(self) -> tuple[str, int, str] | None:
        """The next entry that is due, removed."""
        while self._passed:
            scope, at = next(iter(self._passed.items()))
            entries = self._entries.get(scope)
            if entries and entries[0][0] <= at:
                due, key = entries.pop(0)
                return scope, due, key.decode()
            del self._passed[scope]
        return None


class PlainBatch:
    """What handlers see of the fold; what they ask of agenda and topics happens when their record counts (`keep`)."""

    def __init__(self, group: Group, partition: int, partition_count: int) -> None:
        self.partition = partition
        self.partition_count = partition_count
        self.master_complete = False
        self.tables = {table.name: PlainRows[Any](table.row) for table in group.tables}
        self.agenda = PlainAgenda(lambda scope: group.clock and group.clock(cast(Any, self), scope))
        self.outputs: list[Output] = []
        self._sent: list[Output] = []
        self._asked: list[Callable[[], None]] = []

    def rows(self, table: Table[R]) -> PlainRows[R]:
        """The rows of a table."""
        return self.tables[table.name]

    def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        """Publish a message."""
        self._sent.append(Output(topic, key, value, headers))

    def schedule(self, scope: str, due: int, key: str) -> None:
        """Ask for due work."""
        self._asked.append(partial(self.agenda.schedule, scope, due, key))

    def cancel(self, scope: str, due: int, key: str) -> None:
        """Take due work back."""
        self._asked.append(partial(self.agenda.cancel, scope, due, key))

    def advance(self, scope: str, at: int) -> None:
        """A scope's clock passed `at`."""
        self._asked.append(partial(self.agenda.advance, scope, at))

    def advance_all(self, at: int) -> None:
        """Every scope's clock passed `at`."""
        self._asked.append(partial(self.agenda.advance_all, at))

    def keep(self) -> None:
        """The record counts."""
        for rows in self.tables.values():
            rows.keep()
        for ask in self._asked:
            ask()
        self.outputs += self._sent
        self._sent, self._asked = [], []

    def drop(self) -> None:
        """The record does not count."""
        for rows in self.tables.values():
            rows.drop()
        self._sent, self._asked = [], []


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

    @property
    def outputs(self) -> list[Output]:
        """Everything published so far, in order."""
        return self._batch.outputs

    def apply(self, records: Iterable[Record]) -> None:
        """Apply records in their order, each with the work it makes due."""
        for record in records:
            self._take(record)
            while (entry := self._batch.agenda.take()) is not None:
                self._work(entry)

    def rows(self, table: Table[R]) -> dict[str, R]:
        """All rows of a table."""
        plain = self._batch.rows(table)
        return {key: msgspec.msgpack.decode(stored, type=table.row) for key, stored in sorted(plain.stored.items())}

    def stored(self) -> dict[tuple[str, str], bytes]:
        """All rows of all tables as bytes, by table and key: what a worker's are compared with."""
        return {(name, key): row for name, rows in self._batch.tables.items() for key, row in rows.stored.items()}

    def _work(self, entry: tuple[str, int, str]) -> None:
        batch = cast(Any, self._batch)
        assert self._group.due_work is not None, "an agenda needs a due_work handler"
        try:
            self._group.due_work(batch, *entry)
        except Exception as error:  # whatever it raises, it is not done and people are told
            self._batch.drop()
            if self._group.on_poison_due is not None:
                self._group.on_poison_due(batch, *entry, error)
        self._batch.keep()

    def _take(self, record: Record) -> None:
        batch = self._batch
        try:
            batch.master_complete = False
            self._handle(record)
        except Exception as error:  # whatever a handler raises makes its record poison
            batch.drop()
            if self._group.on_poison is not None:
                self._group.on_poison(cast(Any, batch), record, error)
        batch.keep()

    def _handle(self, record: Record) -> None:
        try:
            self._handlers[record.topic](record, cast(Any, self._batch))
        except NeedMasterData:  # along the journal, all that was there comes before this record
            self._batch.master_complete = True
            self._handlers[record.topic](record, cast(Any, self._batch))


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
        if not place or (have[place - 1].offset < end - 1 and place == len(have)):
            raise LookupError(f"the journal goes up to offset {end} of {source}, but the records end before")
