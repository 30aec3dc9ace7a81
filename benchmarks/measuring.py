"""A process and its children from outside: CPU seconds, peak memory, and how far it is."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

SAMPLE_SECONDS = 0.1
QUIET_SECONDS = 6.0
"""A contender that wrote nothing for so long is done: each of them commits at least once a second."""
BEGIN_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 60.0


@dataclass(frozen=True)
class Sample:
    """One look: at a time, CPU seconds so far, resident bytes, offsets written, CPU seconds of the whole machine."""

    at: float
    cpu: float
    resident: int
    written: int
    machine: float


@dataclass
class Course:
    """How a run went."""

    samples: list[Sample] = field(default_factory=list)

    @property
    def working(self) -> list[Sample]:
        """From the last look before the first write to the first look after the last write."""
        writes = [place for place, sample in enumerate(self.samples) if sample.written != self.samples[0].written]
        if not writes:
            return []
        first, final = writes[0], self.samples[-1].written
        last = next(place for place, sample in enumerate(self.samples) if sample.written == final)
        return self.samples[max(0, first - 1) : last + 1]

    @property
    def seconds(self) -> float:
        """Of work."""
        return self.working[-1].at - self.working[0].at

    @property
    def cpu_seconds(self) -> float:
        """CPU while at work."""
        return self.working[-1].cpu - self.working[0].cpu

    @property
    def cpu_seconds_in_all(self) -> float:
        """CPU from its start to its end."""
        return self.samples[-1].cpu

    @property
    def peak_resident(self) -> int:
        """Bytes."""
        return max(sample.resident for sample in self.samples)

    @property
    def machine_cores(self) -> float:
        """Cores that all processes of the machine together kept busy while this one was at work."""
        return (self.working[-1].machine - self.working[0].machine) / self.seconds


class Running:
    """A process under observation; its output goes to a file."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], output: Path) -> None:
        self.output = output
        with output.open("ab") as stream:
            self._process = subprocess.Popen(
                command, env=dict(environment), stdout=stream, stderr=stream, start_new_session=True
            )

    def watch(self, written: Callable[[], int]) -> Course:
        """Look until nothing more is written.

        Raises:
            RuntimeError: it ended by itself, or wrote nothing at all.
        """
        course, changed_at = Course(), time.monotonic()
        while True:
            sample = self._sample(written())
            if course.samples and sample.written != course.samples[-1].written:
                changed_at = sample.at
            course.samples.append(sample)
            if self._process.poll() is not None:
                raise RuntimeError(f"it ended by itself: {self.last_words}")
            has_begun = sample.written != course.samples[0].written
            if sample.at - changed_at > (QUIET_SECONDS if has_begun else BEGIN_SECONDS_MAX):
                if not has_begun:
                    raise RuntimeError(f"it wrote nothing: {self.last_words}")
                return course
            time.sleep(SAMPLE_SECONDS)

    @property
    def last_words(self) -> str:
        """The end of its output."""
        return " | ".join(self.output.read_text(errors="replace").splitlines()[-5:]) or "no output"

    def stop(self) -> None:
        """End it (of a profiler: what it looks at) with SIGTERM, or with SIGKILL when that takes too long."""
        with suppress(psutil.NoSuchProcess):
            own = psutil.Process(self._process.pid)
            for process in own.children() or [own]:
                process.terminate()
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def cpu_seconds(self) -> float:
        """So far, its children's included."""
        return self._sample(0).cpu

    def _sample(self, written: int) -> Sample:
        cpu, resident = 0.0, 0
        with suppress(psutil.NoSuchProcess):
            own = psutil.Process(self._process.pid)
            for process in (own, *own.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    cpu += times.user + times.system
                    resident += process.memory_info().rss
        machine = psutil.cpu_times()
        return Sample(time.monotonic(), cpu, resident, written, machine.user + machine.system)


def say(text: str) -> None:
    """Tell who waits how far it is."""
    print(text, file=sys.stderr, flush=True)
