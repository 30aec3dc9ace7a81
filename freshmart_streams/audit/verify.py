"""A running system against its log: tables, outputs, journal and figures, partition by partition.

The oracle (`fold`) follows the journal and asks each input for its next record; nothing is read whole. What is held in
memory is the rows of one partition, twice: the oracle's and those of the changelog.

A running system goes on writing. So the end is chosen first: the last commit that the changelog had when the partition
was looked at. Everything published before that must be the oracle's, and everything that the oracle publishes up to
that commit must be there.

What can not be verified is said, in one line: when the beginning of an input or of the journal is deleted, or was
written under other `rules`, there is nothing to compare with.
"""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from freshmart_streams.audit.committed import Committed, read_changelog, read_volume
from freshmart_streams.audit.days import Days
from freshmart_streams.audit.differences import Cause, Difference, Findings, Kind, Place, Report, What
from freshmart_streams.audit.fold import Fold
from freshmart_streams.audit.journal import Journal, commits, place_of
from freshmart_streams.audit.log import Broker, Ends, Reader, Source, UnreadableMessageError
from freshmart_streams.audit.outputs import TopicCheck
from freshmart_streams.audit.rows import RowCheck
from freshmart_streams.engine import Group, Record
from freshmart_streams.events.journal import JournalEntry, Span
from freshmart_streams.topics import Cleanup, GroupName, Topics

__all__ = ["Broker", "NoSuchPartitionError", "System", "stores_system", "verify"]

PROGRESS_EVERY: Final = 500
"""Records between two calls of `progress`."""


@dataclass(frozen=True, kw_only=True)
class System:
    """What is verified.

    Attributes:
        group: as the workers declare it, with their `rules`.
        changelog: the group's.
        outputs: the topics that it publishes, the journal left out.
        compacted: those of them that are compacted: an older message of a key may be gone.
        shop: the application's topics and for how many days ids are remembered, where the figures of stores are to be
            compared with plain sums.
    """

    group: Group
    changelog: str
    outputs: tuple[str, ...]
    compacted: frozenset[str] = frozenset()
    shop: tuple[Topics, int] | None = None


def stores_system(topics: Topics, group: Group, dedupe_days: int = 14) -> System:
    """The group `stores` of the application, as the workers run it.

    Args:
        topics: of the application.
        group: as the workers declare it, with their `rules`.
        dedupe_days: see Settings.
    """
    published = [
        topic
        for topic in topics.of_group(GroupName.STORES)
        # ticks are made of time, and who looked at what (audit) is in no input
        if topic.writer.startswith("app") and topic not in (topics.ticks, topics.journal, topics.audit)
    ]
    return System(
        group=group,
        changelog=f"{topics.prefix}streams-{group.name}-changelog",
        outputs=tuple(topic.name for topic in published),
        compacted=frozenset(topic.name for topic in published if topic.cleanup is not Cleanup.DELETE),
        shop=(topics, dedupe_days),
    )


class Progress(Protocol):
    """Told how far the verification of a partition is."""

    def __call__(self, partition: int, done: int, total: int) -> None:
        """So many of its input records are folded, of about so many."""


