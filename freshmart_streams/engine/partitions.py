r"""One partition of a group: opened, paused, suspended, closed. Folding and committing are its parts.

closed --open--> live --failed--> suspended --open--> live
                 | \--rebalance--> paused --resume, if nobody else can have had it--> live
                 \--hole, foreign data--> refused
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from freshmart_streams.engine.batches import Batch
from freshmart_streams.engine.budgets import ErrorBudget
from freshmart_streams.engine.changelog import ChangelogReader, ConflictError, ForeignLogError, decode_outbox
from freshmart_streams.engine.clock import monotonic
from freshmart_streams.engine.commits import Commits, Pace
from freshmart_streams.engine.connection import Connection
from freshmart_streams.engine.folding import Folding
from freshmart_streams.engine.groups import Group
from freshmart_streams.engine.inbox import Inbox
from freshmart_streams.engine.journal import Marker
from freshmart_streams.engine.options import Ends, EngineOptions, RefusedError
from freshmart_streams.engine.records import Position
from freshmart_streams.engine.replicas import Replica
from freshmart_streams.engine.rows import RowMemory
from freshmart_streams.engine.space import DiskSpace
from freshmart_streams.engine.states import PartitionState
from freshmart_streams.engine.writers import writer_for

log = logging.getLogger(__name__)

LAST_COMMIT_SECONDS = 4.0
"""How long a partition that stops waits for the commit under way."""


class Partition(PartitionState):
    """One partition of a group.

    Args:
        group: whose partition.
        number: of the partition.
        count: how many partitions the group has.
        connection: to the broker.
        options: see `EngineOptions`.
        replica: its rows on this worker's disk.
        memory: for rows, that of all partitions of this worker.
        pace: of commits, that of all partitions of this worker.
        space: on that disk.
        ends: how far the inputs go on the broker.
        budget: how many errors of handlers are forgiven.
        on_failure: called when it must be opened again.
        on_ready: called when there may be something to fold.
    """

    def __init__(
        self,
        group: Group,
        number: int,
        count: int,
        connection: Connection,
        options: EngineOptions,
        replica: Replica,
        memory: RowMemory,
        pace: Pace,
        space: DiskSpace,
        ends: Ends,
        budget: ErrorBudget,
        on_failure: Callable[["Partition"], None],
        on_ready: Callable[[], None],
    ) -> None:
        super().__init__(group, number, count)
        self.replica = replica
        self._connection = connection
        self._options = options
        self._memory = memory
        self._ends = ends
        name = f"{options.app_id}-{group.name}"
        self._changelog = f"{name}-changelog"
        self._writer = writer_for(
            connection, self._changelog, number, f"{name}-{number}", outputs=group.outputs, journal=group.journal
        )
        self._commits = Commits(self, self._writer, space, pace, on_ready)
        self._folding = Folding(self, self._commits, ends, budget)
        self._one_opening = asyncio.Lock()
        self.on_failure = lambda: on_failure(self)

    def __repr__(self) -> str:
        return f"<Partition {self.name}>"

    async def open(self) -> Mapping[Position, int]:
        """Fence the previous owner, bring the store up to date and say from where the inputs are to be read.

        Raises:
            RefusedError: the data folder or the log does not allow it.
            ConflictError: it was suspended meanwhile.
            KafkaError, BrokerTimeoutError: to be tried again.
        """
        async with self._one_opening:
            return await self._open()

    async def _open(self) -> Mapping[Position, int]:
        started = monotonic()
        await self.suspend("opening")
        epoch = self.epoch
        await self._writer.open()
        batch = await self._catch_up()
        local = batch.local
        offsets = await self._start_offsets(local.marker)
        if local.outbox is not None:
            await self._writer.publish(decode_outbox(local.outbox))
        inbox = await self._new_inbox(offsets, is_first=not local.marker.offsets)
        if self.epoch != epoch:
            raise ConflictError(f"{self.name}: suspended while it was being opened")
        self.inbox = inbox
        self.batch, self.uncommitted = batch, []
        self._commits.reset()
        self.live, self.reason = True, ""
        log.info("opened %s at commit %s in %.0f ms", self.name, local.marker.seq, (monotonic() - started) * 1e3)
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
        return Batch(self.group, self.number, self.count, store, memory=self._memory)

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

    async def _new_inbox(self, offsets: Mapping[Position, int], *, is_first: bool) -> Inbox:
        inbox = Inbox(offsets, frozenset(self.group.master), self.group.ticks)
        input_ends = await self._ends.input_ends(self.group, self.number)
        master_ends = await self._ends.master_ends()
        _refuse_another_log(offsets, {**input_ends, **master_ends})
        inbox.learn_ends(input_ends)
        if is_first:
            inbox.master_first(master_ends)  # the very first start: master data before all else
        else:
            inbox.learn_ends(master_ends)
        return inbox

    async def pause(self, reason: str) -> None:
        """Stop folding and committing, but keep all that is here for `resume`, unless something is in the way."""
        if not self.live or self._commits.is_held:
            await self.suspend(reason)
            return
        epoch = self.epoch
        self.live, self.reason, self.hindrance = False, reason, ""
        if await self._commits.settle(LAST_COMMIT_SECONDS) and self.epoch == epoch:
            self.is_kept = True
        else:
            await self.suspend(reason, commit_seconds=0)

    def resume(self) -> Mapping[Position, int] | None:
        """Go on where `pause` stopped and say from where the inputs are to be read; None: it must be opened.

        Nobody else may have had the partition meanwhile. If somebody had, the next commit fails, as any zombie's does.
        """
        if not self.is_kept:
            return None
        self.epoch += 1  # turns that were given before the pause say nothing any more
        self.live, self.is_kept, self.reason = True, False, ""
        self._commits.begin()
        log.info("went on with %s at commit %s", self.name, self.opened.local.marker.seq)
        return {entry.position: entry.read_to for entry in self.inbox.inputs.values()}

    async def suspend(self, reason: str, commit_seconds: float = LAST_COMMIT_SECONDS) -> None:
        """Stop folding and committing. A commit under way may end in that time; what is not committed is forgotten."""
        self.stop(reason)
        await self._commits.end(commit_seconds)
        await self._writer.close()

    async def close(self) -> None:
        """Suspend and release the store."""
        await self.suspend("closed")
        self.batch = None
        self.replica.close()

    async def fold(self, epoch: int) -> None:
        """Fold what is in the inbox, for a while."""
        await self._folding.fold(epoch)

    @property
    def has_work(self) -> bool:
        """Whether folding again may do something."""
        return self._folding.has_work


def _refuse_another_log(offsets: Mapping[Position, int], ends: Mapping[Position, int]) -> None:
    for position, applied in offsets.items():
        if ends.get(position, applied) < applied:
            raise RefusedError(
                f"{position.topic}/{position.partition}: applied up to {applied}, but the log ends at {ends[position]}"
                "; it is another log (was the topic deleted and created again?)"
            )
