"""A partition's rows on this worker's disk, and the standby that keeps them near the changelog's end."""

import asyncio
import logging
import shutil
from pathlib import Path

from freshmart_streams.engine.changelog import ChangelogReader, ForeignLogError
from freshmart_streams.engine.clock import now_ms
from freshmart_streams.engine.connection import Connection
from freshmart_streams.engine.journal import LocalState, Marker, decode_local
from freshmart_streams.engine.stores import LOCAL, RocksStore, StoreError, StoreMemory

log = logging.getLogger(__name__)

OLDEST_STORE_MS = 7 * 24 * 3600 * 1000 // 2
"""Half the changelog's delete.retention.ms: an older store may never see a tombstone that is gone."""
RETRY_SECONDS = 1.0


class Replica:
    """The RocksDB of one partition, opened when it is needed.

    Args:
        folder: of this partition alone.
        memory: shared by all RocksDBs of the process.
        name: for log lines.
    """

    def __init__(self, folder: Path, memory: StoreMemory, name: str) -> None:
        self.name = name
        self._folder = folder
        self._memory = memory
        self._store: RocksStore | None = None

    @property
    def store(self) -> RocksStore | None:
        """The store, while it is open."""
        return self._store

    def open(self) -> tuple[RocksStore, LocalState]:
        """Open the store, unless it is; one that is damaged, or older than the changelog's deletions, is made anew."""
        if self._store is not None and self._store.is_broken:
            self.close()
        try:
            store = self._store = self._store or RocksStore(self._folder, self._memory)
        except StoreError as error:
            if "Corruption" not in str(error):
                raise
            log.warning("%s: the data folder is damaged (%s); rebuilding it", self.name, str(error).strip())
            return self.open_empty()
        stored = store.get(LOCAL)
        local = LocalState(Marker()) if stored is None else decode_local(stored)
        if local.marker.at and now_ms() - local.marker.at > OLDEST_STORE_MS:
            log.warning("%s: the data folder is older than the changelog keeps deletions; rebuilding it", self.name)
            return self.open_empty()
        return store, local

    def open_empty(self) -> tuple[RocksStore, LocalState]:
        """Forget what is on disk and begin with nothing."""
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._store = RocksStore(self._folder, self._memory)
        return self._store, LocalState(Marker())

    def close(self) -> None:
        """Release the store; twice is no error."""
        store, self._store = self._store, None
        if store is not None:
            try:
                store.close()
            except Exception as error:  # a full disk: what it did not write is in the changelog
                log.warning("%s: closing the data folder: %s", self.name, error)


class Standby:
    """Follows the changelog of a partition that another worker owns.

    It has no producer and fences nobody. Being promoted means to be stopped and opened with little left to read.
    """

    def __init__(self, replica: Replica, connection: Connection, topic: str, number: int) -> None:
        self.replica = replica
        self._connection = connection
        self._topic = topic
        self._number = number
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow."""
        self._task = asyncio.create_task(self._follow(), name=f"standby {self.replica.name}")

    async def stop(self) -> None:
        """Stop following; the replica stays open."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=5)

    async def close(self) -> None:
        """Stop following and release the replica."""
        await self.stop()
        self.replica.close()

    async def _follow(self) -> None:
        while True:
            try:
                store, local = self.replica.open()
                await ChangelogReader(self._connection, self._topic, self._number, store, local).follow()
            except ForeignLogError as error:
                log.warning("standby %s: %s; building it anew", self.replica.name, error)
                self.replica.open_empty()
            except Exception as error:  # the broker is away, the disk is full: never a standby that nobody follows up
                log.warning("standby %s: %s: %s; trying again", self.replica.name, type(error).__name__, error)
                await asyncio.sleep(RETRY_SECONDS)
