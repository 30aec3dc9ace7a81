"""The changelog of a partition: what a commit is there, and how it is read back (writers.py writes it).

A commit is, in this order, the changed rows, (mode `log`) the outbox, and the marker. Mode `tx` writes it, the journal
entry and the outputs as one transaction. Mode `log` writes it as one record batch, which the broker has whole or not
at all; the outputs follow from the outbox.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from freshmart_streams.engine.clock import monotonic
from freshmart_streams.engine.connection import WAIT_SECONDS, BrokerTimeoutError, Connection, ended, within
from freshmart_streams.engine.headers import name_bytes, name_text
from freshmart_streams.engine.journal import LocalState, Marker, decode_marker, encode_local
from freshmart_streams.engine.records import Output
from freshmart_streams.engine.stores import LOCAL, Change, Store

MARKER = b"\x00m"
OUTBOX = b"\x00o"
DELETE_RETENTION_MS = 7 * 24 * 3600 * 1000
APPLY_ROWS = 20_000
READ_MS = 10
"""aiokafka waits so long for records although the end was reached: behind the last one there is a marker of its own."""
STUCK_SECONDS = 60.0

_StoredOutput = tuple[str, bytes | None, bytes | None, list[tuple[bytes, bytes | None]]]
_encode_outputs = msgspec.msgpack.Encoder().encode
_decode_outputs = msgspec.msgpack.Decoder(list[_StoredOutput]).decode


class ConflictError(Exception):
    """Somebody else committed first: this worker is not the owner any more."""


class ForeignLogError(Exception):
    """The local store and the changelog do not belong together."""


def encode_outbox(outputs: Sequence[Output]) -> bytes:
    """The outputs of a commit, as mode `log` keeps them until they are published."""
    stored: list[_StoredOutput] = [
        (topic, key, value, [(name_bytes(name), content) for name, content in headers])
        for topic, key, value, headers in outputs
    ]
    return _encode_outputs(stored)


def decode_outbox(stored: bytes) -> list[Output]:
    """The outputs from an outbox."""
    return [
        Output(topic, key, value, [(name_text(name), content) for name, content in headers])
        for topic, key, value, headers in _decode_outputs(stored)
    ]


class Commit(NamedTuple):
    """What one commit writes."""

    marker: Marker
    rows: list[Change]
    outputs: list[Output]


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
        try:
            await within(WAIT_SECONDS, "starting a changelog reader", consumer.start())
            end = await self._seek(consumer)
            await self._read(consumer, end)
        finally:
            await ended(consumer.stop())
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
        try:
            await within(WAIT_SECONDS, "starting a changelog reader", consumer.start())
            await self._seek(consumer)
            while True:
                for records in (await consumer.getmany(timeout_ms=1_000, max_records=5_000)).values():
                    for record in records:
                        self.apply(record.offset, record.key, record.value)
                if self._ready:
                    self._flush()
        finally:
            await ended(consumer.stop())

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
                raise BrokerTimeoutError(f"{self._name}: no progress at {position} of {end} for {STUCK_SECONDS:g} s")
            for records in (await consumer.getmany(timeout_ms=READ_MS)).values():
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
