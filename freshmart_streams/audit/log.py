"""The log of a running system, read with librdkafka: the engine's own readers are among what is to be verified.

Topics are read side by side, each as far and as fast as somebody asks for its next record; what waits in memory is
bounded.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, TypeVar, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from freshmart_streams.engine import StoredRecord

T = TypeVar("T")

RECORDS_WAITING: Final = 2_000
BYTES_WAITING: Final = 4 << 20
"""Of one topic partition; a single fetch may exceed it."""
ANSWER_SECONDS: Final = 20.0
STUCK_SECONDS: Final = 60.0
"""Longer than an open transaction of a dead worker (10 s) may hold up readers of committed messages."""
_POLL_SECONDS: Final = 0.5
_RECORDS_AT_ONCE: Final = 1_000


class UnreadableLogError(Exception):
    """The broker does not answer, or the log does not go on where it must; one line for a person."""


class UnreadableMessageError(UnreadableLogError):
    """A message that this client cannot read, though the workers can; one line for a person."""


@dataclass(frozen=True, kw_only=True)
class Broker:
    """How to reach the broker.

    Attributes:
        bootstrap: `host:port,host:port`.
        is_embedded: whether it is the embedded one, without transactions: messages may be repeated.
        security: librdkafka's settings for TLS and SASL.
    """

    bootstrap: str
    is_embedded: bool = False
    security: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def consumer(self, *, committed: bool = True) -> Consumer:
        """A consumer that joins no group and commits nothing, of committed messages or of all."""
        return Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "client.id": "freshmart-audit",
                "group.id": "freshmart-audit",
                "isolation.level": "read_committed" if committed and not self.is_embedded else "read_uncommitted",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "fetch.message.max.bytes": 4 << 20,
                "fetch.wait.max.ms": 50,
                "receive.message.max.bytes": 100 << 20,
                "queued.max.messages.kbytes": 32 << 10,
                "log_level": 0,
                **self.security,
            }
        )


class Source:
    """One topic partition that is being read.

    Attributes:
        topic, partition: its name.
        beginning: the first offset that the broker still has.
        end: where reading ends.
        lacking: how many offsets between records held none.
    """

    def __init__(self, topic: str, partition: int, beginning: int, end: int) -> None:
        self.topic = topic
        self.partition = partition
        self.beginning = beginning
        self.end = end
        self.lacking = 0
        self.read_to = beginning
        self.waiting: deque[StoredRecord] = deque()
        self.waiting_bytes = 0
        self.is_paused = True

    @property
    def name(self) -> str:
        """How lines for people call it."""
        return f"{self.topic}/{self.partition}"

    def has_before(self, end: int) -> bool:
        """Whether there may be a record before an offset."""
        return bool(self.waiting) or self.read_to < end

    @property
    def is_full(self) -> bool:
        """Whether enough waits."""
        return len(self.waiting) >= RECORDS_WAITING or self.waiting_bytes >= BYTES_WAITING


class Ends:
    """Where topic partitions begin and end on the broker now. A context manager.

    Args:
        broker: to ask.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._committed = broker.consumer()
        self._all = broker.consumer(committed=False)

    def __enter__(self) -> "Ends":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._committed.close()
        self._all.close()

    def partitions(self) -> dict[str, int]:
        """How many partitions each topic has."""
        found = self._asked(lambda: self._all.list_topics(timeout=ANSWER_SECONDS).topics)
        return {name: len(topic.partitions) for name, topic in found.items()}

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset, and the end of what is committed and can be read."""
        return self._watermarks(self._committed, topic, partition)

    def written(self, topic: str, partition: int) -> int:
        """The end of all that is written, in open transactions too."""
        return self._watermarks(self._all, topic, partition)[1]

    def _watermarks(self, consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
        place = TopicPartition(topic, partition)
        low, high = self._asked(lambda: consumer.get_watermark_offsets(place, timeout=ANSWER_SECONDS))
        return low, high

    def _asked(self, question: Callable[[], T]) -> T:
        try:
            return question()
        except KafkaException as error:
            raise UnreadableLogError(f"{self._broker.bootstrap} does not answer ({error.args[0].str()})") from error


class Reader:
    """Reads topic partitions side by side. A context manager.

    Args:
        broker: to read from.
        sources: what is read, each from its beginning.
    """

    def __init__(self, broker: Broker, sources: Iterable[Source]) -> None:
        self._consumer = broker.consumer()
        self._sources = {(source.topic, source.partition): source for source in sources}
        self._consumer.assign([TopicPartition(*place, source.read_to) for place, source in self._sources.items()])
        self._consumer.pause([TopicPartition(*place) for place in self._sources])

    def __enter__(self) -> "Reader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def head(self, source: Source) -> StoredRecord | None:
        """The next record of a source before its end, waiting for it if need be; None at the end.

        Raises:
            UnreadableLogError: nothing comes, though there must be something.
        """
        while not source.waiting:
            if source.read_to >= source.end:
                return None
            self._fetch(source)
        record = source.waiting[0]
        return record if record.offset < source.end else None

    def take(self, source: Source) -> StoredRecord:
        """Take the record that `head` has shown."""
        record = source.waiting.popleft()
        source.waiting_bytes -= _size(record)
        return record

    def _fetch(self, wanted: Source) -> None:
        if wanted.is_paused:
            wanted.is_paused = False
            self._consumer.resume([TopicPartition(wanted.topic, wanted.partition)])
        read_to, until = wanted.read_to, time.monotonic() + STUCK_SECONDS
        while wanted.read_to == read_to:
            first = self._consumer.poll(_POLL_SECONDS)
            if first is None:
                if time.monotonic() > until:
                    raise UnreadableLogError(f"{wanted.name}: nothing comes after offset {read_to}, of {wanted.end}")
                continue
            for message in (first, *self._consumer.consume(_RECORDS_AT_ONCE, 0)):
                self._receive(message)
        full = [source for source in self._sources.values() if source.is_full and not source.is_paused]
        for source in full:
            source.is_paused = True
        if full:
            self._consumer.pause([TopicPartition(source.topic, source.partition) for source in full])

    def _receive(self, message: Message) -> None:
        source = self._sources[message.topic() or "", message.partition() or 0]
        error, offset = message.error(), message.offset() or 0
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:
                raise UnreadableLogError(f"{source.name} cannot be read: {error.str()}")
            source.read_to = max(source.read_to, offset)
            return
        kind, at = message.timestamp()
        record = StoredRecord(
            source.topic,
            source.partition,
            offset,
            at,
            message.key(),
            message.value(),
            _headers(message, source, offset),
            kind - 1,  # librdkafka counts from "unknown" on
        )
        source.lacking += offset - source.read_to
        source.read_to = offset + 1
        source.waiting.append(record)
        source.waiting_bytes += _size(record)


def _headers(message: Message, source: Source, offset: int) -> tuple[tuple[str, bytes | None], ...]:
    try:
        return tuple(cast(list[tuple[str, bytes | None]], message.headers() or ()))
    except SystemError as error:  # that is how the client says it
        raise UnreadableMessageError(
            f"{source.name} has at offset {offset} a header whose name is not UTF-8, which librdkafka cannot read"
        ) from error


def _size(record: StoredRecord) -> int:
    return len(record.key or b"") + len(record.value or b"")
