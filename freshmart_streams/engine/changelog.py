"""The changelog of a partition: one atomic commit after the other, and how it is read back.

A commit is, in this order, the changed rows, (mode `log`) the outbox, and the marker. Mode `tx` writes it, the journal
entry and the outputs as one transaction. Mode `log` writes it as one record batch, which the broker has whole or not
at all; the outputs follow from the outbox. What happens after a crash at each step is in docs/architecture.md.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from freshmart_streams.engine.clock import monotonic
from freshmart_streams.engine.connection import BATCH_BYTES, WAIT_SECONDS, Connection, within
from freshmart_streams.engine.journal import LocalState, Marker, decode_marker, encode_local, encode_marker
from freshmart_streams.engine.records import Output
from freshmart_streams.engine.stores import LOCAL, Change, Store

MARKER = b"\x00m"
OUTBOX = b"\x00o"
DELETE_RETENTION_MS = 7 * 24 * 3600 * 1000
RECORD_OVERHEAD = 70
APPLY_ROWS = 20_000
STUCK_SECONDS = 60.0

_encode_outputs = msgspec.msgpack.Encoder().encode
_decode_outputs = msgspec.msgpack.Decoder(list[Output]).decode


class ConflictError(Exception):
    """Somebody else committed first: this worker is not the owner any more."""


class ForeignLogError(Exception):
    """The local store and the changelog do not belong together."""


def encode_outbox(outputs: Sequence[Output]) -> bytes:
    """The outputs of a commit, as mode `log` keeps them until they are published."""
    return _encode_outputs(outputs)


def decode_outbox(stored: bytes) -> list[Output]:
    """The outputs from an outbox."""
    return _decode_outputs(stored)


class Commit(NamedTuple):
    """What one commit writes."""

    marker: Marker
    rows: list[Change]
    outputs: list[Output]


class ChangelogWriter:
    """The one producer of a partition. Opening it fences the previous owner (mode `tx`)."""

    def __init__(self, connection: Connection, topic: str, partition: int, transactional_id: str) -> None:
        self._connection = connection
        self._topic = topic
        self._partition = partition
        self._id = transactional_id
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        """Start the producer.

        Raises:
            BrokerTimeoutError, KafkaError: the broker does not answer or refuses.
        """
        producer = self._connection.producer(self._id)
        try:
            await within(WAIT_SECONDS, "starting a producer", producer.start())
        except BaseException:
            await _stop(producer)
            raise
        self._producer = producer

    async def close(self) -> None:
        """Stop the producer; an open transaction is left to the next owner."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer)

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
        if self._connection.mode == "tx":
            return await within(WAIT_SECONDS, "a commit", self._write_transaction(commit))
        return await within(WAIT_SECONDS, "a commit", self._write_batch(commit, expected))

    async def _write_transaction(self, commit: Commit) -> int:
        producer = self._started()
        await producer.begin_transaction()
        records = [Output(self._topic, key, value, ()) for key, value in commit.rows]
        records.append(Output(self._topic, MARKER, encode_marker(commit.marker), ()))
        sent = await self._send(self._topic, records)
        futures = [future for future, _ in sent]
        futures += await self._publish(commit.outputs)
        # aiokafka commits a transaction of which one batch failed: wait for every batch first
        await asyncio.gather(*futures)
        await producer.commit_transaction()
        last, count = sent[-1]
        return int(last.result().offset) + count

    async def _write_batch(self, commit: Commit, expected: int) -> int:
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
        base = int((await future).offset)
        if base != expected:
            raise ConflictError(f"{self._topic}/{self._partition}: the commit landed at {base}, expected {expected}")
        return base + len(records)

    async def publish(self, outputs: Sequence[Output]) -> None:
        """Send outputs outside of a commit: mode `log`, after it."""
        futures = await self._publish(outputs)
        await within(WAIT_SECONDS, "publishing", asyncio.gather(*futures))

    async def _publish(self, outputs: Sequence[Output]) -> "list[asyncio.Future[Any]]":
        by_topic: dict[str, list[Output]] = {}
        for output in outputs:
            by_topic.setdefault(output.topic, []).append(output)
        futures: list[asyncio.Future[Any]] = []
        for topic, records in by_topic.items():
            futures += [future for future, _ in await self._send(topic, records)]
        return futures

    async def _send(self, topic: str, records: Iterable[Output]) -> "list[tuple[asyncio.Future[Any], int]]":
        """Send records in batches of at most BATCH_BYTES; one that is larger is a batch of its own."""
        producer, sent = self._started(), []
        builder, size, count = producer.create_batch(), 0, 0
        for record in records:
            cost = (
                len(record.key or b"")
                + len(record.value or b"")
                + RECORD_OVERHEAD
                + sum(len(name) + len(value or b"") for name, value in record.headers)
            )
            if count and size + cost > BATCH_BYTES:
                sent.append((await producer.send_batch(builder, topic, partition=self._partition), count))
                builder, size, count = producer.create_batch(), 0, 0
            if builder.append(key=record.key, value=record.value, timestamp=None, headers=list(record.headers)) is None:
                raise ValueError("aiokafka refused a record that should have fit")
            size, count = size + cost, count + 1
        if count:
            sent.append((await producer.send_batch(builder, topic, partition=self._partition), count))
        return sent

    def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise ConflictError("the partition is not open")
        return self._producer


