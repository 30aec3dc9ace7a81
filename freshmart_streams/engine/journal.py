"""How far a partition has applied its inputs, and in which order.

A *span* `[topic, next offset]` (or `[topic, partition, next offset]` for a topic that every partition reads whole)
says that the input was applied up to that offset, before what follows. The spans of all commits, in order, are the
journal: inputs and journal together are the one log of a partition, and whoever follows them gets the same bytes.
"""

import uuid
from collections.abc import Iterable
from typing import Any

import msgspec

from freshmart_streams.engine.records import Position

Span = list[str | int]


class Marker(msgspec.Struct, omit_defaults=True):
    """What a commit says of itself, in the changelog and in the store.

    Attributes:
        id: of this partition's log; made at its first commit, the same ever after.
        seq: grows by one with every commit.
        offsets: for each input topic and partition the next offset to apply.
        at: when the commit was written, broker time in milliseconds where it is known, else this worker's.
    """

    id: str = ""
    seq: int = 0
    offsets: dict[str, dict[int, int]] = {}
    at: int = 0

    def next_offset(self, position: Position) -> int | None:
        """The next offset of an input, or None before its first record."""
        return self.offsets.get(position.topic, {}).get(position.partition)


class LocalState(msgspec.Struct):
    """What the store keeps beside the rows.

    The marker, the next changelog offset, and (mode `log`) the outputs of the last commit.
    """

    marker: Marker
    changelog_next: int = 0
    outbox: bytes | None = None


encode_marker = msgspec.json.Encoder().encode
decode_marker = msgspec.json.Decoder(Marker).decode
encode_local = msgspec.msgpack.Encoder().encode
decode_local = msgspec.msgpack.Decoder(LocalState).decode


class Spans:
    """The spans of one commit, as they grow record by record."""

    __slots__ = ("_broadcast", "_last", "spans")

    def __init__(self, broadcast: frozenset[str]) -> None:
        self._broadcast = broadcast
        self._last: tuple[str, int] | None = None
        self.spans: list[Span] = []

    def applied(self, topic: str, partition: int, offset: int) -> None:
        """The record at this offset was applied, after all before."""
        if self._last == (topic, partition):
            self.spans[-1][-1] = offset + 1
            return
        self._last = (topic, partition)
        self.spans.append([topic, partition, offset + 1] if topic in self._broadcast else [topic, offset + 1])

    def __bool__(self) -> bool:
        return bool(self.spans)


def advanced(offsets: dict[str, dict[int, int]], spans: Iterable[Span], partition: int) -> dict[str, dict[int, int]]:
    """The marker's offsets after these spans; the ones given are left alone."""
    result = dict(offsets)
    for span in spans:
        topic, *broadcast, next_offset = span
        number = int(broadcast[0]) if broadcast else partition
        result[str(topic)] = {**result.get(str(topic), {}), number: int(next_offset)}
    return result


def entry(group: str, sequence: int, rules: str, spans: list[Span]) -> bytes:
    """A journal entry as it is published (contracts.md section 4)."""
    fields: dict[str, Any] = {"group": group, "sequence": sequence, "rules": rules, "spans": spans}
    return msgspec.json.encode(fields)


def new_log_id() -> str:
    """The id of a partition's log, made at its first commit. It marks the log and is in no result."""
    return uuid.uuid4().hex
