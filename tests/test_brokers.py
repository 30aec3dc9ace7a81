"""The brokers that other tests stand on do what those tests take for granted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition

from tests.support import kafka as support
from tests.support.kafka import Kafka, KafkaError

HERE = Path(__file__).parent


def send(address: str, topic: str, *values: bytes, **settings: object) -> None:
    producer = Producer({"bootstrap.servers": address, "message.timeout.ms": 10_000, **settings})
    transactional = "transactional.id" in settings
    if transactional:
        producer.init_transactions(15)
        producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, partition=0)
    if transactional:
        producer.commit_transaction(15)
    assert producer.flush(15) == 0


def receive(address: str, topic: str, count: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": address, "group.id": "reader", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    try:
        messages = consumer.consume(count, timeout=15)
        return [message.value() or b"" for message in messages if message.error() is None]
    finally:
        consumer.close()


class TestKafka:
    def test_gives_back_what_a_transaction_wrote(self, kafka: Kafka) -> None:
        kafka.create_topic("brokers.sales", config={"message.timestamp.type": "LogAppendTime"})
        send(kafka.address, "brokers.sales", b"one", b"two", **{"transactional.id": "brokers"})
        assert receive(kafka.address, "brokers.sales", 2) == [b"one", b"two"]

    def test_takes_a_message_of_ten_megabytes(self, kafka: Kafka) -> None:
        kafka.create_topic("brokers.large", config={"max.message.bytes": "12000000"})
        send(kafka.address, "brokers.large", b"x" * 10_000_000, **{"message.max.bytes": 12_000_000})
        assert [len(value) for value in receive(kafka.address, "brokers.large", 1)] == [10_000_000]

    def test_makes_no_topic_that_nobody_created(self, kafka: Kafka) -> None:
        with pytest.raises(KafkaException, match="UNKNOWN_TOPIC_OR_PART"):
            raise KafkaException(
                kafka.admin().list_topics("brokers.misspelt", timeout=10).topics["brokers.misspelt"].error
            )
        assert "brokers.misspelt" not in kafka.admin().list_topics(timeout=10).topics

    def test_keeps_port_and_log_when_it_is_killed_and_started_again(self, own_kafka: Kafka) -> None:
        own_kafka.create_topic("kept")
        address = own_kafka.address
        send(address, "kept", b"before")
        own_kafka.kill()
        assert own_kafka.pid is None
        own_kafka.start()
        send(address, "kept", b"between")
        own_kafka.restart()
        assert own_kafka.address == address
        assert receive(address, "kept", 2) == [b"before", b"between"]

    def test_is_known_by_its_folder_to_another_process(self, own_kafka: Kafka) -> None:
        same = Kafka(own_kafka.folder)
        assert (same.address, same.pid) == (own_kafka.address, own_kafka.pid)
        with pytest.raises(KafkaError, match=r"runs in .* already"):
            same.start()

    def test_leaves_a_process_alone_that_only_has_its_old_number(self, tmp_path: Path) -> None:
        broker = Kafka(tmp_path)
        (tmp_path / "pid").write_text(str(os.getpid()))
        broker.kill()
        assert broker.pid is None


class TestEmbedded:
    def test_gives_back_what_was_sent(self, embedded: str) -> None:
        send(embedded, "sales", b"one", b"two")
        assert receive(embedded, "sales", 2) == [b"one", b"two"]

    def test_is_another_cluster_each_time(self, embedded: str) -> None:
        send(embedded, "stock", b"one")
        topics = Producer({"bootstrap.servers": embedded}).list_topics(timeout=10).topics
        assert {name: len(topic.partitions) for name, topic in topics.items()} == {"stock": 4}


class TestMissing:
    @pytest.fixture(autouse=True)
    def empty_machine(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A machine with neither Java nor Maven, and no jars yet."""
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    @staticmethod
    def program(path: Path, text: str) -> None:
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def test_names_maven(self) -> None:
        assert support.missing() == "Maven is not installed; the tests on Apache Kafka need Java 17 or newer and Maven"

    def test_names_java(self, tmp_path: Path) -> None:
        self.program(tmp_path / "mvn", "exit 0")
        assert support.missing() == "Java is not installed; the tests on Apache Kafka need Java 17 or newer and Maven"

    @pytest.mark.parametrize(
        ("said", "verdict"),
        [
            ('openjdk version "17.0.15" 2025-04-15', None),
            ('openjdk version "25" 2025-09-16', None),
            ('java version "1.8.0_202"', "Java is 1;"),
            ('openjdk version "11.0.2" 2019-01-15', "Java is 11;"),
            ("The operation couldn’t be completed.", "Java is of an unknown version;"),
        ],
    )
    def test_reads_the_version_of_java(self, tmp_path: Path, said: str, verdict: str | None) -> None:
        self.program(tmp_path / "mvn", "exit 0")
        self.program(tmp_path / "java", f"echo '{said}' >&2")
        reason = support.missing()
        assert reason is None if verdict is None else reason is not None and reason.startswith(verdict)

    def test_says_why_maven_failed_and_leaves_nothing_half_done(self, tmp_path: Path) -> None:
        self.program(tmp_path / "mvn", "echo '[ERROR] Could not resolve repo.maven.apache.org'; exit 1")
        with pytest.raises(KafkaError, match=r"could not fetch Apache Kafka 4\.3\.1: .*Could not resolve"):
            support.install()
        assert not (support.libraries() / "complete").exists()

    @pytest.mark.parametrize(("ci", "outcome"), [("", "1 skipped"), ("true", "1 error")])
    def test_skips_with_one_line_but_fails_in_ci(self, tmp_path: Path, ci: str, outcome: str) -> None:
        test = f"{HERE / 'test_brokers.py'}::TestKafka::test_gives_back_what_a_transaction_wrote"
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--rootdir={HERE.parent}", test],
            cwd=HERE.parent,
            env={"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "CI": ci},
            capture_output=True,
            text=True,
            check=False,
        )
        assert outcome in run.stdout.splitlines()[-1]
        assert "Maven is not installed; the tests on Apache Kafka need Java 17 or newer and Maven" in run.stdout
