"""How a commit gets into the log: as one transaction (mode `tx`), or as one record batch (mode `log`).

Each step is a method of its own; what a crash after each of them leaves behind is told in docs/architecture.md.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

from freshmart_streams.engine.changelog import MARKER, OUTBOX, Commit, ConflictError, encode_outbox
from freshmart_streams.engine.connection import BATCH_BYTES, WAIT_SECONDS, Connection, ended, within
from freshmart_streams.engine.headers import TolerantBuilder, are_plain
from freshmart_streams.engine.journal import encode_marker
from freshmart_streams.engine.options import RefusedError
from freshmart_streams.engine.records import Headers, Output
from freshmart_streams.engine.stores import Change
from freshmart_streams.engine.transactions import Outcome, Transactions, asking

log = logging.getLogger(__name__)

RECORD_OVERHEAD = 70
GIVE_UP_SECONDS = 0.2
"""How long what failed with its connection may take to end; what asks a closed client for metadata never does."""

Sent = list[tuple["asyncio.Future[Any]", int]]
"""The batches under way, in their order, and how many records each has."""


class Writer(ABC):
    """The one producer of a partition.

    Args:
        connection: to the broker.
        topic: the changelog.
        partition: its number.
        transactional_id: of this partition; mode `log` has no use for it.
        outputs: the topics that it publishes to, at the same partition number.
        journal: the topic of the journal, to which every commit writes.

    Attributes:
        in_transaction: whether what it sends belongs to a transaction.
    """

    in_transaction: ClassVar[bool]

    def __init__(
        self,
        connection: Connection,
        topic: str,
        partition: int,
        transactional_id: str,
        outputs: Sequence[str],
        journal: str | None,
    ) -> None:
        self._connection = connection
        self._topic = topic
        self._partition = partition
        self._id = transactional_id
        self._changelog = TopicPartition(topic, partition)
        self._always = {TopicPartition(name, partition) for name in (topic, journal) if name is not None}
        """What every commit writes to."""
        self._places = self._always | {TopicPartition(name, partition) for name in outputs}
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        """Start the producer. In mode `tx` that fences the previous owner.

        Raises:
            BrokerTimeoutError, KafkaError: the broker does not answer or refuses.
        """
        producer = self._connection.producer(self._id)
        try:
            await within(WAIT_SECONDS, "starting a producer", producer.start())
        except BaseException:
            await ended(_give_up(producer))
            raise
        self._producer = producer

    async def close(self) -> None:
        """Stop the producer; an open transaction is left to the next owner."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await ended(_give_up(producer))

    @abstractmethod
    async def write(self, commit: Commit, expected: int) -> int:
        """Write a commit.

        Args:
            commit: rows, outputs and marker.
            expected: the changelog offset at which it must begin in mode `log`.

        Returns:
            The changelog offset behind it.

        Raises:
            ConflictError: in mode `log`, another writer's commit is there.
            ProducerFenced: in mode `tx`, another owner opened the partition.
            BrokerTimeoutError, KafkaError: nothing is known of the commit; open the partition again.
        """

    @abstractmethod
    def outbox(self, outputs: Sequence[Output]) -> bytes | None:
        """What the store keeps of a commit's outputs until they are published."""

    @abstractmethod
    async def publish(self, outputs: Sequence[Output]) -> None:
        """Send the outputs of a commit that is written, unless writing it did."""

    async def _send_outputs(self, outputs: Sequence[Output]) -> Sent:
        by_topic: dict[str, list[Output]] = {}
        for output in outputs:
            by_topic.setdefault(output.topic, []).append(output)
        return [batch for topic, records in by_topic.items() for batch in await self._send_records(topic, records)]

    async def _send_records(self, topic: str, records: Sequence[Output]) -> Sent:
        """Send records in batches of at most BATCH_BYTES; one that is larger is a batch of its own."""
        is_plain = all(are_plain(record.headers) for record in records)
        new_batch = (
            self._started().create_batch if is_plain else partial(TolerantBuilder, is_transactional=self.in_transaction)
        )
        sized = ((key, value, list(headers), _size(headers)) for _, key, value, headers in records)
        return await self._send_batches(topic, sized, new_batch)

    async def _send_rows(self, topic: str, rows: Iterable[Change]) -> Sent:
        """As `_send_records`, for records without headers, and compressed: only workers read them."""
        none: list[tuple[str, bytes | None]] = []
        new_batch = partial(
            BatchBuilder, BATCH_BYTES, DefaultRecordBatch.CODEC_ZSTD, is_transactional=self.in_transaction
        )
        return await self._send_batches(topic, ((key, value, none, 0) for key, value in rows), new_batch)

    async def _send_batches(
        self,
        topic: str,
        records: Iterable[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]], int]],
        new_batch: Callable[[], Any],
    ) -> Sent:
        producer, sent = self._started(), []
        builder, size, count = new_batch(), 0, 0
        for key, value, headers, headers_size in records:
            cost = len(key or b"") + len(value or b"") + RECORD_OVERHEAD + headers_size
            if count and size + cost > BATCH_BYTES:
                sent.append((await producer.send_batch(builder, topic, partition=self._partition), count))
                builder, size, count = new_batch(), 0, 0
            if builder.append(key=key, value=value, timestamp=None, headers=headers) is None:
                raise ValueError("aiokafka refused a record that should have fit")
            size, count = size + cost, count + 1
        if count:
            sent.append((await producer.send_batch(builder, topic, partition=self._partition), count))
        return sent

    def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise ConflictError("the partition is not open")
        return self._producer


