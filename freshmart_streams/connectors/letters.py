"""Dead letters: reading them without their bodies, and sending them again to where they came from.

Which letters were sent again is kept on the broker itself, as the committed offsets of a consumer group that nobody
joins: the offset below which every letter was sent, and in the offset's metadata the single ones above it. So it holds
for every machine that resends, on the embedded broker too, and goes with the topic when that is made anew. The broker
forgets it when nothing was sent again for `offsets.retention.minutes` (seven days), sooner than the letters themselves:
they are then sent a second time, which changes nothing. Every event counts once (one that is older than ids are
remembered is refused as `too-late`), and a row of master data is not sent when a newer one of its key was taken in.

A letter that retention took away is no letter any more: neither listed nor sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias, cast

from confluent_kafka import KafkaException, Message, TopicPartition

from freshmart_streams.connectors import kafka
from freshmart_streams.connectors.kafka import Cluster, KafkaFailure, Sender
from freshmart_streams.events import dead_letters
from freshmart_streams.events.dead_letters import Failure
from freshmart_streams.topics import Topics

Headers: TypeAlias = list[tuple[str, bytes | None]]

NOTE_CHARACTERS_MAX: Final = 4_000
"""What Kafka keeps with an offset is 4,096 bytes unless it is set otherwise."""

_GROUP: Final = "freshmart-dead-letters-resend"


class Place(NamedTuple):
    """Where a letter lies in `dead-letters`."""

    partition: int
    offset: int


class Letter(NamedTuple):
    """A letter without its body; `failure` is None when its headers do not say what is wrong."""

    place: Place
    at_ms: int
    failure: Failure | None
    was_resent: bool


@dataclass
class Resent:
    """Which letters of one partition were sent again: all below `below`, and single ones above it."""

    below: int = 0
    single: set[int] = field(default_factory=set)

    def __contains__(self, offset: int) -> bool:
        return offset < self.below or offset in self.single

    def settle(self, not_sent: Iterable[int], end: int) -> None:
        """Raise `below` to the first letter that was not sent, or to `end`; forget single ones that are now below."""
        self.below = max(self.below, min(not_sent, default=end))
        self.single = {offset for offset in self.single if offset >= self.below}

    def note(self) -> str:
        """Write the single ones down as ranges, such as `4-6,9`; the last are left out of too long a note."""
        ranges: list[list[int]] = []
        for offset in sorted(self.single):
            if ranges and ranges[-1][1] == offset - 1:
                ranges[-1][1] = offset
            else:
                ranges.append([offset, offset])
        note = ""
        for first, last in ranges:
            part = f"{first}-{last}" if last > first else str(first)
            if len(note) + len(part) + 1 > NOTE_CHARACTERS_MAX:
                break
            note += ("," if note else "") + part
        return note

    @classmethod
    def read(cls, below: int, note: str | None) -> Resent:
        """Read what was noted; a note that is not readable counts as empty."""
        single: set[int] = set()
        try:
            for part in filter(None, (note or "").split(",")):
                first, _, last = part.partition("-")
                single.update(range(int(first), int(last or first) + 1))
        except ValueError:
            single = set()
        return cls(max(0, below), single)


@dataclass
class Outcome:
    """What a resend did."""

    sent: int = 0
    superseded: int = 0
    """Rows of master data of which a newer one was taken in: sending the old one would put it in force again."""
    unsendable: list[tuple[Place, str]] = field(default_factory=list)
    """Letters that name no input to send them to, with the reason."""
    missing: list[Place] = field(default_factory=list)
    """Places that were asked for and hold no letter."""
    refused: list[str] = field(default_factory=list)


def read_letters(cluster: Cluster, *, limit: int) -> list[Letter]:
    """Return the newest letters in order of time, at most `limit` of them.

    Raises:
        KafkaFailure: the broker does not answer, or refuses.
    """
    resent = read_resent(cluster)
    kept: dict[int, deque[Letter]] = {}
    for place, message in _messages(cluster):
        was_resent = place.offset in resent.get(place.partition, Resent())
        failure = _failure(_headers(message))
        letters = kept.setdefault(place.partition, deque(maxlen=limit))
        letters.append(Letter(place, message.timestamp()[1], failure, was_resent))
    return sorted((letter for letters in kept.values() for letter in letters), key=_by_time)[-limit:]


def resend(cluster: Cluster, sender: Sender, topics: Topics, wanted: Collection[Place]) -> Outcome:
    """Send letters again to the topics they came from, placed by their keys, and remember which.

    `wanted` names single letters; when it is empty, all are sent that were not sent yet, but for rows of master data
    that are superseded. Letters of one message (each partition has one, where master data made a rule raise) are sent
    once.

    Raises:
        KafkaFailure: the broker does not answer, or refuses.
    """
    resent = read_resent(cluster)
    mail = _Mail(cluster, sender, topics, Outcome())
    not_sent: dict[int, list[int]] = {}
    ends: dict[int, int] = {}
    found: set[Place] = set()
    for place, message in _messages(cluster):
        done = resent.setdefault(place.partition, Resent())
        ends[place.partition] = place.offset + 1
        is_wanted = place in wanted or (not wanted and place.offset not in done)
        mail.take(place, message, is_wanted=is_wanted)
        if is_wanted:
            found.add(place)
            done.single.add(place.offset)
        elif place.offset not in done:
            not_sent.setdefault(place.partition, []).append(place.offset)
    mail.send_rows(even_old=bool(wanted))
    sender.flush()
    outcome = mail.outcome
    outcome.refused = sender.reasons
    outcome.missing = sorted(set(wanted) - found)
    if not sender.refused:  # else the same ones are tried again
        for partition, end in ends.items():
            resent[partition].settle(not_sent.get(partition, ()), end)
        _write_resent(cluster, {partition: resent[partition] for partition in ends})
    return outcome


def read_resent(cluster: Cluster) -> dict[int, Resent]:
    """Return by partition which letters were sent again.

    Raises:
        KafkaFailure: the broker does not answer, or refuses.
    """
    topic = cluster.topic("dead-letters")
    asked = [TopicPartition(topic, number) for number in kafka.partitions_of(cluster, topic)]
    consumer = cluster.consumer(cluster.topic(_GROUP))
    try:
        committed = kafka.committed(consumer, asked) if asked else []
    except KafkaException as error:
        raise KafkaFailure(f"which letters were sent again cannot be read ({error})") from error
    finally:
        consumer.close()
    return {one.partition: Resent.read(one.offset, one.metadata) for one in committed}


def _write_resent(cluster: Cluster, resent: dict[int, Resent]) -> None:
    topic = cluster.topic("dead-letters")
    offsets = [TopicPartition(topic, partition, done.below, metadata=done.note()) for partition, done in resent.items()]
    consumer = cluster.consumer(cluster.topic(_GROUP))
    try:
        if offsets:
            kafka.commit(consumer, offsets)
    except KafkaException as error:
        raise KafkaFailure(f"all were sent, but that cannot be noted ({error})") from error
    finally:
        consumer.close()


class _Mail:
    """Letters on their way back; rows of master data wait until all letters were seen."""

    def __init__(self, cluster: Cluster, sender: Sender, topics: Topics, outcome: Outcome) -> None:
        self.outcome = outcome
        self._cluster = cluster
        self._sender = sender
        self._inputs = {topic.name for topic in topics if topic.is_input}
        self._master = {topic.name for topic in topics if topic.is_master_data}
        self._rows: list[tuple[Place, Message, Failure]] = []
        self._origins: set[Origin] = set()
        self._sent: set[Origin] = set()

    def take(self, place: Place, message: Message, *, is_wanted: bool) -> None:
        """Take a letter; an event goes out at once if it is wanted."""
        failure = _failure(_headers(message))
        if failure is None or failure.topic not in self._inputs:
            if is_wanted:
                self.outcome.unsendable.append((place, "its headers name no input topic"))
            return
        is_row = failure.topic in self._master
        if is_row:
            self._origins.add(_origin(failure))
        if is_wanted and is_row:
            self._rows.append((place, message, failure))
        elif is_wanted:
            self._send(place, message, failure)

    def send_rows(self, *, even_old: bool) -> None:
        """Send the rows of master data, unless they are superseded."""
        newest = {} if even_old else self._newest_rows({failure.topic for _, _, failure in self._rows})
        for place, message, failure in self._rows:
            if newest.get((failure.topic, failure.partition, message.key()), -1) > failure.offset:
                self.outcome.superseded += 1
            else:
                self._send(place, message, failure)

    def _newest_rows(self, topics: Iterable[str]) -> dict[tuple[str, int, bytes | None], int]:
        """The offset of each key's newest row that is no dead letter itself."""
        newest: dict[tuple[str, int, bytes | None], int] = {}
        for topic in sorted(topics):
            for row in kafka.read_to_end(self._cluster, topic):
                partition, offset = row.partition() or 0, row.offset() or 0
                if Origin(topic, partition, offset) not in self._origins:
                    newest[topic, partition, row.key()] = offset
        return newest

    def _send(self, place: Place, message: Message, failure: Failure) -> None:
        if _origin(failure) in self._sent:
            return
        self._sent.add(_origin(failure))
        headers = dead_letters.original_headers(_headers(message))
        self._sender.send(
            failure.topic, key=message.key(), value=message.value(), headers=headers, place=f"{place[0]}:{place[1]}"
        )
        self.outcome.sent += 1


class Origin(NamedTuple):
    """Where the message of a letter was."""

    topic: str
    partition: int
    offset: int


def _origin(failure: Failure) -> Origin:
    return Origin(failure.topic, failure.partition, failure.offset)


def _messages(cluster: Cluster) -> Iterator[tuple[Place, Message]]:
    for message in kafka.read_to_end(cluster, cluster.topic("dead-letters")):
        yield Place(message.partition() or 0, message.offset() or 0), message


def _headers(message: Message) -> Headers:
    # The client's types also allow what it takes for sending: a dictionary, texts.
    return cast(list[tuple[str, bytes | None]], message.headers() or [])


def _failure(headers: Headers) -> Failure | None:
    return dead_letters.failure((name, value) for name, value in headers if value is not None)


def _by_time(letter: Letter) -> tuple[int, Place]:
    return letter.at_ms, letter.place
