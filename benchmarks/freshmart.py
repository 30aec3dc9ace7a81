"""This application as a contestant: its workers, the days before the one that is measured, what it comes to."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.broker import Broker
from benchmarks.contestants import Contestant, Result, Run, result_of
from benchmarks.measuring import Running
from benchmarks.workload import Chain, Truth, messages
from freshmart_streams import tables
from freshmart_streams.topics import Topics
from tests.support.kafka import free_port

PLENTY = 100
"""Pieces of an article that will not be sold on the day that is measured."""
LINES_PER_COUNT = 500


class Freshmart(Contestant):
    """This application as it is shipped, exactly once.

    It is measured on an ordinary day. So before, it takes in master data, a count of the articles, and as many receipts
    over the week before to learn from. Then there is four times what will be sold of each article, two dozen at least.
    The others need none of that.

    Args:
        workers: how many processes share the partitions.
        counts_all: whether every article is counted in every store, not only those that are sold there.
    """

    name = "freshmart"

    def __init__(self, workers: int = 1, *, counts_all: bool = False) -> None:
        self._workers = workers
        self._counts_all = counts_all

    def command(self) -> list[str]:
        """The worker."""
        return [sys.executable, "-m", "freshmart_streams", "worker"]

    def environments(self, run: Run) -> list[dict[str, str]]:
        """Every setting but these is the default; each worker has a folder and a port of its own."""
        own = {name: text for name, text in os.environ.items() if not name.startswith("FRESHMART_")}
        return [
            {
                **own,
                "FRESHMART_BROKER": f"kafka://{run.broker.bootstrap}",
                "FRESHMART_TOPIC_PREFIX": f"{run.app}.",
                "FRESHMART_PARTITIONS": str(run.broker.partitions),
                "FRESHMART_DATA_DIR": str(run.folder / "state" / str(number)),
                "FRESHMART_WEB_PORT": str(free_port()),
                "FRESHMART_CLOCK": "events",
            }
            for number in range(self._workers)
        ]

    def prepare(self, broker: Broker, chain: Chain, truth: Truth, run: Run) -> None:
        """Up to the day's receipts, which wait in the topic then."""
        self.set_up(run, chain)
        process = self.start(run)
        try:
            self.open_day(process, chain, truth, run)
        finally:
            process.stop()
        broker.send(Freshmart.topics(run).sales.name, messages(chain))

    def set_up(self, run: Run, chain: Chain) -> None:
        """Topics and master data, before the first start."""
        topics = Freshmart.topics(run)
        self.create_topics(run)
        run.broker.send(topics.stores.name, ((key.encode(), _json(_store(key))) for key in chain.store_ids))
        run.broker.send(topics.products.name, self.products(chain.skus, chain))

    def create_topics(self, run: Run) -> None:
        """All but the changelog, which a worker makes."""
        create = [*Freshmart.command(self)[:-1], "topics", "create"]
        subprocess.run(create, env=self.environments(run)[0], check=True, stdout=subprocess.DEVNULL)

    def start(self, run: Run) -> Running:
        """Start the workers and wait until they have shared the partitions."""
        process = Running(Freshmart.command(self), self.environments(run), run.folder / "output")
        try:
            process.until_ready([int(own["FRESHMART_WEB_PORT"]) for own in process.environments])
        except BaseException:
            process.stop()
            raise
        return process

    def open_day(self, process: Running, chain: Chain, truth: Truth, run: Run) -> None:
        """Let the workers take in counts and the week before."""
        topics, broker = Freshmart.topics(run), run.broker
        week, before = replace(chain, day=chain.day - 7, days=7), Truth()
        receipts = list(messages(week, before))
        first = first_stock(truth)
        counted = chain.keys if self._counts_all else [*{**before.sold, **truth.sold}]
        on_hand = {key: before.sold.get(key, 0) + first.get(key, PLENTY) for key in counted}
        for topic, batch in ((topics.inventory, self.counts(on_hand, week)), (topics.sales, receipts)):
            process.watch(partial(broker.end, self.changelogs(run)), partial(broker.send, topic.name, batch))

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

    def changelogs(self, run: "Run") -> list[str]:
        """One for all tables."""
        return [f"{run.app}.streams-stores-changelog"]

    @staticmethod
    def topics(run: Run) -> Topics:
        """The names of its topics."""
        return Topics(f"{run.app}.")

    def result(self, run: Run, chain: Chain, truth: Truth) -> Result:
        """Its rows are in one changelog; those of yesterday do not count."""
        missing, days, today = [], [], chain.opens_at.date().isoformat()
        first = first_stock(truth)
        for key, value in run.broker.latest(self.changelogs(run)[0]).items():
            if key.startswith(tables.stock.prefix):
                article = key.removeprefix(tables.stock.prefix).decode()
                if article in first:  # the others were sold yesterday only
                    missing.append(first[article] - tables.stock.decode(value).on_hand)
            elif key.startswith(tables.store_days.prefix) and key.decode().endswith(today):
                day = tables.store_days.decode(value)
                days.append([day.receipts, day.lines, day.gross_sales, day.discounts])
        return result_of(days, missing)


class Profiled(Freshmart):
    """This application, with a flame graph of where its time goes."""

    def __init__(self, flames: Path) -> None:
        super().__init__()
        self._flames = flames

    def command(self) -> list[str]:
        """The worker under py-spy, which needs no right to look at others' processes: it is the parent."""
        spy = str(Path(sys.executable).with_name("py-spy"))
        options = ["--rate", "200", "--threads", "--output", str(self._flames)]
        return [spy, "record", *options, "--", *super().command()]


def first_stock(truth: Truth) -> dict[str, int]:
    """Pieces of each `store/sku` that are there when the day begins."""
    return {article: max(4 * sold, 24) for article, sold in truth.sold.items()}


def _store(store_id: str) -> dict[str, object]:
    return {"store_id": store_id, "timezone": "Europe/Berlin", "opening": {"mon-sun": "06:00-22:00"}}


def _product(sku: str, chain: Chain) -> dict[str, object]:
    price = chain.price(sku)
    own = {"sku": sku, "category": f"category-{int(sku) % 30}", "supplier_id": f"supplier-{int(sku) % 50}"}
    return {**own, "price": price, "cost": price * 6 // 10, "pack_size": 6, "shelf_life_days": 5 + int(sku) % 200}


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
