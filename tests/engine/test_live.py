"""Worker processes on both brokers, hurt by signals, against a plain fold along the journal."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from tests.engine import log, toy
from tests.support.kafka import Kafka

INPUTS = [toy.WORDS, toy.MORE, toy.TICKS, toy.NAMES]


@dataclass
class Site:
    """A broker with the toy's topics."""

    bootstrap: str
    mode: str
    folder: Path

    def feed(self, count: int, seed: int) -> None:
        """Send words to both inputs, among them some that raise and some that make work due."""
        dice = random.Random(seed)
        producer = Producer({"bootstrap.servers": self.bootstrap, "partitioner": "murmur2_random", "linger.ms": 5})
        for number in range(count):
            word = dice.choice(["x", "y", "who", f"at {number + 30}", f"now {number}"])
            if number % 997 == 5:
                word = dice.choice(["boom", f"bad {number}"])
            producer.produce(dice.choice([toy.WORDS, toy.MORE]), word.encode(), f"key{dice.randrange(200)}".encode())
            if number % 50 == 0:
                producer.produce(toy.NAMES, b"name", f"key{dice.randrange(200)}".encode())
                producer.poll(0)
        assert producer.flush(30) == 0

    def is_done(self) -> bool:
        """Whether the journal covers all inputs but the youngest ticks."""
        inputs = log.records(self.bootstrap, [toy.WORDS, toy.MORE, toy.NAMES])
        spans = log.journal(self.bootstrap, toy.JOURNAL)
        for (topic, number), found in inputs.items():
            for partition in range(log.PARTITIONS) if topic == toy.NAMES else [number]:
                name = [topic, number] if topic == toy.NAMES else [topic]
                reached = [int(span[-1]) for span in spans.get(partition, []) if span[:-1] == name]
                if not reached or reached[-1] <= found[-1].offset:
                    return False
        return True

    def check(self) -> None:
        """Outputs equal those of the fold: all of them, in order, once (in mode `log`: repeats with equal bytes)."""
        inputs, spans = log.records(self.bootstrap, INPUTS), log.journal(self.bootstrap, toy.JOURNAL)
        for topic in (toy.OUT, toy.DUE, toy.POISON):
            published = log.read(self.bootstrap, topic)
            for number in range(log.PARTITIONS):
                expected = log.values(log.fold(inputs, spans[number], number).outputs(topic))
                found = [message.value() for message in published[number]]
                if self.mode == "log":
                    assert without_repeats(found, expected) == expected
                else:
                    assert found == expected

    def counted(self) -> int:
        """How many words count, by plain sums that know no journal."""
        inputs = log.records(self.bootstrap, [toy.WORDS, toy.MORE])
        return sum(record.value != b"boom" for found in inputs.values() for record in found)

    def rows_counted(self) -> int:
        """How many words the tables have counted, as the journal's fold says."""
        inputs, spans = log.records(self.bootstrap, INPUTS), log.journal(self.bootstrap, toy.JOURNAL)
        folds = [log.fold(inputs, spans[number], number, batch_size=500) for number in range(log.PARTITIONS)]
        return sum(row.seen for driver in folds for row in driver.rows(toy.COUNTS).values())


def without_repeats(found: list[bytes | None], expected: list[bytes | None]) -> list[bytes | None]:
    """Remove stretches that a restarted owner published again: what was there before, byte for byte."""
    kept: list[bytes | None] = []
    position = 0
    while position < len(found):
        if len(kept) < len(expected) and found[position] == expected[len(kept)]:
            kept.append(found[position])
            position += 1
            continue
        for back in range(1, len(kept) + 1):  # a repeat: the last commit's outputs once more
            if kept[-back:] == found[position : position + back]:
                position += back
                break
        else:
            return [*kept, *found[position:]]
    return kept


@pytest.fixture
def on_kafka(own_kafka: Kafka, tmp_path: Path) -> Site:
    for topic in INPUTS:
        own_kafka.create_topic(topic, config={"message.timestamp.type": "LogAppendTime"})
    for topic in (toy.OUT, toy.DUE, toy.POISON, toy.JOURNAL):
        own_kafka.create_topic(topic)
    return Site(own_kafka.address, "tx", tmp_path)


@pytest.fixture
def on_embedded(embedded: str, tmp_path: Path) -> Iterator[Site]:
    client = AdminClient({"bootstrap.servers": embedded})
    for topic in (*INPUTS, toy.OUT, toy.DUE, toy.POISON, toy.JOURNAL):
        client.list_topics(topic, timeout=10)
    yield Site(embedded, "log", tmp_path)


@pytest.fixture(params=["on_kafka", "on_embedded"])
def site(request: pytest.FixtureRequest) -> Site:
    found: Site = request.getfixturevalue(request.param)
    return found


@pytest.mark.slow
@pytest.mark.timeout(240)
class TestWorkers:
    def test_kills_in_the_middle_lose_and_double_nothing(self, site: Site) -> None:
        site.feed(15_000, seed=1)
        for delay in (1.6, 1.9, 2.3):
            with log.worker(site.bootstrap, site.mode, site.folder / "a") as running:
                time.sleep(delay)
                running.kill()
        with log.worker(site.bootstrap, site.mode, site.folder / "a") as running:
            log.wait_until(site.is_done)
            running.stop()
        site.check()
        assert site.rows_counted() == site.counted()

    def test_another_worker_takes_over_what_a_killed_one_had(self, site: Site) -> None:
        with (
            log.worker(site.bootstrap, site.mode, site.folder / "a") as first,
            log.worker(site.bootstrap, site.mode, site.folder / "b") as second,
        ):
            site.feed(4_000, seed=2)
            time.sleep(7)
            first.kill()
            site.feed(4_000, seed=3)
            log.wait_until(site.is_done, 90)
            assert second.stop() == ""
        site.check()
        assert site.rows_counted() == site.counted()

    def test_a_worker_that_was_frozen_past_its_session_commits_nothing_more(self, site: Site) -> None:
        with (
            log.worker(site.bootstrap, site.mode, site.folder / "a") as first,
            log.worker(site.bootstrap, site.mode, site.folder / "b") as second,
        ):
            site.feed(3_000, seed=4)
            time.sleep(6)
            first.pause()
            site.feed(3_000, seed=5)
            log.wait_until(site.is_done, 90)
            first.resume()
            site.feed(3_000, seed=6)
            log.wait_until(site.is_done, 90)
            assert (first.stop(), second.stop()) == ("", "")
        site.check()
        assert site.rows_counted() == site.counted()

    def test_an_empty_volume_is_rebuilt_from_the_changelog(self, site: Site) -> None:
        site.feed(3_000, seed=7)
        with log.worker(site.bootstrap, site.mode, site.folder / "a") as running:
            log.wait_until(site.is_done)
            running.stop()
        with log.worker(site.bootstrap, site.mode, site.folder / "new") as running:
            site.feed(1_000, seed=8)
            log.wait_until(site.is_done)
            running.stop()
            assert "took" in running.log()
        site.check()
        assert site.rows_counted() == site.counted()
