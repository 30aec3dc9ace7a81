"""The tools' clients place keys as Java does, lose nothing, and read a topic to its end."""

import random
import threading
from collections.abc import Callable
from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from freshmart_streams.connectors import kafka as kafka_module
from freshmart_streams.connectors.kafka import Cluster, KafkaFailure, Sender, read_to_end
from freshmart_streams.connectors.kafka_admin import await_topics
from tests.support.kafka import Kafka

Messages = Callable[[str], list[Message]]


def nobody(line: str) -> None:
    raise AssertionError(f"no trouble is expected, but: {line}")


def unreachable() -> Cluster:
    return Cluster(bootstrap="127.0.0.1:1", prefix="freshmart.", is_embedded=True)


class TestSender:
    def test_places_keys_as_javas_default_partitioner_does(self, cluster: Cluster, messages: Messages) -> None:
        sender = Sender(cluster, on_trouble=nobody)
        # Kafka's own test values: murmur2 modulo 2 ** 31 - 1 masked, modulo 4 partitions.
        known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
        for key in known:
            sender.send("freshmart.sales", key=key, value=b"{}")
        sender.flush()
        found = {message.key(): message.partition() for message in messages("sales")}
        assert found == {key: (hash_ & 0x7FFFFFFF) % 4 for key, hash_ in known.items()}

    def test_counts_what_is_acknowledged(self, cluster: Cluster) -> None:
        sender = Sender(cluster, on_trouble=nobody)
        for number in range(1000):
            sender.send("freshmart.sales", key=str(number).encode(), value=b"{}")
        sender.flush()
        assert (sender.acknowledged, sender.refused) == (1000, 0)

    def test_keeps_null_keys_values_and_headers(self, cluster: Cluster, messages: Messages) -> None:
        sender = Sender(cluster, on_trouble=nobody)
        sender.send("freshmart.stores", key=b"0042", value=None, headers=[("a", b"1"), ("a", None)])
        sender.send("freshmart.sales", key=None, value=b"{}")
        sender.flush()
        (deleted,), (keyless,) = messages("stores"), messages("sales")
        assert (deleted.key(), deleted.value(), deleted.headers()) == (b"0042", None, [("a", b"1"), ("a", None)])
        assert (keyless.key(), keyless.value()) == (None, b"{}")

    def test_sends_ten_megabytes(self, cluster: Cluster, messages: Messages) -> None:
        sender = Sender(cluster, on_trouble=nobody)
        sender.send("freshmart.sales", key=b"0042", value=b"x" * 10_000_000)
        sender.flush()
        assert [len(message.value() or b"") for message in messages("sales")] == [10_000_000]

    def test_counts_and_places_what_is_larger_than_anything(
        self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(kafka_module, "MESSAGE_BYTES_MAX", 100_000)
        sender = Sender(cluster, on_trouble=nobody)
        sender.send("freshmart.sales", key=b"0042", value=b"x" * 200_000, place="file:7")
        sender.send("freshmart.sales", key=b"0042", value=b"{}")
        sender.flush()
        assert (sender.acknowledged, sender.refused) == (1, 1)
        assert sender.reasons[0].startswith("file:7: ")

    def test_waits_for_an_absent_broker_and_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kafka_module, "_TROUBLE_EVERY_S", 0.05)
        told: list[str] = []

        class EnoughError(Exception):
            pass

        def tell(line: str) -> None:
            told.append(line)
            if len(told) == 3:
                raise EnoughError

        sender = Sender(unreachable(), on_trouble=tell)
        sender.send("freshmart.sales", key=b"0042", value=b"{}")
        with pytest.raises(EnoughError):
            sender.flush()
        assert set(told) == {"no broker answers at 127.0.0.1:1; trying again"}

    def test_waits_while_its_queue_is_full(self, cluster: Cluster, messages: Messages) -> None:
        sender = Sender(cluster, on_trouble=nobody)
        for number in range(30):  # 120 MB through a queue of 64
            sender.send(f"freshmart.{('sales', 'inventory')[number % 2]}", key=b"0042", value=b"x" * 4_000_000)
        sender.flush()
        assert (sender.acknowledged, sender.refused) == (30, 0)


