"""What a broker holds, read by librdkafka: independent of the engine's own readers."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence

from confluent_kafka import Consumer, Message, TopicPartition

from freshmart_streams.engine import StoredRecord
from freshmart_streams.engine.journal import Span

PARTITIONS = 4
_PARTITION_EOF = -191


def read(bootstrap: str, topic: str) -> dict[int, list[Message]]:
    """All committed messages of a topic, by partition."""
    return read_topics(bootstrap, [topic])[topic]


def read_topics(bootstrap: str, topics: Sequence[str]) -> dict[str, dict[int, list[Message]]]:
    """All committed messages of some topics, by topic and partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    found: dict[str, dict[int, list[Message]]] = {topic: defaultdict(list) for topic in topics}
    left = {(topic, number) for topic in topics for number in range(PARTITIONS)}
    consumer.assign([TopicPartition(topic, number, 0) for topic, number in sorted(left)])
    while left:
        message = consumer.poll(20)
        assert message is not None, f"reading {', '.join(topics)} timed out"
        place, error = (message.topic() or "", message.partition() or 0), message.error()
        if error is None:
            found[place[0]][place[1]].append(message)
        elif error.code() == _PARTITION_EOF:
            left.discard(place)
    consumer.close()
    return found


def journal(bootstrap: str, topic: str, group: str | None = None) -> dict[int, list[Span]]:
    """The spans of each partition in their order; entries that came twice count once.

    Args:
        bootstrap: of the broker.
        topic: the journal.
        group: whose spans, where groups share the topic.
    """
    messages = read(bootstrap, topic)
    return {number: spans_of((m.value() or b"" for m in found), group) for number, found in messages.items()}


def spans_of(entries: Iterable[bytes], group: str | None = None) -> list[Span]:
    """The same of one partition's entries."""
    spans: dict[int, list[Span]] = {}
    for entry in map(json.loads, entries):
        if group is None or entry["group"] == group:
            spans.setdefault(entry["sequence"], entry["spans"])
    return [span for sequence in sorted(spans) for span in spans[sequence]]


def records(bootstrap: str, topics: Iterable[str]) -> dict[tuple[str, int], list[StoredRecord]]:
    """The inputs as records."""
    return records_of(read_topics(bootstrap, list(topics)))


def records_of(read: dict[str, dict[int, list[Message]]]) -> dict[tuple[str, int], list[StoredRecord]]:
    """Messages as records."""
    return {
        (topic, number): [
            StoredRecord(topic, number, m.offset() or 0, m.timestamp()[1], m.key(), m.value()) for m in messages
        ]
        for topic, partitions in read.items()
        for number, messages in partitions.items()
    }
