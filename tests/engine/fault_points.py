"""Places inside a commit at which a worker process dies, or freezes: patched from the outside, never in production."""

import asyncio
import functools
import logging
import os
import random
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.protocol.transaction import EndTxnRequest

from freshmart_streams.engine.app import App
from freshmart_streams.engine.batches import Batch
from freshmart_streams.engine.changelog import ChangelogReader
from freshmart_streams.engine.fetching import Intake
from freshmart_streams.engine.partitions import Partition
from freshmart_streams.engine.records import Position
from freshmart_streams.engine.stores import RocksStore
from freshmart_streams.engine.transport import ConsumerThread, Fetched
from freshmart_streams.engine.writers import BatchWriter

log = logging.getLogger(__name__)

Hook = Callable[..., Any]


class Fault(msgspec.Struct, frozen=True):
    """What happens to a worker.

    Attributes:
        point: a name in `POINTS`.
        at: the how-manieth time that the process comes by there.
        how: it dies by SIGKILL, or freezes by SIGSTOP until somebody sends SIGCONT.
    """

    point: str
    at: int = 1
    how: Literal["kill", "freeze"] = "kill"


class Fate:
    """Counts how often a point is passed and strikes when it is time."""

    def __init__(self, fault: Fault, app: App) -> None:
        self.app = app
        self._fault = fault
        self._passed = 0

    def comes(self) -> bool:
        """Whether this is the time."""
        self._passed += 1
        return self._passed == self._fault.at

    def announce(self) -> None:
        """Leave a line in the log."""
        log.info("fault: %s", self._fault.point)

    def strike(self, *_: object) -> None:
        """The process passes the point."""
        if self.comes():
            self.announce()
            os.kill(os.getpid(), signal.SIGKILL if self._fault.how == "kill" else signal.SIGSTOP)


def install(fault: Fault, app: App) -> None:
    """Patch a point into this process."""
    POINTS[fault.point](Fate(fault, app))


def _patch(owner: type, name: str, *, before: Hook | None = None, after: Hook | None = None) -> None:
    """Call `before(self, *arguments)` and `after(result)`, which may be awaitable if the method is."""
    method = getattr(owner, name)

    async def patched_async(self: Any, *arguments: Any, **options: Any) -> Any:
        if before is not None:
            before(self, *arguments)
        result = await method(self, *arguments, **options)
        if after is not None and asyncio.iscoroutine(waiting := after(result)):
            await waiting
        return result

    def patched(self: Any, *arguments: Any, **options: Any) -> Any:
        if before is not None:
            before(self, *arguments)
        result = method(self, *arguments, **options)
        if after is not None:
            after(result)
        return result

    chosen = patched_async if asyncio.iscoroutinefunction(method) else patched
    setattr(owner, name, functools.wraps(method)(chosen))


# Of both modes.


def _folding(fate: Fate) -> None:
    _patch(Batch, "take", after=fate.strike)


def _ended(fate: Fate) -> None:
    _patch(Batch, "end_commit", after=fate.strike)


def _before_group_offsets(fate: Fate) -> None:
    _patch(ConsumerThread, "_commit", before=fate.strike)


def _after_group_offsets(fate: Fate) -> None:
    _patch(ConsumerThread, "_commit", after=fate.strike)


def _taken_over(fate: Fate) -> None:
    """The rows of the changelog are in the store, and the partition is not open yet."""
    _patch(ChangelogReader, "_flush", after=fate.strike)


def _of_commits(write: Callable[[RocksStore, Any], None]) -> None:
    """Put `write` in the place of those writes to a store that belong to a commit, not to catching up."""
    committing: set[int] = set()
    plainly = RocksStore.write

    def patched(self: RocksStore, changes: Any) -> None:
        if id(self) in committing:
            committing.discard(id(self))
            write(self, changes)
        else:
            plainly(self, changes)

    _patch(Batch, "begin_commit", before=lambda batch: committing.add(id(batch.store)))
    RocksStore.write = patched  # type: ignore[method-assign]  # that is what a fault point is


