"""The application as people run it: `freshmart` commands as processes against a broker."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message as Headers
from pathlib import Path
from typing import Any, NamedTuple, cast

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from freshmart_streams.agents import stores_group
from freshmart_streams.app import rules
from freshmart_streams.audit.fold import Fold, along_journal
from freshmart_streams.engine import Group
from freshmart_streams.settings import Settings
from freshmart_streams.topics import Topics
from tests.support.log import PARTITIONS, journal, read, records
from tests.support.tables import changelog_tables, volume_tables

PREFIX = "accept."
BY_KEY = -1
PROGRAM = (sys.executable, "-m", "freshmart_streams")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Sent(NamedTuple):
    """A message as a client sends it; without a partition its key places it, as Java's clients do."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    partition: int | None = None


class Place(NamedTuple):
    """Where the broker put a message."""

    topic: str
    partition: int
    offset: int


def headers_of(message: Message) -> list[tuple[str, bytes | None]]:
    """A message's headers; the client's types also allow what it takes for sending."""
    return cast(list[tuple[str, bytes | None]], message.headers() or [])


@dataclass
class Site:
    """A broker, a folder and a prefix of topics; commands run with the settings of a person who set these."""

    broker: str
    folder: Path
    topics: Topics = field(default_factory=lambda: Topics(PREFIX))

    @property
    def is_kafka(self) -> bool:
        """Whether it is a real Kafka."""
        return self.broker.startswith("kafka://")

    @property
    def bootstrap(self) -> str:
        """`host:port`."""
        return self.broker.partition("://")[2]

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a command."""
        own = {name: text for name, text in os.environ.items() if not name.startswith("FRESHMART_")}
        ours = {
            "FRESHMART_BROKER": self.broker,
            "FRESHMART_TOPIC_PREFIX": self.topics.prefix,
            "FRESHMART_CLOCK": "events",
        }
        return {**own, **ours, **more}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command = [*PROGRAM, *words]
        return subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=300, check=False)

    @property
    def group(self) -> Group:
        """The group as the workers declare it."""
        return stores_group(self.topics, rules=rules(Settings(topic_prefix=self.topics.prefix)))

    def inputs(self) -> list[str]:
        """The topics that the group reads."""
        return [*self.group.inputs, *self.group.master]

    def send(self, messages: Iterable[Sent], **options: str | int) -> list[Place]:
        """Send messages in their order and return where each of them is; `options` are librdkafka's."""
        fixed = {"bootstrap.servers": self.bootstrap, "partitioner": "murmur2_random", "log_level": 0}
        given = {name.replace("_", "."): value for name, value in options.items()}
        producer = Producer({**fixed, "enable.idempotence": True, "message.max.bytes": 20_000_000, **given})
        places: dict[int, Place] = {}
        for number, message in enumerate(messages):

            def delivered(error: object, report: Message, number: int = number) -> None:
                assert error is None, error
                places[number] = Place(report.topic() or "", report.partition() or 0, report.offset() or 0)

            headers: list[tuple[str, str | bytes | None]] = list(message.headers)
            where = BY_KEY if message.partition is None else message.partition
            producer.produce(message.topic, message.value, message.key, where, delivered, headers=headers)
            producer.poll(0)
        assert producer.flush(60) == 0
        return [places[number] for number in sorted(places)]

    def has_applied_all(self) -> bool:
        """Whether the journal covers every input, master data in each partition too."""
        spans = journal(self.bootstrap, self.topics.journal.name)
        reached = {
            (number, str(topic), int(where[0]) if where else number): int(following)
            for number, found in spans.items()
            for topic, *where, following in found
        }
        return all(
            reached.get((number, place.topic, place.partition), 0) >= place.offset
            for place in self.ends()
            for number in (range(PARTITIONS) if place.topic in self.group.master else [place.partition])
        )

    def ends(self) -> list[Place]:
        """Where each partition of the inputs ends now."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "ends", "log_level": 0})
        places = [TopicPartition(topic, number) for topic in self.inputs() for number in range(PARTITIONS)]
        found = [Place(one.topic, one.partition, consumer.get_watermark_offsets(one, 20)[1]) for one in places]
        consumer.close()
        return found

    def is_done(self) -> bool:
        """Whether the journal covers every receipt."""
        spans = journal(self.bootstrap, self.topics.journal.name)
        for number, messages in read(self.bootstrap, self.topics.sales.name).items():
            reached = [int(span[-1]) for span in spans.get(number, []) if span[0] == self.topics.sales.name]
            if not reached or reached[-1] <= (messages[-1].offset() or 0):
                return False
        return True

    def folds(self) -> list[Fold]:
        """Each partition's log, folded plainly along its journal."""
        inputs = records(self.bootstrap, self.inputs())
        spans = journal(self.bootstrap, self.topics.journal.name)
        folds = []
        for number in range(PARTITIONS):
            fold = Fold(self.group, number, PARTITIONS)
            fold.apply(along_journal(spans[number], number, inputs))
            folds.append(fold)
        return folds

    def tables(self) -> list[dict[tuple[str, str], bytes]]:
        """Each partition's rows as its changelog has them, without the format byte; the engine's own left out."""
        partitions = read(self.bootstrap, f"{self.topics.prefix}streams-stores-changelog")
        return [changelog_tables(partitions[number]) for number in range(PARTITIONS)]

    def stored_tables(self, name: str) -> list[dict[tuple[str, str], bytes]]:
        """The same from the data folder of a worker that had all partitions and has ended."""
        return [volume_tables(self.folder / name / "stores" / str(number)) for number in range(PARTITIONS)]

    def published(self, topic: str) -> list[dict[str, Any]]:
        """The bodies of a topic."""
        return [json.loads(m.value() or b"") for messages in read(self.bootstrap, topic).values() for m in messages]


class Answer(NamedTuple):
    """What a worker answered, whatever its status."""

    status: int
    headers: Headers
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class Worker:
    """`freshmart worker` as a process; `program` is what understands the command `worker`."""

    def __init__(self, site: Site, name: str, *options: str, program: Sequence[str] = PROGRAM, **settings: str) -> None:
        self.port = int(settings.get("FRESHMART_WEB_PORT") or free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = site.folder / f"{name}.log"
        more = {"FRESHMART_DATA_DIR": str(site.folder / name), "FRESHMART_WEB_PORT": str(self.port), **settings}
        command = [*program, "worker", *options]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, env=site.environment(**more), stdout=log, stderr=log)

    def get(self, path: str) -> Any:
        """A JSON answer."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def ask(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Any answer."""
        request = urllib.request.Request(self.url + path, headers=dict(headers or {}))
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(refused.code, refused.headers, refused.read())

    def metric(self, name: str, text: str = "", headers: Mapping[str, str] | None = None) -> float:
        """The sum of a metric's samples whose labels contain a text."""
        lines = self.ask("/metrics", headers).body.decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(f"{name}{{") and text in line)

    def is_ready(self) -> bool:
        """Whether it takes part."""
        try:
            return bool(self.get("/health/ready")["ready"])
        except OSError:
            return False

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(20)

    def log(self) -> str:
        """What it logged."""
        return self._log.read_text()


@contextmanager
def worker(site: Site, name: str, *options: str, **settings: str) -> Iterator[Worker]:
    """A worker that is gone at the end."""
    running = Worker(site, name, *options, **settings)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.kill()


def sleep(seconds: float) -> None:
    """Let the others work."""
    time.sleep(seconds)
