"""Which commits a reader of a changelog accepts, without a broker."""

import pytest

from freshmart_streams.engine.changelog import MARKER, OUTBOX, ChangelogReader, ForeignLogError
from freshmart_streams.engine.connection import Connection, Mode
from freshmart_streams.engine.journal import LocalState, Marker, encode_marker
from freshmart_streams.engine.stores import MemoryStore, Store


def reader(mode: Mode, store: Store, local: LocalState | None = None) -> ChangelogReader:
    """A reader that is never connected."""
    nowhere = Connection(bootstrap="nowhere:1", mode=mode)
    return ChangelogReader(nowhere, "changelog", 0, store, local or LocalState(Marker()))


def commit(into: ChangelogReader, offset: int, seq: int, *, id: str = "one", **rows: bytes | None) -> int:
    """Hand over rows and their marker; the offset behind them."""
    for key, value in rows.items():
        into.apply(offset, key.encode(), value)
        offset += 1
    into.apply(offset, MARKER, encode_marker(Marker(id=id, seq=seq)))
    return offset + 1


def rows(found: ChangelogReader, store: Store) -> dict[bytes, bytes]:
    """What the store holds after a flush."""
    found._flush()
    return dict(store.scan(b"\x01", b"\xff", 100))


@pytest.mark.parametrize("mode", ["tx", "log"])
def test_rows_count_when_their_marker_has_come(mode: Mode) -> None:
    store = MemoryStore()
    found = reader(mode, store)
    following = commit(found, 0, 1, a=b"1", b=b"1")
    following = commit(found, following, 2, a=None)
    found.apply(following, b"b", b"2")
    assert rows(found, store) == {b"b": b"1"}
    assert (found.local.marker.seq, found.local.changelog_next) == (2, following)


def test_with_transactions_numbers_may_leave_gaps_as_compaction_does() -> None:
    store = MemoryStore()
    found = reader("tx", store)
    commit(found, commit(found, 0, 1, a=b"1"), 7, b=b"7")
    assert rows(found, store) == {b"a": b"1", b"b": b"7"}


@pytest.mark.parametrize("seq", [6, 7])
def test_with_transactions_a_number_that_does_not_grow_is_refused(seq: int) -> None:
    found = reader("tx", MemoryStore(), LocalState(Marker(id="one", seq=7), 10))
    with pytest.raises(ForeignLogError, match=f"commit {seq} at 11 follows commit 7"):
        commit(found, 10, seq, a=b"1")


@pytest.mark.parametrize("mode", ["tx", "log"])
def test_a_commit_of_another_log_is_refused(mode: Mode) -> None:
    found = reader(mode, MemoryStore(), LocalState(Marker(id="one", seq=7), 10))
    with pytest.raises(ForeignLogError, match="at 11 is of another log"):
        commit(found, 10, 8, id="two", a=b"1")


def test_without_transactions_the_first_writer_of_a_number_wins_for_everybody() -> None:
    """Two owners at once: of their commits with one number the second never happened, nor what follows on it."""
    store = MemoryStore()
    found = reader("log", store)
    following = commit(found, 0, 1, a=b"1")
    following = commit(found, following, 2, a=b"first", outbox=b"")
    following = commit(found, following, 2, a=b"second", b=b"second")
    following = commit(found, following, 4, c=b"after a lost one")
    following = commit(found, following, 3, d=b"third")
    assert rows(found, store) == {b"a": b"first", b"d": b"third", b"outbox": b""}
    assert found.local.marker.seq == 3


def test_without_transactions_the_outputs_of_the_last_accepted_commit_are_kept() -> None:
    found = reader("log", MemoryStore())
    found.apply(0, OUTBOX, b"of the first")
    commit(found, 1, 1)
    found.apply(2, OUTBOX, b"of a loser")
    commit(found, 3, 1)
    assert found.local.outbox == b"of the first"
    commit(found, 4, 2)
    assert found.local.outbox is None
