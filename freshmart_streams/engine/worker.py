"""All partitions that this worker has: assignment, fetching, turns, failures, ticks."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from faust.types import TP

from freshmart_streams.engine.clock import monotonic, now_ms
from freshmart_streams.engine.connection import WAIT_SECONDS, BrokerTimeoutError, Connection, within
from freshmart_streams.engine.groups import Group
from freshmart_streams.engine.inbox import Inbox, Input
from freshmart_streams.engine.master import MasterReader
from freshmart_streams.engine.options import EngineOptions, RefusedError
from freshmart_streams.engine.partitions import Partition
from freshmart_streams.engine.records import Position
from freshmart_streams.engine.replicas import Replica, Standby
from freshmart_streams.engine.stores import StoreMemory
from freshmart_streams.engine.topics import changelog_name
from freshmart_streams.engine.transport import Consumer, Fetched
from freshmart_streams.engine.watch import Watch

if TYPE_CHECKING:
    from freshmart_streams.engine.app import App

log = logging.getLogger(__name__)

WAITING_MAX = 20_000
REOPEN_SECONDS = 0.5
FETCH_AGAIN_SECONDS = 1.0
GROUP_CHECK_SECONDS = 1.0
CAREFUL_SECONDS = 10.0


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


class Engine:
    """The partitions of this worker.

    Args:
        app: the Faust app, whose consumer, assignor and agents are used.
        groups: all groups.
        connection: to the broker.
        options: see `EngineOptions`.
    """

    def __init__(self, app: "App", groups: Sequence[Group], connection: Connection, options: EngineOptions) -> None:
        self.app = app
        self.groups = {group.name: group for group in groups}
        self.connection = connection
        self.options = options
        self.partitions: dict[tuple[str, int], Partition] = {}
        self.standbys: dict[tuple[str, int], Standby] = {}
        self.partition_counts: dict[str, int] = {}
        self._group_of = {topic: group for group in groups for topic in group.inputs}
        self._seek_numbers: dict[Position, int] = {}
        self._resting: dict[Position, float] = {}
        self._careful_until = 0.0
        self._memory = StoreMemory(options.store_megabytes)
        master_topics = {topic for group in groups for topic in group.master}
        self.watch = Watch(connection, self._awaited)
        self._master = MasterReader(
            connection, master_topics, self._live_inboxes, self.wake, self._supervise, self.watch.failed
        )
        self._wake = asyncio.Event()
        self._at_work: set[tuple[str, int]] = set()
        self._opening = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._reopening: dict[tuple[str, int], asyncio.Task[None]] = {}

    @property
    def consumer(self) -> Consumer:
        """The app's consumer."""
        return cast(Consumer, self.app.consumer)

    # Life.

    async def start(self) -> None:
        """Begin to give partitions their turns."""
        self._tasks = [
            self._supervise(asyncio.create_task(self._give_turns(), name="turns")),
            self._supervise(asyncio.create_task(self.watch.run(), name="watch")),
            self._supervise(asyncio.create_task(self._check_group(), name="group")),
        ]
        if self.options.tick_seconds is not None and any(group.ticks for group in self.groups.values()):
            ticks = asyncio.create_task(self._write_ticks(self.options.tick_seconds), name="ticks")
            self._tasks.append(self._supervise(ticks))

    def _supervise(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        """A worker without one of its tasks would look alive and do nothing: it ends, and is started again."""

        def ended(done: asyncio.Task[None]) -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                log.error("the task %s failed", done.get_name(), exc_info=error)
                self.app.fail(f"the task {done.get_name()} failed: {error!r}")

        task.add_done_callback(ended)
        return task

    async def stop(self) -> None:
        """Give up all partitions: commits under way end, the rest is forgotten and done again by the next owner."""
        tasks = [*self._tasks, *self._reopening.values()]
        self._tasks = []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=3)
        held: list[Partition | Standby] = [*self.partitions.values(), *self.standbys.values()]
        await asyncio.gather(*(replica.close() for replica in held))
        self.partitions.clear()
        self.standbys.clear()
        await self._master.stop()

    # Assignment.

    async def suspend(self, reason: str) -> None:
        """Before a rebalance: let commits under way end and forget the rest."""
        await asyncio.gather(*(partition.suspend(reason) for partition in self.partitions.values()))
        self._at_work.clear()

    async def open_assigned(self, assignment: Iterable[TP], standbys: Iterable[TP]) -> None:
        """Open what the group protocol gave to this worker, follow what it is standby of, close the rest.

        Args:
            assignment: the inputs and changelogs of this worker.
            standbys: the changelogs that it is to follow.

        Raises:
            RefusedError: one cannot be opened; the text is for a person.
            KafkaError, BrokerTimeoutError: to be tried again.
        """
        async with self._opening:
            mine = {(self._group_of[tp.topic].name, tp.partition) for tp in assignment if tp.topic in self._group_of}
            mirrored = self._standbys_of(standbys) - mine
            for key in set(self.partitions) - mine:
                await self.partitions.pop(key).close()
            for key in set(self.standbys) - mirrored - mine:
                await self.standbys.pop(key).close()
            await self._master.start()
            for key in sorted(mine - set(self.partitions)):
                self.partitions[key] = await self._new_partition(*key)
            await asyncio.gather(*(self._open(self.partitions[key]) for key in sorted(mine)))
            for key in sorted(mirrored - set(self.standbys)):
                self.standbys[key] = self._new_standby(*key)
                self.standbys[key].start()
        self.wake()

    def _standbys_of(self, changelogs: Iterable[TP]) -> set[tuple[str, int]]:
        names = {changelog_name(self.options.app_id, group): group.name for group in self.groups.values()}
        return {(names[tp.topic], tp.partition) for tp in changelogs if tp.topic in names}

    def _new_replica(self, group: str, number: int) -> Replica:
        return Replica(self.options.folder / group / str(number), self._memory, f"{group}/{number}")

    def _new_standby(self, group: str, number: int) -> Standby:
        topic = changelog_name(self.options.app_id, self.groups[group])
        return Standby(self._new_replica(group, number), self.connection, topic, number)

    async def _new_partition(self, group: str, number: int) -> Partition:
        standby = self.standbys.pop((group, number), None)
        if standby is not None:
            await standby.stop()
        replica = standby.replica if standby is not None else self._new_replica(group, number)
        return Partition(
            self.groups[group],
            number,
            self.partition_counts[group],
            self.connection,
            self.options,
            replica,
            self,
            self._partition_failed,
            self.wake,
        )

    async def _open(self, partition: Partition) -> None:
        offsets = await partition.open()
        self._at_work.discard((partition.group.name, partition.number))
        master = {position: offset for position, offset in offsets.items() if position.topic in partition.group.master}
        inputs = {position: offset for position, offset in offsets.items() if position not in master}
        for position in inputs:
            self._seek_numbers[position] = -1  # what was fetched before the seek is not taken
        self._seek_numbers.update(await self.consumer.thread.seek_all(inputs))
        self._master.rewind(master)

    def _partition_failed(self, partition: Partition) -> None:
        key = (partition.group.name, partition.number)
        if key not in self._reopening:
            self._reopening[key] = asyncio.create_task(self._reopen(partition, key), name=f"reopen {key}")

    async def _reopen(self, partition: Partition, key: tuple[str, int]) -> None:
        """Open a failed partition again, but only with the group's consent.

        A fenced worker must not fence the rightful owner back.
        """
        try:
            await asyncio.sleep(REOPEN_SECONDS)
            while self._may_reopen(partition, key):  # after a rebalance the assignment opens what is ours
                try:
                    if not await self.consumer.thread.commit(self._offsets_of(partition)):
                        await asyncio.sleep(REOPEN_SECONDS)
                        continue
                    async with self._opening:
                        if self._may_reopen(partition, key):
                            await self._open(partition)
                except RefusedError as error:
                    self._refuse(error)
                    return
                except Exception as error:  # the broker is away, the disk is full: never a partition that nobody opens
                    partition.reason = f"{type(error).__name__}: {error}"
                    log.warning("%s/%s: cannot be opened yet: %s", *key, partition.reason)
                    await asyncio.sleep(REOPEN_SECONDS)
            self.wake()
        finally:
            self._reopening.pop(key, None)

    def _may_reopen(self, partition: Partition, key: tuple[str, int]) -> bool:
        return (
            self.partitions.get(key) is partition
            and not partition.live
            and not self.app.rebalancing
            and not self.app.should_stop
        )

    def _refuse(self, error: RefusedError) -> None:
        self.app.refuse(str(error))

    def _offsets_of(self, partition: Partition) -> dict[TP, int]:
        offsets = partition.batch.local.marker.offsets if partition.batch is not None else {}
        return {
            TP(topic, partition.number): offsets.get(topic, {}).get(partition.number, 0)
            for topic in partition.group.inputs
        }

    def owner_url(self, topic: str, partition: int) -> str | None:
        """Where the worker answers that owns a partition of an input, as the group protocol tells."""
        url: str | None = cast(Any, self.app.assignor)._external_tps_url.get(TP(topic, partition))
        return url

    def applied_offsets(self) -> dict[TP, int]:
        """How far the inputs of live partitions are applied: the group offsets, for displays."""
        found: dict[TP, int] = {}
        for partition in self.partitions.values():
            if partition.live:
                found |= {tp: offset for tp, offset in self._offsets_of(partition).items() if offset}
        return found

    # Fetching.

    def wants(self, position: Position) -> bool:
        """Whether to fetch more of this input."""
        group = self._group_of.get(position.topic)
        if group is None:
            return False
        partition = self.partitions.get((group.name, position.partition))
        if partition is None or not partition.live:
            return False
        entry = partition.inbox.inputs.get(position)
        is_resting = monotonic() < self._resting.get(position, 0)
        return entry is not None and len(entry.records) < WAITING_MAX and not is_resting

    def received(self, fetched: Fetched) -> None:
        """Put a fetch into the inboxes, but for what is from before a seek."""
        for position, (number, read_to, end) in fetched.places.items():
            group = self._group_of.get(position.topic)
            partition = self.partitions.get((group.name, position.partition)) if group is not None else None
            if partition is None or not partition.live or self._seek_numbers.get(position) != number:
                continue
            partition.inbox.add(position, fetched.records.get(position, ()), read_to, end)
        self.wake()

    @property
    def is_careful(self) -> bool:
        """Whether to fetch each input by itself: one that cannot be read must not hold up the others."""
        return monotonic() < self._careful_until

    async def fetch_failed(self, error: Exception, positions: Sequence[Position]) -> None:
        """A fetch of these inputs raised: one has a hole, which opening it again finds, or a batch cannot be read."""
        self._careful_until = monotonic() + CAREFUL_SECONDS
        if len(positions) > 1:
            self.watch.failed(error)
            await self._fetch_again()
            return
        [position] = positions
        self.watch.failed(error, f"fetching {position.topic}/{position.partition}")
        self._resting[position] = monotonic() + FETCH_AGAIN_SECONDS
        partition = self.partitions.get((self._group_of[position.topic].name, position.partition))
        if isinstance(error, OffsetOutOfRangeError) and partition is not None and partition.live:
            await partition.suspend(repr(error))
            self._partition_failed(partition)

    async def _fetch_again(self) -> None:
        """Fetch what is in no inbox: with an error, aiokafka forgets what it took out of the fetch before it."""
        async with self._opening:
            live = [partition for partition in self.partitions.values() if partition.live]
            offsets = {
                position: entry.read_to
                for partition in live
                for position, entry in partition.inbox.inputs.items()
                if position.topic in partition.group.inputs
            }
            self._seek_numbers.update(await self.consumer.thread.seek_all(offsets))

    async def _check_group(self) -> None:
        """Take notice of errors of the group protocol, so that the worker joins again."""
        while True:
            await asyncio.sleep(GROUP_CHECK_SECONDS)
            if not self.partition_counts or not self.consumer.started:
                continue
            try:
                await self.consumer.thread.check_group()
            except KafkaError as error:
                self.watch.failed(error, "joining the group")

    def _awaited(self) -> list[Input] | None:
        """The inputs of which records are to arrive, if there are any; None before the broker was reached."""
        if not self.partition_counts:
            return None
        inboxes = self._live_inboxes()
        return [entry for inbox in inboxes for entry in inbox.inputs.values() if len(entry.records) < WAITING_MAX]

    def _live_inboxes(self) -> list[Inbox]:
        return [partition.inbox for partition in self.partitions.values() if partition.live]

    # Turns.

    def wake(self) -> None:
        """There may be something to fold."""
        self._wake.set()

    async def _give_turns(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            for key, partition in list(self.partitions.items()):
                if key not in self._at_work and partition.has_work and self.consumer.flow_active:
                    self._at_work.add(key)
                    await self.consumer.deliver(
                        self._channel_topic(partition.group), partition.number, Work(partition, self._turn_done)
                    )

    def _turn_done(self, partition: Partition) -> None:
        self._at_work.discard((partition.group.name, partition.number))
        if partition.has_work:
            self.wake()

    def _channel_topic(self, group: Group) -> str:
        return next(iter(group.inputs))

    # Ticks.

    async def _write_ticks(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            for partition in list(self.partitions.values()):
                group = partition.group
                if partition.live and group.ticks is not None and group.tick is not None:
                    with contextlib.suppress(KafkaError, BrokerTimeoutError):
                        await self.app.send_tick(group.ticks, partition.number, group.tick(now_ms()))

    # What partitions ask (see partitions.Ends).

    async def beginnings(self, group: Group, partition: int) -> Mapping[Position, int]:
        """The first offset that each input still has."""
        inputs = await within(
            WAIT_SECONDS,
            "asking where inputs begin",
            self.consumer.thread.ask("beginning_offsets", [Position(topic, partition) for topic in group.inputs]),
        )
        master = {
            position: offset
            for position, offset in (await self._master.beginnings()).items()
            if position.topic in group.master
        }
        return {**inputs, **master}

    async def input_ends(self, group: Group, partition: int) -> Mapping[Position, int]:
        """Where each co-partitioned input ends now."""
        return await within(
            WAIT_SECONDS,
            "asking where inputs end",
            self.consumer.thread.ask("end_offsets", [Position(topic, partition) for topic in group.inputs]),
        )

    async def master_ends(self) -> Mapping[Position, int]:
        """Where the master topics end now."""
        return await self._master.ends()
