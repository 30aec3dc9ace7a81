"""The broker goes away in the very moment in which a worker's consumer starts."""

from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from faust.transport.drivers import aiokafka as driver

from freshmart_streams.engine import transport
from freshmart_streams.engine.transport import ConsumerThread


class Clients:
    """Stands in for aiokafka's consumer: counts what was stopped."""

    stopped = 0

    async def stop(self) -> None:
        self.stopped += 1


class Starting(ConsumerThread):
    """A thread of which only the start is tried."""

    should_stop = False

    def __init__(self) -> None:
        self.clients = Clients()

    def _ensure_consumer(self) -> Any:
        return self.clients


async def test_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[int] = []

    async def start(thread: ConsumerThread) -> None:
        attempts.append(1)
        if len(attempts) < 3:
            raise KafkaConnectionError("no broker")

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "on_start", start)
    monkeypatch.setattr(transport, "START_AGAIN_SECONDS", 0.0)
    starting = Starting()
    await starting.on_start()
    assert len(attempts) == 3
    assert starting.clients.stopped == 2


async def test_a_worker_that_is_told_to_stop_does_not_wait_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def start(thread: Starting) -> None:
        thread.should_stop = True
        raise KafkaConnectionError("no broker")

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "on_start", start)
    monkeypatch.setattr(transport, "START_AGAIN_SECONDS", 0.0)
    await Starting().on_start()
