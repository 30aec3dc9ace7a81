"""Each contestant of the benchmark: how it is made ready and started, what it writes, and whether the result is right.

All work on the same topic, which is full before they start. Each result is read back from its changelog with a plain
consumer, not from the contestant's own store.
"""

import json
import os
import socket
import struct
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.broker import PARTITIONS, Broker
from benchmarks.measuring import Running
from benchmarks.workload import Chain, Truth, messages
from freshmart_streams import tables
from freshmart_streams.topics import Topics

HERE = Path(__file__).parent
FIRST_STOCK = 50
"""Pieces of each article that are there in the beginning, as far as the other contestants go."""
PLENTY = 100
"""Pieces of an article that will not be sold on the day that is measured."""
LINES_PER_COUNT = 500
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

    def environment(self, run: "Run") -> dict[str, str]:
        """What it is told."""
        return {
            **os.environ,
            "BENCH_BOOTSTRAP": run.broker.bootstrap,
            "BENCH_APP": run.app,
            "BENCH_FOLDER": str(run.folder / "state"),
            "BENCH_PARTITIONS": str(PARTITIONS),
            "BENCH_TOPIC": run.sales,
            "BENCH_OUTPUT": run.output,
        }

    def changelogs(self, run: "Run") -> list[str]:
        """The topics it keeps its tables in; they appear when it starts."""
        return sorted(name for name in run.broker.topics() if run.app in name and "changelog" in name)

    @abstractmethod
    def result(self, run: "Run", chain: Chain, truth: Truth) -> Result:
        """What is in its changelog."""


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
        return _result([[day[name] for name in ("receipts", "lines", "gross", "discounts")] for day in days], stock)


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
        return _result(days, stock)


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
        return _result([[day[0], day[1], day[3], day[4]] for day in days], stock)


