"""The log of a system that ran, kept in memory: to be written to a broker again, as it was or with a difference."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from confluent_kafka import Producer

from freshmart_streams.audit.differences import Report
from freshmart_streams.audit.verify import Broker, System, stores_system, verify
from freshmart_streams.connectors.kafka import Cluster
from freshmart_streams.connectors.kafka_admin import touch
from tests.acceptance.site import Site, headers_of
from tests.support.log import PARTITIONS, read_topics


@dataclass(frozen=True)
class Kept:
    """A message."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp: int = 0


Messages = list[Kept]


@dataclass
class Recorded:
    """What was in the topics of a system, partition by partition.

    Attributes:
        site: where it was.
        topics: messages by topic and partition.
    """

    site: Site
    topics: dict[str, list[Messages]] = field(default_factory=dict)

    @property
    def system(self) -> System:
        """What ran."""
        return stores_system(self.site.topics, self.site.group)

    @property
    def changelog(self) -> str:
        """Its changelog."""
        return self.system.changelog

    def partition_with(self, topic: str, at_least: int) -> int:
        """The first partition of a topic that has so many messages."""
        return next(number for number, messages in enumerate(self.topics[topic]) if len(messages) >= at_least)

    def changed(self, topic: str, partition: int, change: Callable[[Messages], Messages]) -> "Recorded":
        """The same with one partition changed."""
        partitions = list(self.topics[topic])
        partitions[partition] = change(list(partitions[partition]))
        return replace(self, topics={**self.topics, topic: partitions})

    def written_to(self, bootstrap: str) -> None:
        """Write it to an embedded broker that has no topics yet."""
        touch(Cluster(bootstrap=bootstrap, prefix="", is_embedded=True), self.topics)
        producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
        for topic, partitions in self.topics.items():
            for number, messages in enumerate(partitions):
                for one in messages:
                    headers: list[tuple[str, str | bytes | None]] = list(one.headers)
                    producer.produce(topic, one.value, one.key, number, headers=headers, timestamp=one.timestamp)
                    producer.poll(0)
        assert producer.flush(60) == 0

    def verified(self, bootstrap: str, **options: object) -> Report:
        """Write it to an embedded broker and verify it there, by the rules of the broker where it was recorded."""
        self.written_to(bootstrap)
        broker = Broker(bootstrap=bootstrap, is_embedded=not self.site.is_kafka)
        return verify(broker, self.system, **options)  # type: ignore[arg-type]  # the tests' own options


def record(site: Site) -> Recorded:
    """Read everything that a system has written and read."""
    recorded = Recorded(site)
    system = recorded.system
    names = [*site.inputs(), *system.outputs, site.topics.journal.name, system.changelog]
    read = read_topics(site.bootstrap, names)
    recorded.topics = {
        topic: [
            [Kept(m.key(), m.value(), tuple(headers_of(m)), m.timestamp()[1]) for m in partitions[number]]
            for number in range(PARTITIONS)
        ]
        for topic, partitions in read.items()
    }
    return recorded


def with_value(one: Kept, **fields: object) -> Kept:
    """A message with other fields in its JSON body."""
    return replace(one, value=json.dumps({**json.loads(one.value or b""), **fields}).encode())
