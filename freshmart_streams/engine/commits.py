"""The commits of one partition: one at a time, each of them whole or not at all.

Each step of a commit is a method of its own, here or in writers.py; what a crash after each of them leaves behind is a
row of the tables in docs/architecture.md. They run in this order:

    collect -> write (one transaction, or one record batch) -> store -> publish
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from freshmart_streams.engine.changelog import Commit
from freshmart_streams.engine.clock import monotonic, now_ms
from freshmart_streams.engine.connection import WAIT_SECONDS
from freshmart_streams.engine.journal import LocalState, Marker, encode_local, entry, new_log_id
from freshmart_streams.engine.records import Output
from freshmart_streams.engine.space import LOOK_SECONDS, DiskSpace
from freshmart_streams.engine.states import PartitionState
from freshmart_streams.engine.stores import LOCAL
from freshmart_streams.engine.writers import Writer

ROWS_PER_COMMIT = 50_000
BYTES_PER_COMMIT = 8 << 20
BACKLOG_RECORDS = 500
BACKLOG_SECONDS = 0.5
"""With so many records waiting, nobody waits for a single one: fewer and larger commits make them be over sooner."""
SHARE_SECONDS = 0.025
"""Between two commits of a worker's partitions, so that what commits cost stays well below half of its time."""


class Pace:
    """How often the partitions of a worker commit, so that commits do not take the time of folding.

    A commit costs some milliseconds of CPU however small it is: three requests, and fetches that return early.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._at_work = 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While a partition has something to commit."""
        self._at_work += 1
        try:
            yield
        finally:
            self._at_work -= 1

    def distance(self, waiting: int) -> float:
        """Seconds between the starts of two commits of a partition in whose inbox so many records wait."""
        if waiting >= BACKLOG_RECORDS:
            return BACKLOG_SECONDS
        return max(self._interval, self._at_work * SHARE_SECONDS)


class Commits:
    """Commits what a partition has folded.

    A commit starts as often as the pace allows; while one is under way the next batch is folded.

    Args:
        state: of the partition.
        writer: its producer.
        space: on the disk of the store.
        pace: of all partitions of the worker.
        on_done: called when nothing is left to commit: there may be room to fold again.
    """

    def __init__(
        self, state: PartitionState, writer: Writer, space: DiskSpace, pace: Pace, on_done: Callable[[], None]
    ) -> None:
        self.is_held = False
        """Whether what was folded must not be committed: a handler raised in the middle of it."""
        self._state = state
        self._writer = writer
        self._space = space
        self._pace = pace
        self._on_done = on_done
        self._began_at = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def is_due(self) -> bool:
        """Whether so much waits that no more may be folded before the next commit."""
        batch = self._state.opened
        return batch.changed_rows >= ROWS_PER_COMMIT or batch.output_bytes >= BYTES_PER_COMMIT

    def reset(self) -> None:
        """The partition was opened."""
        self.is_held, self._began_at = False, 0.0

    def begin(self) -> None:
        """See to it that what was folded is committed, unless that is under way."""
        state = self._state
        if state.live and not self.is_held and self._task is None and not state.opened.is_empty:
            self._task = asyncio.create_task(self._commit_in_turn(), name=f"commit {state.name}")

    async def settle(self, seconds: float = 2 * WAIT_SECONDS) -> bool:
        """Wait until the commit under way, if there is one, has ended or failed; False when that takes longer."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=seconds)
        return self._task is None

    async def end(self, seconds: float) -> None:
        """Let the commit under way end, if it does so in that time."""
        task = self._task
        if task is not None and task is not asyncio.current_task():
            await asyncio.wait([task], timeout=seconds)
            task.cancel()

    async def _commit_in_turn(self) -> None:
        state, epoch = self._state, self._state.epoch
        try:
            with self._pace.at_work():
                while state.is_current(epoch) and not self.is_held and not state.opened.is_empty:
                    wait = self._began_at + self._pace.distance(state.inbox.waiting) - monotonic()
                    if wait > 0 and not self.is_due:
                        await asyncio.sleep(min(wait, SHARE_SECONDS))
                        continue
                    state.hindrance = self._space.trouble
                    if state.hindrance:
                        await asyncio.sleep(LOOK_SECONDS)
                    else:
                        await self._commit(epoch)
        except Exception as error:
            if state.epoch == epoch:
                state.fail(error)
        finally:
            if self._task is asyncio.current_task():
                self._task = None
        self._on_done()

    async def _commit(self, epoch: int) -> None:
        """One commit, all of it or nothing."""
        self._began_at = monotonic()
        changelog_next = self._state.opened.local.changelog_next
        commit = self.collect()
        following = await self._writer.write(commit, changelog_next)
        if self._state.epoch != epoch:
            return  # the partition went while we waited: the changelog has it, the next opening takes it over
        self.store(commit, following)
        await self.publish(commit)
        self._count(commit)

    def collect(self) -> Commit:
        """Take from the batch what is to be committed; what is folded from here on belongs to the next commit."""
        state, batch = self._state, self._state.opened
        before = batch.local.marker
        changes, outputs, spans, offsets = batch.begin_commit()
        state.uncommitted = []
        marker = Marker(id=before.id or new_log_id(), seq=before.seq + 1, offsets=offsets, at=now_ms())
        if state.group.journal is not None:  # one for each commit, that of due work alone too: a lost one is a gap
            journal_entry = entry(state.group.name, marker.seq, state.group.rules, spans)
            outputs.append(Output(state.group.journal, None, journal_entry, ()))
        return Commit(marker, list(changes), outputs)

    def store(self, commit: Commit, changelog_next: int) -> None:
        """Write rows, marker and the place in the changelog to the partition's store, whole or not at all."""
        batch = self._state.opened
        local = LocalState(commit.marker, changelog_next, self._writer.outbox(commit.outputs))
        batch.store.write([*commit.rows, (LOCAL, encode_local(local))])
        batch.end_commit(local)

    async def publish(self, commit: Commit) -> None:
        """Send the outputs to their topics, where the commit itself did not."""
        await self._writer.publish(commit.outputs)

    def _count(self, commit: Commit) -> None:
        counters = self._state.counters
        counters.commits += 1
        counters.rows += len(commit.rows)
        for output in commit.outputs:
            counters.published[output.topic] = counters.published.get(output.topic, 0) + 1
        counters.commit_seconds += monotonic() - self._began_at
