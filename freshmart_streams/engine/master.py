"""Master data: topics that every partition reads whole, by one consumer per worker."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from freshmart_streams.engine.care import Care
from freshmart_streams.engine.connection import WAIT_SECONDS, Connection, ended, within
from freshmart_streams.engine.inbox import Inbox, Input
from freshmart_streams.engine.records import Position, Record

log = logging.getLogger(__name__)

FETCH_MS = 500
CAREFUL_SECONDS = 0.05


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
        on_error: Callable[[Exception, str], None],
    ) -> None:
        self._connection = connection
        self._topics = sorted(topics)
        self._inboxes = inboxes
        self._on_records = on_records
        self._supervise = supervise
        self._on_error = on_error
        self._consumer: AIOKafkaConsumer | None = None
        self._next: dict[Position, int] = {}
        self._care = Care()
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
        try:
            await self._connect(consumer)
        except BaseException:  # also when the worker is told to end meanwhile: nobody else knows of this reader
            await ended(consumer.stop())
            raise
        self._consumer = consumer
        self._task = self._supervise(asyncio.create_task(self._read(), name="master data"))

    async def _connect(self, consumer: AIOKafkaConsumer) -> None:
        await within(WAIT_SECONDS, "starting the reader of master data", consumer.start())
        metadata = await within(WAIT_SECONDS, "asking for the master topics", consumer._client.fetch_all_metadata())
        for topic in self._topics:
            for partition in sorted(metadata.partitions_for_topic(topic) or ()):
                self._next[Position(topic, partition)] = 0
        consumer.assign([TopicPartition(*position) for position in self._next])
        for position, beginning in (await self._ask(consumer, "beginning_offsets")).items():
            consumer.seek(TopicPartition(*position), beginning)
            self._next[position] = beginning

    async def stop(self) -> None:
        """Stop reading."""
        task, self._task = self._task, None
        consumer, self._consumer = self._consumer, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=3)
        if consumer is not None:
            await ended(consumer.stop())

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
            wanted = [position for position in self._next if not self._care.rests(position)]
            if not wanted or any(not entry.has_room for entry in self._entries()):
                await asyncio.sleep(CAREFUL_SECONDS)
            elif self._care.is_needed:
                for position in wanted:
                    await self._fetch(consumer, [position], 0)
                await asyncio.sleep(CAREFUL_SECONDS)
            else:
                await self._fetch(consumer, wanted, FETCH_MS)

    def _entries(self) -> Iterator[Input]:
        return (entry for inbox in self._inboxes() for entry in inbox.inputs.values() if entry.position in self._next)

    async def _fetch(self, consumer: AIOKafkaConsumer, positions: Sequence[Position], timeout_ms: int) -> None:
        rewinds = self._rewinds
        try:
            fetched = await consumer.getmany(
                *(TopicPartition(*position) for position in positions), timeout_ms=timeout_ms
            )
        except Exception as error:  # whatever is wrong with a batch on the way or on the broker's disk
            position = self._care.failed(positions)
            self._on_error(
                error, "fetching master data" if position is None else f"fetching {'/'.join(map(str, position))}"
            )
            self._read_again(consumer, positions)
            return
        if rewinds == self._rewinds:
            self._hand_over(consumer, fetched, positions)
        else:  # some of it may be from before the rewind and would leave a gap
            self._read_again(consumer, positions)

    def _read_again(self, consumer: AIOKafkaConsumer, positions: Sequence[Position]) -> None:
        """Fetch what was not handed over."""
        for position in positions:
            consumer.seek(TopicPartition(*position), self._next[position])

    def _hand_over(
        self,
        consumer: AIOKafkaConsumer,
        fetched: Mapping[TopicPartition, list[Record]],
        positions: Sequence[Position],
    ) -> None:
        news = False
        for position in positions:
            before, tp = self._next[position], TopicPartition(*position)
            state = consumer._subscription.subscription.assignment.state_value(tp)
            # Behind the records there may be what is none, such as the marker of a client's transaction.
            following = state.position if state.has_valid_position else before
            if tp in fetched or following > before:
                self._next[position], news = following, True
                for inbox in self._inboxes():
                    entry = inbox.inputs.get(position)
                    # One that was just opened may be further back, until the rewind for it comes: leave no gap.
                    if entry is not None and entry.read_to >= before:
                        inbox.add(position, fetched.get(tp, ()), following, following)
        if news:
            self._on_records()
