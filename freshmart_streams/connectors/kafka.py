"""Plain Kafka clients for tools: a producer that loses nothing, and reading a topic to its end.

The application itself does not use these; its engine has clients of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._metadata import ClusterMetadata

MESSAGE_BYTES_MAX: Final = 64 << 20
"""What our clients would send or take; the broker's own limit is the one that refuses."""

_ANSWER_S: Final = 10.0
_METADATA_S: Final = 5.0
_POLL_S: Final = 0.2
_READ_S: Final = 0.05
_TROUBLE_EVERY_S: Final = 5.0
_MOVING: Final = frozenset(
    {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS}
)
"""A group has no coordinator yet, or has just got another one."""

Answer = TypeVar("Answer")
Trouble = Callable[[str], None]
"""Told in one line that the broker does not answer, again and again until it does."""


class KafkaFailure(Exception):
    """The broker refused, or does not answer; the message is one line for a person."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """How to reach a broker, and the prefix of our topics on it."""

    bootstrap: str
    """`host:port,host:port`."""
    prefix: str
    is_embedded: bool = False
    """Whether librdkafka's mock cluster is there: no admin requests, topics appear on first use."""
    security: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """librdkafka's settings for TLS and SASL."""

    def topic(self, name: str) -> str:
        """Return the full name of a topic."""
        return self.prefix + name

    def producer(self, *, on_error: Callable[[KafkaError], None]) -> Producer:
        """Make an idempotent producer that places keys as Java does and waits for an absent broker."""
        return Producer(
            {
                **self._common(),
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "message.max.bytes": MESSAGE_BYTES_MAX,
                "message.timeout.ms": 0,  # for ever: an absent broker is waited for, a person ends it with Ctrl-C
                "linger.ms": 5,
                "reconnect.backoff.ms": 20,  # a first connection takes two attempts; the default waits 100 to 500 ms
                "retry.backoff.ms": 20,
                "queue.buffering.max.kbytes": 64 << 10,
                "compression.type": "none" if self.is_embedded else "zstd",
                "error_cb": on_error,
            }
        )

    def consumer(self, group: str = "freshmart-tools") -> Consumer:
        """Make a consumer of committed messages that neither joins a group nor commits by itself."""
        return Consumer(
            {
                **self._common(),
                "group.id": group,
                "isolation.level": "read_uncommitted" if self.is_embedded else "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.message.max.bytes": 8 << 20,
                "fetch.wait.max.ms": 50,  # the end of a topic is only told when a fetch found nothing
                "receive.message.max.bytes": MESSAGE_BYTES_MAX + (1 << 20),
                "queued.max.messages.kbytes": 32 << 10,
            }
        )

    def admin(self) -> AdminClient:
        """Make an admin client."""
        return AdminClient(self._common())

    def metadata(self) -> ClusterMetadata:
        """Ask once who the brokers are and which topics exist; creates none.

        Raises:
            KafkaFailure: no answer within five seconds.
        """
        try:
            return self.admin().list_topics(timeout=_METADATA_S)
        except KafkaException as error:
            raise KafkaFailure(f"the broker at {self.bootstrap} does not answer ({_text(error)})") from error

    def _common(self) -> dict[str, Any]:
        return {
            "bootstrap.servers": self.bootstrap,
            "client.id": "freshmart-tools",
            "log_level": 0,  # what a person should know is said by us, once and in one line
            "socket.keepalive.enable": True,
            **self.security,
        }


