"""Faust's aiokafka transport, with fetches handed to the engine as they come.

What stock Faust does per message (decode, deliver, acknowledge, commit) the engine does per batch. Kept: the consumer
thread, so that heartbeats survive a busy loop, the group protocol and the assignor. Every fetch result carries, per
input, the number of its last seek, read in the same step of the thread's loop: what was fetched before a seek is told
apart and dropped.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from aiokafka import TopicPartition
from aiokafka.consumer import AIOKafkaConsumer
from aiokafka.errors import (
    CommitFailedError,
    ConsumerStoppedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
    NoOffsetForPartitionError,
)
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from freshmart_streams.engine.connection import WAIT_SECONDS, BrokerTimeoutError, ended, within
from freshmart_streams.engine.logs import SERVICE_LOG, expect_lost_answers
from freshmart_streams.engine.records import Position, Record

if TYPE_CHECKING:
    from freshmart_streams.engine.worker import Engine

log = logging.getLogger(__name__)

FETCH_SECONDS = 0.25
CAREFUL_SECONDS = 0.05
FETCH_BYTES = 4 << 20
RECORDS_PER_FETCH = 20_000
START_AGAIN_SECONDS = 1.0


class Place(NamedTuple):
    """Where an input is after a round of fetching.

    Attributes:
        seek: the number of its last seek.
        start: the offset at which this round began, None after a seek in the middle of it.
        read_to: the next offset to fetch.
        end: the end of the log.
    """

    seek: int
    start: int | None
    read_to: int
    end: int


class Fetched(NamedTuple):
    """One round of fetching: the records, and where each assigned input is."""

    records: Mapping[Position, list[Record]]
    places: Mapping[Position, Place]


class RefusedCommitError(Exception):
    """The group coordinator refused an offset commit: the partitions may be somebody else's by now."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches and keeps the group membership."""

    logger = SERVICE_LOG

    def __post_init__(self) -> None:
        super().__post_init__()
        self.seek_numbers: dict[Position, int] = {}

    async def on_start(self) -> None:
        """Start the consumer; a broker that goes away in this very moment is waited for."""
        expect_lost_answers(asyncio.get_running_loop())
        while not self.should_stop:
            try:
                await super().on_start()
                return
            except KafkaConnectionError as error:
                log.warning("starting the consumer: %s; trying again", error)
                await ended(self._ensure_consumer().stop())
                await asyncio.sleep(START_AGAIN_SECONDS)

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust has no settings for these: committed records only, and a hole in the log is an error, not a jump
        engine = cast("Consumer", self.consumer).engine
        consumer._isolation_level = engine.connection.isolation_level
        consumer._auto_offset_reset = "none"
        consumer._fetch_max_wait_ms = 100
        return consumer

    async def _fetch_records(
        self, consumer: Any, active_partitions: Any, timeout: float | None = None, max_records: int | None = None
    ) -> Any:
        before = self._places(consumer, {})
        try:
            records = await super()._fetch_records(
                consumer, active_partitions, timeout=timeout, max_records=RECORDS_PER_FETCH
            )
        except NoOffsetForPartitionError:
            records = {}  # not seeked yet: the engine does that when it opens the partition
        return Fetched(
            {Position(tp.topic, tp.partition): found for tp, found in records.items()}, self._places(consumer, before)
        )

    async def on_thread_stop(self) -> None:
        """Stop the consumer; of a fetch that waits for an absent broker aiokafka lets the cancellation out."""
        with contextlib.suppress(asyncio.CancelledError):
            await super().on_thread_stop()

    def close_unless_begun(self) -> None:
        """Close the loop of a thread that never began; mode does it when a thread ends."""
        if not self._thread_started.is_set():
            self.thread_loop.close()

    def _places(self, consumer: AIOKafkaConsumer, before: Mapping[Position, Place]) -> dict[Position, Place]:
        places: dict[Position, Place] = {}
        committed = consumer._isolation_level == "read_committed"
        subscription = consumer._subscription.subscription
        if subscription is None or subscription.assignment is None:
            return places
        for position, number in self.seek_numbers.items():
            tp = TopicPartition(*position)
            if tp in subscription.assignment.tps:
                state = subscription.assignment.state_value(tp)
                end = (state.lso if committed else state.highwater) or 0
                if state.has_valid_position:
                    earlier = before.get(position)
                    start = earlier.read_to if earlier is not None and earlier.seek == number else None
                    places[position] = Place(number, start, state.position, end)
        return places

    async def seek_all(self, offsets: Mapping[Position, int]) -> dict[Position, int]:
        """Seek in the thread's loop, and number the seeks."""
        numbers: dict[Position, int] = await self._in_thread("seeking", self._seek_all, offsets)
        return numbers

    async def _seek_all(self, offsets: Mapping[Position, int]) -> dict[Position, int]:
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        for position, offset in offsets.items():
            tp = TopicPartition(*position)
            if tp in assigned:
                consumer.seek(tp, offset)
                self.seek_numbers[position] = self.seek_numbers.get(position, 0) + 1
        return {position: self.seek_numbers.get(position, -1) for position in offsets}

    async def check_group(self) -> None:
        """Raise what went wrong with the group, if anything did.

        aiokafka keeps such an error until somebody asks and stands still meanwhile, and Faust never asks.

        Raises:
            KafkaError: aiokafka joins again now.
            RuntimeError: it does not.
        """
        await self._in_thread("asking for the group", self._check_group)

    async def _check_group(self) -> None:
        if self._consumer is None:
            return
        coordinator = self._consumer._coordinator
        task = getattr(coordinator, "_coordination_task", None)
        if task is not None and task.done() and not task.cancelled() and task.exception() is not None:
            raise RuntimeError("the membership of the group ended") from task.exception()
        coordinator.check_errors()

    async def ask(self, what: str, positions: Iterable[Position]) -> dict[Position, int]:
        """`beginning_offsets` or `end_offsets` of inputs."""
        found: Mapping[TopicPartition, int] = await self._in_thread(
            what, self._ask, what, [TopicPartition(*position) for position in positions]
        )
        return {Position(tp.topic, tp.partition): offset for tp, offset in found.items()}

    async def _ask(self, what: str, tps: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        found: Mapping[TopicPartition, int] = await within(
            WAIT_SECONDS, what, getattr(self._ensure_consumer(), what)(tps)
        )
        return found

    async def _in_thread(self, what: str, method: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        """Have the thread do something, and wait for it, but not for ever.

        Raises:
            BrokerTimeoutError: the thread has other troubles.
        """
        return await within(2 * WAIT_SECONDS, what, self.call_thread(method, *arguments))

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit group offsets; False when they are refused, or nobody answers."""
        committed: bool = await self._in_thread("committing group offsets", self._commit, offsets)
        return committed

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit group offsets, which only displays and the test of membership use: no error of it ends the worker.

        Not while the group is being joined: the broker answers behind the join, of which the generation is another one,
        and aiokafka then leaves and joins again, for ever when joining takes longer than the next commit.
        """
        consumer = self._ensure_consumer()
        if consumer._subscription.reassignment_in_progress:
            return False
        try:
            places = {TopicPartition(*tp): offset for tp, offset in offsets.items()}
            await within(WAIT_SECONDS, "committing group offsets", consumer.commit(places))
        except (CommitFailedError, IllegalStateError):
            return False
        except (KafkaError, BrokerTimeoutError) as error:
            self.log.info("group offsets not committed: %r", error)
            return False
        return True

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Stock Faust looks for stuck streams by its own acknowledgements, which are not used here."""


class Consumer(driver.Consumer):
    """Delivers fetches to the engine, and batches of work to the group's agent."""

    logger = SERVICE_LOG

    @property
    def engine(self) -> "Engine":
        """The engine of the app that this consumer belongs to."""
        engine: Engine = self.app.engine  # type: ignore[attr-defined]  # an engine.App, never a bare faust.App
        return engine

    @property
    def thread(self) -> ConsumerThread:
        """The consumer's thread."""
        return cast(ConsumerThread, self._thread)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """The engine seeks when it opens a partition."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Give up all partitions before they may go elsewhere (eager rebalancing revokes all of them)."""
        if not self.app.should_stop:
            self.stop_flow()
            self.app.reason = "rebalancing"  # type: ignore[attr-defined]  # an engine.App
            await self.engine.pause("rebalancing")
        await super().on_partitions_revoked(revoked)

    def ack(self, message: Any) -> bool:
        """An event is a batch of work: there is nothing to commit for it."""
        message.acked = True
        self._unacked_messages.discard(message)
        return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Any:
        return list(self.engine.applied_offsets())

    def _filter_committable_offsets(self, tps: Any) -> dict[TP, int]:
        return {
            tp: offset for tp, offset in self.engine.applied_offsets().items() if self._committed_offset[tp] != offset
        }

    async def deliver(self, topic: str, partition: int, work: object) -> None:
        """Give work to the agent that reads this topic."""
        tp = TP(topic, partition)
        await self.callback(
            ConsumerMessage(
                topic,
                partition,
                0,
                0.0,
                0,
                None,
                None,
                cast(Any, work),
                None,
                0,
                0,
                tp,
                generation_id=self.app.consumer_generation_id,
            )
        )

    async def _drain_messages(self, fetcher: Any) -> None:
        stopped, intake = fetcher._stopped.is_set, self.engine.intake
        try:
            while not (self._stopped.is_set() or stopped()):
                if not self.flow_active:
                    await self.wait(self.can_resume_flow)  # type: ignore[arg-type]  # mode's annotation is narrower than its code
                    continue
                active = {tp for tp in self._get_active_partitions() if intake.wants(Position(*tp))}
                if not active:
                    await asyncio.sleep(0.005)
                    continue
                if intake.is_careful:
                    for tp in sorted(active):
                        await self._fetch({tp}, 0)
                    await asyncio.sleep(CAREFUL_SECONDS)
                else:
                    await self._fetch(active, FETCH_SECONDS)
                await asyncio.sleep(0)
        except (asyncio.CancelledError, ConsumerStoppedError):
            if not self.app.should_stop and not stopped():
                raise

    async def _fetch(self, active: set[TP], timeout: float) -> None:
        try:
            fetched = await self._getmany(active_partitions=active, timeout=timeout)
        except ConsumerStoppedError:
            raise
        except Exception as error:  # a batch that cannot be read raises whatever its decoder does
            await self.engine.intake.failed(error, [Position(*tp) for tp in active])
            return
        if fetched:  # also while the flow is stopped: partitions that are open already miss what is dropped
            self.engine.intake.received(cast(Fetched, fetched))


class Producer(driver.Producer):
    """Writes ticks, of which one more or less changes nothing: what has not arrived is not waited for for ever."""

    logger = SERVICE_LOG

    async def flush(self) -> None:
        """Nothing: nobody waits for a tick, and what is on its way arrives while the client stops."""

    async def on_stop(self) -> None:
        """Stop the client, or leave it alone."""
        await ended(super().on_stop())


class Transport(driver.Transport):
    """The transport behind `state://` addresses."""

    Consumer = Consumer
    Producer = Producer


TRANSPORTS.aliases["state"] = "freshmart_streams.engine.transport:Transport"
