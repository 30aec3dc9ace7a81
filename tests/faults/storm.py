"""A storm of malformed messages against a real worker (goal R7): `python -m tests.faults.storm FOLDER [MALFORMED]`.

Blocks of good messages and blocks with one malformed message among ten good ones lie in Kafka by turns, all on one
partition, before the worker starts; so the worker alone is measured, and both kinds of blocks meet the same machine.
Speed is messages per second of the worker's own processor time, which a busy machine does not change; seconds on the
clock, as the journal tells them, are reported too.
"""

import bisect
import hashlib
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from freshmart_streams.engine.clock import now_ms
from freshmart_streams.events import dead_letters
from freshmart_streams.topics import Topics
from tests.acceptance.site import BY_KEY, Place, Site, Worker, headers_of, worker
from tests.faults import fuzz
from tests.faults.fuzz import GOOD_PER_BAD, STORES, Fuzz, Source
from tests.support.kafka import Kafka
from tests.support.log import PARTITIONS, read
from tests.support.waiting import wait_until

RATIO_MIN: Final = 0.8
"""Least speed with malformed messages, in messages per second of processor time, as a share of the speed without."""
PAIRS: Final = 10
HOME: Final = fuzz.home(STORES[0])
CPU_TICK: Final = 0.01
"""Seconds: how exactly a process's processor time is told."""
LOG_BYTES_MAX: Final = 200_000
"""More than this a worker may not log, however many messages are malformed."""


class Letter(NamedTuple):
    """What is compared of a dead letter."""

    key: bytes | None
    value: str
    headers: tuple[tuple[str, bytes | None], ...]
    code: str


@dataclass
class Block:
    """A stretch of messages; `ends` is where it ends in each topic of the partition."""

    is_clean: bool
    messages: int = 0
    ends: dict[str, int] = field(default_factory=dict)


@dataclass
class Report:
    """What was measured, and what is wrong."""

    differences: list[str]
    malformed: int
    good: int
    seconds: dict[bool, float] = field(default_factory=lambda: {True: 0.0, False: 0.0})
    messages: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    cpu_seconds: dict[bool, float] = field(default_factory=lambda: {True: 0.0, False: 0.0})
    ratios: list[float] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    log_bytes: int = 0

    def speed(self, is_clean: bool) -> float:
        """Messages per second of processor time."""
        return self.messages[is_clean] / self.cpu_seconds[is_clean]

    @property
    def ratio(self) -> float:
        """Speed with malformed messages as a share of the speed without."""
        return self.speed(False) / self.speed(True)

    def __str__(self) -> str:
        lines = [
            f"{self.malformed} malformed messages in {len(fuzz.CLASSES)} classes among {self.good} good ones",
            f"messages per second of processor time: clean {self.speed(True):.0f}, mixed {self.speed(False):.0f}, "
            f"ratio {self.ratio:.3f} (by pair of blocks {', '.join(f'{ratio:.2f}' for ratio in self.ratios)})",
            f"messages per second on the clock: clean {self.messages[True] / self.seconds[True]:.0f}, "
            f"mixed {self.messages[False] / self.seconds[False]:.0f}",
            f"{self.log_bytes} bytes logged",
            *(f"- {count} {code}" for code, count in sorted(self.codes.items())),
            *(self.differences or ["no differences"]),
        ]
        return "\n".join(lines)


class Sample(NamedTuple):
    """How far a worker was on the partition when it had used so much processor time."""

    records: int
    cpu_seconds: float

    @classmethod
    def of(cls, running: Worker) -> "Sample":
        """As the worker says just now."""
        lines = running.ask("/metrics").body.decode().splitlines()
        cpu = next(float(line.split()[1]) for line in lines if line.startswith("process_cpu_seconds_total "))
        return cls(int(running.metric("freshmart_records_total", f'partition="{HOME}"')), cpu)


