"""A partition's journal, followed from its first entry on, and checked on the way: it is what the oracle goes by."""

from collections.abc import Iterator
from typing import Final

import msgspec

from freshmart_streams.audit.differences import Commit, Difference, Found, Kind, What
from freshmart_streams.audit.log import Reader, Source, UnreadableLogError
from freshmart_streams.engine import Output
from freshmart_streams.events.journal import JournalEntry, Span

_decode: Final = msgspec.json.Decoder(JournalEntry).decode

Input = tuple[str, int]
"""A topic partition."""


def place_of(span: Span, partition: int) -> tuple[Input, int]:
    """The input that a span is of, and the next offset after it."""
    topic, *numbers = span
    return (str(topic), partition if len(numbers) == 1 else int(numbers[0])), int(numbers[-1])


class Journal:
    """The entries of one group's partition up to a commit, each once and in the order of their sequence.

    Args:
        reader: reads the topic.
        source: the journal's partition.
        group: name of the group whose entries count.
        last: the commit at which it ends.
        kept: outputs of the last commit that may not be published yet.
        is_embedded: whether an entry may repeat.
        found: told of what is not as it must be.

    Attributes:
        reached: how far each input is applied by now.
        sequence: of the latest entry.
    """

    def __init__(
        self,
        reader: Reader,
        source: Source,
        group: str,
        *,
        last: int,
        kept: list[Output],
        is_embedded: bool,
        found: Found,
    ) -> None:
        self.reached: dict[Input, int] = {}
        self.sequence = 0
        self.entries = 0
        self._reader = reader
        self._source = source
        self._group = group
        self._last = last
        self._kept = [output.value for output in kept if output.topic == source.topic]
        self._is_embedded = is_embedded
        self._report = found

    def __iter__(self) -> Iterator[JournalEntry]:
        for entry in self._read():
            if entry.sequence > self._last:
                break
            if entry.sequence <= self.sequence:
                if not (self._is_embedded and entry.sequence == self.sequence):
                    self._differ(What.REPEATED, entry.sequence, f"commit {self.sequence + 1}", entry)
                continue
            if entry.sequence > self.sequence + 1:
                self._lacks(entry.sequence - 1, entry)
            self.sequence = entry.sequence
            self.entries += 1
            yield entry
        if self.sequence < self._last:
            self._lacks(self._last, None)
            self.sequence = self._last

    def grows(self, span: Span, entry: JournalEntry) -> bool:
        """Whether a span goes on from where its input was; it is noted as applied."""
        place, following = place_of(span, self._source.partition)
        reached = self.reached.get(place, 0)
        if following <= reached:
            expected = f"more of {place[0]}/{place[1]} than up to {reached}"
            self._differ(What.OUT_OF_ORDER, entry.sequence, expected, entry)
            return False
        self.reached[place] = following
        return True

    def _read(self) -> Iterator[JournalEntry]:
        while (record := self._reader.head(self._source)) is not None:
            self._reader.take(self._source)
            entry = self._decoded(record.value)
            if entry.group == self._group:
                yield entry
        for value in self._kept:
            yield self._decoded(value)

    def _decoded(self, value: bytes | None) -> JournalEntry:
        try:
            return _decode(value or b"")
        except msgspec.MsgspecError as error:
            raise UnreadableLogError(f"{self._source.name} holds what is no journal entry: {error}") from error

    def _lacks(self, until: int, entry: JournalEntry | None) -> None:
        first = self.sequence + 1
        which = f"commit {first}" if first == until else f"commits {first} to {until}"
        found = None if entry is None else f"commit {entry.sequence}"
        self._report(self._difference(What.MISSING, str(first), which, found, entry))

    def _differ(self, what: What, sequence: int, expected: str, entry: JournalEntry) -> None:
        self._report(self._difference(what, str(sequence), expected, f"commit {entry.sequence}", entry))

    def _difference(
        self, what: What, key: str, expected: str, found: str | None, entry: JournalEntry | None
    ) -> Difference:
        return Difference(
            kind=Kind.JOURNAL,
            what=what,
            partition=self._source.partition,
            where=self._source.topic,
            key=key,
            expected=expected,
            found=found,
            commits=() if entry is None else (Commit(entry.sequence, entry.spans),),
        )


def commits(reader: Reader, source: Source, group: str, wanted: set[int]) -> dict[int, Commit]:
    """The entries of some commits, for people to read."""
    found: dict[int, Commit] = {}
    while len(found) < len(wanted) and (record := reader.head(source)) is not None:
        reader.take(source)
        entry = _decode(record.value or b"")
        if entry.group == group and entry.sequence in wanted:
            found.setdefault(entry.sequence, Commit(entry.sequence, entry.spans))
    return found
