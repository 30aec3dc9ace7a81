"""A broker with the topics of one toy application: feeding it, and checking what workers made of it."""

import random
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from freshmart_streams.audit.fold import Fold, along_journal
from freshmart_streams.engine import Group, Output
from freshmart_streams.engine.connection import Connection, Mode
from tests.engine.processes import Worker, worker
from tests.engine.toy import COUNTS, VISITS, Count, Toy
from tests.engine.toy_worker import Setup
from tests.support.log import PARTITIONS, journal, read_topics, records_of, spans_of
from tests.support.tables import Tables, caught_up_tables, changelog_tables, outbox
from tests.support.waiting import wait_until

WORDS = ["x", "y", "who", "at {soon}", "now {number}", "x", "y", "boom", "bad {soon}", "wide 5"]
ODDS = [30, 20, 10, 10, 5, 10, 10, 1, 1, 1]
KEYS = 60
BURST = 15
SESSION_SECONDS: dict[Mode, float] = {"tx": 2.0, "log": 4.0}
"""The embedded broker lets the first members of a group wait for three seconds, and believes them dead meanwhile."""

Place = tuple[str, int]
Said = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]


@dataclass
class Site:
    """A broker with the toy's topics; `groups` are those that its workers run."""

    bootstrap: str
    mode: Mode
    folder: Path
    toy: Toy
    groups: tuple[str, ...] = ("toy",)
    ends: dict[Place, int] = field(default_factory=dict)
    """Where each input ends, of what was fed."""
    _lengths: list[int] = field(default_factory=list)

    # Workers.

    def setup(self, name: str, **options: Any) -> Setup:
        """How a worker is started; its name is its data folder's."""
        return Setup(
            bootstrap=self.bootstrap,
            mode=self.mode,
            folder=str(self.folder / name),
            prefix=self.toy.prefix,
            groups=list(self.groups),
            **{"session_timeout": SESSION_SECONDS[self.mode], **options},
        )

    def worker(self, name: str = "a", **options: Any) -> AbstractContextManager[Worker]:
        """A worker that is gone at the end."""
        return worker(self.setup(name, **options))

    def volume(self, name: str, number: int, group: str = "toy") -> Path:
        """Where a worker keeps a partition."""
        return self.folder / name / group / str(number)

    def changelog(self, group: str = "toy") -> str:
        """The name of a group's changelog."""
        return f"{self.toy.prefix.rstrip('.')}-{group}-changelog"

    @property
    def connection(self) -> Connection:
        """To the broker, as the engine connects."""
        return Connection(bootstrap=self.bootstrap, mode=self.mode)

    @property
    def running(self) -> list[Group]:
        """The groups, as the workers declare them."""
        return [group for group in (self.toy.group, self.toy.visitors) if group.name in self.groups]

    # Feeding.

    def feed(self, count: int, seed: int = 0) -> None:
        """Send words to both inputs, among them some that raise and some that make work due."""
        dice = random.Random(seed)
        sent: list[tuple[str, str, str]] = []
        for number in range(count):
            word = dice.choices(WORDS, ODDS)[0].format(number=number, soon=number + 30)
            sent.append((dice.choice([self.toy.words, self.toy.more]), f"key{dice.randrange(KEYS)}", word))
            if number % 50 == 0:
                sent.append((self.toy.names, f"key{dice.randrange(KEYS)}", "name"))
            if "visitors" in self.groups:
                greeting = dice.choices(["hi", "boom"], [50, 1])[0]
                sent.append((self.toy.visits, f"visitor{dice.randrange(KEYS)}", greeting))
        self.send(*sent)

    def send(self, *messages: tuple[str, str, str]) -> None:
        """Send `(topic, key, value)` in their order."""
        options = {"bootstrap.servers": self.bootstrap, "partitioner": "murmur2_random", "linger.ms": 2, "log_level": 0}
        producer = Producer({**options, "message.max.bytes": 16_000_000})
        for topic, key, value in messages:
            producer.produce(topic, value.encode(), key.encode(), on_delivery=self._delivered)
            producer.poll(0)
        assert producer.flush(60) == 0

    def _delivered(self, error: object, message: Message) -> None:
        assert error is None, error
        place = (message.topic() or "", message.partition() or 0)
        self.ends[place] = max(self.ends.get(place, 0), (message.offset() or 0) + 1)

    @contextmanager
    def feeding(self, seed: int = 0) -> Iterator[None]:
        """Feed a little again and again, as long as the block lasts."""
        enough = threading.Event()

        def feed() -> None:
            burst = 0
            while not enough.wait(0.1):
                self.feed(BURST, seed=seed * 10_000 + burst)
                burst += 1

        thread = threading.Thread(target=feed)
        thread.start()
        try:
            yield
        finally:
            enough.set()
            thread.join()

    def alter(self, topic: str, settings: Mapping[str, str]) -> None:
        """Change settings of a topic."""
        entries = [
            ConfigEntry(name, text, incremental_operation=AlterConfigOpType.SET) for name, text in settings.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        client = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        client.incremental_alter_configs([resource])[resource].result(timeout=20)

    # Checking.

    def is_done(self) -> bool:
        """Whether the journals cover all that was fed, and nothing was committed since this was asked before.

        Work that a record made due may be committed after it, and is in no journal.
        """
        before, self._lengths = self._lengths, [self.changelog_length(group.name) for group in self.running]
        return before == self._lengths and all(self.is_read(group) for group in self.running)

    def changelog_length(self, group: str = "toy") -> int:
        """How long a changelog is, over all partitions, markers of transactions included."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "ends", "log_level": 0})
        places = [TopicPartition(self.changelog(group), number) for number in range(PARTITIONS)]
        try:
            return sum(consumer.get_watermark_offsets(place, 20)[1] for place in places)
        except KafkaException:
            return 0  # no worker has made it yet
        finally:
            consumer.close()

    def is_read(self, group: Group, partitions: Collection[int] = range(PARTITIONS)) -> bool:
        """Whether the journal covers all that was fed to these partitions of a group."""
        spans = journal(self.bootstrap, self.toy.journal, group.name)
        reached = {
            (number, str(topic), int(where[0]) if where else number): int(following)
            for number, found in spans.items()
            for topic, *where, following in found
        }
        return all(
            reached.get((partition, topic, number), 0) >= end
            for (topic, number), end in self.ends.items()
            if topic in group.handlers
            for partition in (range(PARTITIONS) if topic in group.master else [number])
            if partition in partitions
        )

    def check(self, *volumes: str) -> None:
        """Compare outputs and tables with a plain fold along the journal, and with sums that know no journal.

        Args:
            volumes: of workers that have ended; with what they lack of the changelog their tables are the same.
        """
        topics = [*self.toy.inputs, *self.toy.outputs, self.toy.journal]
        log = read_topics(self.bootstrap, [*topics, *(self.changelog(group.name) for group in self.running)])
        inputs = records_of({topic: log[topic] for topic in self.toy.inputs})
        for group in self.running:
            counts: dict[str, Count] = {}
            for number in range(PARTITIONS):
                commits = log[self.changelog(group.name)][number]
                waiting = outbox(commits) if self.mode == "log" else []
                entries = [message.value() or b"" for message in log[self.toy.journal][number]]
                entries += [output.value or b"" for output in waiting if output.topic == self.toy.journal]
                fold = Fold(group, number, PARTITIONS)
                fold.apply(along_journal(spans_of(entries, group.name), number, inputs))
                for topic in self.toy.outputs:
                    if (topic == self.toy.greetings) == (group.name != "toy"):
                        found = [*map(said, log[topic][number]), *(told(o) for o in waiting if o.topic == topic)]
                        self._check_outputs(found, [told(output) for output in fold.outputs if output.topic == topic])
                check_tables(changelog_tables(commits), fold.stored())
                for name in volumes:
                    if (folder := self.volume(name, number, group.name)).exists():
                        check_tables(caught_up_tables(folder, commits), fold.stored())
                counts |= fold.rows(COUNTS if group.name == "toy" else VISITS)
            fed = [self.toy.words, self.toy.more] if group.name == "toy" else [self.toy.visits]
            expected = dict(sorted(plain_counts(log, fed).items()))
            assert {key: row.seen for key, row in sorted(counts.items()) if "/" not in key} == expected
            if self.mode == "tx" and group.name == "toy":
                check_numbers(log[self.toy.out], expected)

    def _check_outputs(self, found: list[Said], expected: list[Said]) -> None:
        if self.mode == "log":
            found = without_repeats(found, expected)
        differing = [place for place, both in enumerate(zip(found, expected, strict=False)) if both[0] != both[1]]
        place = differing[0] if differing else min(len(found), len(expected))
        around = slice(max(0, place - 3), place + 3)
        assert found == expected, f"from message {place} on: {found[around]}, expected {expected[around]}"


def check_tables(found: Tables, expected: Tables) -> None:
    """Compare rows; the first ones that differ are named."""
    differing = sorted(key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key))
    shown = [(key, found.get(key), expected.get(key)) for key in differing[:5]]
    assert not differing, f"{len(differing)} rows differ (key, found, expected): {shown}"


def said(message: Message) -> Said:
    """What a message says."""
    headers: Any = message.headers() or []
    return message.key(), message.value(), tuple(headers)


def told(output: Output) -> Said:
    """What a message will say."""
    return output.key, output.value, tuple(output.headers)


def without_repeats(found: list[Said], expected: list[Said]) -> list[Said]:
    """Leave out what is not the next message but one that was there before, byte for byte."""
    kept: list[Said] = []
    before: set[Said] = set()
    for message in found:
        if message in before and (len(kept) >= len(expected) or message != expected[len(kept)]):
            continue
        kept.append(message)
        before.add(message)
    return kept


def plain_counts(log: dict[str, dict[int, list[Message]]], topics: list[str]) -> dict[str, int]:
    """How often each key came with a word that does not raise."""
    counts: dict[str, int] = {}
    for topic in topics:
        for messages in log[topic].values():
            for message in messages:
                if not (message.value() or b"").startswith((b"boom", b"grumble")):
                    key = (message.key() or b"").decode()
                    counts[key] = counts.get(key, 0) + 1
    return counts


def check_numbers(published: dict[int, list[Message]], counts: dict[str, int]) -> None:
    """Each word was published once, and of each key in the order of their numbers."""
    numbers: dict[str, list[int]] = {}
    for messages in published.values():
        for message in messages:
            value = message.value() or b""
            if message.key() != b"tick" and value != b"nobody knows" and not value.startswith(b"xx"):
                numbers.setdefault((message.key() or b"").decode(), []).append(int(value.rpartition(b" ")[2]))
    assert numbers == {key: list(range(1, count + 1)) for key, count in counts.items()}


def create_topics(bootstrap: str, mode: Mode, toy: Toy, only: Sequence[str] = ()) -> None:
    """Create the toy's topics, or only some of them."""
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    topics = only or [*toy.inputs, *toy.outputs, toy.journal]
    if mode == "log":
        for topic in topics:
            client.list_topics(topic, timeout=10)
        return
    stamped = {"message.timestamp.type": "LogAppendTime"}
    made = client.create_topics(
        [NewTopic(topic, PARTITIONS, 1, config=stamped if topic in toy.inputs else {}) for topic in topics],
        operation_timeout=20,
    )
    for future in made.values():
        future.result(timeout=30)
    wait_until(lambda: are_led(client, topics))


def are_led(client: AdminClient, topics: Collection[str]) -> bool:
    """Whether the broker tells its clients of all partitions: a worker that starts earlier finds no topics."""
    found = client.list_topics(timeout=20).topics
    return all(topic in found and found[topic].error is None for topic in topics) and all(
        partition.leader >= 0 for topic in topics for partition in found[topic].partitions.values()
    )