class Filler:
    """Sends messages and remembers what the malformed ones must become."""

    def __init__(self, site: Site) -> None:
        self.expected: dict[Place, Letter] = {}
        self.ends: dict[str, int] = {}
        self._producer = Producer(
            {
                "bootstrap.servers": site.bootstrap,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "message.max.bytes": 20_000_000,
                "log_level": 0,
            }
        )

    def fill(self, block: Block, messages: Iterable[Fuzz]) -> Block:
        """Send a block and wait until it is there."""
        for message in messages:
            block.messages += 1
            self._send(message)
        assert self._producer.flush(120) == 0
        block.ends = dict(self.ends)
        return block

    def _send(self, message: Fuzz) -> None:
        sent, code = message

        def delivered(error: object, report: Message) -> None:
            assert error is None, error
            place = Place(report.topic() or "", report.partition() or 0, report.offset() or 0)
            if place.partition == HOME:
                self.ends[place.topic] = max(self.ends.get(place.topic, 0), place.offset + 1)
            if code is not None:
                self.expected[place] = Letter(sent.key, digest(sent.value), sent.headers, code)

        where = BY_KEY if sent.partition is None else sent.partition
        headers = list[tuple[str, str | bytes | None]](sent.headers)
        while True:
            try:
                self._producer.produce(sent.topic, sent.value, sent.key, where, delivered, headers=headers)
                break
            except BufferError:  # its queue is full
                self._producer.poll(0.1)
        self._producer.poll(0)


def digest(value: bytes | None) -> str:
    """Tells two values apart."""
    return "null" if value is None else hashlib.sha256(value).hexdigest()


def run(malformed: int, folder: Path, seed: int = 1) -> Report:
    """The whole run on a Kafka of its own in `folder`."""
    with Kafka(folder / "kafka") as kafka:
        return run_on(Site(f"kafka://{kafka.address}", folder), malformed, seed, pairs=PAIRS)