class TestReadToEnd:
    def test_reads_each_partition_in_order_and_stops(self, cluster: Cluster, messages: Messages) -> None:
        sender = Sender(cluster, on_trouble=nobody)
        for number in range(500):
            sender.send("freshmart.sales", key=str(number % 7).encode(), value=str(number).encode())
        sender.flush()
        found = [(message.partition(), int(message.value() or b"")) for message in messages("sales")]
        assert sorted(number for _, number in found) == list(range(500))
        for partition in range(4):
            numbers = [number for found_in, number in found if found_in == partition]
            assert numbers == sorted(numbers)

    def test_reads_only_the_newest_when_asked(self, cluster: Cluster) -> None:
        sender = Sender(cluster, on_trouble=nobody)
        for number in range(50):
            sender.send("freshmart.ticks", key=b"same", value=str(number).encode())
        sender.flush()
        newest = [message.value() for message in read_to_end(cluster, "freshmart.ticks", last=2)]
        assert newest == [b"48", b"49"]

    def test_finds_a_missing_topic_empty_and_makes_none(self, cluster: Cluster) -> None:
        assert list(read_to_end(cluster, "freshmart.misspelt")) == []
        assert "freshmart.misspelt" not in cluster.metadata().topics

    def test_tells_that_the_broker_does_not_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kafka_module, "_ANSWER_S", 0.5)
        with pytest.raises(KafkaFailure, match=r"the broker at 127\.0\.0\.1:1 does not answer"):
            list(read_to_end(unreachable(), "freshmart.sales"))


class TestSenderOnKafka:
    def test_counts_what_the_broker_refuses_and_goes_on(self, kafka: Kafka) -> None:
        cluster = Cluster(bootstrap=kafka.address, prefix="sender-refuse.")
        kafka.create_topic("sender-refuse.sales", config={"max.message.bytes": "1048588"})  # Kafka's own default
        await_topics(cluster, ["sender-refuse.sales"])
        sender = Sender(cluster, on_trouble=nobody)
        for number in range(20):
            value = random.Random(number).randbytes(2_000_000) if number == 7 else b"{}"
            sender.send("sender-refuse.sales", key=b"0042", value=value, place=f"file:{number}")
        sender.flush()
        assert (sender.acknowledged, sender.refused) == (19, 1)
        assert sender.reasons == ["file:7: Broker: Message size too large"]

    def test_loses_and_repeats_nothing_while_the_broker_is_away(
        self, own_kafka: Kafka, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(kafka_module, "_TROUBLE_EVERY_S", 0.1)
        cluster = Cluster(bootstrap=own_kafka.address, prefix="away.")
        own_kafka.create_topic("away.sales", partitions=1)
        await_topics(cluster, ["away.sales"])
        told: list[str] = []
        sender = Sender(cluster, on_trouble=told.append)
        for number in range(3000):
            if number == 1000:
                own_kafka.kill()
            if number == 2000:
                threading.Timer(3, own_kafka.start).start()
            sender.send("away.sales", key=b"0042", value=b"%d" % number)
        sender.flush()
        assert told
        assert (sender.acknowledged, sender.refused) == (3000, 0)
        found = [int(message.value() or b"") for message in read_to_end(cluster, "away.sales")]
        assert found == list(range(3000))

    def test_reads_only_what_is_committed(self, kafka: Kafka) -> None:
        cluster = Cluster(bootstrap=kafka.address, prefix="committed.")
        kafka.create_topic("committed.sales", partitions=1)
        await_topics(cluster, ["committed.sales"])
        producer = Producer({"bootstrap.servers": kafka.address, "transactional.id": "committed"})
        producer.init_transactions(15)
        for value, end in [(b"aborted", producer.abort_transaction), (b"kept", producer.commit_transaction)]:
            producer.begin_transaction()
            producer.produce("committed.sales", value)
            producer.flush(15)
            end(15)
        producer.begin_transaction()
        producer.produce("committed.sales", b"open")
        producer.flush(15)
        assert [message.value() for message in read_to_end(cluster, "committed.sales")] == [b"kept"]
        assert [message.value() for message in read_to_end(cluster, "committed.sales", last=3)] == [b"kept"]
        producer.abort_transaction(15)


class Moving:
    """A consumer of a group of which the coordinator moves: its first answers are errors."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        assert timeout > 0
        if self.codes:
            raise KafkaException(KafkaError(self.codes.pop(0)))
        return partitions


class TestGroupOffsets:
    def test_a_coordinator_that_moves_is_asked_again(self) -> None:
        consumer = Moving(KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
        places = [TopicPartition("letters", 0, 7)]
        assert kafka_module.committed(cast(Consumer, consumer), places) == places

    def test_another_error_is_raised(self) -> None:
        consumer = Moving(KafkaError.GROUP_AUTHORIZATION_FAILED)
        with pytest.raises(KafkaException, match="GROUP_AUTHORIZATION_FAILED"):
            kafka_module.committed(cast(Consumer, consumer), [])

    def test_are_read_back_with_their_metadata(self, cluster: Cluster) -> None:
        consumer = cluster.consumer("freshmart.places")
        try:
            kafka_module.commit(consumer, [TopicPartition("freshmart.sales", 0, 7, metadata="noted")])
            (place,) = kafka_module.committed(consumer, [TopicPartition("freshmart.sales", 0)])
        finally:
            consumer.close()
        assert (place.offset, place.metadata) == (7, "noted")
