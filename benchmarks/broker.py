"""What the benchmark asks of the broker: topics, messages, how far a topic goes, everything in it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import ListOffsetsResultInfo, OffsetSpec
from confluent_kafka.cimpl import NewTopic

NOT_YET = {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART}
"""What the broker says of a partition that was created just now."""
ACKNOWLEDGED_SECONDS_MAX = 60
HELD_SECONDS_MAX = 900
"""Kafka allows no longer transaction by default."""


class Broker:
    """A Kafka at `host:port`, and how many partitions each topic has."""

    def __init__(self, bootstrap: str, partitions: int = 4) -> None:
        self.bootstrap = bootstrap
        self.partitions = partitions
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self._known: set[str] = set()

    def create(self, *names: str, compacted: bool = False) -> None:
        """Create topics; what is there already stays."""
        config = {"cleanup.policy": "compact"} if compacted else {}
        topics = [NewTopic(name, self.partitions, 1, config=config) for name in names]
        for future in self._admin.create_topics(topics, operation_timeout=15).values():
            try:
                future.result(timeout=20)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise

    def send(self, topic: str, messages: Iterable[tuple[bytes, bytes]]) -> int:
        """Send messages in order, placed as Java's clients place them; returns their number."""
        producer = self._producer()
        sent = _hand_over(producer, topic, messages)
        if producer.flush(ACKNOWLEDGED_SECONDS_MAX):
            raise TimeoutError(f"{topic}: messages were not acknowledged within a minute")
        return sent

    def hold(self, topic: str, messages: Iterable[tuple[bytes, bytes]]) -> Callable[[], None]:
        """Send messages that nobody who reads what is committed sees yet; what is returned makes all visible at once.

        It must be called within `HELD_SECONDS_MAX`, and nothing behind these messages is read before.
        """
        timeout = {"transaction.timeout.ms": HELD_SECONDS_MAX * 1_000}
        producer = self._producer({"transactional.id": f"hold-{topic}", **timeout})
        producer.init_transactions(ACKNOWLEDGED_SECONDS_MAX)
        producer.begin_transaction()
        _hand_over(producer, topic, messages)
        if producer.flush(ACKNOWLEDGED_SECONDS_MAX):
            raise TimeoutError(f"{topic}: messages were not acknowledged within a minute")
        return lambda: producer.commit_transaction(ACKNOWLEDGED_SECONDS_MAX)

    def _producer(self, options: Mapping[str, str | int] | None = None) -> Producer:
        return Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "partitioner": "murmur2_random",
                "linger.ms": 20,
                "batch.size": 200_000,
                "enable.idempotence": True,
                "log_level": 0,
                **(options or {}),
            }
        )

    def topics(self) -> set[str]:
        """Names of all topics."""
        return set(self._admin.list_topics(timeout=15).topics)

    def end(self, topics: Sequence[str]) -> int:
        """How many offsets these topics' partitions have in sum; a topic that is not there yet has none."""
        return sum(self.ends(topics).values())

    def ends(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """The end of each partition of these topics, as far as they are there."""
        if not set(topics) <= self._known:
            self._known = self.topics()
        topics = [topic for topic in topics if topic in self._known]
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = {TopicPartition(topic, number): latest for topic in topics for number in range(self.partitions)}
        answers = self._admin.list_offsets(asked)
        return {(place.topic, place.partition): self._offset(answer) for place, answer in answers.items()}

    @staticmethod
    def _offset(answer: "Future[ListOffsetsResultInfo]") -> int:
        try:
            return int(answer.result(timeout=15).offset)
        except KafkaException as error:
            if error.args[0].code() in NOT_YET:
                return 0
            raise

    def read(self, topic: str, since: Mapping[tuple[str, int], int] | None = None) -> Iterator[Message]:
        """All committed messages of a topic, each partition in its order, from the beginning or these offsets on."""
        begin = since or {}
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "benchmark-reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "log_level": 0,
            }
        )
        consumer.assign(
            [TopicPartition(topic, number, begin.get((topic, number), 0)) for number in range(self.partitions)]
        )
        try:
            open_partitions = self.partitions
            while open_partitions:
                message: Message | None = consumer.poll(15)
                if message is None:
                    raise TimeoutError(f"{topic}: nothing more to read within 15 s")
                problem = message.error()
                if problem is None:
                    yield message
                elif problem.code() == KafkaError._PARTITION_EOF:
                    open_partitions -= 1
                else:
                    raise KafkaException(problem)
        finally:
            consumer.close()

    def latest(self, topic: str) -> dict[bytes, bytes]:
        """The last value of each key: what a compacted topic holds."""
        found: dict[bytes, bytes] = {}
        for message in self.read(topic):
            key, value = message.key() or b"", message.value()
            if value is None:
                found.pop(key, None)
            else:
                found[key] = value
        return found


def _hand_over(producer: Producer, topic: str, messages: Iterable[tuple[bytes, bytes]]) -> int:
    sent = 0
    for key, value in messages:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.05)
        producer.poll(0)
        sent += 1
    return sent
