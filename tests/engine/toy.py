"""Two small groups that any test of the engine can drive: one counts words per key, the other counts visits."""

from dataclasses import dataclass
from functools import cached_property

import msgspec

from freshmart_streams.engine import Batch, Group, NeedMasterData, Record, Table


class Count(msgspec.Struct, array_like=True):
    """How often a key came, and what came last."""

    seen: int = 0
    last: str = ""


class Known(msgspec.Struct, array_like=True):
    """A key that master data names."""

    name: str = ""


class Clock(msgspec.Struct, array_like=True):
    """How far the time of a key is."""

    at: int = 0


COUNTS: Table[Count] = Table("counts", Count)
KNOWN: Table[Known] = Table("known", Known)
CLOCKS: Table[Clock] = Table("clocks", Clock)
VISITS: Table[Count] = Table("visits", Count)
EVERYBODY = "*"


@dataclass(frozen=True)
class Toy:
    """The topics of one application of the tests, and its groups.

    Args:
        prefix: of all topics, so that tests can share a broker.
        grumbles: whether the functions that are to bury the word `grumble` raise too, as a broken version would.
    """

    prefix: str = "toy."
    grumbles: bool = False

    @property
    def words(self) -> str:
        """An input of words by key."""
        return f"{self.prefix}words"

    @property
    def more(self) -> str:
        """Another input of words, co-partitioned with the first."""
        return f"{self.prefix}more"

    @property
    def ticks(self) -> str:
        """Time in silence."""
        return f"{self.prefix}ticks"

    @property
    def names(self) -> str:
        """Master data: names of keys."""
        return f"{self.prefix}names"

    @property
    def visits(self) -> str:
        """The only input of the other group."""
        return f"{self.prefix}visits"

    @property
    def out(self) -> str:
        """What the first group publishes: each word with its number."""
        return f"{self.prefix}out"

    @property
    def due(self) -> str:
        """What was due."""
        return f"{self.prefix}due"

    @property
    def poison(self) -> str:
        """What raised."""
        return f"{self.prefix}poison"

    @property
    def greetings(self) -> str:
        """What the other group publishes."""
        return f"{self.prefix}greetings"

    @property
    def journal(self) -> str:
        """The journal, which both groups share."""
        return f"{self.prefix}journal"

    @property
    def inputs(self) -> list[str]:
        """What the groups read."""
        return [self.words, self.more, self.ticks, self.names, self.visits]

    @property
    def outputs(self) -> list[str]:
        """What they publish."""
        return [self.out, self.due, self.poison, self.greetings]

    @cached_property
    def group(self) -> Group:
        """The first group."""
        return Group(
            name="toy",
            inputs={self.words: self._count, self.more: self._count, self.ticks: self._tick},
            master={self.names: _name},
            outputs=[self.out, self.due, self.poison],
            tables=[COUNTS, KNOWN, CLOCKS],
            journal=self.journal,
            rules="1",
            due_work=self._work,
            on_poison=self._bury,
            on_poison_due=lambda batch, scope, at, key, error: batch.send(
                self.poison, scope.encode(), f"{key} {at}".encode()
            ),
            clock=_clock,
            ticks=self.ticks,
            tick=lambda ms: b'{"at":%d}' % ms,
        )

    @cached_property
    def visitors(self) -> Group:
        """The other group."""
        return Group(
            name="visitors",
            inputs={self.visits: self._visit},
            outputs=[self.greetings],
            tables=[VISITS],
            journal=self.journal,
            rules="1",
            on_poison=self._turn_away,
        )

    def _count(self, record: Record, batch: Batch) -> None:
        """Count a record under its key; the word says what else to do."""
        assert record.key is not None
        assert record.value is not None
        key, said = record.key.decode(), record.value.decode()
        word, _, rest = said.partition(" ")
        if word == "who" and key not in batch.rows(KNOWN):
            if not batch.master_complete:
                raise NeedMasterData
            batch.send(self.out, record.key, b"nobody knows")
        rows = batch.rows(COUNTS)
        row = rows.get(key) or Count()
        row.seen += 1
        row.last = said
        rows[key] = row
        if word in ("boom", "grumble"):
            raise ValueError(said[:1_000])
        if word == "at":
            batch.schedule(key, int(rest), "alarm")
        if word == "bad":
            batch.schedule(key, int(rest), "bad")
        if word == "now":
            _pass_time(batch, key, int(rest))
            batch.advance(key, int(rest))
        if word == "forget":
            rows.delete(rest)
        if word == "wide":
            for number in range(int(rest)):
                rows[f"{key}/{number}"] = Count(row.seen, word)
        if word == "long":
            rows[f"{key}/long"] = Count(row.seen, "x" * int(rest))
            batch.send(self.out, record.key, b"x" * int(rest))
        batch.send(self.out, record.key, f"{said} {row.seen}".encode())

    def _visit(self, record: Record, batch: Batch) -> None:
        assert record.key is not None
        rows, key = batch.rows(VISITS), record.key.decode()
        row = rows.get(key) or Count()
        row.seen += 1
        rows[key] = row
        if record.value in (b"boom", b"grumble"):
            raise ValueError(record.value)
        batch.send(self.greetings, record.key, b"welcome %d" % row.seen)

    def _tick(self, record: Record, batch: Batch) -> None:
        """Time passes for everybody."""
        _pass_time(batch, EVERYBODY, record.timestamp)
        batch.advance_all(record.timestamp)
        batch.send(self.out, b"tick", b"%d" % record.timestamp)

    def _work(self, batch: Batch, scope: str, at: int, key: str) -> None:
        """Tell what was due."""
        if key == "bad":
            raise RuntimeError("bad work")
        batch.send(self.due, scope.encode(), f"{key} {at}".encode())

    def _bury(self, batch: Batch, record: Record, error: Exception) -> None:
        self._grumble(record)
        batch.send(self.poison, record.key, record.value, [*record.headers, ("error", str(error).encode())])

    def _turn_away(self, batch: Batch, record: Record, error: Exception) -> None:
        self._grumble(record)
        batch.send(self.greetings, record.key, b"go away", [("error", str(error).encode())])

    def _grumble(self, record: Record) -> None:
        if self.grumbles and record.value == b"grumble":
            raise RuntimeError("cannot bury this")


def _name(record: Record, batch: Batch) -> None:
    """Keep a name."""
    assert record.key is not None
    batch.rows(KNOWN)[record.key.decode()] = Known((record.value or b"").decode())


def _pass_time(batch: Batch, scope: str, at: int) -> None:
    clocks = batch.rows(CLOCKS)
    clocks[scope] = Clock(max(at, (clocks.get(scope) or Clock()).at))


def _clock(batch: Batch, scope: str) -> int:
    """How far the time of a key is, ticks included."""
    clocks = batch.rows(CLOCKS)
    return max((clocks.get(name) or Clock()).at for name in (scope, EVERYBODY))


TOY = Toy()
