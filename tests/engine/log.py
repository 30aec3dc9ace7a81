"""What a broker holds, read by librdkafka: independent of the engine's own readers. And a plain fold over it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Consumer, Message, TopicPartition

from freshmart_streams.engine import Output, StoredRecord
from freshmart_streams.engine.journal import Span
from freshmart_streams.engine.testing import Driver
from tests.engine import toy

PARTITIONS = 4
_PARTITION_EOF = -191


def read(bootstrap: str, topic: str) -> dict[int, list[Message]]:
    """All committed messages of a topic, by partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    found: dict[int, list[Message]] = defaultdict(list)
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    left = set(range(PARTITIONS))
    while left:
        message = consumer.poll(20)
        assert message is not None, f"reading {topic} timed out"
        error = message.error()
        if error is None:
            found[message.partition() or 0].append(message)
        elif error.code() == _PARTITION_EOF:
            left.discard(message.partition() or 0)
    consumer.close()
    return found


def journal(bootstrap: str, topic: str) -> dict[int, list[Span]]:
    """The spans of each partition in their order; entries that came twice count once."""
    spans: dict[int, dict[int, list[Span]]] = defaultdict(dict)
    for number, messages in read(bootstrap, topic).items():
        for message in messages:
            entry = json.loads(message.value() or b"")
            spans[number].setdefault(entry["sequence"], entry["spans"])
    return {
        number: [span for sequence in sorted(entries) for span in entries[sequence]]
        for number, entries in spans.items()
    }


def records(bootstrap: str, topics: list[str]) -> dict[tuple[str, int], list[StoredRecord]]:
    """The inputs as records."""
    return {
        (topic, number): [
            StoredRecord(topic, number, m.offset() or 0, m.timestamp()[1], m.key(), m.value()) for m in messages
        ]
        for topic in topics
        for number, messages in read(bootstrap, topic).items()
    }


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


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Poll until it holds.

    Raises:
        AssertionError: it did not within the time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.3)
