"""Folding of one partition: records from the inbox go through the handlers into the batch.

It happens in slices of a few milliseconds, with the event loop given back in between.
"""

import asyncio
import logging

from freshmart_streams.engine.batches import Batch, HandlerError
from freshmart_streams.engine.budgets import ErrorBudget
from freshmart_streams.engine.clock import monotonic
from freshmart_streams.engine.commits import Commits
from freshmart_streams.engine.groups import NeedMasterData
from freshmart_streams.engine.options import Ends
from freshmart_streams.engine.records import Position, Record
from freshmart_streams.engine.states import PartitionState

log = logging.getLogger(__name__)

SLICE_SECONDS = 0.005
TURN_SECONDS = 0.05
DUE_AT_A_TIME = 5
RECORDS_AT_A_TIME = 200
"""At most; as many as the last slices had time for, so that few are put back."""


class TooManyErrorsError(Exception):
    """Handlers raise too often to be forgiven; the text names the last error."""


class Folding:
    """Folds what is in a partition's inbox.

    Args:
        state: of the partition.
        commits: of the partition.
        ends: how far the inputs go on the broker.
        budget: how many errors of handlers are forgiven.
    """

    def __init__(self, state: PartitionState, commits: Commits, ends: Ends, budget: ErrorBudget) -> None:
        self._state = state
        self._commits = commits
        self._ends = ends
        self._budget = budget
        self._at_a_time = RECORDS_AT_A_TIME

    @property
    def has_work(self) -> bool:
        """Whether folding again may do something."""
        state = self._state
        return state.live and not self._commits.is_due and (state.inbox.waiting > 0 or state.opened.has_due_work)

    async def fold(self, epoch: int) -> None:
        """Fold what is in the inbox.

        Returns when nothing can be taken, or after a while so that other partitions get their turn.
        """
        state, until = self._state, monotonic() + TURN_SECONDS
        while state.is_current(epoch) and monotonic() < until and not self._commits.is_due:
            try:
                if state.inbox.needs_ends:
                    state.inbox.learn_input_ends(await self._ends.input_ends(state.group, state.number))
                elif not await self._fold_slice():
                    break
            except HandlerError as error:
                await self._isolate(error, epoch)
            except Exception as error:  # the broker is away, the disk is full: never a partition that stands still
                if state.is_current(epoch):
                    state.fail(error)
            self._commits.begin()
            await asyncio.sleep(0)

    async def _fold_slice(self) -> bool:
        """Fold for a few milliseconds; False when there was nothing to do."""
        state, batch, until = self._state, self._state.opened, monotonic() + SLICE_SECONDS
        if batch.has_due_work:
            self._work_due(batch, until)
            return True
        records = state.inbox.take(self._at_a_time)
        taken = 0
        try:
            for record in records:
                batch.take(record)
                taken += 1
                state.uncommitted.append(record)
                if monotonic() >= until or batch.has_due_work:
                    break
        except NeedMasterData:
            state.inbox.put_back(records[taken:])
            self._count(taken)
            await self._with_master_data(batch, records[taken])
            return True
        except HandlerError:
            state.inbox.put_back(records[taken:])
            self._count(taken)  # they are folded again, which is not counted
            raise
        state.inbox.put_back(records[taken:])
        self._count(taken)
        self._at_a_time = min(2 * max(taken, 1), RECORDS_AT_A_TIME)
        return bool(records)

    async def _with_master_data(self, batch: Batch, record: Record) -> None:
        """Take in the master data that is there; once that is done since the record came, give the record again."""
        inbox = self._state.inbox
        if not inbox.is_checked(record):
            inbox.master_first(await self._ends.master_ends())
            return
        again = inbox.take(1)
        if again != [record]:
            inbox.put_back(again)
            return
        batch.master_complete = True
        try:
            batch.take(record)
        except HandlerError:
            inbox.put_back(again)
            raise
        finally:
            batch.master_complete = False
        self._state.uncommitted.append(record)
        self._count(1)

    def _count(self, records: int) -> None:
        self._state.counters.records += records
        self._budget.folded(records)

    # A handler raised.

    async def _isolate(self, error: HandlerError, epoch: int) -> None:
        """A handler raised: void the batch, fold again up to that record, then that record alone."""
        state, commits = self._state, self._commits
        commits.is_held = True  # before anything else can run: what was folded must not be committed
        log.error("%s: a handler raised: %s; trying that alone", state.name, error)
        await commits.settle()
        if not state.is_current(epoch):
            return
        records = state.uncommitted
        try:
            trouble: HandlerError | None = error
            while trouble is not None:
                trouble = self._fold_again(records, trouble)
            commits.is_held = False
            if error.record is not None:
                commits.begin()
                await commits.settle()
                if state.is_current(epoch):
                    self._take_alone(state.opened, error.record)
                    commits.begin()
                    await commits.settle()  # alone in its commit: what raises next must not have it folded again
        except TooManyErrorsError as last:
            self._pause(last)
        except Exception as unexpected:  # what buries a record raised too: try again, and never end the turn with it
            state.fail(unexpected)

    def _fold_again(self, records: list[Record], trouble: HandlerError) -> HandlerError | None:
        """Fold these records anew without the due work that raised; more of it may raise, each time another entry."""
        state, batch = self._state, self._state.opened
        batch.drop()
        state.uncommitted = []
        if trouble.due is not None:
            self._forgive(trouble)
            batch.shun(trouble.due, trouble.error)
        try:
            for record in records:
                self._take_again(batch, record)
            self._work_all_due(batch)
        except HandlerError as again:
            if again.due is None:
                raise
            return again
        return None

    def _forgive(self, trouble: HandlerError) -> None:
        """Count an error that becomes a dead letter or an alert, unless there were too many of them."""
        if self._budget.is_spent:
            raise TooManyErrorsError(str(trouble)) from trouble
        self._budget.spend()
        self._state.counters.poison += 1

    def _pause(self, last: TooManyErrorsError) -> None:
        """Stop here, with nothing of the record that raised; only another start goes on."""
        state = self._state
        state.opened.drop()
        state.stop(
            f"paused: more than {self._budget.errors_max} errors of handlers within {self._budget.records:,} records, "
            f"the last one with {last}. This version has a mistake, and nothing is lost: start one without it, or this "
            "one again with --accept-errors"
        )
        log.error("%s: %s", state.name, state.reason)

    def _take_again(self, batch: Batch, record: Record) -> None:
        self._work_all_due(batch)
        batch.master_complete = True  # it was folded before, or waits alone: whatever it needs was taken in
        try:
            batch.take(record)
        finally:
            batch.master_complete = False
        self._state.uncommitted.append(record)

    def _work_due(self, batch: Batch, until: float) -> None:
        while batch.has_due_work and monotonic() < until:
            batch.work_due(DUE_AT_A_TIME)

    def _work_all_due(self, batch: Batch) -> None:
        while batch.has_due_work:
            batch.work_due()

    def _take_alone(self, batch: Batch, poison: Record) -> None:
        state = self._state
        assert not state.uncommitted, "all before the record that raised is committed"
        waiting = state.inbox.inputs[Position(poison.topic, poison.partition)].records
        assert waiting[0].offset == poison.offset, "the record that raised is the next one of its input"
        waiting.popleft()
        state.inbox.waiting -= 1
        try:
            self._take_again(batch, poison)
        except HandlerError as again:
            self._forgive(again)
            batch.drop()
            batch.take_poison(poison, again.error)
            state.uncommitted = [poison]
