"""Committed rows for readers outside of the stream: the web."""

from typing import TYPE_CHECKING, TypeVar

from freshmart_streams.engine.partitioning import partition_of
from freshmart_streams.engine.rows import TOP
from freshmart_streams.engine.stores import Store
from freshmart_streams.engine.tables import Table

if TYPE_CHECKING:
    from freshmart_streams.engine.worker import Engine

R = TypeVar("R")


class View:
    """The committed rows of one partition, straight from its store."""

    def __init__(self, store: Store, *, stale: bool) -> None:
        self._store = store
        self.stale = stale

    def get(self, table: Table[R], key: str, /) -> R | None:
        """The row under this key, or None."""
        stored = self._store.get(table.stored_key(key))
        return None if stored is None else table.decode(stored)

    def scan(self, table: Table[R], prefix: str, /, after: str = "", limit: int = 100) -> list[tuple[str, R]]:
        """Rows whose key starts with `prefix` and is greater than `after`, in the order of their keys' bytes."""
        start = table.stored_key(after) + b"\x00" if after > prefix else table.stored_key(prefix)
        skip = len(table.prefix)
        found = self._store.scan(start, table.stored_key(prefix) + TOP, limit)
        return [(key[skip:].decode(), table.decode(value)) for key, value in found]


class Views:
    """Where the rows of a group's partitions are."""

    def __init__(self, engine: "Engine", group: str) -> None:
        self._engine = engine
        self._group = engine.groups[group]
        self._first_input = next(iter(self._group.inputs))

    @property
    def partition_count(self) -> int:
        """How many partitions the group has; 0 before the broker said so."""
        return self._engine.partition_counts.get(self._group.name, 0)

    def partition_for(self, key: str, /) -> int:
        """The partition of a key."""
        return partition_of(key.encode(), self.partition_count)

    def owner(self, partition: int, /) -> str | None:
        """The base URL of the worker that owns a partition, or None while nobody is known to."""
        return self._engine.owner_url(self._first_input, partition)

    def local(self, partition: int, /) -> View | None:
        """This worker's own rows of a partition, stale while it is not live here; None if there are none."""
        key = (self._group.name, partition)
        held, standby = self._engine.partitions.get(key), self._engine.standbys.get(key)
        replica = held.replica if held is not None else standby.replica if standby is not None else None
        if replica is None or replica.store is None:
            return None
        return View(replica.store, stale=held is None or not held.live)