def run_on(site: Site, malformed: int, seed: int, pairs: int) -> Report:
    """As `run`, on a broker that is there, with so many pairs of blocks."""
    created = site.run("topics", "create")
    assert created.returncode == 0, created.stderr
    source = Source(site.topics, datetime.fromtimestamp(now_ms() // 1_000, UTC), random.Random(seed))
    site.send(fuzz.master_data(site.topics))
    filler, blocks = Filler(site), []
    share = malformed // pairs
    filler.fill(Block(is_clean=True), [*source.first(), *(source.good() for _ in range(share))])  # to get warm
    begin = dict(filler.ends)
    for _ in range(pairs):
        blocks.append(filler.fill(Block(is_clean=True), (source.good() for _ in range(share * GOOD_PER_BAD))))
        blocks.append(filler.fill(Block(is_clean=False), fuzz.mixed(source, share)))
    samples: list[Sample] = []
    with worker(site, "a") as running:
        wait_until(running.is_ready)
        pid = running.process.pid
        wait_until(lambda: has_applied(running, site, samples), 3_600)
        report = Report(
            what_differs(site, running, filler, source), len(filler.expected), sum(source.receipts.values())
        )
        if running.process.pid != pid or running.stop() != 0:
            report.differences.append("the worker did not live through it")
        report.log_bytes = len(running.log())
    report.good = sum(block.messages for block in blocks) - share * pairs
    report.codes.update(letter.code for letter in filler.expected.values())
    measure(report, blocks, begin, list(applied_at(site)))
    measure_cpu(report, blocks, begin, samples)
    return report


def has_applied(running: Worker, site: Site, samples: list[Sample] | None = None) -> bool:
    """Whether nothing is left to be read; the journal of a long run is not read each time."""
    if samples is not None:
        samples.append(Sample.of(running))
    return running.metric("freshmart_lag_records") == 0 and site.has_applied_all()


def applied_at(site: Site) -> Iterator[tuple[int, dict[str, int]]]:
    """When (milliseconds) which topic of the partition was applied up to where, commit by commit."""
    reached: dict[str, int] = {}
    for message in read(site.bootstrap, site.topics.journal.name)[HOME]:
        for topic, *where in json.loads(message.value() or b"")["spans"]:
            reached[topic] = int(where[-1])
        yield message.timestamp()[1], dict(reached)


def measure(
    report: Report, blocks: Sequence[Block], begin: dict[str, int], commits: list[tuple[int, dict[str, int]]]
) -> None:
    """Add up how long the blocks of each kind took, from the end of the one before."""

    def end_of(ends: dict[str, int]) -> int:
        return next(
            at for at, reached in commits if all(reached.get(topic, 0) >= offset for topic, offset in ends.items())
        )

    before = end_of(begin)
    for block in blocks:
        at = end_of(block.ends)
        seconds = max(at - before, 1) / 1_000
        report.seconds[block.is_clean] += seconds
        report.messages[block.is_clean] += block.messages
        before = at


def measure_cpu(report: Report, blocks: Sequence[Block], begin: dict[str, int], samples: list[Sample]) -> None:
    """Add up the processor time that blocks of each kind took, between the samples around their ends."""
    master = len(fuzz.master_data(Topics("")))

    def cpu_at(ends: dict[str, int]) -> float:
        records = sum(ends.values()) + master
        place = bisect.bisect_left(samples, records, key=lambda sample: sample.records)
        first, last = samples[max(place - 1, 0)], samples[min(place, len(samples) - 1)]
        share = (records - first.records) / max(last.records - first.records, 1)
        return first.cpu_seconds + min(share, 1.0) * (last.cpu_seconds - first.cpu_seconds)

    before, speeds = cpu_at(begin), []
    for block in blocks:
        at = cpu_at(block.ends)
        seconds = max(at - before, CPU_TICK)
        report.cpu_seconds[block.is_clean] += seconds
        speeds.append(block.messages / seconds)
        before = at
    report.ratios = [mixed / clean for clean, mixed in zip(speeds[::2], speeds[1::2], strict=True)]


def what_differs(site: Site, running: Worker, filler: Filler, source: Source) -> list[str]:
    """What is not as it must be in letters, figures and the worker itself."""
    found, left = [], dict(filler.expected)
    for place, letter in letters(site):
        expected = left.pop(place, None)
        if letter != expected:
            found.append(f"{place}: the letter {letter} instead of {expected}")
    found += [f"{place}: no letter" for place in left]
    for store in STORES:
        receipts = running.get(f"/v1/stores/{store}/report")["receipts"]
        if receipts != source.receipts[store]:
            found.append(f"store {store}: {receipts} receipts instead of {source.receipts[store]}")
    found += [
        f"{name} is not 0"
        for name in ("freshmart_failures_total", "freshmart_poison_total")
        if running.metric(name) != 0
    ]
    published = running.metric("freshmart_published_total", f'"{site.topics.dead_letters.name}"')
    if published != len(filler.expected):
        found.append(f"/metrics counts {published:.0f} dead letters instead of {len(filler.expected)}")
    return found


def letters(site: Site) -> Iterator[tuple[Place, Letter]]:
    """Every dead letter with where its message was; read one by one, because some have ten megabytes."""
    consumer = Consumer(
        {
            "bootstrap.servers": site.bootstrap,
            "group.id": "letters",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    topic = site.topics.dead_letters.name
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    left = PARTITIONS
    while left:
        message = consumer.poll(20)
        assert message is not None, "reading the dead letters timed out"
        if message.error() is not None:
            left -= 1
            continue
        headers = headers_of(message)
        why = dead_letters.failure(headers)
        assert why is not None
        own = tuple(dead_letters.original_headers(headers))
        place = Place(why.topic, why.partition, why.offset)
        yield place, Letter(message.key(), digest(message.value()), own, why.code)
    consumer.close()


def main(folder: Path, malformed: int) -> int:
    """Run and print the report; 1 when it is not as it must be."""
    folder.mkdir(parents=True, exist_ok=True)
    report = run(malformed, folder)
    print(report)
    return 0 if not report.differences and report.ratio >= RATIO_MIN else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100_000))
