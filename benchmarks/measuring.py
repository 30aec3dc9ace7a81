"""Processes and their children from outside: CPU seconds, peak memory, and how far they are."""

import http.client
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import psutil

SAMPLE_SECONDS = 0.1
QUIET_SECONDS = 6.0
"""A contender that wrote nothing for so long is done: each of them commits at least once a second."""
BEGIN_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 60.0
READY_SECONDS_MAX = 60.0
SETTLE_SECONDS = 3.0
"""So long after nothing more is written, or all are ready, it is taken to stay so."""


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
    """Processes of one kind under observation together; their output goes to a file.

    Args:
        command: of each of them.
        environments: one for each.
        output: where they write what they say.
    """

    def __init__(self, command: Sequence[str], environments: Sequence[Mapping[str, str]], output: Path) -> None:
        self.environments = environments
        self.output = output
        with output.open("ab") as stream:
            self._processes = [
                subprocess.Popen(command, env=dict(own), stdout=stream, stderr=stream, start_new_session=True)
                for own in environments
            ]

    def watch(
        self,
        written: Callable[[], int],
        begin: Callable[[], object] | None = None,
        *,
        quiet_seconds: float = QUIET_SECONDS,
    ) -> Course:
        """Look until nothing more is written.

        Args:
            written: how far they are.
            begin: gives them something to do, after the first look.
            quiet_seconds: without a write end it.

        Raises:
            RuntimeError: one ended by itself, or they wrote nothing at all.
        """
        course = Course([self._sample(written())])
        if begin is not None:
            begin()
        changed_at = time.monotonic()
        while True:
            time.sleep(SAMPLE_SECONDS)
            sample = self._sample(written())
            if sample.written != course.samples[-1].written:
                changed_at = sample.at
            course.samples.append(sample)
            if self.has_ended:
                raise RuntimeError(f"it ended by itself: {self.last_words}")
            has_begun = sample.written != course.samples[0].written
            if sample.at - changed_at > (quiet_seconds if has_begun else BEGIN_SECONDS_MAX):
                if not has_begun:
                    raise RuntimeError(f"it wrote nothing: {self.last_words}")
                return course

    @property
    def has_ended(self) -> bool:
        """Whether one of them ended by itself."""
        return any(process.poll() is not None for process in self._processes)

    @property
    def last_words(self) -> str:
        """The end of their output."""
        return " | ".join(self.output.read_text(errors="replace").splitlines()[-5:]) or "no output"

    def until_ready(self, ports: Sequence[int]) -> None:
        """Wait until the workers answer on all these ports that they are ready, and go on doing so for a while.

        Raises:
            RuntimeError: they do not become ready.
        """
        until, ready_since = time.monotonic() + READY_SECONDS_MAX, float("inf")
        while time.monotonic() < until and not self.has_ended:
            if not all(_is_ready(port) for port in ports):
                ready_since = float("inf")
            elif time.monotonic() - (ready_since := min(ready_since, time.monotonic())) > SETTLE_SECONDS:
                return
            time.sleep(SAMPLE_SECONDS)
        raise RuntimeError(f"not ready: {self.last_words}")

    def stop(self) -> None:
        """End them (of a profiler: what it looks at) with SIGTERM, or with SIGKILL when that takes too long."""
        for each in self._processes:
            with suppress(psutil.NoSuchProcess):
                own = psutil.Process(each.pid)
                for process in own.children() or [own]:
                    process.terminate()
        for each in self._processes:
            try:
                each.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()

    def cpu_seconds(self) -> float:
        """So far, of all, their children's included."""
        return self._sample(0).cpu

    def _sample(self, written: int) -> Sample:
        cpu, resident = 0.0, 0
        for each in self._processes:
            with suppress(psutil.NoSuchProcess):
                own = psutil.Process(each.pid)
                for process in (own, *own.children(recursive=True)):
                    with suppress(psutil.NoSuchProcess):
                        times = process.cpu_times()
                        cpu += times.user + times.system
                        resident += process.memory_info().rss
        machine = psutil.cpu_times()
        return Sample(time.monotonic(), cpu, resident, written, machine.user + machine.system)


def until_quiet(written: Callable[[], int]) -> float:
    """Wait until nothing more is written; when the last was, on the clock `time.perf_counter`."""
    end, last = written(), time.perf_counter()
    while time.perf_counter() - last < SETTLE_SECONDS:
        time.sleep(0.05)
        now = written()
        if now != end:
            end, last = now, time.perf_counter()
    return last


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def say(text: str) -> None:
    """Tell who waits how far it is."""
    print(text, file=sys.stderr, flush=True)
