"""Worker processes over the toy group, and a plain fold of what they read."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from freshmart_streams.engine import Output, StoredRecord
from freshmart_streams.engine.journal import Span
from freshmart_streams.engine.testing import Driver
from tests.engine import toy
from tests.support.log import PARTITIONS


def fold(
    inputs: Mapping[tuple[str, int], list[StoredRecord]], spans: list[Span], partition: int, batch_size: int = 1
) -> Driver:
    """Follow a partition's journal over the inputs."""
    driver = Driver(toy.GROUP, partition=partition, partition_count=PARTITIONS, batch_size=batch_size)
    places: Counter[tuple[str, int]] = Counter()
    for topic, *number, following in spans:
        place = (str(topic), int(number[0]) if number else partition)
        waiting = [r for r in inputs.get(place, []) if places[place] <= r.offset < int(following)]
        driver.apply(waiting)
        places[place] = int(following)
    driver.commit()
    return driver


def values(outputs: list[Output]) -> list[bytes | None]:
    """The values of outputs."""
    return [output.value for output in outputs]


class Worker:
    """A worker process of its own."""

    def __init__(self, bootstrap: str, mode: str, folder: Path) -> None:
        self.folder = folder
        self._log = folder.with_suffix(".log")
        command = [sys.executable, "-m", "tests.engine.toy_worker", bootstrap, mode, str(folder)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.communicate()

    def pause(self) -> None:
        """SIGSTOP."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self) -> str:
        """SIGTERM; what it said on stdout."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            said, _ = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return said.decode()

    def log(self) -> str:
        """What it logged."""
        return self._log.read_text()


@contextmanager
def worker(bootstrap: str, mode: str, folder: Path) -> Iterator[Worker]:
    """A worker that is gone at the end."""
    running = Worker(bootstrap, mode, folder)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.kill()
