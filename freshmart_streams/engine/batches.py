"""A partition between two commits: records go in one by one, changed rows, outputs and spans come out.

Everything here is synchronous and knows neither Kafka nor time: the same code runs live, in the test driver, in the
oracle and in a replay.
"""

import traceback
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from freshmart_streams.engine.agenda import AGENDA, Agenda
from freshmart_streams.engine.groups import Group, NeedMasterData
from freshmart_streams.engine.journal import LocalState, Marker, Span, Spans, advanced, decode_local
from freshmart_streams.engine.records import Headers, Output, Record
from freshmart_streams.engine.rows import CheckedRows, RowMemory, Rows, rows_of
from freshmart_streams.engine.stores import LOCAL, Change, Store
from freshmart_streams.engine.tables import Table

R = TypeVar("R")

DUE_AT_A_TIME = 2_000
ROWS_IN_MEMORY = 100_000


class HandlerError(Exception):
    """A handler raised: the record (None for due work) and the error behind it.

    Its text says what raised and where, not with which words: those may hold what a message holds.
    """

    def __init__(self, record: Record | None, due: tuple[str, int, str] | None, error: Exception) -> None:
        *_, (frame, line) = traceback.walk_tb(error.__traceback__)
        what = "due work" if record is None else f"{record.topic}/{record.partition} at {record.offset}"
        super().__init__(f"{what}: {type(error).__name__} in {Path(frame.f_code.co_filename).name}, line {line}")
        self.record = record
        self.due = due
        self.error = error


class Batch:
    """What handlers see of a partition, and what the engine commits of it."""

    def __init__(
        self,
        group: Group,
        partition: int,
        partition_count: int,
        store: Store,
        *,
        memory: RowMemory | None = None,
        check_rows: bool = False,
    ) -> None:
        self.group = group
        self.partition = partition
        self.partition_count = partition_count
        self.store = store
        self.master_complete = False
        self._handlers = group.handlers
        self._topics = frozenset(group.outputs)
        self._memory = RowMemory(ROWS_IN_MEMORY) if memory is None else memory
        self._rows: dict[str, Rows[Any]] = {
            table.name: rows_of(table, store, self._memory, check=check_rows) for table in group.all_tables
        }
        self.agenda = Agenda(self._rows[AGENDA.name], self._clock_of)
        self.local = LocalState(Marker())
        self.outputs: list[Output] = []
        self.output_bytes = 0
        self._spans = Spans(frozenset(group.master))
        self._poison_due: dict[tuple[str, int, str], Exception] = {}
        self._derived: dict[object, Any] = {}
        self.load()

    # What handlers use.

    def rows(self, table: Table[R]) -> Rows[R]:
        """This partition's rows of a table."""
        return self._rows[table.name]

    def derived(self, owner: object, make: Callable[[], R]) -> R:
        """What handlers make of this batch once instead of per record; made anew when memory is dropped.

        It must follow from the rows (or only refer to them), for a batch that is folded again has to end the same.
        """
        try:
            return self._derived[owner]  # type: ignore[no-any-return]
        except KeyError:
            made = self._derived[owner] = make()
            return made

    def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        """Publish a message with this commit, on this partition's number.

        Raises:
            ValueError: the group does not declare the topic.
        """
        if topic not in self._topics:
            raise ValueError(f"group {self.group.name}: {topic} is not one of its outputs")
        self.outputs.append(Output(topic, key, value, headers))
        self.output_bytes += len(value or b"") + 100

    def schedule(self, scope: str, due: int, key: str) -> None:
        """Ask for `due_work` when the clock of `scope` passes `due`."""
        self.agenda.schedule(scope, due, key)

    def cancel(self, scope: str, due: int, key: str) -> None:
        """Take back what was scheduled."""
        self.agenda.cancel(scope, due, key)

    def advance(self, scope: str, at: int) -> None:
        """The clock of `scope` passed `at`: what is due is handed over before the next record."""
        self.agenda.advance(scope, at)

    def advance_all(self, at: int) -> None:
        """The clock of every scope passed `at`."""
        self.agenda.advance_all(at)

    # What the engine uses.

    def take(self, record: Record) -> None:
        """Apply one record. Due work must have been done before (`work_due`).

        Raises:
            NeedMasterData: nothing was changed; the record is to be given again.
            HandlerError: the batch is spoiled and must be dropped.
        """
        if self._memory.is_full:
            self._memory.age()
        try:
            self._handlers[record.topic](record, self)
        except NeedMasterData:
            raise
        except Exception as error:
            raise HandlerError(record, None, error) from error
        self._spans.applied(record.topic, record.partition, record.offset)

    def take_poison(self, record: Record, error: Exception) -> None:
        """Count a record as applied that no handler can take: the group says what becomes of it."""
        if self.group.on_poison is not None:
            self.group.on_poison(self, record, error)
        self._spans.applied(record.topic, record.partition, record.offset)

    @property
    def has_due_work(self) -> bool:
        """Whether due work must be done before the next record."""
        return self.agenda.is_due

    def work_due(self, limit: int = DUE_AT_A_TIME) -> None:
        """Hand over up to `limit` due entries.

        Raises:
            HandlerError: the batch is spoiled and must be dropped.
        """
        assert self.group.due_work is not None, "an agenda needs a due_work handler"
        for _ in range(limit):
            due_entry = self.agenda.take()
            if due_entry is None:
                break
            if self._memory.is_full:
                self._memory.age()
            if due_entry in self._poison_due:
                if self.group.on_poison_due is not None:
                    self.group.on_poison_due(self, *due_entry, self._poison_due[due_entry])
                continue
            try:
                self.group.due_work(self, *due_entry)
            except Exception as error:
                raise HandlerError(None, due_entry, error) from error

    def shun(self, due_entry: tuple[str, int, str], error: Exception) -> None:
        """Hand this entry to `on_poison_due` the next time: its work raised."""
        self._poison_due[due_entry] = error

    @property
    def changed_rows(self) -> int:
        """How many rows the next commit will write."""
        return sum(rows.changed_count for rows in self._rows.values())

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not self._spans and not self.outputs and not self.changed_rows

    def begin_commit(self) -> tuple[Iterator[Change], list[Output], list[Span], dict[str, dict[int, int]]]:
        """Hand over rows, outputs, spans and the offsets after them.

        What is folded from here on belongs to the next commit.
        """
        for rows in self._rows.values():
            if isinstance(rows, CheckedRows):
                rows.check()
        outputs, spans = self.outputs, self._spans.spans
        self.outputs, self.output_bytes, self._spans = [], 0, Spans(frozenset(self.group.master))
        offsets = advanced(self.local.marker.offsets, spans, self.partition)
        changes = [rows.begin_commit() for rows in self._rows.values()]
        return chain.from_iterable(changes), outputs, spans, offsets

    def end_commit(self, local: LocalState) -> None:
        """The commit is in the store."""
        self.local = local
        self._poison_due.clear()
        for rows in self._rows.values():
            rows.end_commit()

    def drop(self) -> None:
        """Forget everything since the last commit that is in the store."""
        for rows in self._rows.values():
            rows.drop()
        self._derived.clear()
        self.outputs, self.output_bytes, self._spans = [], 0, Spans(frozenset(self.group.master))
        self.load()

    def load(self) -> None:
        """Read marker and agenda from the store."""
        stored = self.store.get(LOCAL)
        self.local = LocalState(Marker()) if stored is None else decode_local(stored)
        self.agenda.reload()

    def _clock_of(self, scope: str) -> int | None:
        return None if self.group.clock is None else self.group.clock(self, scope)
