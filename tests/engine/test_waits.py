"""Waits for the broker end, whatever it does: each of them tries again or gives up, none hangs."""

import asyncio
import os
import signal
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from freshmart_streams.engine import changelog, connection, transport
from freshmart_streams.engine.changelog import ChangelogReader
from freshmart_streams.engine.connection import STOP_SECONDS, BrokerTimeoutError, Connection, ended
from freshmart_streams.engine.journal import LocalState, Marker
from freshmart_streams.engine.records import Output
from freshmart_streams.engine.stores import MemoryStore
from freshmart_streams.engine.writers import TransactionWriter
from tests.support.kafka import Kafka

CONNECTION = Connection(bootstrap="127.0.0.1:1", mode="tx")
pytestmark = pytest.mark.timeout(30)


async def for_ever(*arguments: Any, **options: Any) -> Any:
    """What a client does with a broker that never answers."""
    await asyncio.Event().wait()


class StandingStill:
    """A consumer that knows where it is and gets nothing."""

    async def position(self, tp: TopicPartition) -> int:
        """Where it is."""
        return 3

    async def getmany(self, **options: Any) -> dict[TopicPartition, list[Any]]:
        """Nothing."""
        await asyncio.sleep(0.01)
        return {}


async def test_a_changelog_that_is_not_answered_is_no_foreign_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changelog, "STUCK_SECONDS", 0.1)
    reader = ChangelogReader(CONNECTION, "toy-changelog", 2, MemoryStore(), LocalState(Marker()))
    with pytest.raises(BrokerTimeoutError, match="toy-changelog/2: no progress at 3 of 7"):
        await reader._read(StandingStill(), 7)


async def test_a_group_commit_that_is_not_answered_is_one_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "WAIT_SECONDS", 0.1)
    said: list[str] = []
    thread: Any = SimpleNamespace(
        _ensure_consumer=lambda: SimpleNamespace(
            commit=for_ever, _subscription=SimpleNamespace(reassignment_in_progress=False)
        ),
        log=SimpleNamespace(info=lambda text, error: said.append(text % error)),
    )
    assert not await transport.ConsumerThread._commit(thread, {})
    assert "no answer within 0.1 s" in said[0]


async def test_a_consumer_thread_that_is_stuck_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "WAIT_SECONDS", 0.1)
    thread: Any = SimpleNamespace(call_thread=for_ever)
    with pytest.raises(BrokerTimeoutError, match="seeking"):
        await transport.ConsumerThread._in_thread(thread, "seeking", for_ever)


async def test_a_client_that_does_not_stop_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "STOP_SECONDS", 0.1)
    await ended(for_ever())


async def test_a_client_that_fails_to_stop_is_gone_too() -> None:
    async def fail() -> None:
        raise OSError("the broker is away")

    await ended(fail())


@pytest.mark.parametrize("how", ["dead", "silent"])
async def test_a_producer_in_the_middle_of_sending_is_given_up_at_once(own_kafka: Kafka, how: str) -> None:
    """It asks for its coordinator, or for new metadata; nobody answers once its client is closed."""
    own_kafka.create_topic("given-up", partitions=1)
    writer = TransactionWriter(Connection(bootstrap=own_kafka.address, mode="tx"), "given-up", 0, "given-up", (), None)
    await writer.open()
    await writer.begin()
    producer = writer._started()
    if how == "silent":
        await writer.await_sent(await writer._send_records("given-up", [Output("given-up", b"1", b"1", ())]))
        os.kill(own_kafka.pid or 0, signal.SIGSTOP)
    else:
        own_kafka.kill()
    await writer._send_records("given-up", [Output("given-up", b"2", b"2", ())])
    await asyncio.sleep(1)
    await asyncio.wait_for(writer.close(), STOP_SECONDS / 2)
    await asyncio.sleep(0.1)
    own_kafka.kill()
    assert producer._sender.sender_task.done()
    assert not [task for task in asyncio.all_tasks() if "Sender" in repr(task)]
