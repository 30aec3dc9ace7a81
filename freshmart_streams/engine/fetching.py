"""Which inputs are fetched, into which inbox it goes, and what becomes of a fetch that raised."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiokafka.errors import OffsetOutOfRangeError

from freshmart_streams.engine.care import Care
from freshmart_streams.engine.groups import Group
from freshmart_streams.engine.inbox import Inbox
from freshmart_streams.engine.partitions import Partition
from freshmart_streams.engine.records import Position
from freshmart_streams.engine.transport import Fetched
from freshmart_streams.engine.watch import Watch

NOT_SEEKED = -1

Key = tuple[str, int]
"""A partition: the group's name and its number."""


class LostFetchError(Exception):
    """Records were fetched and did not arrive here: a round of fetching begins behind the one before."""


class Intake:
    """Takes in what the consumer's thread fetches for this worker's partitions.

    Args:
        partitions: all that the worker has.
        group_of: whose input a topic is.
        opening: held by whoever opens partitions.
        seek: seeks in the consumer's thread and returns the seeks' numbers.
        watch: is told what goes wrong.
        on_records: called when something came in.
        on_hole: called when records that a partition is to read are gone from the log.
    """

    def __init__(
        self,
        partitions: Mapping[Key, Partition],
        group_of: Mapping[str, Group],
        opening: asyncio.Lock,
        seek: Callable[[Mapping[Position, int]], Awaitable[Mapping[Position, int]]],
        watch: Watch,
        on_records: Callable[[], None],
        on_hole: Callable[[Partition], None],
    ) -> None:
        self._partitions = partitions
        self._group_of = group_of
        self._opening = opening
        self._seek = seek
        self._watch = watch
        self._on_records = on_records
        self._on_hole = on_hole
        self._seek_numbers: dict[Position, int] = {}
        self._care = Care()

    async def seek(self, offsets: Mapping[Position, int]) -> None:
        """Read on from these offsets; what was fetched before is not taken."""
        for position in offsets:
            self._seek_numbers[position] = NOT_SEEKED
        self._seek_numbers.update(await self._seek(offsets))

    def wants(self, position: Position) -> bool:
        """Whether to fetch more of this input."""
        partition = self._live_partition(position)
        entry = None if partition is None else partition.inbox.inputs.get(position)
        return entry is not None and entry.has_room and not self._care.rests(position)

    def received(self, fetched: Fetched) -> None:
        """Put a fetch into the inboxes, but for what is from before a seek."""
        for position, place in fetched.places.items():
            partition = self._live_partition(position)
            if partition is None or self._seek_numbers.get(position) != place.seek:
                continue
            read_to = partition.inbox.inputs[position].read_to
            if place.start is not None and place.start > read_to:
                lost = f"{position.topic}/{position.partition}: {read_to} to {place.start - 1} were lost on their way"
                partition.fail(LostFetchError(lost))
            else:
                partition.inbox.add(position, fetched.records.get(position, ()), place.read_to, place.end)
        self._on_records()

    @property
    def is_careful(self) -> bool:
        """Whether to fetch each input by itself."""
        return self._care.is_needed

    async def failed(self, error: Exception, positions: Sequence[Position]) -> None:
        """A fetch of these inputs raised: one has a hole, which opening it again finds, or a batch cannot be read."""
        position = self._care.failed(positions)
        if position is None:
            self._watch.failed(error)
            await self._fetch_again()
            return
        self._watch.failed(error, f"fetching {position.topic}/{position.partition}")
        partition = self._live_partition(position)
        if isinstance(error, OffsetOutOfRangeError) and partition is not None:
            await partition.suspend(repr(error))
            self._on_hole(partition)

    async def _fetch_again(self) -> None:
        """Fetch what is in no inbox: with an error, aiokafka forgets what it took out of the fetch before it."""
        async with self._opening:
            offsets = {
                position: entry.read_to
                for partition in self._live_partitions()
                for position, entry in partition.inbox.inputs.items()
                if position.topic in partition.group.inputs
            }
            self._seek_numbers.update(await self._seek(offsets))

    def live_inboxes(self) -> list[Inbox]:
        """The inboxes of the partitions at work."""
        return [partition.inbox for partition in self._live_partitions()]

    def _live_partitions(self) -> list[Partition]:
        return [partition for partition in self._partitions.values() if partition.live]

    def _live_partition(self, position: Position) -> Partition | None:
        group = self._group_of.get(position.topic)
        partition = None if group is None else self._partitions.get((group.name, position.partition))
        return partition if partition is not None and partition.live else None