class Sender:
    """Sends messages and counts what becomes of them; a full queue is waited for.

    `on_trouble` is told about every five seconds that the broker does not answer. Messages that the broker refuses are
    counted in `refused`; the first reasons are kept in `reasons`, each with the message's place.
    """

    REASONS_MAX: Final = 5

    def __init__(self, cluster: Cluster, *, on_trouble: Trouble) -> None:
        self.acknowledged = 0
        self.refused = 0
        self.reasons: list[str] = []
        self._cluster = cluster
        self._on_trouble = on_trouble
        self._told_at = -_TROUBLE_EVERY_S
        self._fatal: str | None = None
        self._is_down = False
        self._producer = cluster.producer(on_error=self._error)

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]] = (),
        place: str = "",
    ) -> None:
        """Queue a message for a topic (its full name); returns before it is acknowledged.

        `place` says where it comes from if it is refused.

        Raises:
            KafkaFailure: the producer can never send again.
        """

        def delivered(error: KafkaError | None, message: Message) -> None:
            del message
            self._count(place, error)

        while True:
            self._check()
            try:
                self._producer.produce(topic, value, key, on_delivery=delivered, headers=list(headers))
                break
            except BufferError:
                self._producer.poll(_POLL_S)
                self._tell()
            except KafkaException as error:  # refused by the client: larger than any message may be
                self._count(place, error.args[0])
                return
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until everything sent is acknowledged or refused.

        Raises:
            KafkaFailure: the producer can never send again.
        """
        while self._producer.flush(_POLL_S):
            self._check()
            self._tell()
        self._check()

    def _count(self, place: str, error: KafkaError | None) -> None:
        if error is None:
            self.acknowledged += 1
            self._is_down = False
            return
        self.refused += 1
        if len(self.reasons) < self.REASONS_MAX:
            self.reasons.append(f"{place}: {error.str()}" if place else error.str())

    def _error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error.str()
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._is_down = True

    def _check(self) -> None:
        if self._fatal is not None:
            raise KafkaFailure(f"the broker at {self._cluster.bootstrap} ended the connection: {self._fatal}")

    def _tell(self) -> None:
        now = time.monotonic()
        if self._is_down and now - self._told_at >= _TROUBLE_EVERY_S:
            self._told_at = now
            self._on_trouble(f"no broker answers at {self._cluster.bootstrap}; trying again")


def partitions_of(cluster: Cluster, topic: str) -> list[int]:
    """Return the partition numbers of a topic (its full name); none when it does not exist.

    Raises:
        KafkaFailure: no answer within five seconds.
    """
    found = cluster.metadata().topics.get(topic)
    return [] if found is None else sorted(found.partitions)


def committed(consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
    """Return the offsets of the consumer's group, with their metadata.

    Raises:
        KafkaException: no answer within ten seconds.
    """
    return _of_coordinator(lambda: consumer.committed(partitions, timeout=_ANSWER_S))


def commit(consumer: Consumer, offsets: list[TopicPartition]) -> None:
    """Commit offsets of the consumer's group, and wait until the broker has them.

    Raises:
        KafkaException: the broker refuses, or has no answer for ten seconds.
    """
    _of_coordinator(lambda: consumer.commit(offsets=offsets, asynchronous=False))


def _of_coordinator(ask: Callable[[], Answer]) -> Answer:
    """Ask a group's coordinator; librdkafka looks for a new one only after it told so to the caller."""
    until = time.monotonic() + _ANSWER_S
    while True:
        try:
            return ask()
        except KafkaException as error:
            if error.args[0].code() not in _MOVING or time.monotonic() > until:
                raise
        time.sleep(_POLL_S)


def read_to_end(cluster: Cluster, topic: str, *, last: int | None = None) -> Iterator[Message]:
    """Yield every committed message of a topic (its full name) that is there now; of each partition in order.

    With `last` only about that many of the newest of each partition. A topic that does not exist is empty.

    Raises:
        KafkaFailure: the broker does not answer, or refuses.
    """
    partitions = partitions_of(cluster, topic)
    consumer = cluster.consumer()
    try:
        starts = [TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions]
        if last is not None:
            for start in starts:
                first, end = consumer.get_watermark_offsets(start, timeout=_ANSWER_S)
                start.offset = max(first, end - last)
        yield from _read(consumer, cluster, starts)
    except KafkaException as error:
        raise KafkaFailure(f"{topic} cannot be read ({_text(error)})") from error
    finally:
        consumer.close()


def assign_at_end(consumer: Consumer, cluster: Cluster, topic: str) -> None:
    """Let a consumer read what comes to a topic (its full name) from this moment on.

    The end is asked for now: Kafka's own "end" would be looked up some time later, and what came meanwhile be missed.

    Raises:
        KafkaFailure: the broker does not answer, or refuses.
    """
    starts = [TopicPartition(topic, number) for number in partitions_of(cluster, topic)]
    try:
        for start in starts:
            _, start.offset = consumer.get_watermark_offsets(start, timeout=_ANSWER_S)
    except KafkaException as error:
        raise KafkaFailure(f"{topic} cannot be read ({_text(error)})") from error
    consumer.assign(starts)


def _read(consumer: Consumer, cluster: Cluster, starts: list[TopicPartition]) -> Iterator[Message]:
    consumer.assign(starts)
    unfinished = {start.partition for start in starts}
    heard_at = time.monotonic()
    while unfinished:
        messages = consumer.consume(500, _READ_S)
        if messages:
            heard_at = time.monotonic()
        elif time.monotonic() - heard_at > _ANSWER_S:
            raise KafkaFailure(f"the broker at {cluster.bootstrap} does not answer")
        for message in messages:
            if not is_event(message):
                unfinished.discard(message.partition() or 0)
            elif message.partition() in unfinished:  # what arrives behind the end that was seen waits for the next time
                yield message


def is_event(message: Message) -> bool:
    """Tell a message from the news that a partition's end is reached.

    Raises:
        KafkaFailure: it is the news of a trouble that reading does not get over.
    """
    error = message.error()
    if error is None:
        return True
    if error.code() == KafkaError._PARTITION_EOF:
        return False
    raise KafkaFailure(f"{message.topic()} cannot be read ({error.str()})")


def _text(error: Exception) -> str:
    reason = error.args[0] if error.args else error
    return str(reason.str() if hasattr(reason, "str") else reason)
