"""All partitions that this worker has: assigned, opened, opened again after a failure, given up."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from aiokafka.errors import KafkaError
from faust.types import TP

from freshmart_streams.engine.budgets import ErrorBudget
from freshmart_streams.engine.commits import Pace
from freshmart_streams.engine.connection import BrokerTimeoutError, Connection
from freshmart_streams.engine.ends import BrokerEnds
from freshmart_streams.engine.fetching import Intake
from freshmart_streams.engine.groups import Group
from freshmart_streams.engine.logs import expect_lost_answers
from freshmart_streams.engine.master import MasterReader
from freshmart_streams.engine.options import EngineOptions, RefusedError
from freshmart_streams.engine.partitions import Partition
from freshmart_streams.engine.records import Position
from freshmart_streams.engine.replicas import Replica, Standby
from freshmart_streams.engine.rows import RowMemory
from freshmart_streams.engine.space import DiskSpace
from freshmart_streams.engine.stores import StoreMemory
from freshmart_streams.engine.ticks import write_ticks
from freshmart_streams.engine.topics import changelog_name
from freshmart_streams.engine.transport import Consumer
from freshmart_streams.engine.turns import Turns, Work
from freshmart_streams.engine.watch import Watch

if TYPE_CHECKING:
    from freshmart_streams.engine.app import App

log = logging.getLogger(__name__)

REOPEN_SECONDS = 0.5
GROUP_CHECK_SECONDS = 1.0
UNKNOWN = -1
"""No generation of the group in which all of this worker's partitions were open."""


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
        self.turns = Turns(self.partitions, lambda: self.consumer.flow_active, self._deliver)
        self.watch = Watch(connection, self._watched)
        self._group_of = {topic: group for group in groups for topic in group.inputs}
        self._opening = asyncio.Lock()
        self.intake = Intake(
            self.partitions,
            self._group_of,
            self._opening,
            self._seek,
            self.watch,
            self.turns.wake,
            self._partition_failed,
        )
        self._master = MasterReader(
            connection,
            {topic for group in groups for topic in group.master},
            self.intake.live_inboxes,
            self.turns.wake,
            self._supervise,
            self.watch.failed,
        )
        self._ends = BrokerEnds(lambda: self.consumer.thread, self._master)
        self._memory = StoreMemory(options.store_megabytes)
        self._rows_memory = RowMemory(options.rows_in_memory)
        self._pace = Pace(options.commit_interval)
        self._space = DiskSpace(options.folder, options.disk_reserve)
        self._budgets: dict[tuple[str, int], ErrorBudget] = {}  # a partition that comes back has spent what it spent
        self._generation = UNKNOWN
        self._tasks: list[asyncio.Task[None]] = []
        self._reopening: dict[tuple[str, int], asyncio.Task[None]] = {}

    @property
    def consumer(self) -> Consumer:
        """The app's consumer."""
        return cast(Consumer, self.app.consumer)

    # Life.

    async def start(self) -> None:
        """Begin to give partitions their turns."""
        expect_lost_answers(asyncio.get_running_loop())
        work: dict[str, Coroutine[Any, Any, None]] = {
            "turns": self.turns.run(),
            "watch": self.watch.run(),
            "group": self._check_group(),
        }
        if self.options.tick_seconds is not None and any(group.ticks for group in self.groups.values()):
            work["ticks"] = write_ticks(self.options.tick_seconds, self.partitions, self.app.send_tick)
        self._tasks = [self._supervise(asyncio.create_task(task, name=name)) for name, task in work.items()]

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

    async def _check_group(self) -> None:
        """Take notice of errors of the group protocol, so that the worker joins again."""
        while True:
            await asyncio.sleep(GROUP_CHECK_SECONDS)
            if not self.partition_counts or not self.consumer.started:
                continue
            try:
                await self.consumer.thread.check_group()
            except (KafkaError, BrokerTimeoutError) as error:
                self.watch.failed(error, "joining the group")

    # Assignment.

    async def pause(self, reason: str) -> None:
        """Before a rebalance: let commits under way end, and stop."""
        await asyncio.gather(*(partition.pause(reason) for partition in self.partitions.values()))
        self.turns.forget_all()

    async def open_assigned(self, assignment: Iterable[TP], standbys: Iterable[TP], generation: int) -> None:
        """Open what the group protocol gave to this worker, follow what it is standby of, close the rest.

        What it had and keeps goes on where it was, if the group had no generation in between: then nobody else had it.

        Args:
            assignment: topic partitions of the group protocol.
            standbys: the changelogs that it is to follow.
            generation: of the group.

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
            may_resume, self._generation = generation == self._generation + 1, UNKNOWN
            await self._open_all([self.partitions[key] for key in sorted(mine)], may_resume=may_resume)
            self._generation = generation
            for key in sorted(mirrored - set(self.standbys)):
                self.standbys[key] = self._new_standby(*key)
                self.standbys[key].start()
        self.turns.wake()

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
            self._rows_memory,
            self._pace,
            self._space,
            self._ends,
            self._budgets.setdefault((group, number), ErrorBudget(self.options.errors_max)),
            self._partition_failed,
            self.turns.wake,
        )

    async def _open_all(self, partitions: Sequence[Partition], *, may_resume: bool) -> None:
        """Open partitions side by side; where one fails, still wait for the others, which nobody may open meanwhile."""
        opening = [self._open(partition, may_resume=may_resume) for partition in partitions]
        for result in await asyncio.gather(*opening, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def _open(self, partition: Partition, *, may_resume: bool = False) -> None:
        offsets = partition.resume() if may_resume else None
        if offsets is None:
            offsets = await partition.open()
        self.turns.forget(partition)
        master = {position: offset for position, offset in offsets.items() if position.topic in partition.group.master}
        try:
            await self.intake.seek({position: offset for position, offset in offsets.items() if position not in master})
        except BaseException:
            await partition.suspend("not reading yet")
            raise
        self._master.rewind(master)

    # After a failure.

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
                    self.app.refuse(str(error))
                    return
                except Exception as error:  # the broker is away, the disk is full: never a partition that nobody opens
                    partition.reason = f"{type(error).__name__}: {error}"
                    log.warning("%s: cannot be opened yet: %s", partition.name, partition.reason)
                    await asyncio.sleep(REOPEN_SECONDS)
            self.turns.wake()
        finally:
            self._reopening.pop(key, None)

    def _may_reopen(self, partition: Partition, key: tuple[str, int]) -> bool:
        return (
            self.partitions.get(key) is partition
            and not partition.live
            and not self.app.rebalancing
            and not self.app.should_stop
        )

    # What others ask.

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

    def _offsets_of(self, partition: Partition) -> dict[TP, int]:
        offsets = partition.batch.local.marker.offsets if partition.batch is not None else {}
        return {
            TP(topic, partition.number): offsets.get(topic, {}).get(partition.number, 0)
            for topic in partition.group.inputs
        }

    def troubles(self) -> list[str]:
        """Why this worker does not do all of its work; empty while it does."""
        partitions = self.partitions.values()
        held_up = [
            f"{part.name}: {part.hindrance or part.reason}" for part in partitions if part.hindrance or part.reason
        ]
        return [self.watch.trouble, *held_up] if self.watch.trouble else held_up

    def _watched(self) -> list[Partition] | None:
        """The partitions to watch, if there are any; None before the broker was reached."""
        return list(self.partitions.values()) if self.partition_counts else None

    async def _seek(self, offsets: Mapping[Position, int]) -> Mapping[Position, int]:
        return await self.consumer.thread.seek_all(offsets)

    async def _deliver(self, partition: Partition, work: Work) -> None:
        """Give a turn to the agent, which reads all inputs of the group as one channel."""
        await self.consumer.deliver(next(iter(partition.group.inputs)), partition.number, work)