class TransactionWriter(Writer):
    """Mode `tx`: begin -> send -> await_sent -> commit, one transaction for rows, marker, journal and outputs."""

    in_transaction = True
    _outcome: Outcome | None = None
    """Of the last transaction before this worker fenced its owner; kept until the partition is known to be in order."""

    async def open(self) -> None:
        """Start the producer, which fences the previous owner, and end what Kafka left hanging (transactions.py).

        Raises:
            RefusedError: something hangs and cannot be ended, or nothing is known of its end.
            BrokerTimeoutError, KafkaError: the broker does not answer or refuses.
        """
        async with asking(self._connection) as transactions:
            described = await transactions.describe(self._id)
            await super().open()
            if described is not None and not described.is_empty:
                self._outcome = described.outcome(self._started()._txn_manager.producer_epoch)
            if hanging := await transactions.hanging(self._places):
                await within(WAIT_SECONDS, "ending a transaction", self._end(hanging))
                await self._check_ended(transactions)
        self._outcome = None

    async def _end(self, hanging: set[TopicPartition]) -> None:
        outcome = self._outcome
        if outcome is None:
            if self._changelog not in hanging:
                return  # an open transaction of another group, which shares the topic
            if len(self._always) == 1 or not self._always <= hanging:
                raise self._refusal(hanging, "the broker does not know which it had; compare with the other topics")
            outcome = "abort"  # nobody has seen anything of it
        log.warning("%s: a transaction of %s was left without its end: %s", _listed(hanging), self._id, outcome)
        producer = self._started()
        await producer.begin_transaction()
        for place in self._places:
            producer._txn_manager.maybe_add_partition_to_txn(place)
        await (producer.commit_transaction() if outcome == "commit" else producer.abort_transaction())

    async def _check_ended(self, transactions: Transactions) -> None:
        if hanging := await transactions.hanging([self._changelog]):
            raise self._refusal(hanging, "it is not of the present producer id")

    def _refusal(self, hanging: set[TopicPartition], why: str) -> RefusedError:
        return RefusedError(
            f"{_listed(hanging)}: a transaction of {self._id} has no end there, and {why}; "
            "what to do: docs/operations.md, a transaction without its end"
        )

    async def write(self, commit: Commit, expected: int) -> int:
        """See `Writer.write`."""
        return await within(WAIT_SECONDS, "a commit", self._write(commit))

    async def _write(self, commit: Commit) -> int:
        await self.begin()
        rows, outputs = await self.send(commit)
        await self.await_sent([*rows, *outputs])
        await self.commit()
        last, count = rows[-1]
        return int(last.result().offset) + count

    async def begin(self) -> None:
        """Begin the transaction."""
        await self._started().begin_transaction()

    async def send(self, commit: Commit) -> tuple[Sent, Sent]:
        """Hand rows and marker, then journal and outputs, to the producer; neither list is answered yet."""
        rows = [*commit.rows, (MARKER, encode_marker(commit.marker))]
        return await self._send_rows(self._topic, rows), await self._send_outputs(commit.outputs)

    async def await_sent(self, sent: Sent) -> None:
        """Wait for every batch: aiokafka commits a transaction of which one batch failed."""
        await _arrived(sent)

    async def commit(self) -> None:
        """Commit the transaction: from here on it counts, for everybody."""
        await self._started().commit_transaction()

    def outbox(self, outputs: Sequence[Output]) -> bytes | None:
        """Nothing: the transaction published the outputs."""
        return None

    async def publish(self, outputs: Sequence[Output]) -> None:
        """Nothing: the transaction published the outputs."""


