"""Planted bugs: the power of the harness is that it finds each of them (goal R13).

The application knows nothing of this. A function here patches one behaviour of this process, which
`tests.faults.planted_worker` then makes a worker of. Two kinds:

* `BUGS` break a promise.
* `CONDITIONS` are what a promise must hold under: a slow disk, a late fetch, a broker that refuses a batch. They are
  legal and change no result. A bug whose moment is short comes with the condition that makes it longer, and the control
  run, without a bug, has the same conditions.
"""

import asyncio
import importlib
import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from freshmart_streams.domain.receipts import Seen
from freshmart_streams.engine import Batch, batches
from freshmart_streams.engine.agenda import Agenda
from freshmart_streams.engine.changelog import ChangelogReader, Commit
from freshmart_streams.engine.commits import Commits
from freshmart_streams.engine.fetching import Intake
from freshmart_streams.engine.journal import LocalState, Marker, Span, advanced, encode_local
from freshmart_streams.engine.partitions import Partition
from freshmart_streams.engine.records import Headers, Position, Record
from freshmart_streams.engine.rows import Rows
from freshmart_streams.engine.stores import LOCAL
from freshmart_streams.engine.transport import Consumer, Fetched
from freshmart_streams.engine.worker import REOPEN_SECONDS, Engine
from freshmart_streams.engine.writers import TransactionWriter, Writer
from freshmart_streams.events.dead_letters import Invalid
from freshmart_streams.tables.books import Books, Shop

SLOW_FETCH_SECONDS: Final = 0.3
SLOW_COMMIT_SECONDS: Final = 0.25
SLOW_OPENING_SECONDS: Final = 3.0
SLOW_REVOCATION_SECONDS: Final = 1.5
SLOW_STANDBY_SECONDS: Final = 8.0
REFUSED_ONE_IN: Final = 12
"""Of so many batches of outputs one is refused."""
REFUSED_BYTES: Final = 17_000_000
"""More than the brokers of the tests take."""
FORGOTTEN_ONE_IN: Final = 5
"""Of so many rows of a table one is not stored back."""


# Bugs of the shop.


class ForgetfulIds:
    """The table `seen` as one record sees it: the first question, whether the record was there before, is denied."""

    def __init__(self, seen: Rows[Seen]) -> None:
        self._seen = seen
        self._was_asked = False

    def get(self, key: str) -> Seen | None:
        """The row, but for the first time."""
        if not self._was_asked:
            self._was_asked = True
            return None
        return self._seen.get(key)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._seen, name)

    def __setitem__(self, key: str, row: Seen) -> None:
        self._seen[key] = row


def dedupe_off() -> None:
    """An event that was there before counts again."""

    def books_that_forget(shop: Shop, batch: Batch) -> Books:
        books = Books(shop, batch)
        books.seen = ForgetfulIds(books.seen)  # type: ignore[assignment]  # it answers as the rows do
        return books

    for name in ("track_receipts", "track_movements"):
        _patch(importlib.import_module(f"freshmart_streams.agents.{name}"), "books_of", lambda _: books_that_forget)


def decode_error_swallowed() -> None:
    """What is no event is left out without a dead letter."""

    def patched(read: Callable[..., Any]) -> Callable[..., Any]:
        def read_or_forget(self: Books, record: Record, reader: Callable[[bytes | None, bytes | None], Any]) -> Any:
            try:
                reader(record.key, record.value)
            except Invalid:
                return None
            return read(self, record, reader)

        return read_or_forget

    _patch(Books, "read", patched)


def wrong_key() -> None:
    """A message is published under the key of the one before it."""
    last: dict[str, bytes | None] = {}

    def patched(send: Callable[..., None]) -> Callable[..., None]:
        def send_as_before(
            self: Batch, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()
        ) -> None:
            send(self, topic, last.get(topic, key), value, headers)
            last[topic] = key

        return send_as_before

    _patch(Batch, "send", patched)


# Bugs of rows and agenda.


