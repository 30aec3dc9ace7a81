"""Turns: partitions with work take them one after the other, on their group's Faust agent."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from freshmart_streams.engine.partitions import Partition


class Work:
    """A partition's turn: what the group's agent gets."""

    def __init__(self, partition: Partition, done: Callable[[Partition], None]) -> None:
        self._partition = partition
        self._epoch = partition.epoch
        self._done = done

    async def fold(self) -> None:
        """Fold what waits, for a while."""
        try:
            await self._partition.fold(self._epoch)
        finally:
            self._done(self._partition)


class Turns:
    """Gives partitions their turns.

    Args:
        partitions: all that the worker has.
        may_deliver: whether the agents take work at present.
        deliver: hands a turn to the agent of a partition's group.
    """

    def __init__(
        self,
        partitions: Mapping[tuple[str, int], Partition],
        may_deliver: Callable[[], bool],
        deliver: Callable[[Partition, Work], Awaitable[None]],
    ) -> None:
        self._partitions = partitions
        self._may_deliver = may_deliver
        self._deliver = deliver
        self._wake = asyncio.Event()
        self._at_work: set[tuple[str, int]] = set()

    def wake(self) -> None:
        """There may be something to fold."""
        self._wake.set()

    def forget(self, partition: Partition) -> None:
        """A turn that this partition was given before it was opened again says nothing any more."""
        self._at_work.discard((partition.group.name, partition.number))

    def forget_all(self) -> None:
        """Turns that were given before a rebalance say nothing any more."""
        self._at_work.clear()

    async def run(self) -> None:
        """Give turns, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            for key, partition in list(self._partitions.items()):
                if key not in self._at_work and partition.has_work and self._may_deliver():
                    self._at_work.add(key)
                    await self._deliver(partition, Work(partition, self._done))

    def _done(self, partition: Partition) -> None:
        self.forget(partition)
        if partition.has_work:
            self.wake()
