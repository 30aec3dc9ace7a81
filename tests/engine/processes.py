"""Worker processes over the toy groups."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.engine.toy_worker import Setup

LINES_SHOWN = 60
DIED = (-signal.SIGKILL, -signal.SIGALRM)
PROGRAM = (sys.executable, "-m", "tests.engine.toy_worker")


class Worker:
    """A worker process of its own; `program` is what understands a setup."""

    def __init__(self, setup: Setup, program: Sequence[str] = PROGRAM) -> None:
        self.folder = Path(setup.folder)
        self._log = self.folder.with_suffix(".log")
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._from = self._log.stat().st_size if self._log.exists() else 0
        command = [*program, msgspec.json.encode(setup).decode()]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    @property
    def is_frozen(self) -> bool:
        """Whether it was stopped by SIGSTOP."""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.communicate()

    def freeze(self) -> None:
        """SIGSTOP."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self) -> str:
        """SIGTERM; what it said on stdout."""
        if self.is_running:
            self.process.terminate()
        return self.ended()[1]

    def ended(self, seconds: float = 60) -> tuple[int, str]:
        """Wait for its end: the exit code, and what it said on stdout.

        Raises:
            subprocess.TimeoutExpired: it goes on; it is killed.
        """
        try:
            said, _ = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return self.process.returncode, said.decode()

    def log(self) -> str:
        """What it logged."""
        with self._log.open() as log:
            log.seek(self._from)
            return log.read()


@contextmanager
def worker(setup: Setup, program: Sequence[str] = PROGRAM) -> Iterator[Worker]:
    """A worker that is gone at the end; of a test that failed its log is shown."""
    running = Worker(setup, program)
    try:
        yield running
    except BaseException:
        lines = running.log().splitlines()
        sys.stdout.write("\n".join([f"the log of {running.folder.name} ends:", *lines[-LINES_SHOWN:], ""]))
        raise
    finally:
        if running.is_running:
            running.kill()