async def _stop(producer: AIOKafkaProducer) -> None:
    # it is gone either way; what it left open is the next owner's to abort
    with contextlib.suppress(TimeoutError, KafkaError, OSError):
        await asyncio.wait_for(producer.stop(), 3)


class ChangelogReader:
    """Reads whole commits from a changelog partition into a store, from the store's own position on."""

    def __init__(self, connection: Connection, topic: str, partition: int, store: Store, local: LocalState) -> None:
        self._mode = connection.mode
        self._connection = connection
        self._tp = TopicPartition(topic, partition)
        self._name = f"{topic}/{partition}"
        self._store = store
        self.local = local
        self.stored = local
        self._pending: dict[bytes, bytes | None] = {}
        self._ready: dict[bytes, bytes | None] = {}
        self.records_read = 0

    async def catch_up(self) -> LocalState:
        """Read to the changelog's end as it is now and return what the store holds then.

        Nobody else may be able to write to it: the writer has been opened before.

        Raises:
            ForeignLogError: the store is ahead of the changelog, or of another log.
            BrokerTimeoutError, KafkaError: the broker does not answer.
        """
        consumer = self._connection.reader()
        await within(WAIT_SECONDS, "starting a changelog reader", consumer.start())
        try:
            end = await self._seek(consumer)
            await self._read(consumer, end)
        finally:
            await within(WAIT_SECONDS, "stopping a changelog reader", consumer.stop())
        if self._mode == "log":
            self.local.changelog_next = end  # what was rejected need not be read again
        self._flush()
        return self.local

    async def follow(self) -> None:
        """Read for ever, applying each commit as it comes.

        Raises:
            ForeignLogError: the store is ahead of the changelog, or of another log.
            BrokerTimeoutError, KafkaError: the broker does not answer.
        """
        consumer = self._connection.reader()
        await within(WAIT_SECONDS, "starting a changelog reader", consumer.start())
        try:
            await self._seek(consumer)
            while True:
                for records in (await consumer.getmany(timeout_ms=1_000, max_records=5_000)).values():
                    for record in records:
                        self.apply(record.offset, record.key, record.value)
                if self._ready:
                    self._flush()
        finally:
            await asyncio.wait([asyncio.ensure_future(consumer.stop())], timeout=3)

    async def _seek(self, consumer: AIOKafkaConsumer) -> int:
        """Go to where the store is; return where the changelog ends now."""
        consumer.assign([self._tp])
        ends = await within(WAIT_SECONDS, "asking for the changelog's end", consumer.end_offsets([self._tp]))
        end = int(ends[self._tp])
        if self.local.changelog_next > end:
            raise ForeignLogError(
                f"{self._name}: the data folder is at {self.local.changelog_next}, the changelog ends at {end}"
            )
        consumer.seek(self._tp, self.local.changelog_next)
        return end

    async def _read(self, consumer: AIOKafkaConsumer, end: int) -> None:
        last_progress, last_position = monotonic(), -1
        while (position := await within(WAIT_SECONDS, "reading the changelog", consumer.position(self._tp))) < end:
            if position != last_position:
                last_progress, last_position = monotonic(), position
            elif monotonic() - last_progress > STUCK_SECONDS:
                raise ForeignLogError(f"{self._name}: no progress at {position} of {end}")
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    self.apply(record.offset, record.key, record.value)
            await asyncio.sleep(0)

    def apply(self, offset: int, key: bytes, value: bytes | None) -> None:
        """Take in one record; a commit counts when its marker has come."""
        self.records_read += 1
        if not key.startswith(MARKER):
            self._pending[key] = value
            return
        assert value is not None, "a marker is never deleted"
        marker = decode_marker(value)
        if self._accepts(marker, offset):
            outbox = self._pending.pop(OUTBOX, None)
            self._ready.update(self._pending)
            self.local = LocalState(marker, offset + 1, outbox)
        self._pending = {}
        if len(self._ready) >= APPLY_ROWS:
            self._flush()

    def _accepts(self, marker: Marker, offset: int) -> bool:
        before = self.local.marker
        if before.id and marker.id != before.id:
            raise ForeignLogError(f"{self._name}: the changelog at {offset} is of another log than the data folder")
        if self._mode == "log":
            return marker.seq == before.seq + 1  # the first writer wins, for everybody
        if marker.seq <= before.seq:
            raise ForeignLogError(f"{self._name}: commit {marker.seq} at {offset} follows commit {before.seq}")
        return True

    def _flush(self) -> None:
        self._store.write([*self._ready.items(), (LOCAL, encode_local(self.local))])
        self._ready = {}
        self.stored = self.local


def new_log_id() -> str:
    """The id of a partition's log, made at its first commit. It marks the log and is in no result."""
    return uuid.uuid4().hex
