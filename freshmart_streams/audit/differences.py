"""What a verification found: where the system is not what its log leads to, in values and in words."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

SPANS_SHOWN = 12


class Kind(StrEnum):
    """What differs."""

    TABLE = "table"
    """A row in the changelog or in a data folder."""
    OUTPUT = "output"
    """A published message."""
    JOURNAL = "journal"
    """The journal itself, or what it names."""
    SUM = "sum"
    """A day's figures against the plain sums of its receipts."""


class What(StrEnum):
    """How it differs."""

    MISSING = "missing"
    UNEXPECTED = "unexpected"
    CHANGED = "changed"
    OUT_OF_ORDER = "out of order"
    REPEATED = "repeated"


class Place(NamedTuple):
    """A record of an input."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic} {self.partition}:{self.offset}"


class Cause(NamedTuple):
    """Through which input record, and with which commit by the journal, the oracle came to something."""

    sequence: int
    record: Place


class Commit(NamedTuple):
    """An entry of the journal: the sequence of a commit and the spans of the inputs that it applied."""

    sequence: int
    spans: tuple[tuple[str | int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that is not as the log has it.

    Attributes:
        kind: what differs.
        what: how.
        partition: of the group.
        where: the table or topic.
        key: of the row or message; of a day `store/day`; of a commit its sequence.
        expected: what the oracle has, readable; of two values only the fields that differ. None: nothing.
        found: what the system has, in the same form.
        cause: the first input record involved by the oracle, None where the oracle has nothing.
        found_in: the commit that wrote what was found, where that is known.
        commits: the journal's entries around.
    """

    kind: Kind
    what: What
    partition: int
    where: str
    key: str
    expected: str | None = None
    found: str | None = None
    cause: Cause | None = None
    found_in: int | None = None
    commits: tuple[Commit, ...] = ()

    @property
    def around(self) -> list[int]:
        """The sequences of the commits whose spans say what was applied when it happened."""
        own = {0 if self.cause is None else self.cause.sequence, self.found_in or 0}
        own |= {commit.sequence for commit in self.commits}
        return sorted({near for sequence in own if sequence for near in range(max(1, sequence - 1), sequence + 2)})

    def __str__(self) -> str:
        lines = [f"partition {self.partition}, {self.kind} {self.where} {self.key}: {self.what}"]
        if self.expected is not None:
            lines.append(f"  expected: {self.expected}")
        if self.found is not None:
            lines.append(f"  found: {self.found}")
        if self.cause is not None:
            lines.append(f"  by the log: commit {self.cause.sequence}, through {self.cause.record}")
        if self.found_in is not None:
            lines.append(f"  as found: written by commit {self.found_in}")
        lines += [f"  commit {commit.sequence} applied {_spans(commit)}" for commit in self.commits]
        return "\n".join(lines)


@dataclass(kw_only=True)
class PartitionReport:
    """What was compared of one partition.

    Attributes:
        partition: its number.
        commit: the commit at which tables and outputs were compared; 0 is none.
        commits: entries of the journal that were followed.
        records: input records that were folded.
        rows: rows compared.
        outputs: messages compared.
        days: days whose figures were compared with plain sums.
        differences: how many were found.
        notes: what the comparison left out, or what is to be known about it; one line each.
        unverified: why tables and outputs could not be compared; empty when they were.
    """

    partition: int
    commit: int = 0
    commits: int = 0
    records: int = 0
    rows: int = 0
    outputs: int = 0
    days: int = 0
    differences: int = 0
    notes: list[str] = field(default_factory=list)
    unverified: str = ""


@dataclass(kw_only=True)
class Report:
    """What a verification found.

    Attributes:
        partitions: what was compared.
        differences: the first ones; `count` says how many there are.
    """

    partitions: list[PartitionReport] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many differences there are, those that are not listed too."""
        return sum(partition.differences for partition in self.partitions)

    @property
    def is_equal(self) -> bool:
        """Whether everything was compared and nothing differs."""
        return not self.count and not any(partition.unverified for partition in self.partitions)


Found = Callable[[Difference], None]
"""Told of each difference."""


class Findings:
    """What is found in one partition, gathered into the report of all.

    Args:
        partition: its number.
        report: of all partitions.
        limit: how many differences the report keeps.
    """

    def __init__(self, partition: int, report: Report, limit: int) -> None:
        self.partition = PartitionReport(partition=partition)
        self._all = report
        self._limit = limit
        self._first = len(report.differences)
        report.partitions.append(self.partition)

    def add(self, difference: Difference) -> None:
        """Count a difference, and keep it while there are few."""
        self.partition.differences += 1
        if not self.is_full:
            self._all.differences.append(difference)

    def count(self) -> None:
        """Count a difference that is not worth making any more."""
        self.partition.differences += 1

    @property
    def is_full(self) -> bool:
        """Whether no more differences are kept."""
        return len(self._all.differences) >= self._limit

    @property
    def kept(self) -> list[Difference]:
        """The differences of this partition that are kept."""
        return self._all.differences[self._first :]

    def replace(self, differences: list[Difference]) -> None:
        """Put others in the place of those that are kept."""
        self._all.differences[self._first :] = differences

    def note(self, line: str) -> None:
        """Keep a line, once."""
        if line not in self.partition.notes:
            self.partition.notes.append(line)


def _spans(commit: Commit) -> str:
    more = len(commit.spans) - SPANS_SHOWN
    shown = json.dumps([list(span) for span in commit.spans[:SPANS_SHOWN]])
    return f"{shown} and {more} more" if more > 0 else shown
