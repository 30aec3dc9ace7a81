"""A broker and up to four workers of the real application, each behind a network link of its own, and what hits them.

Every way in which a worker can end is written down: one that ends by itself, does not end when it is told to, or ends
with another code than 0 is a finding.
"""

import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import ClassVar, NamedTuple, Self

from freshmart_streams.engine.clock import now_ms
from freshmart_streams.topics import Topics
from tests.acceptance.site import PROGRAM, Site, Worker
from tests.faults.clock import Clock
from tests.faults.ground import Ground
from tests.faults.schedules import HOME, SESSION_SECONDS, SLOTS, Action, Step
from tests.support.kafka import free_port
from tests.support.log import PARTITIONS

NAMES = "abcdefgh"
STOP_SECONDS_MAX = 30
ENDED_BY_SIGTERM = {0, 143, -signal.SIGTERM}
"""Exit codes of a worker that was told to end; the last two are of one that had hardly begun."""


class Event(NamedTuple):
    """Something that was done or seen."""

    at: float
    """Seconds of the schedule; they stand still while a step is being done."""
    clock: str
    """Time of day in UTC, as in the workers' logs."""
    text: str


@dataclass
class Slot:
    """A place for a worker: its name, data folder and way to the broker stay the same whoever is in it."""

    number: int
    running: Worker | None = None
    ending: Worker | None = None
    """Told to end, and not yet seen to have done so."""
    is_frozen: bool = False
    port: int = field(default_factory=free_port)

    @property
    def name(self) -> str:
        """The worker's, in timeline and folder."""
        return NAMES[self.number]


