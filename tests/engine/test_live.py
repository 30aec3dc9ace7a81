"""Worker processes on both brokers, hurt by signals, against a plain fold along the journal."""

import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from freshmart_streams.engine.connection import Connection, Mode
from freshmart_streams.engine.replay import Replay
from freshmart_streams.engine.testing import Driver
from tests.engine import toy
from tests.engine.processes import fold, values, worker
from tests.support.kafka import Kafka
from tests.support.log import PARTITIONS, journal, read, records
from tests.support.waiting import wait_until

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
        inputs = records(self.bootstrap, [toy.WORDS, toy.MORE, toy.NAMES])
        spans = journal(self.bootstrap, toy.JOURNAL)
        for (topic, number), found in inputs.items():
            for partition in range(PARTITIONS) if topic == toy.NAMES else [number]:
                name = [topic, number] if topic == toy.NAMES else [topic]
                reached = [int(span[-1]) for span in spans.get(partition, []) if span[:-1] == name]
                if not reached or reached[-1] <= found[-1].offset:
                    return False
        return True

    def check(self) -> None:
        """Outputs equal those of the fold: all of them, in order, once (in mode `log`: repeats with equal bytes)."""
        inputs, spans = records(self.bootstrap, INPUTS), journal(self.bootstrap, toy.JOURNAL)
        for topic in (toy.OUT, toy.DUE, toy.POISON):
            published = read(self.bootstrap, topic)
            for number in range(PARTITIONS):
                expected = values(fold(inputs, spans[number], number).outputs(topic))
                found = [message.value() for message in published[number]]
                if self.mode == "log":
                    assert without_repeats(found, expected) == expected
                else:
                    assert found == expected

    def counted(self) -> int:
        """How many words count, by plain sums that know no journal."""
        inputs = records(self.bootstrap, [toy.WORDS, toy.MORE])
        return sum(record.value != b"boom" for found in inputs.values() for record in found)

    def rows_counted(self) -> int:
        """How many words the tables have counted, as the journal's fold says."""
        inputs, spans = records(self.bootstrap, INPUTS), journal(self.bootstrap, toy.JOURNAL)
        folds = [fold(inputs, spans[number], number, batch_size=500) for number in range(PARTITIONS)]
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
def on_embedded(embedded: str, tmp_path: Path) -> Site:
    client = AdminClient({"bootstrap.servers": embedded})
    for topic in (*INPUTS, toy.OUT, toy.DUE, toy.POISON, toy.JOURNAL):
        client.list_topics(topic, timeout=10)
    return Site(embedded, "log", tmp_path)


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
            with worker(site.bootstrap, site.mode, site.folder / "a") as running:
                time.sleep(delay)
                running.kill()
        with worker(site.bootstrap, site.mode, site.folder / "a") as running:
            wait_until(site.is_done)
            running.stop()
        site.check()
        assert site.rows_counted() == site.counted()

    def test_another_worker_takes_over_what_a_killed_one_had(self, site: Site) -> None:
        with (
            worker(site.bootstrap, site.mode, site.folder / "a") as first,
            worker(site.bootstrap, site.mode, site.folder / "b") as second,
        ):
            site.feed(4_000, seed=2)
            time.sleep(7)
            first.kill()
            site.feed(4_000, seed=3)
            wait_until(site.is_done, 90)
            assert second.stop() == ""
        site.check()
        assert site.rows_counted() == site.counted()

    def test_a_worker_that_was_frozen_past_its_session_commits_nothing_more(self, site: Site) -> None:
        with (
            worker(site.bootstrap, site.mode, site.folder / "a") as first,
            worker(site.bootstrap, site.mode, site.folder / "b") as second,
        ):
            site.feed(3_000, seed=4)
            time.sleep(6)
            first.pause()
            site.feed(3_000, seed=5)
            wait_until(site.is_done, 90)
            first.resume()
            site.feed(3_000, seed=6)
            wait_until(site.is_done, 90)
            assert (first.stop(), second.stop()) == ("", "")
        site.check()
        assert site.rows_counted() == site.counted()

    async def test_replays_along_the_journal_agree_with_each_other_and_the_workers(self, site: Site) -> None:
        site.feed(3_000, seed=9)
        with worker(site.bootstrap, site.mode, site.folder / "a") as running:
            wait_until(site.is_done)
            running.stop()
        site.feed(200, seed=10)  # beyond the journal's end
        connection = Connection(bootstrap=site.bootstrap, mode=cast(Mode, site.mode))
        for number in range(PARTITIONS):
            drivers = []
            for batch_size in (1, 7, 5_000):
                driver = Driver(toy.GROUP, partition=number, partition_count=PARTITIONS, batch_size=batch_size)
                async for record in Replay(connection, toy.GROUP, number).records():
                    driver.apply([record])
                drivers.append(driver)
            assert drivers[0].stored() == drivers[1].stored() == drivers[2].stored()
            assert drivers[0].outputs() == drivers[1].outputs() == drivers[2].outputs()
            published = [message.value() for message in read(site.bootstrap, toy.OUT)[number]]
            assert values(drivers[0].outputs(toy.OUT))[: len(published)] == published
            assert len(drivers[0].outputs(toy.OUT)) > len(published)

    def test_an_empty_volume_is_rebuilt_from_the_changelog(self, site: Site) -> None:
        site.feed(3_000, seed=7)
        with worker(site.bootstrap, site.mode, site.folder / "a") as running:
            wait_until(site.is_done)
            running.stop()
        with worker(site.bootstrap, site.mode, site.folder / "new") as running:
            site.feed(1_000, seed=8)
            wait_until(site.is_done)
            running.stop()
            assert "took" in running.log()
        site.check()
        assert site.rows_counted() == site.counted()
