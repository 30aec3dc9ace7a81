"""Published messages against those that the oracle publishes: of each key in order, byte for byte.

Both sides come as streams, and only what has no counterpart yet is held. A message is known by its CloudEvents id, a
dead letter by the place of its original, anything else by all its bytes. So one message that is missing, changed or
out of its order is told as that, and the next ones are compared as if nothing had been.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

import msgspec

from freshmart_streams.audit.differences import Cause, Difference, Found, Kind, What
from freshmart_streams.audit.log import Reader, Source
from freshmart_streams.audit.words import message_difference, message_text
from freshmart_streams.engine import Output, StoredRecord
from freshmart_streams.events import dead_letters

WINDOW: Final = 10_000
"""How many messages a counterpart may be away."""
REMEMBERED: Final = 100_000
"""How many messages behind a repetition is still known as one: more than the embedded broker keeps."""

_ORIGIN: Final = (dead_letters.TOPIC, dead_letters.PARTITION, dead_letters.OFFSET)

Headers = tuple[tuple[str, bytes | None], ...]


class Message(msgspec.Struct, frozen=True):
    """What is compared of a message."""

    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def identity(self) -> Hashable:
        """What it is known by."""
        named = dict(self.headers)
        if "ce_id" in named:
            return named["ce_id"]
        if _ORIGIN[0] in named:
            return tuple(named.get(name) for name in _ORIGIN)
        return self.key, self.value, self.headers


@dataclass(slots=True)
class _Side:
    """A message that waits for its counterpart: its place on its own side, and whether a later one was first."""

    message: Message
    place: int
    cause: Cause | None = None
    is_overtaken: bool = False


class _Waiting:
    """Messages of one side that have no counterpart yet."""

    def __init__(self) -> None:
        self._by_identity: dict[Hashable, deque[_Side]] = {}
        self._by_key: dict[bytes | None, dict[int, _Side]] = {}
        self.count = 0

    def add(self, side: _Side) -> None:
        self._by_identity.setdefault(side.message.identity, deque()).append(side)
        self._by_key.setdefault(side.message.key, {})[side.place] = side
        self.count += 1

    def pop(self, identity: Hashable) -> _Side | None:
        """The first one of this identity, which is no longer waiting."""
        sides = self._by_identity.get(identity)
        if not sides:
            return None
        side = sides.popleft()
        if not sides:
            del self._by_identity[identity]
        of_key = self._by_key[side.message.key]
        del of_key[side.place]
        if not of_key:
            del self._by_key[side.message.key]
        self.count -= 1
        return side

    def overtake(self, key: bytes | None, place: int) -> None:
        """Mark those of a key that should have come before this place."""
        for earlier, side in self._by_key.get(key, {}).items():
            if earlier > place:
                return
            side.is_overtaken = True

    def pop_all(self) -> list[_Side]:
        """All of them in their order; none is waiting any more."""
        sides = sorted((side for of_key in self._by_key.values() for side in of_key.values()), key=_place)
        self._by_identity, self._by_key, self.count = {}, {}, 0
        return sides


def _place(side: _Side) -> int:
    return side.place


class TopicCheck:
    """One topic's partition.

    Args:
        reader: reads what was published.
        source: the topic's partition; it ends where everything is that the oracle will publish.
        settled: what is published before this offset must be the oracle's.
        is_compacted: whether an older message of a key may be gone.
        may_repeat: whether a message may come again with the same bytes.
        found: told of each difference.
    """

    def __init__(
        self,
        reader: Reader,
        source: Source,
        settled: int,
        *,
        is_compacted: bool,
        may_repeat: bool,
        found: Found,
    ) -> None:
        self.source = source
        self.compared = 0
        self.gone = 0
        """How many messages of the oracle were published before what the topic still holds, or are compacted."""
        self._reader = reader
        self._settled = settled
        self._is_compacted = is_compacted
        self._may_repeat = may_repeat
        self._report = found
        self._expected = _Waiting()
        self._early = _Waiting()
        self._compacted: dict[bytes | None, _Side] = {}
        self._recent: OrderedDict[Hashable, Message] = OrderedDict()
        self._kept: deque[StoredRecord | Output] = deque()
        self._is_aligned = source.beginning == 0
        self._number = 0
        self._behind = 0

    def keep(self, outputs: list[Output]) -> None:
        """Outputs of the last commit, which its next owner publishes if nobody has."""
        self._kept.extend(outputs)

    def expect(self, output: Output, cause: Cause) -> None:
        """The oracle publishes a message."""
        message = Message(output.key, output.value, tuple(output.headers))
        self._number += 1
        if not self._is_aligned and not self._aligns(message):
            self.gone += 1
            return
        expected = _Side(message, self._number, cause)
        early = self._early.pop(message.identity)
        if early is not None:
            self._match(expected, early)
        else:
            self._expected.add(expected)

    def advance(self) -> None:
        """Read what was published until everything expected so far is there, or is given up."""
        while self._expected.count:
            if self._early.count >= WINDOW or not self._read_one(self.source.end):
                self._give_up()

    def finish(self) -> None:
        """The oracle has published everything."""
        self.advance()
        self._report_early()
        while self._read_one(self._settled):
            self._report_early()
        for lost in self._compacted.values():
            self._missing(lost)

    def _aligns(self, message: Message) -> bool:
        """Whether the messages that retention has deleted end here."""
        head = self._reader.head(self.source)
        self._is_aligned = head is not None and _message(head).identity == message.identity
        return self._is_aligned

    def _read_one(self, end: int) -> bool:
        """Take in the next message before an end; False when there is none."""
        head = self._reader.head(self.source)
        if head is not None and head.offset < end:
            self._reader.take(self.source)
            self._take(_Side(_message(head), head.offset))
            return True
        if head is None and self._kept:
            self._take(_Side(_message(self._kept.popleft()), self.source.end + self._behind))
            self._behind += 1
            return True
        return False

    def _take(self, published: _Side) -> None:
        identity = published.message.identity
        expected = self._expected.pop(identity)
        before = self._recent.get(identity)
        if expected is not None:
            self._match(expected, published)
        elif before is None:
            self._early.add(published)
        elif not self._may_repeat or before != published.message:
            self._differ(What.REPEATED, published, expected=before)

    def _match(self, expected: _Side, published: _Side) -> None:
        key = expected.message.key
        self.compared += 1
        self._compacted.pop(key, None)
        self._expected.overtake(key, expected.place)
        self._early.overtake(key, published.place)
        self._recent[expected.message.identity] = published.message
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
        if expected.message != published.message:
            self._differ(What.CHANGED, published, expected.message, expected.cause)
        elif expected.is_overtaken or published.is_overtaken:
            self._differ(What.OUT_OF_ORDER, published, cause=expected.cause)

    def _give_up(self) -> None:
        for lost in self._expected.pop_all():
            if not self._is_compacted:
                self._missing(lost)
            else:
                self.gone += 1
                self._compacted[lost.message.key] = lost

    def _missing(self, lost: _Side) -> None:
        self._differ(What.MISSING, lost, lost.message, lost.cause)

    def _report_early(self) -> None:
        for extra in self._early.pop_all():
            if extra.place < self._settled:
                self._differ(What.UNEXPECTED, extra)

    def _differ(self, what: What, side: _Side, expected: Message | None = None, cause: Cause | None = None) -> None:
        found = None if what is What.MISSING else side.message
        if expected is not None and found is not None:
            texts: tuple[str | None, str | None] = message_difference(expected, found)
        else:
            texts = (
                None if expected is None else message_text(expected),
                None if found is None else message_text(found),
            )
        place = "" if found is None else f" at offset {side.place}"
        self._report(
            Difference(
                kind=Kind.OUTPUT,
                what=what,
                partition=self.source.partition,
                where=self.source.topic,
                key=(side.message.key or b"").decode("utf-8", "replace") + place,
                expected=texts[0],
                found=texts[1],
                cause=cause,
            )
        )


def _message(record: StoredRecord | Output) -> Message:
    return Message(record.key, record.value, tuple(record.headers))