class Cluster:
    """The processes of one run.

    Args:
        folder: for the broker, the workers' data and their logs.
        slots: places for workers.
        standbys: `FRESHMART_STANDBYS`.
        session_seconds: `FRESHMART_SESSION_TIMEOUT_S`.
        program: what starts a worker; by default the application.
        ground: a broker that other runs have used or will use; by default one of its own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        slots: int = SLOTS,
        standbys: int = 0,
        session_seconds: int = SESSION_SECONDS,
        program: Sequence[str] = PROGRAM,
        ground: Ground | None = None,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.slots = [Slot(number) for number in range(slots)]
        self.ground = ground
        self._clock_setting = "live"
        self.timeline: list[Event] = []
        self.findings: list[str] = []
        self._standbys, self._session_seconds, self._program = standbys, session_seconds, program
        self.clock = Clock()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            ground = self.ground or stack.enter_context(Ground(self.folder / "kafka", len(self.slots)))
            self.network, self.broker = ground.network, ground.broker
            stack.callback(self._end_all)
            self.site = Site(f"kafka://{self.broker.address}", self.folder, Topics(ground.new_prefix()))
            created = self.site.run("topics", "create")
            assert created.returncode == 0, created.stderr
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def note(self, text: str) -> None:
        """Write into the timeline."""
        at_ms = now_ms()
        of_day = time.strftime("%H:%M:%S", time.gmtime(at_ms // 1_000))
        self.timeline.append(Event(self.clock.now, f"{of_day}.{at_ms % 1_000:03}", text))

    # Faults.

    def do(self, step: Step) -> None:
        """Do one step of a fault; the clock stands still meanwhile."""
        with self.clock.paused():
            if step.slot is None:
                self._broker_does[step.action](self)
                return
            slot = self.slots[step.slot]
            if step.action is Action.SLOW:
                self.note(f"slow {slot.name} down by {step.delay:g} s")
                self.network.slow(slot.number, step.delay)
            else:
                self._worker_does[step.action](self, slot)
            self.watch()

    def start(self, slot: Slot) -> None:
        """Start the slot's worker, unless it runs; the one before it has to be gone."""
        if slot.running is not None:
            return
        self._reap(slot)
        self.note(f"start {slot.name}")
        slot.running = Worker(
            self.site,
            slot.name,
            program=self._program,
            FRESHMART_BROKER=f"kafka://127.0.0.1:{self.network.links[slot.number].port}",
            FRESHMART_WEB_PORT=str(slot.port),
            FRESHMART_CLOCK=self._clock_setting,
            FRESHMART_SESSION_TIMEOUT_S=str(self._session_seconds),
            FRESHMART_STANDBYS=str(self._standbys),
            FRESHMART_MEMORY_MB="128",
        )

    def stop(self, slot: Slot) -> None:
        """Tell the slot's worker to end; nobody waits for it here."""
        self.watch()
        if slot.running is not None:
            self.note(f"stop {slot.name}")
            slot.ending, slot.running = slot.running, None
            slot.ending.process.terminate()

    def kill(self, slot: Slot) -> None:
        """SIGKILL."""
        self.watch()
        if slot.running is not None:
            self.note(f"kill {slot.name}")
            slot.running.kill()
            slot.running, slot.is_frozen = None, False

    def _wipe(self, slot: Slot) -> None:
        self.kill(slot)
        self._reap(slot)
        self.note(f"delete the volume of {slot.name}")
        shutil.rmtree(self.folder / slot.name, ignore_errors=True)

    def _freeze(self, slot: Slot) -> None:
        if slot.running is not None:
            self.note(f"freeze {slot.name}")
            slot.running.process.send_signal(signal.SIGSTOP)
            slot.is_frozen = True

    def _thaw(self, slot: Slot) -> None:
        if slot.running is not None and slot.is_frozen:
            self.note(f"thaw {slot.name}")
            slot.running.process.send_signal(signal.SIGCONT)
        slot.is_frozen = False

    def _cut(self, slot: Slot) -> None:
        self.note(f"cut {slot.name} off")
        self.network.cut(slot.number)

    def _heal(self, slot: Slot) -> None:
        self.note(f"heal the network of {slot.name}")
        self.network.heal(slot.number)

    def _stop_broker(self) -> None:
        self.note("stop the broker")
        self.broker.stop()

    def _kill_broker(self) -> None:
        self.note("kill the broker")
        self.broker.kill()

    def start_broker(self) -> None:
        """Start the broker, unless it runs."""
        if self.broker.pid is None:
            self.broker.start()
            self.note("the broker is back")

    _broker_does: ClassVar[dict[Action, Callable[["Cluster"], None]]] = {
        Action.BROKER_STOP: _stop_broker,
        Action.BROKER_KILL: _kill_broker,
        Action.BROKER_START: start_broker,
    }
    _worker_does: ClassVar[dict[Action, Callable[["Cluster", Slot], None]]] = {
        Action.START: start,
        Action.STOP: stop,
        Action.KILL: kill,
        Action.WIPE: _wipe,
        Action.FREEZE: _freeze,
        Action.THAW: _thaw,
        Action.CUT: _cut,
        Action.HEAL: _heal,
    }

    # Life.

    def start_home(self) -> None:
        """Start the workers that run when nothing is wrong."""
        for slot in self.slots[:HOME]:
            self.start(slot)

    def settle(self) -> None:
        """End all faults: broker and network are there, nobody is frozen, the home workers run and no others."""
        self.start_broker()
        for slot in self.slots:
            self.network.heal(slot.number)
            self._thaw(slot)
        for slot in self.slots[HOME:]:
            self.stop(slot)
        self.start_home()
        self.watch()

    def keep_one(self) -> Slot:
        """End all workers but the first, which then gets all partitions; returns its slot."""
        survivor, *others = self.slots
        for slot in others:
            self.stop(slot)
        for slot in others:
            self._reap(slot)
        return survivor

    def silence(self, slot: Slot) -> None:
        """Start the slot's worker again, as one that writes no ticks: nothing more comes in from now on."""
        self.end(slot)
        self._clock_setting = "events"
        self.start(slot)

    def end(self, slot: Slot) -> None:
        """Tell a worker to end and wait for it."""
        self.stop(slot)
        self._reap(slot)

    def watch(self) -> None:
        """Look for workers that ended by themselves; they are started again, as a supervisor would."""
        for slot in self.slots:
            if slot.running is not None and (code := slot.running.process.poll()) is not None:
                self._find(f"workers: {slot.name} ended by itself with exit code {code}")
                slot.running, slot.is_frozen = None, False
                self.start(slot)

    def are_ready(self) -> bool:
        """Whether every running worker says that it takes part."""
        self.watch()
        return all(slot.running.is_ready() for slot in self.slots if slot.running is not None)

    def partitions_of(self, slot: Slot) -> frozenset[int]:
        """The partitions that a slot's worker is at work on."""
        worker, name = slot.running, "freshmart_partition_live"
        assert worker is not None
        return frozenset(number for number in range(PARTITIONS) if worker.metric(name, f'partition="{number}"'))

    def put_out(self) -> set[str]:
        """Whose worker the broker took for dead and put out of the group; its client id ends in the slot's port."""
        failed = f" in group {self.site.topics.prefix}streams has failed, removing it from the group"
        lines = [line for line in self.broker.output.splitlines() if failed in line]
        return {slot.name for slot in self.slots if any(f"-{slot.port}-" in line for line in lines)}

    def _reap(self, slot: Slot) -> None:
        ending, slot.ending = slot.ending, None
        if ending is None:
            return
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while (code := ending.process.poll()) is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if code is None:
            self._find(f"workers: {slot.name} did not end within {STOP_SECONDS_MAX} s after SIGTERM")
            ending.kill()
        elif code not in ENDED_BY_SIGTERM:
            self._find(f"workers: {slot.name} was told to end and did so with exit code {code}")

    def _find(self, text: str) -> None:
        self.note(text)
        self.findings.append(f"{text} (at {self.clock.now:.1f} s)")

    def _end_all(self) -> None:
        for slot in self.slots:
            for one in (slot.running, slot.ending):
                if one is not None and one.process.poll() is None:
                    one.kill()


def planted_program(bug: str) -> list[str]:
    """The command of a worker with a planted bug."""
    return [sys.executable, "-m", "tests.faults.planted_worker", bug]