def row_not_stored_back() -> None:
    """Now and then a row of the stock is changed in place and not stored back."""
    numbers = itertools.count(1)

    def patched(store_back: Callable[..., None]) -> Callable[..., None]:
        def store_most_back(self: Rows[Any], key: str, row: Any) -> None:
            was_changed = key in self._changed
            store_back(self, key, row)
            if self.table.name == "stock" and not was_changed and next(numbers) % FORGOTTEN_ONE_IN == 0:
                self._changed.pop(key)

        return store_most_back

    _patch(Rows, "__setitem__", patched)


def agenda_lost() -> None:
    """What was due is forgotten when a partition is opened, unless something of the same scope comes before it."""

    def forget(self: Agenda) -> None:
        self._earliest, self._passed = {}, {}

    _patch(Agenda, "reload", lambda _: forget)


# Bugs of the commit.


def marker_apart() -> None:
    """The marker is stored by itself, before the rows that belong to it."""

    def store_marker(self: Commits, commit: Commit, changelog_next: int) -> None:
        local = LocalState(commit.marker, changelog_next, self._writer.outbox(commit.outputs))
        self._state.opened.store.write([(LOCAL, encode_local(local))])
        unstored[commit.marker.id] = local

    def patched(publish: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def store_rows_and_publish(self: Commits, commit: Commit) -> None:
            self._state.opened.store.write(commit.rows)
            self._state.opened.end_commit(unstored.pop(commit.marker.id))
            await publish(self, commit)

        return store_rows_and_publish

    unstored: dict[str, LocalState] = {}
    _patch(Commits, "store", lambda _: store_marker)
    _patch(Commits, "publish", patched)


def outputs_before_the_commit() -> None:
    """The outputs are committed first, in a transaction of their own."""

    def patched(send: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def publish_then_send(self: TransactionWriter, commit: Commit) -> Any:
            await self.await_sent(await self._send_outputs(commit.outputs))
            await self.commit()
            await self.begin()
            return await send(self, commit._replace(outputs=[]))

        return publish_then_send

    _patch(TransactionWriter, "send", patched)


def futures_not_awaited() -> None:
    """A transaction is committed without asking whether all of its batches were taken."""

    async def await_nothing(self: TransactionWriter, sent: object) -> None:
        pass

    _patch(TransactionWriter, "await_sent", lambda _: await_nothing)


def offset_plus_one() -> None:
    """The marker says that one record more of `sales` was applied than was."""

    def too_far(offsets: dict[str, dict[int, int]], spans: Iterable[Span], partition: int) -> dict[str, dict[int, int]]:
        spans = list(spans)
        result = advanced(offsets, spans, partition)
        for topic in {str(span[0]) for span in spans if str(span[0]).endswith("sales")}:
            result[topic][partition] += 1
        return result

    _patch(batches, "advanced", lambda _: too_far)


# Bugs of opening and losing a partition.


def dropped_on_rebalance() -> None:
    """A partition that comes back, or is kept, goes on where it had fetched to, not where it had committed to."""

    def patched(start: Callable[..., Awaitable[dict[Position, int]]]) -> Callable[..., Awaitable[dict[Position, int]]]:
        async def start_where_fetched(self: Partition, marker: Marker) -> dict[Position, int]:
            offsets = await start(self, marker)
            inputs = [entry for entry in self.inbox.inputs.values() if entry.position.topic in self.group.inputs]
            return {**offsets, **{one.position: max(one.read_to, offsets[one.position]) for one in inputs}}

        return start_where_fetched

    def forgetful(resume: Callable[..., Mapping[Position, int] | None]) -> Callable[..., Mapping[Position, int] | None]:
        def resume_without(self: Partition) -> Mapping[Position, int] | None:
            offsets = resume(self)
            if offsets is not None:
                self.opened.drop()
                self.inbox.take(self.inbox.waiting)
            return offsets

        return resume_without

    _patch(Partition, "_start_offsets", patched)
    _patch(Partition, "resume", forgetful)


def seek_without_tag() -> None:
    """A fetch from before a seek is taken as if it came after it, wherever it begins.

    It matters where a partition is opened, not where it is kept: so none is kept.
    """

    def patched(receive: Callable[..., None]) -> Callable[..., None]:
        def receive_all(self: Intake, fetched: Fetched) -> None:
            newest = {
                position: place._replace(seek=self._seek_numbers.get(position, place.seek), start=None)
                for position, place in fetched.places.items()
            }
            receive(self, fetched._replace(places=newest))

        return receive_all

    _patch(Intake, "received", patched)
    _patch(Partition, "resume", lambda _: lambda self: None)


def reopened_without_consent() -> None:
    """A worker that was fenced opens the partition again at once, whoever has it by now."""

    async def simply_reopen(self: Engine, partition: Partition, key: tuple[str, int]) -> None:
        try:
            while self.partitions.get(key) is partition and not partition.live and not self.app.should_stop:
                try:
                    async with self._opening:
                        await self._open(partition)
                except Exception:  # as the honest one: whatever it is, try again
                    await asyncio.sleep(REOPEN_SECONDS)
            self.turns.wake()
        finally:
            self._reopening.pop(key, None)

    _patch(Engine, "_reopen", lambda _: simply_reopen)


def changelog_before_fence() -> None:
    """The changelog is read while the owner before may still write to it; only then it is fenced."""
    fence = Writer.open

    async def fence_later(self: Writer) -> None:
        pass

    def patched(catch_up: Callable[..., Awaitable[Batch]]) -> Callable[..., Awaitable[Batch]]:
        async def catch_up_then_fence(self: Partition) -> Batch:
            batch = await catch_up(self)
            await fence(self._writer)
            return batch

        return catch_up_then_fence

    _patch(Writer, "open", lambda _: fence_later)
    _patch(Partition, "_catch_up", patched)


def standby_taken_as_it_is() -> None:
    """A standby's rows are used as they are when it is promoted, without reading the changelog to its end."""
    promoted: set[Any] = set()

    def new_partition(create: Callable[..., Awaitable[Partition]]) -> Callable[..., Awaitable[Partition]]:
        async def remember(self: Engine, group: str, number: int) -> Partition:
            was_standby = (group, number) in self.standbys
            partition = await create(self, group, number)
            if was_standby:
                promoted.add(partition)
            return partition

        return remember

    def catch_up(read: Callable[..., Awaitable[Batch]]) -> Callable[..., Awaitable[Batch]]:
        async def skip(self: Partition) -> Batch:
            if self not in promoted:
                return await read(self)
            promoted.discard(self)
            store, _ = self.replica.open()
            return Batch(self.group, self.number, self.count, store)

        return skip

    _patch(Engine, "_new_partition", new_partition)
    _patch(Partition, "_catch_up", catch_up)


def seq_not_checked() -> None:
    """Every commit in the changelog counts, also one that came second."""

    def accept(self: ChangelogReader, marker: Marker, offset: int) -> bool:
        return True

    _patch(ChangelogReader, "_accepts", lambda _: accept)


# Conditions.


def slow_fetches() -> None:
    """A fetch is handed over late, after a rebalance if one came in between, but in its order."""

    def patched(fetch: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def late(self: Consumer, *arguments: Any, **options: Any) -> Any:
            fetched = await fetch(self, *arguments, **options)
            await asyncio.sleep(SLOW_FETCH_SECONDS)
            while not self.flow_active and not self.should_stop:
                await asyncio.sleep(0.01)
            return fetched

        return late

    _patch(Consumer, "_getmany", patched)


def slow_sending() -> None:
    """A transaction begins a moment late."""
    _patch(TransactionWriter, "begin", _after(SLOW_COMMIT_SECONDS))


def slow_publishing() -> None:
    """The last step of a commit comes a moment late."""
    _patch(Commits, "publish", _after(SLOW_COMMIT_SECONDS))


def slow_opening() -> None:
    """Reading a changelog takes a while longer than it must."""

    def patched(catch_up: Callable[..., Awaitable[LocalState]]) -> Callable[..., Awaitable[LocalState]]:
        async def take_a_while(self: ChangelogReader) -> LocalState:
            local = await catch_up(self)
            await asyncio.sleep(SLOW_OPENING_SECONDS)
            return local

        return take_a_while

    _patch(ChangelogReader, "catch_up", patched)


def slow_revocation() -> None:
    """A worker learns late that its partitions are taken from it."""
    _patch(Consumer, "on_partitions_revoked", _after(SLOW_REVOCATION_SECONDS))


def slow_standbys() -> None:
    """A standby follows its changelog with some seconds' delay."""

    def patched(read: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def late(self: AIOKafkaConsumer, *arguments: Any, **options: Any) -> Any:
            task = asyncio.current_task()
            if task is not None and task.get_name().startswith("standby "):
                await asyncio.sleep(SLOW_STANDBY_SECONDS)
            return await read(self, *arguments, **options)

        return late

    _patch(AIOKafkaConsumer, "getmany", patched)


def refused_outputs() -> None:
    """The broker refuses a batch of outputs now and then: it is too large for it."""
    numbers = itertools.count(1)

    def patched(send: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def send_too_much(self: AIOKafkaProducer, builder: Any, topic: str, *, partition: int) -> Any:
            if not topic.endswith(("-changelog", "journal")) and next(numbers) % REFUSED_ONE_IN == 0:
                builder = self.create_batch()
                builder.append(key=None, value=bytes(REFUSED_BYTES), timestamp=None)
            return await send(self, builder, topic, partition=partition)

        return send_too_much

    _patch(AIOKafkaProducer, "send_batch", patched)


def idle() -> None:
    """A worker finds nothing to do, ever."""
    _patch(Partition, "has_work", lambda _: property(lambda self: False))


BUGS: Final[Mapping[str, Callable[[], None]]] = {
    "dedupe-off": dedupe_off,
    "marker-apart": marker_apart,
    "outputs-before-the-commit": outputs_before_the_commit,
    "offset-plus-one": offset_plus_one,
    "dropped-on-rebalance": dropped_on_rebalance,
    "seek-without-tag": seek_without_tag,
    "futures-not-awaited": futures_not_awaited,
    "reopened-without-consent": reopened_without_consent,
    "seq-not-checked": seq_not_checked,
    "wrong-key": wrong_key,
    "decode-error-swallowed": decode_error_swallowed,
    "changelog-before-fence": changelog_before_fence,
    "row-not-stored-back": row_not_stored_back,
    "agenda-lost": agenda_lost,
    "standby-taken-as-it-is": standby_taken_as_it_is,
}
CONDITIONS: Final[Mapping[str, Callable[[], None]]] = {
    "slow-fetches": slow_fetches,
    "slow-sending": slow_sending,
    "slow-publishing": slow_publishing,
    "slow-opening": slow_opening,
    "slow-revocation": slow_revocation,
    "slow-standbys": slow_standbys,
    "refused-outputs": refused_outputs,
}
IDLE: Final = "idle"
"""A worker that takes part and does nothing, to see that the harness notices."""
BETWEEN: Final = "+"


def named(bug: str | None, conditions: Sequence[str]) -> str:
    """A bug, or none, and the conditions under which it is looked for, as one word for `plant`."""
    return BETWEEN.join([*([] if bug is None else [bug]), *conditions])


def plant(names: str) -> None:
    """Patch this process; bugs come first, so that conditions hold for them as well.

    Raises:
        KeyError: there is no such bug or condition.
    """
    for name in names.split(BETWEEN):
        {**BUGS, **CONDITIONS, IDLE: idle}[name]()


def _patch(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put what `make` makes of an attribute in its place."""
    setattr(owner, name, make(getattr(owner, name)))


def _after(seconds: float) -> Callable[[Any], Any]:
    """The same method, some seconds later."""

    def make(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def later(*arguments: Any) -> Any:
            await asyncio.sleep(seconds)
            return await method(*arguments)

        return later

    return make