def _storing(fate: Fate) -> None:
    """The timer's signal ends the process as SIGKILL does, wherever it is: here most likely within RocksDB."""
    plainly, dice, took = RocksStore.write, random.Random(fate.app.conf.id), [0.0001]

    def write(self: RocksStore, changes: Any) -> None:
        changes = list(changes)
        started = time.perf_counter()
        if fate.comes():
            fate.announce()
            signal.setitimer(signal.ITIMER_REAL, max(1e-6, dice.random() * min(took)))
        plainly(self, changes)
        took.append(time.perf_counter() - started)
        while signal.getitimer(signal.ITIMER_REAL)[0]:
            time.sleep(0)

    _of_commits(write)


def _stored(fate: Fate) -> None:
    plainly = RocksStore.write

    def write(self: RocksStore, changes: Any) -> None:
        plainly(self, changes)
        fate.strike()

    _of_commits(write)


def _batches(fate: Fate, *, to_changelog: bool, acknowledged: bool) -> None:
    """At batches of a producer, to the changelog or to other topics: before they are sent, or once they are there."""
    plainly = AIOKafkaProducer.send_batch

    async def patched(self: Any, builder: Any, topic: str, *, partition: int) -> Any:
        is_meant = topic.endswith("-changelog") == to_changelog
        if is_meant and not acknowledged:
            fate.strike()
        sent = await plainly(self, builder, topic, partition=partition)
        if is_meant and acknowledged:
            await asyncio.wait([sent])
            fate.strike()
        return sent

    AIOKafkaProducer.send_batch = patched


# Of mode `tx`.


def _begun(fate: Fate) -> None:
    _patch(AIOKafkaProducer, "begin_transaction", after=fate.strike)


def _rows_sent(fate: Fate) -> None:
    _batches(fate, to_changelog=True, acknowledged=True)


def _all_sent(fate: Fate) -> None:
    _patch(AIOKafkaProducer, "commit_transaction", before=fate.strike)


def _commit_requested(fate: Fate) -> None:
    """The request is in the socket, the answer is not awaited."""
    plainly = AIOKafkaConnection.send

    def patched(self: Any, request: Any, expect_response: bool = True) -> Any:
        answer = plainly(self, request, expect_response)
        if isinstance(request, EndTxnRequest):
            fate.strike()
        return answer

    AIOKafkaConnection.send = patched


def _committed(fate: Fate) -> None:
    _patch(AIOKafkaProducer, "commit_transaction", after=fate.strike)


def _markers_forgotten(fate: Fate, *, everywhere: bool, committed: bool) -> None:
    """The transaction gets no marker in the changelog (`everywhere`: in no topic at all), as if the broker forgot.

    The coordinator does not learn of those partitions; the broker must not ask it (verification off).
    """
    begin, add = TransactionManager.begin_transaction, TransactionManager.maybe_add_partition_to_txn
    chosen: set[int] = set()

    def patched_begin(self: Any) -> None:
        if fate.comes():
            chosen.add(id(self))
        begin(self)

    def patched_add(self: Any, tp: TopicPartition) -> None:
        if id(self) in chosen and (everywhere or tp.topic.endswith("-changelog")):
            self._txn_partitions.add(tp)
            tp = TopicPartition(fate.app.conf.id + ".ticks", tp.partition)  # something must be in it
            if not everywhere:
                return
        add(self, tp)

    def strike(self: Any) -> None:
        if id(self._txn_manager) in chosen:
            fate.announce()
            os.kill(os.getpid(), signal.SIGKILL)

    async def committing(self: Any) -> None:
        if not committed:
            strike(self)
        await commit(self)
        strike(self)

    commit = AIOKafkaProducer.commit_transaction
    TransactionManager.begin_transaction = patched_begin
    TransactionManager.maybe_add_partition_to_txn = patched_add
    AIOKafkaProducer.commit_transaction = committing


# Of mode `log`.


def _before_the_batch(fate: Fate) -> None:
    _batches(fate, to_changelog=True, acknowledged=False)


def _batch_written(fate: Fate) -> None:
    _batches(fate, to_changelog=True, acknowledged=True)


def _some_outputs(fate: Fate) -> None:
    _batches(fate, to_changelog=False, acknowledged=True)


def _outputs(fate: Fate) -> None:
    _patch(BatchWriter, "publish", after=fate.strike)


# Not in a commit: a fetch that was on its way while its partition was opened again.


