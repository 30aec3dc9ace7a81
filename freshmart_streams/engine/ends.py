"""Asks the broker where inputs begin and end."""

import asyncio
from collections.abc import Callable, Mapping

from freshmart_streams.engine.groups import Group
from freshmart_streams.engine.master import MasterReader
from freshmart_streams.engine.records import Position
from freshmart_streams.engine.transport import ConsumerThread


class BrokerEnds:
    """What partitions ask (`options.Ends`).

    Args:
        thread: the consumer's thread, once there is one.
        master: the reader of master data.
    """

    def __init__(self, thread: Callable[[], ConsumerThread], master: MasterReader) -> None:
        self._thread = thread
        self._master = master

    async def beginnings(self, group: Group, partition: int) -> Mapping[Position, int]:
        """The first offset that each input still has."""
        inputs, master = await asyncio.gather(
            self._ask("beginning_offsets", group, partition), self._master.beginnings()
        )
        return {**inputs, **{position: first for position, first in master.items() if position.topic in group.master}}

    async def input_ends(self, group: Group, partition: int) -> Mapping[Position, int]:
        """Where each co-partitioned input ends now."""
        return await self._ask("end_offsets", group, partition)

    async def master_ends(self) -> Mapping[Position, int]:
        """Where the master topics end now."""
        return await self._master.ends()

    async def _ask(self, what: str, group: Group, partition: int) -> Mapping[Position, int]:
        positions = [Position(topic, partition) for topic in group.inputs]
        return await self._thread().ask(what, positions)
