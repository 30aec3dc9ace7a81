"""Schedules: which faults come when, drawn from a seed. Pure: the same seed gives the same schedule, everywhere.

A fault is a name and a moment; `Schedule.steps` says what is done for it, one step after the other. Steps of different
faults are interleaved (a worker is frozen while the broker is killed and another one's network is cut), but two faults
never meet on one worker: what the second one found there would be an accident.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

HOME = 3
"""Workers that run when nothing is wrong."""
SLOTS = 4
"""Workers there are places for; the last one comes only with `scale` and `storm`."""
SESSION_SECONDS = 3
QUIET_SECONDS = 4.0
"""Between the start of the load and the first fault, and between the last fault and the end of the load."""


class Kind(StrEnum):
    """What goes wrong."""

    KILL = "kill"
    """A worker ends with SIGKILL and comes back."""
    FREEZE = "freeze"
    """A worker stands still (SIGSTOP) until after the group has given it up, then goes on (SIGCONT)."""
    STOP = "stop"
    """A worker is told to end (SIGTERM) and comes back."""
    WIPE = "wipe"
    """A worker ends with SIGKILL, its volume is deleted, and it comes back."""
    CUT = "cut"
    """The network between a worker and the broker holds everything back, then delivers it after all."""
    SLOW = "slow"
    """The network between a worker and the broker delays everything."""
    BROKER_RESTART = "broker-restart"
    """The broker is stopped in order and started again."""
    BROKER_KILL = "broker-kill"
    """The broker ends with SIGKILL and is started again."""
    SCALE = "scale"
    """One worker, four, two."""
    ROLLING = "rolling"
    """One worker after the other is told to end and comes back."""
    STORM = "storm"
    """Every second a worker joins or leaves, in order or killed."""


QUICK = (
    Kind.KILL,
    Kind.FREEZE,
    Kind.STOP,
    Kind.WIPE,
    Kind.CUT,
    Kind.SLOW,
    Kind.BROKER_RESTART,
    Kind.BROKER_KILL,
)
"""Faults that others may follow at once; the rest move all workers and are waited for."""


class Action(StrEnum):
    """One step of a fault."""

    START = "start"
    KILL = "kill"
    STOP = "stop"
    FREEZE = "freeze"
    THAW = "thaw"
    WIPE = "wipe"
    CUT = "cut"
    HEAL = "heal"
    SLOW = "slow"
    BROKER_STOP = "broker stop"
    BROKER_KILL = "broker kill"
    BROKER_START = "broker start"


class Step(NamedTuple):
    """What is done, when (seconds after the start of the load), and to which worker (None: to the broker)."""

    at: float
    action: Action
    slot: int | None = None
    delay: float = 0.0
    """Of `slow`: seconds."""


@dataclass(frozen=True)
class Fault:
    """A fault: its kind, when it begins, and its steps in their order."""

    kind: Kind
    at: float
    steps: tuple[Step, ...]

    @property
    def ends_at(self) -> float:
        """When its last step is done."""
        return self.steps[-1].at


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """One run of the harness; everything about it that is not left to chance.

    Attributes:
        seed: what it was drawn from; the load is drawn from it as well.
        faults: in the order of their beginning.
        receipts: how many receipts the load has, duplicates and malformed ones left out.
        standbys: `FRESHMART_STANDBYS` of the workers.
        session_seconds: `FRESHMART_SESSION_TIMEOUT_S` of the workers.
    """

    seed: int
    faults: tuple[Fault, ...]
    receipts: int
    standbys: int = 0
    session_seconds: int = SESSION_SECONDS

    @property
    def seconds(self) -> float:
        """How long the load lasts."""
        return max((fault.ends_at for fault in self.faults), default=0.0) + QUIET_SECONDS

    @property
    def steps(self) -> list[Step]:
        """The steps of all faults in the order in which they are done."""
        return sorted((step for fault in self.faults for step in fault.steps), key=lambda step: step.at)

    @property
    def kinds(self) -> Counter[Kind]:
        """How many faults there are of each kind."""
        return Counter(fault.kind for fault in self.faults)


def draw(seed: int, *, faults: int = 20, receipts: int = 2_100, kinds: Sequence[Kind] = tuple(Kind)) -> Schedule:
    """A schedule of so many faults. Every kind comes before any comes again, except that the slow ones come once."""
    chance = random.Random(f"schedule {seed}")
    drawn: list[Fault] = []
    at = QUIET_SECONDS
    busy = [0.0] * SLOTS
    broker_busy = 0.0
    for kind in islice(_kinds(chance, kinds), faults):
        begin = at if kind in QUICK else max(at, *busy)  # the slow ones move every worker
        if kind in (Kind.BROKER_RESTART, Kind.BROKER_KILL):
            begin = max(begin, broker_busy)
        slot = chance.choice([number for number in range(HOME) if busy[number] <= begin] or [busy.index(min(busy))])
        begin = max(begin, busy[slot])
        fault = Fault(kind, begin, tuple(_STEPS[kind](chance, begin, slot)))
        drawn.append(fault)
        if kind in (Kind.BROKER_RESTART, Kind.BROKER_KILL):
            broker_busy = fault.ends_at + 1
        elif kind in QUICK:
            busy[slot] = fault.ends_at + 1
        else:
            busy = [fault.ends_at + 1] * SLOTS
        at = (begin if kind in QUICK else fault.ends_at) + chance.uniform(2.0, 4.0)
    return Schedule(seed=seed, faults=tuple(drawn), receipts=receipts, standbys=chance.randrange(2))


def _kinds(chance: random.Random, kinds: Sequence[Kind]) -> Iterator[Kind]:
    """Kinds in random order, without end: all of them once, then the quick ones again and again."""
    left = list(kinds)
    quick = [kind for kind in kinds if kind in QUICK] or left
    while True:
        chance.shuffle(left)
        yield from left
        left = list(quick)


def _away(action: Action) -> Callable[[random.Random, float, int], Iterator[Step]]:
    """The steps of a worker that ends in one way or another and comes back."""

    def steps(chance: random.Random, at: float, slot: int) -> Iterator[Step]:
        yield Step(at, action, slot)
        yield Step(at + chance.uniform(0.1, 2.0), Action.START, slot)

    return steps


def _freeze(chance: random.Random, at: float, slot: int) -> Iterator[Step]:
    yield Step(at, Action.FREEZE, slot)
    yield Step(at + SESSION_SECONDS + chance.uniform(1.0, 3.0), Action.THAW, slot)


def _cut(chance: random.Random, at: float, slot: int) -> Iterator[Step]:
    yield Step(at, Action.CUT, slot)
    yield Step(at + chance.choice([1.0, SESSION_SECONDS + 2.0]), Action.HEAL, slot)


def _slow(chance: random.Random, at: float, slot: int) -> Iterator[Step]:
    yield Step(at, Action.SLOW, slot, round(chance.uniform(0.02, 0.3), 3))
    yield Step(at + chance.uniform(2.0, 5.0), Action.HEAL, slot)


def _broker(action: Action) -> Callable[[random.Random, float, int], Iterator[Step]]:
    def steps(chance: random.Random, at: float, _: int) -> Iterator[Step]:
        yield Step(at, action)
        yield Step(at + chance.uniform(0.0, 3.0), Action.BROKER_START)

    return steps


def _scale(_: random.Random, at: float, slot: int) -> Iterator[Step]:
    others = [number for number in range(HOME) if number != slot]
    for number in others:
        yield Step(at, Action.STOP, number)
    for number in (*others, SLOTS - 1):
        yield Step(at + 3.0, Action.START, number)
    for number in (slot, SLOTS - 1):
        yield Step(at + 6.5, Action.STOP, number)
    yield Step(at + 9.0, Action.START, slot)


def _rolling(_: random.Random, at: float, slot: int) -> Iterator[Step]:
    for turn in range(HOME):
        number = (slot + turn) % HOME
        yield Step(at + 2.5 * turn, Action.STOP, number)
        yield Step(at + 2.5 * turn + 0.5, Action.START, number)


def _storm(chance: random.Random, at: float, slot: int) -> Iterator[Step]:
    yield from storm(chance, at, seconds=8, slots=(slot, SLOTS - 1))


def storm(chance: random.Random, at: float, *, seconds: int, slots: tuple[int, int]) -> Iterator[Step]:
    """Every second the one of two workers joins or leaves; at the end the first one is there and the second is not."""
    first, second = slots
    for turn in range(0, seconds, 4):
        for after, action, slot in (
            (0, Action.START, second),
            (1, chance.choice([Action.STOP, Action.KILL]), first),
            (2, Action.START, first),
            (3, chance.choice([Action.STOP, Action.KILL]), second),
        ):
            yield Step(at + turn + after, action, slot)


_STEPS: dict[Kind, Callable[[random.Random, float, int], Iterator[Step]]] = {
    Kind.KILL: _away(Action.KILL),
    Kind.STOP: _away(Action.STOP),
    Kind.WIPE: _away(Action.WIPE),
    Kind.FREEZE: _freeze,
    Kind.CUT: _cut,
    Kind.SLOW: _slow,
    Kind.BROKER_RESTART: _broker(Action.BROKER_STOP),
    Kind.BROKER_KILL: _broker(Action.BROKER_KILL),
    Kind.SCALE: _scale,
    Kind.ROLLING: _rolling,
    Kind.STORM: _storm,
}