def _late_fetch(fate: Fate, *, with_tags: bool = True) -> None:
    """The second half of a fetch comes late: the partition fails, is opened again, sought, and then it arrives."""
    plainly = Intake.received
    held: list[tuple[Position, Fetched]] = []

    def patched(self: Intake, fetched: Fetched) -> None:
        if held and self._seek_numbers.get(held[0][0], -1) > held[0][1].places[held[0][0]].seek:
            position, late = held.pop()
            if not with_tags:
                place = late.places[position]._replace(seek=self._seek_numbers[position], start=None)
                late = Fetched(late.records, {position: place})
            log.info("fault: the late fetch is here")
            plainly(self, late)
        long = [position for position, records in fetched.records.items() if len(records) > 1]
        if long and fate.comes():
            fate.announce()
            position, records = long[0], fetched.records[long[0]]
            half = len(records) // 2
            held.append((position, Fetched({position: records[half:]}, {position: fetched.places[position]})))
            partition = self._live_partition(position)
            assert partition is not None
            partition.fail(RuntimeError("a fault of the test"))
        plainly(self, fetched)

    Intake.received = patched  # type: ignore[method-assign]


def _lost_fetch(fate: Fate) -> None:
    """What was fetched never arrives, although nothing was sought."""
    plainly = Intake.received

    def patched(self: Intake, fetched: Fetched) -> None:
        if any(len(records) > 1 for records in fetched.records.values()) and fate.comes():
            fate.announce()
        else:
            plainly(self, fetched)

    Intake.received = patched  # type: ignore[method-assign]


# Not in a commit: partitions that are opened together.


def _uneven_opening(fate: Fate) -> None:
    """One partition cannot be opened at first; another one has read its changelog and gets on only seconds later."""
    opens, reads = Partition.open, ChangelogReader.catch_up

    async def patched_open(self: Partition) -> Any:
        if self.number == 0 and fate.comes():
            fate.announce()
            raise KafkaConnectionError("a fault of the test")
        return await opens(self)

    async def patched_read(self: ChangelogReader) -> Any:
        found = await reads(self)
        if self._tp.partition == 1 and not hasattr(fate, "has_waited"):
            fate.has_waited = True  # type: ignore[attr-defined]
            await asyncio.sleep(4)
            log.info("fault: the slow one gets on")
        return found

    Partition.open = patched_open  # type: ignore[method-assign]
    ChangelogReader.catch_up = patched_read  # type: ignore[method-assign]


def _late_offsets(fate: Fate) -> None:
    """Group offsets get under way a second late, and so while the group is being joined."""
    del fate
    commits = ConsumerThread.commit

    async def patched(self: ConsumerThread, offsets: Any) -> bool:
        await asyncio.sleep(1)
        return await commits(self, offsets)

    ConsumerThread.commit = patched  # type: ignore[method-assign]


TX: dict[str, Callable[[Fate], None]] = {
    "folding": _folding,
    "transaction begun": _begun,
    "rows sent": _rows_sent,
    "all batches sent": _all_sent,
    "commit requested": _commit_requested,
    "committed": _committed,
    "storing": _storing,
    "stored": _stored,
    "ended": _ended,
    "before group offsets": _before_group_offsets,
    "after group offsets": _after_group_offsets,
    "taken over": _taken_over,
}
LOG: dict[str, Callable[[Fate], None]] = {
    "folding": _folding,
    "before the batch": _before_the_batch,
    "batch written": _batch_written,
    "storing": _storing,
    "stored": _stored,
    "some outputs sent": _some_outputs,
    "outputs sent": _outputs,
    "after group offsets": _after_group_offsets,
    "taken over": _taken_over,
}
POINTS: dict[str, Callable[[Fate], None]] = {
    **TX,
    **LOG,
    "no marker in the changelog, committed": partial(_markers_forgotten, everywhere=False, committed=True),
    "no marker in the changelog, not committed": partial(_markers_forgotten, everywhere=False, committed=False),
    "no marker anywhere, committed": partial(_markers_forgotten, everywhere=True, committed=True),
    "uneven opening": _uneven_opening,
    "late offsets": _late_offsets,
    "lost fetch": _lost_fetch,
    "late fetch": _late_fetch,
    "late fetch without tags": partial(_late_fetch, with_tags=False),
}