class BatchWriter(Writer):
    """Mode `log`: write_batch, one record batch, which the broker has whole or not at all; outputs follow it."""

    in_transaction = False

    async def write(self, commit: Commit, expected: int) -> int:
        """See `Writer.write`."""
        return await within(WAIT_SECONDS, "a commit", self.write_batch(commit, expected))

    async def write_batch(self, commit: Commit, expected: int) -> int:
        """Send rows, outbox and marker as one batch, and see where it landed."""
        producer = self._started()
        builder = producer.create_batch()
        records = list(commit.rows)
        if commit.outputs:
            records.append((OUTBOX, encode_outbox(commit.outputs)))
        records.append((MARKER + commit.marker.seq.to_bytes(8, "big"), encode_marker(commit.marker)))
        for key, value in records:
            if builder.append(key=key, value=value, timestamp=None, headers=[]) is None:
                raise ValueError("a commit does not fit into one request of the embedded broker")
        future = await producer.send_batch(builder, self._topic, partition=self._partition)
        await _arrived([(future, len(records))])
        base = int(future.result().offset)
        if base != expected:
            raise ConflictError(f"{self._topic}/{self._partition}: the commit landed at {base}, expected {expected}")
        return base + len(records)

    def outbox(self, outputs: Sequence[Output]) -> bytes | None:
        """The outputs as the store keeps them."""
        return encode_outbox(outputs) if outputs else None

    async def publish(self, outputs: Sequence[Output]) -> None:
        """Send the outputs to their topics and wait until they are there."""
        await within(WAIT_SECONDS, "publishing", self._publish(outputs))

    async def _publish(self, outputs: Sequence[Output]) -> None:
        await _arrived(await self._send_outputs(outputs))


async def _give_up(producer: AIOKafkaProducer) -> None:
    """Stop a producer and whatever it still tries to send, for which its own `stop` would wait."""
    producer._closed = True
    sender, requests = producer._sender, []
    if sender is not None and sender.sender_task is not None:
        requests = _tasks_of(sender)
        sender.sender_task.cancel()  # it goes on waiting for its requests
    await producer.client.close()  # what is under way fails now
    if requests:
        _, stuck = await asyncio.wait(requests, timeout=GIVE_UP_SECONDS)
        for request in stuck:
            request.cancel()
        await asyncio.gather(*requests, return_exceptions=True)  # whatever they raise is nobody's concern any more


def _tasks_of(sender: Any) -> list["asyncio.Task[Any]"]:
    """What an aiokafka sender has under way; it keeps its tasks in a local variable."""
    found = []
    for task in asyncio.all_tasks():
        frame = getattr(task.get_coro(), "cr_frame", None)
        if frame is not None and frame.f_locals.get("self") is sender:
            found.append(task)
    return found


async def _arrived(sent: Sent) -> None:
    """Wait until the broker has the batches, or refuses one; to cancel them would make aiokafka's sender stumble."""
    if sent:
        done, _ = await asyncio.wait([future for future, _ in sent], return_when=asyncio.FIRST_EXCEPTION)
        for future in done:
            future.result()


def _size(headers: Headers) -> int:
    return sum(len(name) + len(value or b"") for name, value in headers)


def _listed(places: Iterable[TopicPartition]) -> str:
    return ", ".join(sorted(f"{place.topic}/{place.partition}" for place in places))


def writer_for(
    connection: Connection,
    topic: str,
    partition: int,
    transactional_id: str,
    *,
    outputs: Sequence[str] = (),
    journal: str | None = None,
) -> Writer:
    """The writer of the connection's mode."""
    kind = TransactionWriter if connection.mode == "tx" else BatchWriter
    return kind(connection, topic, partition, transactional_id, outputs, journal)
