"""Each contestant of the benchmark: how it is made ready and started, what it writes, and whether the result is right.

All work on the same topic, which is full before they start. Each result is read back from its changelog with a plain
consumer, not from the contestant's own store.
"""

import json
import os
import struct
import subprocess
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from benchmarks.broker import Broker
from benchmarks.workload import Chain, Truth

HERE = Path(__file__).parent
FIRST_STOCK = 50
"""Pieces of each article that are there in the beginning, as far as the other contestants go."""
_REPORT = struct.Struct(">5q")
_ON_HAND = struct.Struct(">i")


@dataclass(frozen=True)
class Result:
    """What a contestant came to: the sums of all days, and of the stock."""

    receipts: int
    lines: int
    gross: int
    discounts: int
    articles: int
    sold: int
    """Pieces that are missing on the shelves."""

    def differences(self, truth: Truth) -> list[str]:
        """Where this is not what the receipts sum up to."""
        expected = Result(
            truth.receipts, truth.lines, truth.gross, truth.discounts, len(truth.sold), sum(truth.sold.values())
        )
        return [
            f"{name}: {getattr(self, name)} instead of {getattr(expected, name)}"
            for name in self.__dataclass_fields__
            if getattr(self, name) != getattr(expected, name)
        ]


class Contestant(ABC):
    """One way to do the job.

    Attributes:
        name: in tables and charts.
        receipts_max: how many messages are enough to know its rate; None: all.
    """

    name: str
    receipts_max: int | None = None

    @abstractmethod
    def prepare(self, broker: Broker, chain: Chain, truth: Truth, run: "Run") -> None:
        """Do what is not measured."""

    @abstractmethod
    def command(self) -> list[str]:
        """How it is started; it runs until SIGTERM."""

    def environments(self, run: "Run") -> list[dict[str, str]]:
        """What each of its processes is told; there is one of them."""
        own = {
            "BENCH_BOOTSTRAP": run.broker.bootstrap,
            "BENCH_APP": run.app,
            "BENCH_FOLDER": str(run.folder / "state"),
            "BENCH_PARTITIONS": str(run.broker.partitions),
            "BENCH_TOPIC": run.sales,
            "BENCH_OUTPUT": run.output,
        }
        return [{**os.environ, **own}]

    def changelogs(self, run: "Run") -> list[str]:
        """The topics it keeps its tables in; they appear when it starts."""
        return sorted(name for name in run.broker.topics() if run.app in name and "changelog" in name)

    @abstractmethod
    def result(self, run: "Run", chain: Chain, truth: Truth) -> Result:
        """What is in its changelog."""

    def check(self, run: "Run", chain: Chain, truth: Truth) -> None:
        """End the benchmark unless the result is right."""
        differences = self.result(run, chain, truth).differences(truth)
        if differences:
            raise SystemExit(f"{self.name}: the result is wrong: {'; '.join(differences)}")


@dataclass(frozen=True)
class Run:
    """One run of a contestant: a broker, a folder and a name of its own."""

    broker: Broker
    folder: Path
    app: str
    sales: str
    """The topic of receipts."""

    @property
    def output(self) -> str:
        """The topic of reorders."""
        return f"{self.app}-reorders"


class PlainFaust(Contestant):
    """Faust as its documentation shows it."""

    name = "plain Faust"
    receipts_max = 10_000  # it takes a second for three hundred

    def prepare(self, broker: Broker, chain: Chain, truth: Truth, run: "Run") -> None:
        """It runs on what the application is installed with."""

    def command(self) -> list[str]:
        """See `contenders/plain_faust.py`."""
        return [sys.executable, str(HERE / "contenders" / "plain_faust.py")]

    def result(self, run: Run, chain: Chain, truth: Truth) -> Result:
        """Faust writes JSON."""
        latest = run.broker.latest
        stock = [FIRST_STOCK - json.loads(row)["on_hand"] for row in latest(f"{run.app}-stock-changelog").values()]
        days = [json.loads(row) for row in latest(f"{run.app}-report-changelog").values()]
        return result_of([[day[name] for name in ("receipts", "lines", "gross", "discounts")] for day in days], stock)


class QuixStreams(Contestant):
    """Quix Streams, at least once."""

    name = "Quix Streams"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self, broker: Broker, chain: Chain, truth: Truth, run: "Run") -> None:
        """Install it, once, apart from the application: the two need different versions of the same libraries."""
        if (self._folder / "complete").exists():
            return
        subprocess.run([sys.executable, "-m", "venv", str(self._folder)], check=True)
        lock = HERE / "contenders" / "quix.txt"
        pip = [self._python, "-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:"]
        subprocess.run([*pip, "-r", str(lock)], check=True)
        (self._folder / "complete").touch()

    @property
    def _python(self) -> str:
        return str(self._folder / "bin" / "python")

    def command(self) -> list[str]:
        """See `contenders/quix.py`."""
        return [self._python, str(HERE / "contenders" / "quix.py")]

    def result(self, run: Run, chain: Chain, truth: Truth) -> Result:
        """One changelog of JSON values; the key ends with what the state was called."""
        [changelog] = self.changelogs(run)
        stock, days = [], []
        for key, value in run.broker.latest(changelog).items():
            if b'"stock/' in key:
                stock.append(FIRST_STOCK - json.loads(value)[0])
            elif b'"report/' in key:
                receipts, lines, _, gross, discounts = json.loads(value)
                days.append([receipts, lines, gross, discounts])
        return result_of(days, stock)


class KafkaStreams(Contestant):
    """Kafka Streams, exactly once, RocksDB with caching."""

    name = "Kafka Streams"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self, broker: Broker, chain: Chain, truth: Truth, run: Run) -> None:
        """Compile it, once."""
        if (self._folder / "complete").exists():
            return
        goals = ["package", "dependency:copy-dependencies"]
        source = HERE / "contenders" / "kafka_streams"
        subprocess.run(["cp", "-r", f"{source}/.", str(self._folder)], check=True)
        maven = ["mvn", "--batch-mode", "--quiet", *goals, "-DoutputDirectory=libraries"]
        subprocess.run(maven, cwd=self._folder, check=True, stdin=subprocess.DEVNULL)
        (self._folder / "complete").touch()

    def command(self) -> list[str]:
        """A heap of 1 GB, as the study before this one gave it."""
        path = f"{self._folder}/target/*:{self._folder}/libraries/*"
        return ["java", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", path, "freshmart.Contender"]

    def result(self, run: Run, chain: Chain, truth: Truth) -> Result:
        """Its rows are big-endian numbers."""
        latest = run.broker.latest
        stock = [FIRST_STOCK - _ON_HAND.unpack_from(row)[0] for row in latest(f"{run.app}-stock-changelog").values()]
        days = [_REPORT.unpack(row) for row in latest(f"{run.app}-report-changelog").values()]
        return result_of([[day[0], day[1], day[3], day[4]] for day in days], stock)


def result_of(days: list[list[int]], missing: list[int]) -> Result:
    """The sums of days (receipts, lines, gross, discounts), and of what is missing of each article."""
    receipts, lines, gross, discounts = (sum(column) for column in zip(*days, strict=True))
    return Result(receipts, lines, gross, discounts, len(missing), sum(missing))
