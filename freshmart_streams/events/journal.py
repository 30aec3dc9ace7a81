"""`journal`: in which order the inputs of a partition were applied (contracts.md section 4)."""

from msgspec import Struct

from freshmart_streams.events.values import Offset, Text

Span = tuple[str | int, ...]
"""`(topic, next offset)`, or `(topic, partition, next offset)` of a topic that every partition reads whole."""


class JournalEntry(Struct, frozen=True):
    """The spans that one commit applied, in order; `rules` is the version of all that results depend on."""

    group: Text
    sequence: Offset
    rules: Text
    spans: tuple[Span, ...]
