"""A table as one partition sees it while it folds: committed rows in the store, newer ones in memory.

Rows in memory are bounded, those of all tables of a worker together: two generations, of which the older one is
dropped when the younger one is full. A row that is not yet in the store never leaves memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from sortedcontainers import SortedSet

from freshmart_streams.engine.stores import Change, Store
from freshmart_streams.engine.tables import Table

R = TypeVar("R")

TOP = b"\xff"  # no UTF-8 byte: behind every key
PAGE_MAX = 1_000
"""Stored rows that a scan reads at a time."""
LAST = "\U0010ffff"  # the last character there is: behind every key with the same prefix


class RowMemory:
    """The memory that the tables of all partitions of a worker share.

    A new generation begins only between two records: what a handler got stays the one and only copy of a row while it
    works on it.

    Args:
        limit: how many rows the younger generation may have before the next record.

    Attributes:
        young: how many it has, or a few more: what a partition forgot is counted until the next one begins.
        tables: whose memory it is, as long as they live.
    """

    def __init__(self, limit: int) -> None:
        self.young = 0
        self.tables: WeakSet[Rows[Any]] = WeakSet()
        self._limit = limit

    @property
    def is_full(self) -> bool:
        """Whether a new generation is to begin."""
        return self.young >= self._limit

    def age(self) -> None:
        """Begin a new generation."""
        self.young = 0
        for rows in self.tables:
            rows.age()


class Rows(Generic[R]):
    """The rows of one table in one partition, with what the current batch changed.

    A row that `get` returns is live: change it in place, then store it back with `rows[key] = row`. Keep no reference
    beyond the record at hand.
    """

    def __init__(self, table: Table[R], store: Store, memory: RowMemory) -> None:
        self.table = table
        self._store = store
        self._memory = memory
        memory.tables.add(self)
        self._young: dict[str, R | None] = {}
        self._old: dict[str, R | None] = {}
        self._changed: dict[str, R | None] = {}
        self._committing: dict[str, R | None] = {}
        self._index: SortedSet[str] | None = None  # unstored keys in order, from the first scan on

    def get(self, key: str) -> R | None:
        """The row under this key as it is now, or None."""
        try:
            return self._young[key]
        except KeyError:
            return self._load(key)

    def __setitem__(self, key: str, row: R) -> None:
        if key not in self._young:
            self._memory.young += 1
        self._young[key] = self._changed[key] = row
        if self._index is not None:
            self._index.add(key)

    def get_all(self, keys: Sequence[str]) -> list[R | None]:
        """`get` of many keys, for less than a call each."""
        rows = list(map(self._young.get, keys))
        if not all(rows):
            rows = [self._get(key) if row is None else row for key, row in zip(keys, rows, strict=True)]
        return rows

    def _get(self, key: str) -> R | None:
        return self._young[key] if key in self._young else self._load(key)

    def keep_all(self, rows: Mapping[str, R]) -> None:
        """Store rows back that were just read, and changed in place."""
        self._changed.update(rows)
        if self._index is not None:
            self._index.update(rows)

    def delete(self, key: str) -> None:
        """Remove the row; removing one that is not there does nothing but cost a tombstone."""
        self._young[key] = self._changed[key] = None
        if self._index is not None:
            self._index.add(key)

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def scan(self, prefix: str, after: str = "", limit: int = 100, before: str = "") -> list[tuple[str, R]]:
        """Rows whose key starts with `prefix`, is greater than `after` and (if given) less than `before`, in key order.

        What is not yet committed is included.
        """
        end, found = before or prefix + LAST, list[tuple[str, R]]()
        unstored = self._unstored(max(prefix, after), after, end)
        key = next(unstored, None)
        for stored_key, value in self._stored(prefix, after, end, limit):
            while key is not None and key < stored_key and len(found) < limit:
                self._append(found, key, self.get(key))
                key = next(unstored, None)
            if len(found) >= limit:
                return found
            if key == stored_key:  # changed since it was stored
                self._append(found, key, self.get(key))
                key = next(unstored, None)
            else:
                cached = self._young.get(stored_key) or self._old.get(stored_key)
                found.append((stored_key, self.table.decode(value) if cached is None else self._whole(cached)))
        while key is not None and len(found) < limit:
            self._append(found, key, self.get(key))
            key = next(unstored, None)
        return found[:limit]

    @staticmethod
    def _append(found: list[tuple[str, R]], key: str, row: R | None) -> None:
        if row is not None:
            found.append((key, row))

    def _stored(self, prefix: str, after: str, end: str, limit: int) -> Iterator[tuple[str, bytes]]:
        """Stored rows in key order, some at a time: many of them may be deleted by now."""
        table, skip, page = self.table, len(self.table.prefix), limit
        start = table.stored_key(after) + b"\x00" if after > prefix else table.stored_key(prefix)
        while True:
            found = self._store.scan(start, table.stored_key(end), page)
            for key, value in found:
                yield key[skip:].decode(), value
            if len(found) < page:
                return
            start, page = found[-1][0] + b"\x00", min(2 * page, PAGE_MAX)

    def _unstored(self, start: str, after: str, end: str) -> Iterator[str]:
        """Keys of changed rows in their order, which is that of their bytes."""
        if self._index is None:
            self._index = SortedSet((*self._committing, *self._changed))
        return (key for key in self._index.irange(start, end, inclusive=(True, False)) if key > after)

    def _load(self, key: str) -> R | None:
        for rows in (self._old, self._changed, self._committing):
            if key in rows:
                row = rows[key]
                break
        else:
            stored = self._store.get(self.table.stored_key(key))
            row = None if stored is None else self.table.decode_kept(stored)
        self._memory.young += 1
        self._young[key] = row
        return row

    def _whole(self, kept: Any) -> R:
        return kept  # type: ignore[no-any-return]

    def age(self) -> None:
        """Drop the rows that were not asked for since the last time, but for those that the store does not have yet."""
        self._old, self._young = self._young, {}

    # The engine's side: one commit at a time.

    @property
    def changed_count(self) -> int:
        """How many rows the next commit will hold."""
        return len(self._changed)

    def begin_commit(self) -> Iterator[Change]:
        """Hand over the changed rows, each encoded once, and count them as being committed."""
        self._committing, self._changed = self._changed, {}
        prefix, encode = self.table.prefix, self.table.encode
        for key, row in self._committing.items():
            yield prefix + key.encode(), None if row is None else encode(row)

    def end_commit(self) -> None:
        """What was being committed is in the store now."""
        self._committing = {}
        if self._index is not None:
            self._index = SortedSet(self._changed)

    def drop(self) -> None:
        """Forget everything that is in memory."""
        self._young, self._old, self._changed, self._committing = {}, {}, {}, {}
        self._index = None


class HeadedRows(Rows[R]):
    """Rows of a table with a head: closed in memory, until somebody asks for the whole row or the next commit."""

    def __init__(self, table: Table[R], store: Store, memory: RowMemory) -> None:
        assert table.head is not None, "the table has a head"
        super().__init__(table, store, memory)
        self._head = table.head

    def get(self, key: str) -> R | None:
        """The whole row under this key as it is now, or None."""
        kept = super().get(key)
        if type(kept) is not self._head.type:
            return kept
        row = self._young[key] = self._head.open(kept)
        if key in self._changed:
            self._changed[key] = row
        return row

    def heads(self, keys: Sequence[str]) -> list[Any]:
        """The heads of many rows, each None where there is none; live, as rows are: `keep_all` stores them back."""
        return super().get_all(keys)

    def get_all(self, keys: Sequence[str]) -> list[R | None]:
        """`get` of many keys."""
        return [self.get(key) for key in keys]

    def _whole(self, kept: Any) -> R:
        return self._head.open(kept) if type(kept) is self._head.type else kept

    def begin_commit(self) -> Iterator[Change]:
        """As `Rows.begin_commit`; what was opened is closed."""
        self._committing, self._changed = self._changed, {}
        prefix, encode, head = self.table.prefix, self.table.encode_kept, self._head
        for key, row in self._committing.items():
            kept: Any = row
            if kept is not None and type(kept) is not head.type:
                kept = head.close(kept)
                if key in self._young:
                    self._young[key] = kept
            yield prefix + key.encode(), None if kept is None else encode(kept)


class CheckedRows(Rows[R]):
    """The test mode: a row that was changed in place must have been stored back."""

    def __init__(self, table: Table[R], store: Store, memory: RowMemory) -> None:
        super().__init__(table, store, memory)
        self._read: dict[str, bytes] = {}

    def _load(self, key: str) -> R | None:
        row = super()._load(key)
        if row is not None:
            self._read[key] = self._encoded(row)
        return row

    def check(self) -> None:
        """Compare what was read with what is there.

        Raises:
            AssertionError: a row was changed and not stored back.
        """
        for key, before in self._read.items():
            row = self._young.get(key) or self._old.get(key)
            if (
                key not in self._changed
                and key not in self._committing
                and row is not None
                and self._encoded(row) != before
            ):
                raise AssertionError(f"table {self.table.name}: row {key!r} was changed in place and not stored back")
        self._read = {}

    def _encoded(self, kept: Any) -> bytes:
        return self.table.encode(self._whole(kept))


class CheckedHeadedRows(CheckedRows[R], HeadedRows[R]):
    """The test mode of rows with a head."""


def rows_of(table: Table[R], store: Store, memory: RowMemory, *, check: bool = False) -> Rows[R]:
    """The rows of a table in a partition."""
    if table.head is None:
        return (CheckedRows if check else Rows)(table, store, memory)
    return (CheckedHeadedRows if check else HeadedRows)(table, store, memory)
