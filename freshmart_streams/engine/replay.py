"""Reads a partition's log again: its inputs in the order of the journal, then what the journal does not have.

Whoever folds what comes out gets the same rows and outputs as the workers did, byte for byte, within one value of the
journal's `rules`. Beyond the journal's end records are merged by broker time, topic and offset, so that two replays
agree there too.
"""

from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from freshmart_streams.engine.connection import WAIT_SECONDS, Connection, ended, within
from freshmart_streams.engine.groups import Group
from freshmart_streams.engine.inbox import Inbox
from freshmart_streams.engine.journal import Span
from freshmart_streams.engine.records import Position, Record

RECORDS_AT_A_TIME = 2_000
POLL_MS = 500


class _Entry(msgspec.Struct):
    """The part of a journal entry that a replay follows."""

    group: str
    sequence: int
    spans: list[Span]


_decode_entry = msgspec.json.Decoder(_Entry).decode


class Replay:
    """The log of one partition of a group, as it is at the moment of the first record.

    Args:
        connection: to the broker.
        group: its inputs, master topics and journal are read; it must have a journal.
        partition: its number.

    Raises:
        ValueError: the group keeps no journal.
    """

    def __init__(self, connection: Connection, group: Group, partition: int) -> None:
        if group.journal is None:
            raise ValueError(f"the group {group.name} keeps no journal")
        self._connection = connection
        self._group = group
        self._partition = partition
        self._journal = TopicPartition(group.journal, partition)
        self._ends: Mapping[TopicPartition, int] = {}
        self._read: dict[TopicPartition, deque[Any]] = {}

    async def records(self) -> AsyncIterator[Record]:
        """All records of the inputs up to their present ends, in the order in which they are to be applied.

        Raises:
            BrokerTimeoutError, KafkaError: the broker does not answer.
        """
        consumer = self._connection.reader()
        await within(WAIT_SECONDS, "starting a replay", consumer.start())
        try:
            await self._begin(consumer)
            async for topic, partition, following in self._spans(consumer):
                place = TopicPartition(topic, partition)
                while (record := await self._head(consumer, place)) is not None and record.offset < following:
                    yield self._read[place].popleft()
            async for record in self._rest(consumer):
                yield record
        finally:
            await ended(consumer.stop())

    async def _begin(self, consumer: AIOKafkaConsumer) -> None:
        metadata = await within(WAIT_SECONDS, "asking for topics", consumer._client.fetch_all_metadata())
        places = [TopicPartition(topic, self._partition) for topic in self._group.inputs]
        for topic in self._group.master:
            places += [TopicPartition(topic, number) for number in sorted(metadata.partitions_for_topic(topic) or ())]
        places.append(self._journal)
        consumer.assign(places)
        self._read = {place: deque() for place in places}
        self._ends = await within(WAIT_SECONDS, "asking where the log ends", consumer.end_offsets(places))
        await within(WAIT_SECONDS, "seeking", consumer.seek_to_beginning(*places))

    async def _spans(self, consumer: AIOKafkaConsumer) -> AsyncIterator[tuple[str, int, int]]:
        latest = 0
        while (record := await self._head(consumer, self._journal)) is not None:
            self._read[self._journal].popleft()
            entry = _decode_entry(record.value)
            if entry.group != self._group.name or entry.sequence <= latest:
                continue  # groups share the topic; without transactions an entry may come twice
            latest = entry.sequence
            for topic, *broadcast, following in entry.spans:
                yield str(topic), int(broadcast[0]) if broadcast else self._partition, int(following)

    async def _head(self, consumer: AIOKafkaConsumer, place: TopicPartition) -> Any:
        """The next record of an input that is not yet handed over, or None at its end."""
        read = self._read[place]
        while not read:
            if await within(WAIT_SECONDS, "reading the log", consumer.position(place)) >= self._ends[place]:
                return None
            found = await consumer.getmany(place, timeout_ms=POLL_MS, max_records=RECORDS_AT_A_TIME)
            read.extend(found.get(place, ()))
        return read[0]

    async def _rest(self, consumer: AIOKafkaConsumer) -> AsyncIterator[Record]:
        """What the journal does not have, merged."""
        places = [place for place in self._read if place != self._journal]
        offsets = {}
        for place in places:
            head = await self._head(consumer, place)
            offsets[Position(*place)] = head.offset if head is not None else self._ends[place]
        inbox = Inbox(offsets, frozenset(self._group.master), None)
        inbox.learn_ends({Position(*place): self._ends[place] for place in places})
        while True:
            for place in places:
                await self._refill(consumer, inbox, place)
            inbox.learn_input_ends({})  # all ends are known
            records = inbox.take(RECORDS_AT_A_TIME)
            if not records:
                return
            for record in records:
                yield record

    async def _refill(self, consumer: AIOKafkaConsumer, inbox: Inbox, place: TopicPartition) -> None:
        entry = inbox.inputs[Position(*place)]
        if entry.records or not entry.is_behind:
            return
        if await self._head(consumer, place) is None:
            inbox.add(entry.position, [], self._ends[place], self._ends[place])
            return
        records = list(self._read[place])
        self._read[place].clear()
        inbox.add(entry.position, records, records[-1].offset + 1, self._ends[place])
