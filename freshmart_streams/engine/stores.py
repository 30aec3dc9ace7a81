"""Where a partition keeps its committed rows: RocksDB, or memory for tests and replays.

A store is written once per commit, whole or not at all: the changed rows and, under `LOCAL`, what the partition must
know to go on (its marker and its place in the changelog).
"""

from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Protocol

import rocksdict
from sortedcontainers import SortedDict

LOCAL = b"\x00local"

Change = tuple[bytes, bytes | None]


class Store(Protocol):
    """Committed rows of one partition, ordered by key."""

    def get(self, key: bytes) -> bytes | None:
        """The value under this key, or None."""

    def scan(self, start: bytes, stop: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Rows with `start <= key < stop` in the order of their keys, at most `limit`."""

    def write(self, changes: Iterable[Change]) -> None:
        """Apply all changes (a value of None deletes), whole or not at all."""

    def close(self) -> None:
        """Release what the store holds; twice is no error."""


class MemoryStore:
    """A store in memory: the test driver's, and the replay's."""

    def __init__(self) -> None:
        self._rows: SortedDict[bytes, bytes] = SortedDict()

    def get(self, key: bytes) -> bytes | None:
        """The value under this key, or None."""
        return self._rows.get(key)

    def scan(self, start: bytes, stop: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Rows with `start <= key < stop`, at most `limit`."""
        found: list[tuple[bytes, bytes]] = []
        for key in self._rows.irange(start, stop, inclusive=(True, False)):
            if len(found) >= limit:
                break
            found.append((key, self._rows[key]))
        return found

    def write(self, changes: Iterable[Change]) -> None:
        """Apply all changes, whole or not at all."""
        for key, value in changes:
            if value is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = value

    def close(self) -> None:
        """Nothing to release."""


class StoreLockedError(Exception):
    """The folder's RocksDB is held by another process."""


class StoreError(OSError):
    """RocksDB could not do what it was told, because of its disk most likely."""


class RocksStore:
    """One RocksDB per partition.

    The write-ahead log is on, without fsync: what a power cut takes is in the changelog.

    Attributes:
        is_broken: whether a write failed. RocksDB may refuse every further one, until it is opened again.
    """

    def __init__(self, folder: Path, memory: "StoreMemory") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        try:
            self._db = rocksdict.Rdict(
                str(folder), options=memory.options(), access_type=rocksdict.AccessType.read_write()
            )
        except Exception as error:
            if "lock" in str(error).lower():
                raise StoreLockedError(f"{folder} is in use by another process") from error
            raise StoreError(f"{folder}: {error}") from error
        self.is_broken = False
        self._closed = False

    def get(self, key: bytes) -> bytes | None:
        """The value under this key, or None."""
        value: bytes | None = self._db.get(key)
        return value

    def scan(self, start: bytes, stop: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Rows with `start <= key < stop`, at most `limit`."""
        return list(self._iterate(start, stop, limit))

    def _iterate(self, start: bytes, stop: bytes, limit: int) -> Iterator[tuple[bytes, bytes]]:
        rows = self._db.iter()
        rows.seek(start)
        while limit > 0 and rows.valid():
            key = rows.key()
            if key >= stop:
                return
            yield key, rows.value()
            limit -= 1
            rows.next()

    def write(self, changes: Iterable[Change]) -> None:
        """Apply all changes, whole or not at all."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in sorted(changes, key=itemgetter(0)):  # RocksDB takes them in half of the time then
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        try:
            self._db.write(batch)
        except Exception as error:  # rocksdict raises nothing narrower
            self.is_broken = True
            raise StoreError(f"{self.folder}: {error}") from error

    def close(self) -> None:
        """Release the files; twice is no error."""
        if not self._closed:
            self._closed = True
            self._db.close()


class StoreMemory:
    """The memory that all RocksDBs of this process share: one block cache, one budget of write buffers."""

    def __init__(self, megabytes: int) -> None:
        self._cache = rocksdict.Cache(max(8, megabytes // 2) << 20)
        self._buffers = rocksdict.WriteBufferManager.new_write_buffer_manager_with_cache(
            max(8, megabytes // 4) << 20, False, self._cache
        )

    def options(self) -> rocksdict.Options:
        """Options of one more RocksDB that shares this memory."""
        options = rocksdict.Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_write_buffer_size(16 << 20)
        options.set_write_buffer_manager(self._buffers)
        options.set_keep_log_file_num(2)
        options.set_memtable_prefix_bloom_ratio(0.05)  # most ids that are looked up were never seen
        options.set_memtable_whole_key_filtering(True)
        options.set_compression_type(rocksdict.DBCompressionType.lz4())
        table = rocksdict.BlockBasedOptions()
        table.set_block_cache(self._cache)
        # Beside the cache: in it rows push filters and indexes out, and each get reads them anew (decision 11).
        table.set_cache_index_and_filter_blocks(False)
        table.set_bloom_filter(10, False)
        options.set_block_based_table_factory(table)
        return options
