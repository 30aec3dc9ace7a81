"""The watch: what does not arrive, what is not folded, and how far inputs go that nobody reads at present."""

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Producer

from freshmart_streams.engine import StoredRecord
from freshmart_streams.engine.connection import Connection
from freshmart_streams.engine.inbox import Inbox
from freshmart_streams.engine.records import Position
from freshmart_streams.engine.states import PartitionState
from freshmart_streams.engine.watch import STALLED_SECONDS, Watch
from freshmart_streams.engine.worker import Engine
from tests.engine.toy import TOY

NOWHERE = Connection(bootstrap="127.0.0.1:1", mode="log")


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The watch's clock."""
    now = [1_000.0]
    monkeypatch.setattr("freshmart_streams.engine.watch.monotonic", lambda: now[0])
    return now


def partition_with_work() -> PartitionState:
    """A live partition with a record that waits."""
    state = PartitionState(TOY.group, 0, 4)
    state.live, state.reason = True, ""
    position = Position(TOY.words, 0)
    state.inbox = Inbox({position: 0}, frozenset(), None)
    state.inbox.add(position, [StoredRecord(TOY.words, 0, 0, 1, b"key", b"x")], 1, 1)
    return state


class TestWhatIsNotFolded:
    def look(self, watch: Watch, seconds: list[float], passed: float, *states: PartitionState) -> str:
        """Let time pass, look, and tell what is wrong."""
        seconds[0] += passed
        watch._note_idle(states)
        return watch.trouble

    def test_a_partition_that_does_not_get_on_is_named_after_a_while(self, seconds: list[float]) -> None:
        watch, state = Watch(NOWHERE, lambda: None), partition_with_work()
        assert self.look(watch, seconds, 0, state) == ""
        assert self.look(watch, seconds, STALLED_SECONDS, state) == ""
        assert self.look(watch, seconds, 1, state) == "nothing is folded of what waits in toy/0"

    @pytest.mark.parametrize("counter", ["records", "commits", "poison"])
    def test_one_that_gets_on_is_not(self, seconds: list[float], counter: str) -> None:
        watch, state = Watch(NOWHERE, lambda: None), partition_with_work()
        for _ in range(10):
            assert self.look(watch, seconds, STALLED_SECONDS, state) == ""
            setattr(state.counters, counter, getattr(state.counters, counter) + 1)

    def test_it_is_forgotten_once_the_partition_gets_on(self, seconds: list[float]) -> None:
        watch, state = Watch(NOWHERE, lambda: None), partition_with_work()
        self.look(watch, seconds, 0, state)
        assert self.look(watch, seconds, STALLED_SECONDS + 1, state) != ""
        state.counters.records += 1
        assert self.look(watch, seconds, 1, state) == ""

    def test_what_has_a_reason_of_its_own_is_left_out(self, seconds: list[float]) -> None:
        watch = Watch(NOWHERE, lambda: None)
        states = [partition_with_work() for _ in range(3)]
        states[0].hindrance = "the disk is full"
        states[1].stop("paused")
        states[2].inbox.take(1)
        self.look(watch, seconds, 0, *states)
        assert self.look(watch, seconds, STALLED_SECONDS + 1, *states) == ""


async def test_the_lag_of_a_partition_that_stands_still_grows(embedded: str) -> None:
    producer = Producer({"bootstrap.servers": embedded})
    for _ in range(7):
        producer.produce(TOY.words, b"x", b"key", partition=0)
    assert producer.flush(30) == 0
    state = partition_with_work()
    state.stop("paused: more than 20 errors")
    watch = Watch(Connection(bootstrap=embedded, mode="log"), lambda: [state])
    try:
        await watch._look([state])
    finally:
        await watch._close()
    assert state.lag == 7
    assert watch.trouble == "", "it is not asked to arrive"


def test_the_worker_names_what_stands_still_and_what_cannot_commit(seconds: list[float]) -> None:
    paused, full, well = (partition_with_work() for _ in range(3))
    paused.stop("paused: more than 20 errors")
    full.hindrance = "the disk is full"
    engine: Any = SimpleNamespace(
        watch=Watch(NOWHERE, lambda: None),
        partitions={("toy", number): part for number, part in enumerate([paused, full, well])},
    )
    assert Engine.troubles(engine) == ["toy/0: paused: more than 20 errors", "toy/0: the disk is full"]
    engine.watch.failed(OSError("gone"))
    assert Engine.troubles(engine)[0] == "fetching: OSError: gone"
