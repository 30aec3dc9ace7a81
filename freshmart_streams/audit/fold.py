"""A plain, single-threaded fold of a partition's log, along its journal.

It shares with the workers what they are to be checked by (the group's declaration and its handlers) and nothing of
what they are to be checked for: no engine, no store, no batches, no commits. Between two records a row is bytes. So a
row that a handler changed and did not put back is lost here, and a record whose handler raised has changed nothing.
"""

import bisect
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar, cast

import msgspec
from sortedcontainers import SortedSet

from freshmart_streams.engine import Group, NeedMasterData, Output, Record, Table
from freshmart_streams.engine.records import Headers

R = TypeVar("R")

Span = Sequence[str | int]
"""`[topic, next offset]`, or `[topic, partition, next offset]` of master data, as in the journal."""


_encode = msgspec.msgpack.Encoder().encode


class PlainRows(Generic[R]):
    """The rows of a table as a dictionary of bytes, and those that the record at hand has touched.

    Attributes:
        stored: the rows.
        causes: what was the cause of each row as it is, where the fold is told causes.
    """

    def __init__(self, table: Table[R], touched: "list[PlainRows[Any]]") -> None:
        self.stored: dict[str, bytes] = {}
        self.causes: dict[str, object] = {}
        self._table = table
        self._decode: Callable[[bytes], R] = msgspec.msgpack.Decoder(table.row).decode
        self._live: dict[str, R | None] = {}
        self._changed: set[str] = set()
        self._touched = touched
        self._ordered: SortedSet[str] | None = None  # stored keys in order, from the first scan on

    def get(self, key: str) -> R | None:
        """The row under a key, or None."""
        try:
            return self._live[key]
        except KeyError:
            stored = self.stored.get(key)
            row = None if stored is None else self._decode(stored)
            self._touch(key, row)
            return row

    def as_stored(self, row: bytes) -> bytes:
        """A row of these as a worker stores it, without the format byte: here no table has a head."""
        return row if self._table.head is None else self._table.encode(self._decode(row))[1:]

    def _touch(self, key: str, row: R | None) -> None:
        if not self._live:
            self._touched.append(self)
        self._live[key] = row

    def __setitem__(self, key: str, row: R) -> None:
        self._touch(key, row)
        self._changed.add(key)

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def get_all(self, keys: Sequence[str]) -> list[R | None]:
        """The rows under many keys."""
        return [self.get(key) for key in keys]

    def heads(self, keys: Sequence[str]) -> list[R | None]:
        """The rows under many keys: here they are whole."""
        return self.get_all(keys)

    def keep_all(self, rows: Mapping[str, R]) -> None:
        """Put rows back that were just read."""
        self._changed.update(rows)

    def delete(self, key: str) -> None:
        """Take a row out."""
        self._touch(key, None)
        self._changed.add(key)

    def scan(self, prefix: str, after: str = "", limit: int = 100) -> list[tuple[str, R]]:
        """Rows whose key begins with `prefix` and is greater than `after`, in the order of their UTF-8 keys."""
        if self._ordered is None:
            self._ordered = SortedSet(self.stored)
        start, found, latest = max(prefix, after), list[tuple[str, R]](), None
        for key in heapq.merge(self._ordered.irange(start), sorted(key for key in self._changed if key >= start)):
            if len(found) >= limit or not key.startswith(prefix):  # texts are in the order of their UTF-8 bytes
                break
            if key > after and key != latest and (row := self.get(key)) is not None:
                found.append((key, row))
            latest = key
        return found

    def keep(self, cause: object = None) -> None:
        """The record counts: its changes become bytes."""
        for key in self._changed:
            row = self._live[key]
            if row is None:
                if self.stored.pop(key, None) is not None and self._ordered is not None:
                    self._ordered.remove(key)
                self.causes.pop(key, None)
                continue
            if self._ordered is not None and key not in self.stored:
                self._ordered.add(key)
            self.stored[key] = _encode(row)
            if cause is not None:
                self.causes[key] = cause
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
        place = bisect.bisect_left(entries, entry)
        if entries[place : place + 1] == [entry]:
            del entries[place]

    def advance(self, scope: str, at: int) -> None:
        """A scope's clock passed `at`."""
        self._passed[scope] = max(at, self._passed.get(scope, 0))

    def advance_all(self, at: int) -> None:
        """Every scope's clock passed `at`."""
        for scope in sorted(self._entries):
            self.advance(scope, at)

    def head(self) -> tuple[str, int, str] | None:
        """The next entry that is due."""
        while self._passed:
            scope, at = next(iter(self._passed.items()))
            entries = self._entries.get(scope)
            if entries and entries[0][0] <= at:
                due, key = entries[0]
                return scope, due, key.decode()
            del self._passed[scope]
        return None

    def take(self) -> tuple[str, int, str] | None:
        """The next entry that is due, removed."""
        entry = self.head()
        if entry is not None:
            self._entries[entry[0]].pop(0)
        return entry

    def __iter__(self) -> Iterator[tuple[str, int, str]]:
        return ((scope, due, key.decode()) for scope, entries in self._entries.items() for due, key in entries)


