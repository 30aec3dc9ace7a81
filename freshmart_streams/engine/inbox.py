"""Fetched records of one partition that wait to be folded, and the order in which they are handed over.

Between topics the order is: broker time (kept monotonic within each input), then topic, then offset. A record is held
back while another input is known to have unread records. This order is not a law, only a habit that makes replays
without a journal agree; the journal records what was done.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from freshmart_streams.engine.records import Position, Record

Order = tuple[int, str, int]

WAITING_MAX = 20_000


class Input:
    """One topic partition as an input: what is fetched, how far, and how far it is known to go.

    `end` is what the order knows; `known_end` is what the broker last said of it, for the lag alone.
    """

    __slots__ = ("end", "known_end", "latest", "position", "read_to", "records")

    def __init__(self, position: Position, next_offset: int) -> None:
        self.position = position
        self.records: deque[Record] = deque()
        self.read_to = next_offset
        self.end = next_offset
        self.known_end = next_offset
        self.latest = 0

    @property
    def head(self) -> Order:
        """Where the first waiting record belongs."""
        return max(self.latest, self.records[0].timestamp), self.position.topic, self.position.partition

    @property
    def has_room(self) -> bool:
        """Whether more may be fetched."""
        return len(self.records) < WAITING_MAX

    @property
    def is_behind(self) -> bool:
        """Whether there are records in the log that were not fetched yet, and none that were."""
        return not self.records and self.read_to < self.end


class Inbox:
    """The inputs of one partition.

    Args:
        offsets: for each input the next offset to apply.
        master: which of them are master data.
        ticks: the topic of the ticks, if there is one.
    """

    def __init__(self, offsets: Mapping[Position, int], master: frozenset[str], ticks: str | None) -> None:
        self.inputs = {position: Input(position, offset) for position, offset in sorted(offsets.items())}
        self._master = [entry for entry in self.inputs.values() if entry.position.topic in master]
        self._patient = [entry for entry in self.inputs.values() if entry.position.topic in {ticks, *master}]
        self._patient_until: dict[Position, int] = {}
        self._master_until: dict[Position, int] = {}
        self._checked: dict[Position, int] = {}
        self.waiting = 0

    def add(self, position: Position, records: Sequence[Record], read_to: int, end: int) -> None:
        """Take in what was fetched.

        Args:
            position: the input.
            records: in their order; what is here already is left out.
            read_to: where the next fetch goes on; greater than the last record's offset plus one where the log holds
                no records.
            end: the end of the log as the fetch knew it.
        """
        entry = self.inputs[position]
        if records and records[0].offset < entry.read_to:
            records = [record for record in records if record.offset >= entry.read_to]
        entry.records.extend(records)
        self.waiting += len(records)
        if records:
            entry.read_to = records[-1].offset + 1
        entry.read_to = max(entry.read_to, read_to)
        entry.end = max(entry.end, end)

    def learn_ends(self, ends: Mapping[Position, int]) -> None:
        """The broker was asked just now how far these inputs go."""
        for position, end in ends.items():
            if position in self.inputs:
                entry = self.inputs[position]
                entry.end = max(entry.end, end)

    def learn_input_ends(self, ends: Mapping[Position, int]) -> None:
        """The broker was asked how far all co-partitioned inputs go: ticks and master data that are here may come."""
        self.learn_ends(ends)
        for entry in self._patient:
            if entry.records:
                self._patient_until[entry.position] = entry.records[-1].offset

    def master_first(self, ends: Mapping[Position, int]) -> None:
        """Hand over master data up to these ends before anything else.

        What waits here by now then counts as checked against them.
        """
        self._master_until = {entry.position: ends[entry.position] for entry in self._master if entry.position in ends}
        self.learn_ends(self._master_until)
        self._checked = {entry.position: entry.records[-1].offset for entry in self.inputs.values() if entry.records}

    def is_checked(self, record: Record) -> bool:
        """Whether the master data that was there when the record came has been taken in."""
        return record.offset <= self._checked.get(Position(record.topic, record.partition), -1)

    @property
    def needs_ends(self) -> bool:
        """Whether a tick or a change of master data is next.

        It must not overtake inputs that are not read yet: ask how far they go, and call `learn_input_ends`.
        """
        if self._master_until or not any(entry.records and self._must_ask(entry) for entry in self._patient):
            return False
        waiting = [entry for entry in self.inputs.values() if entry.records]
        return self._must_ask(min(waiting, key=lambda entry: entry.head))

    def _must_ask(self, entry: Input) -> bool:
        return entry in self._patient and entry.records[0].offset > self._patient_until.get(entry.position, -1)

    def put_back(self, records: Iterable[Record]) -> None:
        """Return records that were taken and not applied."""
        for record in reversed(list(records)):
            self.inputs[Position(record.topic, record.partition)].records.appendleft(record)
            self.waiting += 1

    def take(self, limit: int) -> list[Record]:
        """The next records in order, at most `limit`.

        Fewer when an input must be waited for, none when there is nothing to do.
        """
        if self._master_until:
            return self._take_master(limit)
        taken: list[Record] = []
        while len(taken) < limit:
            waiting = [entry for entry in self.inputs.values() if entry.records]
            if not waiting or any(entry.is_behind for entry in self.inputs.values()):
                break
            if len(waiting) == 1:
                first, bound = waiting[0], None
            else:
                waiting.sort(key=lambda entry: entry.head)
                first, bound = waiting[0], waiting[1].head
            if self._must_ask(first):
                break
            self._take_run(first, bound, limit, taken)
        self.waiting -= len(taken)
        return taken

    def _take_run(self, entry: Input, bound: Order | None, limit: int, taken: list[Record]) -> None:
        """Take from one input as long as its records come before the others'."""
        records, latest = entry.records, entry.latest
        topic, partition = entry.position
        asks = entry in self._patient
        while records and len(taken) < limit:
            latest = max(latest, records[0].timestamp)
            if bound is not None and (latest, topic, partition) > bound:
                break
            if asks and self._must_ask(entry):
                break
            taken.append(records.popleft())
            entry.latest = latest

    def _take_master(self, limit: int) -> list[Record]:
        taken: list[Record] = []
        for entry in self._master:
            until = self._master_until.get(entry.position, 0)
            while entry.records and entry.records[0].offset < until and len(taken) < limit:
                taken.append(entry.records.popleft())
        if not taken and not any(
            entry.is_behind and entry.read_to < self._master_until.get(entry.position, 0) for entry in self._master
        ):
            self._master_until = {}
            return self.take(limit)
        self.waiting -= len(taken)
        return taken
