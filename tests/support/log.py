"""What a broker holds, read by librdkafka: independent of the engine's own readers."""

import json
from collections import defaultdict
from collections.abc import Iterable

from confluent_kafka import Consumer, Message, TopicPartition

from freshmart_streams.engine import StoredRecord
from freshmart_streams.engine.journal import Span

PARTITIONS = 4
_PARTITION_EOF = -191


def read(bootstrap: str, topic: str) -> dict[int, list[Message]]:
    """All committed messages of a topic, by partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    found: dict[int, list[Message]] = defaultdict(list)
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    left = set(range(PARTITIONS))
    while left:
        message = consumer.poll(20)
        assert message is not None, f"reading {topic} timed out"
        error = message.error()
        if error is None:
            found[message.partition() or 0].append(message)
        elif error.code() == _PARTITION_EOF:
            left.discard(message.partition() or 0)
    consumer.close()
    return found


def journal(bootstrap: str, topic: str) -> dict[int, list[Span]]:
    """The spans of each partition in their order; entries that came twice count once."""
    spans: dict[int, dict[int, list[Span]]] = defaultdict(dict)
    for number, messages in read(bootstrap, topic).items():
        for message in messages:
            entry = json.loads(message.value() or b"")
            spans[number].setdefault(entry["sequence"], entry["spans"])
    return {
        number: [span for sequence in sorted(entries) for span in entries[sequence]]
        for number, entries in spans.items()
    }


def records(bootstrap: str, topics: Iterable[str]) -> dict[tuple[str, int], list[StoredRecord]]:
    """The inputs as records."""
    return {
        (topic, number): [
            StoredRecord(topic, number, m.offset() or 0, m.timestamp()[1], m.key(), m.value()) for m in messages
        ]
        for topic in topics
        for number, messages in read(bootstrap, topic).items()
    }