def verify(
    broker: Broker,
    system: System,
    *,
    partitions: Collection[int] | None = None,
    data: Path | None = None,
    limit: int = 20,
    other_rules: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Compare a system, running or not, with what its log leads to.

    Args:
        broker: where log, tables and outputs are.
        system: what is verified.
        partitions: which; None is all.
        data: the data folder of a worker that was stopped; its rows are compared too.
        limit: how many differences are kept to be shown; all are counted.
        other_rules: go on where the journal was written under other `rules` than this code's. What differs then may
            come from that.
        progress: told how far it is.

    Raises:
        UnreadableLogError: the broker does not answer, or a topic does not go on where it must.
        VolumeError: a data folder cannot be read.
        NoSuchPartitionError: there is none of that number.
    """
    report = Report()
    with Ends(broker) as ends:
        counts = ends.partitions()
        count = max((counts.get(topic, 0) for topic in (*system.group.inputs, system.group.journal or "")), default=0)
        numbers = range(count) if partitions is None else sorted(set(partitions))
        for number in numbers:
            if number >= count:
                raise NoSuchPartitionError(f"there is no partition {number}: the topics have {count}")
            findings = Findings(number, report, limit)
            log = _PartitionLog(broker, ends, counts, system, number)
            check = _PartitionCheck(log, findings, other_rules=other_rules, progress=progress or _nobody)
            check.run(data)
    return report


class NoSuchPartitionError(Exception):
    """The group does not have a partition of this number; one line for a person."""


class _CannotVerifyError(Exception):
    """Why a partition cannot be compared; one line for a person."""


class _PartitionLog:
    """Where the topics of one partition are, as of now."""

    def __init__(self, broker: Broker, ends: Ends, counts: Mapping[str, int], system: System, number: int) -> None:
        self.broker = broker
        self.system = system
        self.group = system.group
        self.number = number
        self._ends = ends
        self._counts = counts

    @property
    def count(self) -> int:
        """How many partitions the group has."""
        return self._counts.get(next(iter(self.group.inputs)), 0)

    def readable(self, topic: str) -> int:
        """Where what readers of committed messages may see ends."""
        return self._bounds(topic, self.number)[1]

    def inputs(self) -> list[Source]:
        """The inputs, up to what can be read: what is applied is among it."""
        places = [(topic, self.number) for topic in self.group.inputs]
        places += [(topic, number) for topic in self.group.master for number in range(self._counts.get(topic, 0))]
        return [Source(*place, *self._bounds(*place)) for place in places]

    def written(self, topic: str) -> Source:
        """A topic of the application's, up to what is written, in transactions that are not committed yet too."""
        beginning, end = self._bounds(topic, self.number)
        return Source(topic, self.number, beginning, self._ends.written(topic, self.number) if end else 0)

    def _bounds(self, topic: str, number: int) -> tuple[int, int]:
        return self._ends.bounds(topic, number) if number < self._counts.get(topic, 0) else (0, 0)


class _PartitionCheck:
    """The verification of one partition."""

    def __init__(self, log: _PartitionLog, findings: Findings, *, other_rules: bool, progress: Progress) -> None:
        self._log = log
        self._system = log.system
        self._group = log.group
        self._number = log.number
        self._findings = findings
        self._report = findings.partition
        self._other_rules = other_rules
        self._progress = progress
        self._fold = Fold(log.group, log.number, log.count)
        self._rows = RowCheck(log.group, self._fold, findings)
        self._days = None if log.system.shop is None else Days(*log.system.shop)
        self._checks: dict[str, TopicCheck] = {}
        self._cause = Cause(0, Place("", 0, 0))
        self._expected_records = 0

    def run(self, data: Path | None) -> None:
        """Verify it."""
        try:
            self._run(data)
        except (_CannotVerifyError, UnreadableMessageError) as error:
            self._report.unverified = str(error)
        self._add_commits()

    def _run(self, data: Path | None) -> None:
        # What is published by now is of a commit that the changelog has already: it is looked at next.
        settled = {topic: self._log.readable(topic) for topic in self._system.outputs}
        committed = self._committed(data)
        last = committed[-1]
        self._report.commit = last.marker.seq
        inputs = {(source.topic, source.partition): source for source in self._log.inputs()}
        journal = self._log.written(self._group.journal or "")
        outputs = [self._log.written(topic) for topic in self._system.outputs]
        _need_beginnings([*inputs.values(), journal])
        with Reader(self._log.broker, [*inputs.values(), journal, *outputs]) as reader:
            for source in outputs:
                self._checks[source.topic] = self._topic_check(reader, source, settled[source.topic], last)
            self._walk(reader, inputs, self._journal(reader, journal, last), committed)
        self._note_what_is_gone(inputs.values())
        self._compare_days(last)

    def _committed(self, data: Path | None) -> list[Committed]:
        """The rows to compare with, in the order of their commits; the changelog's are the last."""
        volume = None if data is None else read_volume(data / self._group.name / str(self._number))
        if data is not None and volume is None:
            self._findings.note(f"{data} holds no partition {self._number}")
        source = self._log.written(self._system.changelog)
        with Reader(self._log.broker, [source]) as reader:
            changelog = read_changelog(reader, source, is_embedded=self._log.broker.is_embedded)
        _need_beginnings([source])
        for line in changelog.trouble:
            self._differ(What.OUT_OF_ORDER, self._system.changelog, "marker", found=line)
        if volume is None:
            return [changelog]
        if volume.marker.id not in ("", changelog.marker.id) or volume.marker.seq > changelog.marker.seq:
            self._findings.note(f"{volume.origin} is of another log than the changelog: its rows are not compared")
            return [changelog]
        return [volume, changelog]

    def _topic_check(self, reader: Reader, source: Source, settled: int, last: Committed) -> TopicCheck:
        check = TopicCheck(
            reader,
            source,
            settled,
            is_compacted=source.topic in self._system.compacted,
            may_repeat=self._log.broker.is_embedded,
            found=self._findings.add,
        )
        check.keep([output for output in last.outputs if output.topic == source.topic])
        return check

    def _journal(self, reader: Reader, source: Source, last: Committed) -> Journal:
        return Journal(
            reader,
            source,
            self._group.name,
            last=last.marker.seq,
            kept=last.outputs,
            is_embedded=self._log.broker.is_embedded,
            found=self._findings.add,
        )

    # Along the journal.

    def _walk(
        self, reader: Reader, inputs: Mapping[tuple[str, int], Source], journal: Journal, committed: list[Committed]
    ) -> None:
        """Fold what the journal names, and compare the rows at the commits where there are some to compare with."""
        ahead = list(committed)
        self._expected_records = sum(end for ends in committed[-1].marker.offsets.values() for end in ends.values())
        for entry in journal:
            while entry.sequence > ahead[0].marker.seq:
                self._rows.compare(ahead.pop(0))
            self._need_rules(entry)
            for span in entry.spans:
                if journal.grows(span, entry):
                    for record in self._span(reader, inputs, span):
                        self._apply(record, entry.sequence)
            self._publish(advance=True)
        self._report.commits = journal.entries
        for rest in ahead:
            self._rows.compare(rest)
        self._publish(advance=False)
        for check in self._checks.values():
            check.finish()
            self._report.outputs += check.compared
        self._progress(self._number, self._report.records, self._report.records)
        self._compare_marker(committed[-1], journal)

    def _span(self, reader: Reader, inputs: Mapping[tuple[str, int], Source], span: Span) -> Iterator[Record]:
        place, end = place_of(span, self._number)
        source = inputs.get(place)
        if source is None or end > source.end:
            there = "is not an input" if source is None else f"ends at {source.end}"
            raise _CannotVerifyError(f"the journal goes up to offset {end} of {place[0]}/{place[1]}, which {there}")
        while source.has_before(end) and (head := reader.head(source)) is not None and head.offset < end:
            yield reader.take(source)

    def _apply(self, record: Record, sequence: int) -> None:
        while self._fold.work():  # what the one before made due
            pass
        self._publish(advance=False)
        self._cause = Cause(sequence, Place(record.topic, record.partition, record.offset))
        self._fold.take(record, self._cause)
        if self._days is not None:
            self._days.applied(record)
        self._report.records += 1
        if self._report.records % PROGRESS_EVERY == 0:
            self._progress(self._number, self._report.records, max(self._expected_records, self._report.records))

    def _publish(self, *, advance: bool) -> None:
        """Hand over what the oracle has published; with `advance` look for it among what was published."""
        for output in self._fold.take_outputs():
            if output.topic in self._checks:
                self._checks[output.topic].expect(output, self._cause)
            if self._days is not None:
                self._days.published(output)
        if advance:
            for check in self._checks.values():
                check.advance()

    def _need_rules(self, entry: JournalEntry) -> None:
        """Refuse, or note, an entry that was written under other rules than this code's."""
        if entry.rules == self._group.rules:
            return
        rules = f"the rules {entry.rules}, these are {self._group.rules} (code, holidays, time zones, settings)"
        if not self._other_rules:
            raise _CannotVerifyError(
                f"commit {entry.sequence} was made under {rules}: only the same rules lead to the same results"
            )
        self._findings.note(f"some commits were made under {rules}: what differs may come from that")

    # Beside it.

    def _compare_marker(self, last: Committed, journal: Journal) -> None:
        """How far the changelog says that the inputs are applied is how far the journal goes."""
        marked = {(topic, number): end for topic, ends in last.marker.offsets.items() for number, end in ends.items()}
        for place in sorted(marked.keys() | journal.reached.keys()):
            if marked.get(place, 0) != journal.reached.get(place, 0):
                self._differ(
                    What.CHANGED,
                    self._system.changelog,
                    f"marker of commit {last.marker.seq}",
                    expected=f"{place[0]}/{place[1]} applied up to {journal.reached.get(place, 0)}, as in the journal",
                    found=f"up to {marked.get(place, 0)}",
                )

    def _compare_days(self, last: Committed) -> None:
        if self._days is None:
            return
        topic = self._days.sales
        source = Source(topic, self._number, 0, last.marker.offsets.get(topic, {}).get(self._number, 0))
        with Reader(self._log.broker, [source]) as reader:
            for difference in self._days.compare(_all_of(reader, source), last.tables):
                self._findings.add(difference)
        self._report.days = self._days.compared
        for line in self._days.notes:
            self._findings.note(line)

    def _note_what_is_gone(self, inputs: Iterable[Source]) -> None:
        for source in inputs:
            if source.topic in self._group.master and source.lacking:
                self._findings.note(
                    f"{source.name} lacks {source.lacking} offsets: compacted versions, or transactions of who writes "
                    "it; what was decided under a version that is gone is told as a difference"
                )
        for check in self._checks.values():
            if check.gone:
                self._findings.note(
                    f"{check.source.name} does not hold {check.gone} older messages any more (retention or "
                    "compaction): they are not compared"
                )

    def _add_commits(self) -> None:
        """Add the journal's entries around each difference that is kept."""
        kept = self._findings.kept
        wanted = {sequence for difference in kept for sequence in difference.around}
        if not wanted:
            return
        source = self._log.written(self._group.journal or "")
        with Reader(self._log.broker, [source]) as reader:
            entries = commits(reader, source, self._group.name, wanted)
        self._findings.replace(
            [
                dataclasses.replace(difference, commits=tuple(entries[n] for n in difference.around if n in entries))
                for difference in kept
            ]
        )

    def _differ(self, what: What, where: str, key: str, expected: str | None = None, found: str | None = None) -> None:
        self._findings.add(
            Difference(
                kind=Kind.JOURNAL,
                what=what,
                partition=self._number,
                where=where,
                key=key,
                expected=expected,
                found=found,
            )
        )


def _need_beginnings(sources: Iterable[Source]) -> None:
    gone = [f"{source.name} begins at offset {source.beginning}" for source in sources if source.beginning]
    if gone:
        raise _CannotVerifyError(
            f"the beginning of the log is deleted ({', '.join(gone)}): what it led to cannot be computed any more"
        )


def _all_of(reader: Reader, source: Source) -> Iterator[Record]:
    while reader.head(source) is not None:
        yield reader.take(source)


def _nobody(partition: int, done: int, total: int) -> None:
    """Nobody wants to know."""
