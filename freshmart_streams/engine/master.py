"""Master data: topics that every partition reads whole, by one consumer per worker."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from freshmart_streams.engine.connection import WAIT_SECONDS, Connection, within
from freshmart_streams.engine.inbox import Inbox
from freshmart_streams.engine.records import Position, Record

log = logging.getLogger(__name__)

WAITING_MAX = 20_000
RETRY_SECONDS = 1.0


class MasterReader:
    """Hands each record of the master topics to every open partition, from where that partition is.

    A partition that opens with an older position takes the reader back; the others leave out what they have.
    """

    def __init__(
        self,
        connection: Connection,
        topics: Iterable[str],
        inboxes: Callable[[], Iterable[Inbox]],
        on_records: Callable[[], None],
        supervise: Callable[["asyncio.Task[None]"], "asyncio.Task[None]"],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._connection = connection
        self._topics = sorted(topics)
        self._inboxes = inboxes
        self._on_records = on_records
        self._supervise = supervise
        self._on_error = on_error
        self._consumer: AIOKafkaConsumer | None = None
        self._next: dict[Position, int] = {}
        self._rewinds = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect and find the partitions of the topics.

        Raises:
            BrokerTimeoutError, KafkaError: the broker does not answer.
        """
        if not self._topics or self._consumer is not None:
            return
        consumer = self._connection.reader()
        await within(WAIT_SECONDS, "starting the reader of master data", consumer.start())
        metadata = await within(WAIT_SECONDS, "asking for the master topics", consumer._client.fetch_all_metadata())
        for topic in self._topics:
            for partition in sorted(metadata.partitions_for_topic(topic) or ()):
                self._next[Position(topic, partition)] = 0
        consumer.assign([TopicPartition(*position) for position in self._next])
        for position, beginning in (await self._ask(consumer, "beginning_offsets")).items():
            consumer.seek(TopicPartition(*position), beginning)
            self._next[position] = beginning
        self._consumer = consumer
        self._task = self._supervise(asyncio.create_task(self._read(), name="master data"))

    async def stop(self) -> None:
        """Stop reading."""
        task, self._task = self._task, None
        consumer, self._consumer = self._consumer, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=3)
        if consumer is not None:
            await asyncio.wait([asyncio.ensure_future(consumer.stop())], timeout=3)

    async def beginnings(self) -> Mapping[Position, int]:
        """The first offset that each master partition still has."""
        return await self._ask(self._consumer, "beginning_offsets")

    async def ends(self) -> Mapping[Position, int]:
        """Where the master topics end now."""
        return await self._ask(self._consumer, "end_offsets")

    async def _ask(self, consumer: AIOKafkaConsumer | None, what: str) -> dict[Position, int]:
        if consumer is None:
            return {}
        found = await within(
            WAIT_SECONDS,
            f"asking for {what} of master data",
            getattr(consumer, what)([TopicPartition(*position) for position in self._next]),
        )
        return {Position(tp.topic, tp.partition): offset for tp, offset in found.items()}

    def rewind(self, offsets: Mapping[Position, int]) -> None:
        """Read again from these offsets where the reader is further."""
        for position, offset in offsets.items():
            if self._consumer is not None and offset < self._next.get(position, 0):
                self._consumer.seek(TopicPartition(*position), offset)
                self._next[position] = offset
                self._rewinds += 1

    async def _read(self) -> None:
        consumer = self._consumer
        assert consumer is not None
        while True:
            if any(
                len(entry.records) > WAITING_MAX
                for inbox in self._inboxes()
                for entry in inbox.inputs.values()
                if entry.position in self._next
            ):
                await asyncio.sleep(0.05)
                continue
            rewinds = self._rewinds
            try:
                fetched = await consumer.getmany(timeout_ms=500)
            except Exception as error:  # whatever is wrong with a batch on the way or on the broker's disk
                self._on_error(error)
                self._read_again(consumer)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if rewinds == self._rewinds:
                self._hand_over(consumer, fetched)
            else:  # some of it may be from before the rewind and would leave a gap
                self._read_again(consumer)

    def _read_again(self, consumer: AIOKafkaConsumer) -> None:
        """Fetch what was not handed over: with an error, aiokafka forgets what it took out of the fetch before it."""
        for position, following in self._next.items():
            consumer.seek(TopicPartition(*position), following)

    def _hand_over(self, consumer: AIOKafkaConsumer, fetched: Mapping[TopicPartition, list[Record]]) -> None:
        news = False
        for position, before in self._next.items():
            tp = TopicPartition(*position)
            state = consumer._subscription.subscription.assignment.state_value(tp)
            # Behind the records there may be what is none, such as the marker of a client's transaction.
            following = state.position if state.has_valid_position else before
            if tp in fetched or following > before:
                self._next[position], news = following, True
                for inbox in self._inboxes():
                    if position in inbox.inputs:
                        inbox.add(position, fetched.get(tp, ()), following, following)
        if news:
            self._on_records()
