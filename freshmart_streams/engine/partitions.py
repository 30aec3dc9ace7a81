r"""One partition of a group at work: open, fold, commit, close.

    closed --open--> live --revoked, failed--> suspended --open--> live
                       \\--hole, foreign data---> refused

Folding happens in slices of a few milliseconds, with the event loop given back in between. A commit starts at most
every interval; while one is under way the next batch is folded.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping

from freshmart_streams.engine.batches import Batch, HandlerError
from freshmart_streams.engine.changelog import (
    ChangelogReader,
    ChangelogWriter,
    Commit,
    ForeignLogError,
    decode_outbox,
    encode_outbox,
    new_log_id,
)
from freshmart_streams.engine.clock import monotonic, now_ms
from freshmart_streams.engine.connection import WAIT_SECONDS, Connection
from freshmart_streams.engine.groups import Group, NeedMasterData
from freshmart_streams.engine.inbox import Inbox
from freshmart_streams.engine.journal import LocalState, Marker, encode_local, entry
from freshmart_streams.engine.options import Counters, Ends, EngineOptions, RefusedError
from freshmart_streams.engine.records import Output, Position, Record
from freshmart_streams.engine.replicas import Replica
from freshmart_streams.engine.stores import LOCAL

log = logging.getLogger(__name__)

SLICE_SECONDS = 0.005
TURN_SECONDS = 0.05
DUE_AT_A_TIME = 100
RECORDS_AT_A_TIME = 200
ROWS_PER_COMMIT = 50_000
BYTES_PER_COMMIT = 8 << 20


class Partition:
    """One partition of a group."""

    def __init__(
        self,
        group: Group,
        number: int,
        count: int,
        connection: Connection,
        options: EngineOptions,
        replica: Replica,
        ends: Ends,
        on_failure: Callable[["Partition"], None],
        on_ready: Callable[[], None],
    ) -> None:
        self.group = group
        self.number = number
        self.count = count
        self.counters = Counters()
        self.live = False
        self.epoch = 0
        self.reason = "not open yet"
        self.inbox = Inbox({}, frozenset(), None)
        self.batch: Batch | None = None
        self._connection = connection
        self._options = options
        self._ends = ends
        self._on_failure = on_failure
        self._on_ready = on_ready
        self._spoiled = False
        self.replica = replica
        name = f"{options.app_id}-{group.name}"
        self._changelog = f"{name}-changelog"
        self._writer = ChangelogWriter(connection, self._changelog, number, f"{name}-{number}")
        self._committing: asyncio.Task[None] | None = None
        self._last_commit = 0.0
        self._uncommitted: list[Record] = []

    def __repr__(self) -> str:
        return f"<Partition {self.group.name}/{self.number}>"

    # Opening and closing.

    async def open(self) -> Mapping[Position, int]:
        """Fence the previous owner, bring the store up to date and say from where the inputs are to be read.

        Raises:
            RefusedError: the data folder or the log does not allow it.
            KafkaError, BrokerTimeoutError: to be tried again.
        """
        started = monotonic()
        await self.suspend("opening")
        await self._writer.open()
        batch = await self._catch_up()
        offsets = await self._start_offsets(batch.local.marker)
        await self._publish_outbox(batch.local)
        self.inbox = Inbox(offsets, frozenset(self.group.master), self.group.ticks)
        self.inbox.learn_ends(await self._ends.input_ends(self.group, self.number))
        master_ends = await self._ends.master_ends()
        if not batch.local.marker.offsets:
            self.inbox.master_first(master_ends)  # the very first start: master data before all else
        else:
            self.inbox.learn_ends(master_ends)
        self.batch, self._uncommitted, self._last_commit, self._spoiled = batch, [], 0.0, False
        self.live, self.reason = True, ""
        log.info(
            "opened %s/%s at commit %s in %.0f ms",
            self.group.name,
            self.number,
            batch.local.marker.seq,
            (monotonic() - started) * 1e3,
        )
        return offsets

    async def _catch_up(self) -> Batch:
        store, local = self.replica.open()
        reader = ChangelogReader(self._connection, self._changelog, self.number, store, local)
        try:
            await reader.catch_up()
        except ForeignLogError as error:
            if self._connection.mode == "tx":
                raise RefusedError(f"{error}; name an empty data folder to build the tables anew") from error
            log.warning("%s; building the tables anew", error)  # every embedded broker starts with an empty log
            store, local = self.replica.open_empty()
            reader = ChangelogReader(self._connection, self._changelog, self.number, store, local)
            await reader.catch_up()
        if reader.records_read:
            log.info("%s: took %s records over from the changelog", self.replica.name, reader.records_read)
        if self.batch is not None and self.batch.store is store:
            self.batch.drop()
            return self.batch
        rows_in_memory = self._options.rows_in_memory // self.count
        return Batch(self.group, self.number, self.count, store, rows_in_memory=rows_in_memory)

    async def _start_offsets(self, marker: Marker) -> dict[Position, int]:
        offsets: dict[Position, int] = {}
        for position, beginning in (await self._ends.beginnings(self.group, self.number)).items():
            applied = marker.next_offset(position)
            if applied is not None and applied < beginning:
                self._refuse_hole(position, beginning - applied)
            offsets[position] = max(applied or 0, beginning)
        return offsets

    def _refuse_hole(self, position: Position, lost: int) -> None:
        name = f"{position.topic}/{position.partition}"
        text = f"{name}: {lost} records that were not applied yet are gone from the log (retention)"
        if not self._options.accept_loss:
            raise RefusedError(f"{text}; start with --accept-loss to go on without them")
        log.error("%s; going on without them, as --accept-loss says", text)

    async def _publish_outbox(self, local: LocalState) -> None:
        if self._connection.mode == "log" and local.outbox is not None:
            await self._writer.publish(decode_outbox(local.outbox))

    async def suspend(self, reason: str) -> None:
        """Stop folding and committing. A commit under way may end; what is not committed is forgotten."""
        self.live, self.reason = False, reason
        self.epoch += 1
        committing = self._committing
        if committing is not None and committing is not asyncio.current_task():
            with contextlib.suppress(asyncio.TimeoutError, Exception):
                await asyncio.wait_for(asyncio.shield(committing), 4)
            committing.cancel()
        await self._writer.close()

    async def close(self) -> None:
        """Suspend and release the store."""
        await self.suspend("closed")
        self.batch = None
        self.replica.close()

    # Folding.

    async def fold(self, epoch: int) -> None:
        """Fold what is in the inbox.

        Returns when nothing can be taken, or after a while so that other partitions get their turn.
        """
        until = monotonic() + TURN_SECONDS
        while self._is_current(epoch) and monotonic() < until and not self._is_full:
            try:
                if self.inbox.needs_ends:
                    self.inbox.learn_input_ends(await self._ends.input_ends(self.group, self.number))
                elif not await self._fold_slice():
                    break
            except HandlerError as error:
                await self._isolate(error, epoch)
            except Exception as error:  # the broker is away, the disk is full: never a partition that stands still
                if self._is_current(epoch):
                    self._fail(error)
            self._begin_commits()
            await asyncio.sleep(0)

    @property
    def has_work(self) -> bool:
        """Whether folding again may do something."""
        return self.live and not self._is_full and (self.inbox.waiting > 0 or self._opened().has_due_work)

    @property
    def _is_full(self) -> bool:
        batch = self._opened()
        return batch.changed_rows >= ROWS_PER_COMMIT or batch.output_bytes >= BYTES_PER_COMMIT

    async def _fold_slice(self) -> bool:
        """Fold for a few milliseconds; False when there was nothing to do."""
        batch, until = self._opened(), monotonic() + SLICE_SECONDS
        if batch.has_due_work:
            batch.work_due(DUE_AT_A_TIME)
            return True
        records = self.inbox.take(RECORDS_AT_A_TIME)
        taken = 0
        try:
            for record in records:
                batch.take(record)
                taken += 1
                self._uncommitted.append(record)
                if monotonic() >= until or batch.has_due_work:
                    break
        except NeedMasterData:
            self.inbox.put_back(records[taken:])
            await self._with_master_data(batch, records[taken])
            return True
        except HandlerError:
            self.inbox.put_back(records[taken:])
            raise
        self.inbox.put_back(records[taken:])
        self.counters.records += taken
        return bool(records)

    async def _with_master_data(self, batch: Batch, record: Record) -> None:
        """Take in the master data that is there; once that is done since the record came, give the record again."""
        if not self.inbox.is_checked(record):
            self.inbox.master_first(await self._ends.master_ends())
            return
        again = self.inbox.take(1)
        if again != [record]:
            self.inbox.put_back(again)
            return
        batch.master_complete = True
        try:
            batch.take(record)
        except HandlerError:
            self.inbox.put_back(again)
            raise
        finally:
            batch.master_complete = False
        self._uncommitted.append(record)
        self.counters.records += 1

    async def _isolate(self, error: HandlerError, epoch: int) -> None:
        """A handler raised: void the batch, fold again up to that record, then that record alone."""
        self._spoiled = True  # before anything else can run: what was folded must not be committed
        log.error("%s/%s: a handler raised (%s); trying that record alone", self.group.name, self.number, error)
        await self._commit_under_way()
        if not self._is_current(epoch):
            return
        records = self._uncommitted
        try:
            trouble: HandlerError | None = error
            while trouble is not None:
                trouble = self._fold_again(records, trouble)
            self._spoiled = False
            if error.record is not None:
                self._begin_commits()
                await self._commit_under_way()
                if self._is_current(epoch):
                    self._take_alone(self._opened(), error.record)
        except HandlerError as unexpected:
            self._fail(unexpected)

    def _fold_again(self, records: list[Record], trouble: HandlerError) -> HandlerError | None:
        """Fold these records anew without the due work that raised; more of it may raise, each time another entry."""
        batch = self._opened()
        batch.drop()
        self._uncommitted = []
        if trouble.due is not None:
            batch.shun(trouble.due, trouble.error)
            self.counters.poison += 1
        try:
            for record in records:
                self._take_again(batch, record)
            self._work_all_due(batch)
        except HandlerError as again:
            if again.due is None:
                raise
            return again
        return None

    def _take_again(self, batch: Batch, record: Record) -> None:
        self._work_all_due(batch)
        batch.master_complete = True  # it was folded before, or waits alone: whatever it needs was taken in
        try:
            batch.take(record)
        finally:
            batch.master_complete = False
        self._uncommitted.append(record)

    def _work_all_due(self, batch: Batch) -> None:
        while batch.has_due_work:
            batch.work_due()

    def _take_alone(self, batch: Batch, poison: Record) -> None:
        waiting = self.inbox.inputs[Position(poison.topic, poison.partition)].records
        assert waiting[0].offset == poison.offset, "the record that raised is the next one of its input"
        waiting.popleft()
        self.inbox.waiting -= 1
        try:
            self._take_again(batch, poison)
        except HandlerError as again:
            batch.drop()
            batch.take_poison(poison, again.error)
            self._uncommitted = [poison]
            self.counters.poison += 1

    # Committing.

    def _begin_commits(self) -> None:
        if (
            self.live
            and not self._spoiled
            and self._committing is None
            and self.batch is not None
            and not self.batch.is_empty
        ):
            self._committing = asyncio.create_task(
                self._commit_in_turn(), name=f"commit {self.group.name}/{self.number}"
            )

    async def _commit_in_turn(self) -> None:
        epoch = self.epoch
        try:
            while self._is_current(epoch) and not self._spoiled and not self._opened().is_empty:
                wait = self._last_commit + self._options.commit_interval - monotonic()
                if wait > 0 and not self._is_full:
                    await asyncio.sleep(wait)
                    continue
                await self._commit(epoch)
        except Exception as error:
            if self.epoch == epoch:
                self._fail(error)
        finally:
            if self._committing is asyncio.current_task():
                self._committing = None
        self._on_ready()

    async def _commit_under_way(self) -> None:
        """Wait until the commit under way, if there is one, has ended or failed."""
        if self._committing is not None:
            await asyncio.wait([self._committing], timeout=2 * WAIT_SECONDS)

    async def _commit(self, epoch: int) -> None:
        """One commit, all of it or nothing."""
        batch, self._last_commit = self._opened(), monotonic()
        changes, outputs, spans, offsets = batch.begin_commit()
        self._uncommitted = []
        before = batch.local
        marker = Marker(id=before.marker.id or new_log_id(), seq=before.marker.seq + 1, offsets=offsets, at=now_ms())
        if self.group.journal is not None and spans:
            outputs.append(
                Output(self.group.journal, None, entry(self.group.name, marker.seq, self.group.rules, spans), ())
            )
        rows = list(changes)
        following = await self._writer.write(Commit(marker, rows, outputs), before.changelog_next)
        if not self._is_current(epoch):
            return  # the partition went while we waited: the changelog has it, the next opening takes it over
        local = LocalState(
            marker, following, encode_outbox(outputs) if self._connection.mode == "log" and outputs else None
        )
        batch.store.write([*rows, (LOCAL, encode_local(local))])
        batch.end_commit(local)
        if self._connection.mode == "log" and outputs:
            await self._writer.publish(outputs)
        self.counters.commits += 1
        self.counters.rows += len(rows)
        for output in outputs:
            self.counters.published[output.topic] = self.counters.published.get(output.topic, 0) + 1
        self.counters.commit_seconds += monotonic() - self._last_commit

    def _fail(self, error: Exception) -> None:
        """Forget what is not committed and ask to be opened again."""
        self.counters.failures += 1
        self.live, self.reason = False, f"{type(error).__name__}: {error}"
        self.epoch += 1
        log.warning("%s/%s: %s; opening it again", self.group.name, self.number, self.reason)
        self._on_failure(self)

    def _is_current(self, epoch: int) -> bool:
        """Whether the partition is still what it was when this piece of work began."""
        return self.live and self.epoch == epoch

    def _opened(self) -> Batch:
        assert self.batch is not None, "the partition is open"
        return self.batch

    @property
    def lag(self) -> int:
        """How many records of the inputs are known and not applied yet."""
        inputs = self.inbox.inputs.values()
        return (
            sum(max(0, entry.end - entry.read_to, entry.known_end - entry.read_to) for entry in inputs)
            + self.inbox.waiting
        )
