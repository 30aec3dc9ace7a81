"""Everything a run left behind: what the broker holds, what the last worker had on its disk, what workers logged."""

import json
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from confluent_kafka import Message

from freshmart_streams.audit.fold import Fold, along_journal
from freshmart_streams.engine import Group, StoredRecord
from freshmart_streams.engine.journal import Span
from freshmart_streams.topics import Topics
from tests.acceptance.site import Place, Site, headers_of
from tests.faults.load import Planned, Sender
from tests.support.log import PARTITIONS, read_topics, records_of
from tests.support.tables import Tables, changelog_tables, volume_tables

CHANGELOG = "streams-stores-changelog"


class Entry(NamedTuple):
    """One entry of the journal, so one commit."""

    sequence: int
    at_ms: int
    """When it was written."""
    spans: list[Span]


class Sent(NamedTuple):
    """One published message."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    @property
    def ce_id(self) -> str:
        """Its CloudEvents id; empty for dead letters."""
        return (dict(self.headers).get("ce_id") or b"").decode()


@dataclass(frozen=True)
class Evidence:
    """What a run left behind.

    Attributes:
        topics: their names.
        group: as the workers declare it.
        planned: the load, as far as it was sent.
        places: where each message of it is.
        messages: the committed ones, by topic and partition.
        volumes: rows of each partition on the disk of the worker that ended last.
    """

    topics: Topics
    group: Group
    planned: list[Planned]
    places: list[Place]
    messages: dict[str, dict[int, list[Message]]]
    volumes: list[Tables]

    @property
    def input_topics(self) -> list[str]:
        """What the group reads."""
        return [*self.group.inputs, *self.group.master]

    @property
    def output_topics(self) -> list[str]:
        """What it publishes, the journal left out."""
        topics = self.topics
        return [one.name for one in (topics.reorders, topics.alerts, topics.store_days, topics.dead_letters)]

    @cached_property
    def records(self) -> dict[tuple[str, int], list[StoredRecord]]:
        """The inputs."""
        return records_of({topic: self.messages[topic] for topic in self.input_topics})

    @cached_property
    def journal(self) -> list[list[Entry]]:
        """The journal of each partition, as it is: nothing sorted, nothing left out."""
        read = self.messages[self.topics.journal.name]
        return [[_entry(message) for message in read[number]] for number in range(PARTITIONS)]

    @cached_property
    def tables(self) -> list[Tables]:
        """The rows of each partition by its changelog."""
        read = self.messages[self.topics.prefix + CHANGELOG]
        return [changelog_tables(read[number]) for number in range(PARTITIONS)]

    @cached_property
    def folds(self) -> list[Fold]:
        """The oracle: each partition's log, folded along its journal.

        Raises:
            LookupError: the journal names what is not in the log.
        """
        folds = []
        for number in range(PARTITIONS):
            fold = Fold(self.group, number, PARTITIONS)
            spans = [span for entry in self.journal[number] for span in entry.spans]
            fold.apply(along_journal(spans, number, self.records))
            folds.append(fold)
        return folds

    def published(self, topic: str, number: int) -> list[Sent]:
        """What workers published to a partition, in its order."""
        return [Sent(m.key(), m.value(), tuple(headers_of(m))) for m in self.messages[topic][number]]

    def expected(self, topic: str, number: int) -> list[Sent]:
        """What the oracle publishes to it."""
        outputs = self.folds[number].outputs
        return [Sent(one.key, one.value, tuple(one.headers)) for one in outputs if one.topic == topic]

    def writes(self, number: int, table: str, key: str) -> list[tuple[int, bytes | None]]:
        """All that the changelog says of one row: the sequence of the commit, and the row (None: deleted)."""
        stored_key, found = f"{table}\x01{key}".encode(), []
        last: list[bytes | None] = []
        for message in self.messages[self.topics.prefix + CHANGELOG][number]:
            if (message.key() or b"").startswith(b"\x00m"):
                found += [(json.loads(message.value() or b"")["seq"], row) for row in last]
                last = []
            elif message.key() == stored_key:
                value = message.value()
                last = [None if value is None else value[1:]]
        return found

    def walk(self, number: int) -> Iterator[tuple[Entry, Fold]]:
        """The oracle again, commit by commit."""
        fold, places = Fold(self.group, number, PARTITIONS), dict[tuple[str, int], int]()
        for entry in self.journal[number]:
            for topic, *where, following in entry.spans:
                source = (str(topic), int(where[0]) if where else number)
                have = self.records.get(source, [])
                end = bisect_left(have, int(following), key=lambda record: record.offset)
                fold.apply(have[places.get(source, 0) : end])
                places[source] = max(end, places.get(source, 0))
            yield entry, fold


def collect(site: Site, survivor: str, sender: Sender) -> Evidence:
    """Read everything; no worker may run any more.

    Args:
        site: broker and folder.
        survivor: name of the worker that had all partitions in the end.
        sender: of the load; it has ended.
    """
    group, topics = site.group, site.topics
    outputs = (topics.reorders, topics.alerts, topics.store_days, topics.dead_letters, topics.journal)
    names = [*group.inputs, *group.master, *(one.name for one in outputs), topics.prefix + CHANGELOG]
    folder = site.folder / survivor / "stores"
    volumes = [volume_tables(folder / str(number)) for number in range(PARTITIONS)]
    sent = sorted(sender.places.items())
    planned, places = [sender.planned[number] for number, _ in sent], [place for _, place in sent]
    return Evidence(topics, group, planned, places, read_topics(site.bootstrap, names), volumes)


def _entry(message: Message) -> Entry:
    entry = json.loads(message.value() or b"")
    return Entry(entry["sequence"], message.timestamp()[1], entry["spans"])