class Freshmart(Contestant):
    """This application as it is shipped, exactly once.

    It is measured on an ordinary day. So before, it takes in master data, a count of every article, and as many
    receipts over the week before to learn from. Then there is four times what will be sold of each article, two dozen
    at least. The others need none of that.
    """

    name = "freshmart"

    def command(self) -> list[str]:
        """The worker."""
        return [sys.executable, "-m", "freshmart_streams", "worker"]

    def environment(self, run: Run) -> dict[str, str]:
        """Every setting but these is the default."""
        own = {name: text for name, text in os.environ.items() if not name.startswith("FRESHMART_")}
        return {
            **own,
            "FRESHMART_BROKER": f"kafka://{run.broker.bootstrap}",
            "FRESHMART_TOPIC_PREFIX": f"{run.app}.",
            "FRESHMART_PARTITIONS": str(PARTITIONS),
            "FRESHMART_DATA_DIR": str(run.folder / "state"),
            "FRESHMART_WEB_PORT": str(_free_port()),
            "FRESHMART_CLOCK": "events",
        }

    def prepare(self, broker: Broker, chain: Chain, truth: Truth, run: Run) -> None:
        """Up to the day's receipts, which wait in the topic then."""
        self.open_day(broker, chain, truth, run)
        broker.send(Freshmart.topics(run).sales.name, messages(chain))

    def open_day(self, broker: Broker, chain: Chain, truth: Truth, run: Run) -> None:
        """Topics, master data, counts, the week before."""
        topics = Freshmart.topics(run)
        create = [*Freshmart.command(self)[:-1], "topics", "create"]
        subprocess.run(create, env=self.environment(run), check=True, stdout=subprocess.DEVNULL)
        broker.send(topics.stores.name, ((key.encode(), _json(_store(key))) for key in chain.store_ids))
        broker.send(topics.products.name, self.products(chain.skus, chain))
        week, before = replace(chain, day=chain.day - 7, days=7), Truth()
        receipts = list(messages(week, before))
        on_hand = {article: before.sold.get(article, 0) for article in {**before.sold, **truth.sold}}
        for article, quantity in _first_stock(truth).items():
            on_hand[article] += quantity
        for article in before.sold.keys() - truth.sold.keys():
            on_hand[article] += PLENTY
        broker.send(topics.inventory.name, self.counts(on_hand, week))
        self._catch_up(run)
        broker.send(topics.sales.name, receipts)
        self._catch_up(run)

    def products(self, skus: Iterable[str], chain: Chain) -> Iterator[tuple[bytes, bytes]]:
        """Master data of articles."""
        return ((sku.encode(), _json(_product(sku, chain))) for sku in skus)

    def counts(self, on_hand: Mapping[str, int], chain: Chain) -> Iterator[tuple[bytes, bytes]]:
        """Before the day begins, so much is there of each `store/sku`."""
        by_store: dict[str, list[dict[str, object]]] = {}
        for article, quantity in on_hand.items():
            store_id, sku = article.split("/")
            by_store.setdefault(store_id, []).append({"sku": sku, "quantity": quantity})
        at = chain.opens_at.replace(hour=2)
        for store_id, lines in by_store.items():
            for begin in range(0, len(lines), LINES_PER_COUNT):
                own = {"event_id": f"count-{at:%d}-{begin}", "store_id": store_id, "occurred_at": at.isoformat()}
                yield (
                    store_id.encode(),
                    _json({**own, "kind": "count", "lines": lines[begin : begin + LINES_PER_COUNT]}),
                )

    def _catch_up(self, run: Run) -> None:
        worker = Running(Freshmart.command(self), self.environment(run), run.folder / "output")
        try:
            worker.watch(lambda: run.broker.end([self._changelog(run)]))
        finally:
            worker.stop()

    def changelogs(self, run: "Run") -> list[str]:
        """One for all tables."""
        return [self._changelog(run)]

    def _changelog(self, run: "Run") -> str:
        return f"{run.app}.streams-stores-changelog"

    @staticmethod
    def topics(run: Run) -> Topics:
        """The names of its topics."""
        return Topics(f"{run.app}.")

    def result(self, run: Run, chain: Chain, truth: Truth) -> Result:
        """Its rows are in one changelog; those of yesterday do not count."""
        missing, days, today = [], [], chain.opens_at.date().isoformat()
        first_stock = _first_stock(truth)
        for key, value in run.broker.latest(self._changelog(run)).items():
            if key.startswith(tables.stock.prefix):
                article = key.removeprefix(tables.stock.prefix).decode()
                if article in first_stock:  # the others were sold yesterday only
                    missing.append(first_stock[article] - tables.stock.decode(value).on_hand)
            elif key.startswith(tables.store_days.prefix) and key.decode().endswith(today):
                day = tables.store_days.decode(value)
                days.append([day.receipts, day.lines, day.gross_sales, day.discounts])
        return _result(days, missing)


class Profiled(Freshmart):
    """This application, with a flame graph of where its time goes."""

    def __init__(self, flames: Path) -> None:
        self._flames = flames

    def command(self) -> list[str]:
        """The worker under py-spy, which needs no right to look at others' processes: it is the parent."""
        spy = str(Path(sys.executable).with_name("py-spy"))
        options = ["--rate", "200", "--threads", "--output", str(self._flames)]
        return [spy, "record", *options, "--", *super().command()]


def _result(days: list[list[int]], missing: list[int]) -> Result:
    receipts, lines, gross, discounts = (sum(column) for column in zip(*days, strict=True))
    return Result(receipts, lines, gross, discounts, len(missing), sum(missing))


def _first_stock(truth: Truth) -> dict[str, int]:
    return {article: max(4 * sold, 24) for article, sold in truth.sold.items()}


def _store(store_id: str) -> dict[str, object]:
    return {"store_id": store_id, "timezone": "Europe/Berlin", "opening": {"mon-sun": "06:00-22:00"}}


def _product(sku: str, chain: Chain) -> dict[str, object]:
    price = chain.price(sku)
    own = {"sku": sku, "category": f"category-{int(sku) % 30}", "supplier_id": f"supplier-{int(sku) % 50}"}
    return {**own, "price": price, "cost": price * 6 // 10, "pack_size": 6, "shelf_life_days": 5 + int(sku) % 200}


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
