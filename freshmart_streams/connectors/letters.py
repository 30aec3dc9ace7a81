"""Dead letters: reading them without their bodies, and sending them again to where they came from.

Which letters were sent again is kept on the broker itself, as the committed offsets of a consumer group that nobody
joins: the offset below which every letter was sent, and in the offset's metadata the single ones above it. So it holds
for every machine that resends, on the embedded broker too, as long as the broker keeps offsets of idle groups (Kafka:
`offsets.retention.minutes`, seven days after the last resend). When it is forgotten, letters are sent a second time,
which changes nothing: every event counts once.
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

Headers: TypeAlias = list[tuple[str, bytes | None]]

NOTE_CHARACTERS_MAX: Final = 4_000
"""What Kafka keeps with an offset is 4,096 bytes unless it is set otherwise."""

_GROUP: Final = "freshmart-dead-letters-resend"
_ANSWER_S: Final = 10.0


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


def resend(cluster: Cluster, sender: Sender, inputs: Collection[str], wanted: Collection[Place]) -> Outcome:
    """Send letters again to the topics they came from, placed by their keys, and remember which.

    `inputs` are the full names of the topics that may be sent to. `wanted` names single letters; when it is empty, all
    are sent that were not sent yet.

    Raises:
        KafkaFailure: the broker does not answer, or refuses.
    """
    resent = read_resent(cluster)
    outcome = Outcome()
    not_sent: dict[int, list[int]] = {}
    ends: dict[int, int] = {}
    found: set[Place] = set()
    for place, message in _messages(cluster):
        done = resent.setdefault(place.partition, Resent())
        ends[place.partition] = place.offset + 1
        if place in wanted or (not wanted and place.offset not in done):
            found.add(place)
            _send_again(message, place, sender, inputs, outcome)
            done.single.add(place.offset)
        elif place.offset not in done:
            not_sent.setdefault(place.partition, []).append(place.offset)
    sender.flush()
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
        committed = consumer.committed(asked, timeout=_ANSWER_S) if asked else []
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
            consumer.commit(offsets=offsets, asynchronous=False)
    except KafkaException as error:
        raise KafkaFailure(f"all were sent, but that cannot be noted ({error})") from error
    finally:
        consumer.close()


def _send_again(message: Message, place: Place, sender: Sender, inputs: Collection[str], outcome: Outcome) -> None:
    headers = _headers(message)
    failure = _failure(headers)
    if failure is None or failure.topic not in inputs:
        outcome.unsendable.append((place, "its headers name no input topic"))
        return
    original = [(name, value) for name, value in headers if not name.startswith(dead_letters.PREFIX)]
    sender.send(
        failure.topic, key=message.key(), value=message.value(), headers=original, place=f"{place[0]}:{place[1]}"
    )
    outcome.sent += 1


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
