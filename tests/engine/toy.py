"""A group of two tables that any test of the engine can drive: counts words per key."""

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
EVERYBODY = "*"

WORDS, MORE, NAMES, TICKS = "toy.words", "toy.more", "toy.names", "toy.ticks"
OUT, POISON, DUE, JOURNAL = "toy.out", "toy.poison", "toy.due", "toy.journal"


def count(record: Record, batch: Batch) -> None:
    """Count a record under its key; the word says what else to do."""
    assert record.key is not None
    assert record.value is not None
    key, word = record.key.decode(), record.value.decode()
    if word == "who" and key not in batch.rows(KNOWN):
        if not batch.master_complete:
            raise NeedMasterData
        batch.send(OUT, record.key, b"nobody knows")
    rows = batch.rows(COUNTS)
    row = rows.get(key) or Count()
    row.seen += 1
    row.last = word
    rows[key] = row
    if word == "boom":
        raise ValueError("boom")
    if word.startswith("at "):
        batch.schedule(key, int(word[3:]), "alarm")
    if word.startswith("bad "):
        batch.schedule(key, int(word[4:]), "bad")
    if word.startswith("now "):
        _pass_time(batch, key, int(word[4:]))
        batch.advance(key, int(word[4:]))
    batch.send(OUT, record.key, f"{word} {row.seen}".encode())


def name(record: Record, batch: Batch) -> None:
    """Keep a name."""
    assert record.key is not None
    batch.rows(KNOWN)[record.key.decode()] = Known((record.value or b"").decode())


def tick(record: Record, batch: Batch) -> None:
    """Time passes for everybody."""
    _pass_time(batch, EVERYBODY, record.timestamp)
    batch.advance_all(record.timestamp)
    batch.send(OUT, b"tick", b"%d" % record.timestamp)


def _pass_time(batch: Batch, scope: str, at: int) -> None:
    clocks = batch.rows(CLOCKS)
    clocks[scope] = Clock(max(at, (clocks.get(scope) or Clock()).at))


def clock(batch: Batch, scope: str) -> int:
    """How far the time of a key is, ticks included."""
    clocks = batch.rows(CLOCKS)
    return max((clocks.get(name) or Clock()).at for name in (scope, EVERYBODY))


def due(batch: Batch, scope: str, at: int, key: str) -> None:
    """Tell what was due."""
    if key == "bad":
        raise RuntimeError("bad work")
    batch.send(DUE, scope.encode(), f"{key} {at}".encode())


GROUP = Group(
    name="toy",
    inputs={WORDS: count, MORE: count, TICKS: tick},
    master={NAMES: name},
    tables=[COUNTS, KNOWN, CLOCKS],
    journal=JOURNAL,
    rules="1",
    due_work=due,
    on_poison=lambda batch, record, error: batch.send(
        POISON, record.key, record.value, [("error", str(error).encode())]
    ),
    on_poison_due=lambda batch, scope, at, key, error: batch.send(POISON, scope.encode(), f"{key} {at}".encode()),
    clock=clock,
    ticks=TICKS,
    tick=lambda ms: b'{"at":%d}' % ms,
)
