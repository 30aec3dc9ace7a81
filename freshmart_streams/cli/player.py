"""Plays a simulated world on a broker: sends what happens, at its pace, and hands it the reorders that come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from confluent_kafka import Consumer, Message

from freshmart_streams.connectors.kafka import Cluster, KafkaFailure, Sender, assign_at_end, is_event, read_to_end
from freshmart_streams.engine.clock import now_ms
from freshmart_streams.events.codec import decode_reorder, encode
from freshmart_streams.events.dead_letters import Invalid
from freshmart_streams.simulation.world import World

FASTEST: Final = 0.0
"""As a speed: without any waiting."""

_TURN_S: Final = 0.2
_HISTORY_STEP: Final = timedelta(hours=2)
_FASTEST_STEP: Final = timedelta(minutes=15)
_CLOSED_FACTOR: Final = 6
_HURRY_S: Final = 0.01
_REORDERS_MAX: Final = 10_000
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass
class Played:
    """What was sent, and what came back."""

    receipts: int = 0
    movements: int = 0
    master_data: int = 0
    reorders: int = 0


class Player:
    """Plays one world.

    Simulated time runs `speed` times as fast as real time, six times as fast again while all stores are closed, and
    never past the present. The world's history is sent without waiting. Everything of a turn is acknowledged before the
    next begins, so that the broker's order is the world's.
    """

    def __init__(
        self, world: World, cluster: Cluster, *, speed: float, stop: threading.Event, say: Callable[[str], None]
    ) -> None:
        self.played = Played()
        self._world = world
        self._cluster = cluster
        self._speed = speed
        self._stop = stop
        self._say = say
        self._sender = Sender(cluster, on_trouble=say)

    def run(self, until: datetime | None = None, *, on_history: Callable[[], None] | None = None) -> Played:
        """Play until `until` (simulated time) or until the stop event is set; `on_history` is called once after it.

        Raises:
            KafkaFailure: the broker refused, or ended the connection.
        """
        consumer = self._reorders()
        try:
            while self._world.now < self._world.history_ends_at and self._goes_on(until):
                step_end = self._world.now + _HISTORY_STEP
                self._play_to(min(step_end, self._world.history_ends_at, until or _NEVER))
            if on_history is not None:
                on_history()
            while self._goes_on(until):
                self._turn(consumer, until or _NEVER)
        finally:
            consumer.close()
        return self.played

    def _goes_on(self, until: datetime | None) -> bool:
        return not self._stop.is_set() and (until is None or self._world.now < until)

    def _turn(self, consumer: Consumer, until: datetime) -> None:
        began = time.monotonic()
        present = datetime.fromtimestamp(now_ms() / 1000, UTC)
        if self._world.now <= present:  # a world that goes on tomorrow waits for it
            self._play_to(max(self._world.now, min(self._world.now + self._step(), until, present)))
        rest = _HURRY_S if self._speed == FASTEST else max(0.0, _TURN_S - (time.monotonic() - began))
        for message in consumer.consume(_REORDERS_MAX, rest):  # also the waiting: it returns when the time is over
            self.played.reorders += self._receive(message)

    def _step(self) -> timedelta:
        if self._speed == FASTEST:
            return _FASTEST_STEP
        step = timedelta(seconds=self._speed * _TURN_S)
        return step if self._world.is_open() or self._speed <= 1 else step * _CLOSED_FACTOR

    def _play_to(self, until: datetime) -> None:
        for emission in self._world.advance(until):
            self._sender.send(
                self._cluster.topic(emission.topic),
                key=emission.key.encode(),
                value=encode(emission.event),
                place=f"{emission.topic} {emission.at:%Y-%m-%d %H:%M}",
            )
            self._count(emission.topic)
        self._sender.flush()
        if self._sender.refused:
            raise KafkaFailure(f"the broker refused a simulated event: {self._sender.reasons[0]}")

    def _count(self, topic: str) -> None:
        if topic == "sales":
            self.played.receipts += 1
        elif topic == "inventory":
            self.played.movements += 1
        else:
            self.played.master_data += 1

    def _reorders(self) -> Consumer:
        """Read the reorders from now on. Those of an earlier world are this one's only when it goes on from there."""
        topic = self._cluster.topic("reorders")
        consumer = self._cluster.consumer()
        assign_at_end(consumer, self._cluster, topic)
        if self._world.plan.follows is not None:
            for message in read_to_end(self._cluster, topic):
                self._receive(message)
        return consumer

    def _receive(self, message: Message) -> bool:
        """Hand a reorder to the world; tell whether it was one."""
        if not is_event(message):
            return False
        try:
            self._world.receive(decode_reorder(message.value()))
        except Invalid as error:
            self._say(f"a reorder that is none: {error}")
            return False
        return True
