"""A group of partitions: which topics it reads, which tables it keeps, and the functions that do its work."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from freshmart_streams.engine.agenda import AGENDA
from freshmart_streams.engine.records import Record
from freshmart_streams.engine.tables import Table

if TYPE_CHECKING:
    from freshmart_streams.engine.batches import Batch

Handler = Callable[[Record, "Batch"], None]


class NeedMasterData(Exception):
    """Raised by a handler before it changed anything.

    Take in the master data that is there by now, then give me this record again.
    """


@dataclass(frozen=True, kw_only=True)
class Group:
    """Declares a partition group; partition *p* of every input belongs together.

    Attributes:
        name: part of folder, changelog and transactional ids.
        inputs: for each co-partitioned topic its handler; ticks among them.
        master: for each topic that every partition reads whole its handler.
        outputs: the topics that it publishes to.
        tables: all tables that the handlers use.
        journal: the topic for the journal's entries; None keeps none.
        rules: the version of code, rule data and settings that results depend on, written into the journal.
        due_work: called as `due_work(batch, scope, due, key)` for each due agenda entry.
        on_poison: called as `on_poison(batch, record, error)` for a record that made its handler raise twice; must not
            raise.
        on_poison_due: called as `on_poison_due(batch, scope, due, key, error)` instead of `due_work` for an entry that
            made it raise.
        clock: called as `clock(batch, scope)`: how far the scope's clock is, or None. Whoever uses the agenda must keep
            it in rows: it is how work that was due before a crash is found again.
        ticks: the input that drives time in silence, one record about every ten seconds; None has none.
        tick: makes a tick's value from this worker's time in milliseconds.
    """

    name: str
    inputs: Mapping[str, Handler]
    outputs: Sequence[str]
    tables: Sequence[Table[Any]]
    master: Mapping[str, Handler] = field(default_factory=dict)
    journal: str | None = None
    rules: str = ""
    due_work: "Callable[[Batch, str, int, str], None] | None" = None
    on_poison: "Callable[[Batch, Record, Exception], None] | None" = None
    on_poison_due: "Callable[[Batch, str, int, str, Exception], None] | None" = None
    clock: "Callable[[Batch, str], int | None] | None" = None
    ticks: str | None = None
    tick: Callable[[int], bytes] | None = None

    def __post_init__(self) -> None:
        names = [table.name for table in self.all_tables]
        if len(set(names)) != len(names):
            raise ValueError(f"group {self.name}: two tables of one name")
        if set(self.inputs) & set(self.master):
            raise ValueError(f"group {self.name}: a topic is either an input or master data")
        if self.ticks is not None and self.ticks not in self.inputs:
            raise ValueError(f"group {self.name}: ticks are an input and need a handler")

    @property
    def all_tables(self) -> list[Table[Any]]:
        """The tables and the engine's own."""
        return [*self.tables, AGENDA]

    @property
    def handlers(self) -> dict[str, Handler]:
        """The handler of each topic."""
        return {**self.inputs, **self.master}