class PlainBatch:
    """What handlers see of the fold; what they ask of agenda and topics happens when their record counts (`keep`)."""

    def __init__(self, group: Group, partition: int, partition_count: int) -> None:
        self.partition = partition
        self.partition_count = partition_count
        self.master_complete = False
        self._touched: list[PlainRows[Any]] = []
        self.tables = {table.name: PlainRows[Any](table, self._touched) for table in group.tables}
        self.agenda = PlainAgenda(lambda scope: group.clock and group.clock(cast(Any, self), scope))
        self.outputs: list[Output] = []
        self.cause: object = None
        self._sent: list[Output] = []
        self._asked: list[Callable[[], None]] = []

    def rows(self, table: Table[R]) -> PlainRows[R]:
        """The rows of a table."""
        return self.tables[table.name]

    def derived(self, owner: object, make: Callable[[], R]) -> R:
        """Made anew each time: that handlers keep something must not show."""
        return make()

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
        for rows in self._touched:
            rows.keep(self.cause)
        self._touched.clear()
        for ask in self._asked:
            ask()
        self.outputs += self._sent
        self._sent, self._asked = [], []

    def drop(self) -> None:
        """The record does not count."""
        for rows in self._touched:
            rows.drop()
        self._touched.clear()
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
        """Everything published so far, in order, but for what was taken with `take_outputs`."""
        return self._batch.outputs

    def take_outputs(self) -> list[Output]:
        """What was published since the last time; it is forgotten here."""
        taken, self._batch.outputs = self._batch.outputs, []
        return taken

    def apply(self, records: Iterable[Record]) -> None:
        """Apply records in their order, each with the work it makes due."""
        for record in records:
            self.take(record)
            while self.work():
                pass

    @property
    def due(self) -> tuple[str, int, str] | None:
        """The next piece of due work, `(scope, due, key)`; None when there is none."""
        return self._batch.agenda.head()

    @property
    def agenda(self) -> Iterator[tuple[str, int, str]]:
        """All entries of the agenda, due or not."""
        return iter(self._batch.agenda)

    def rows(self, table: Table[R]) -> dict[str, R]:
        """All rows of a table."""
        plain = self._batch.rows(table)
        return {key: msgspec.msgpack.decode(stored, type=table.row) for key, stored in sorted(plain.stored.items())}

    def stored(self) -> dict[tuple[str, str], bytes]:
        """All rows of all tables as bytes, by table and key: what a worker's are compared with."""
        tables = self._batch.tables.items()
        return {(name, key): rows.as_stored(row) for name, rows in tables for key, row in rows.stored.items()}

    @property
    def tables(self) -> Mapping[str, PlainRows[Any]]:
        """The rows of each table by its name."""
        return self._batch.tables

    def work(self) -> bool:
        """Do the next piece of due work; False when there is none."""
        entry = self._batch.agenda.take()
        if entry is None:
            return False
        batch = cast(Any, self._batch)
        assert self._group.due_work is not None, "an agenda needs a due_work handler"
        try:
            self._group.due_work(batch, *entry)
        except Exception as error:  # whatever it raises, it is not done and people are told
            self._batch.drop()
            if self._group.on_poison_due is not None:
                self._group.on_poison_due(batch, *entry, error)
        self._batch.keep()
        return True

    def take(self, record: Record, cause: object = None) -> None:
        """Apply one record; what it makes due is to be done (`work`) before the next one.

        Args:
            record: the next one by the journal.
            cause: kept with every row that the record, or what it made due, changes.
        """
        batch = self._batch
        batch.cause = cause
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
