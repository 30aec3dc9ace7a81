"""From a receipt to its reorder at idle, 20, 50 and 80 % of the peak, and what reads cost meanwhile.

A probe is a receipt that sells nearly all there is of an article of its own. It counts from the moment it is handed to
the producer to the moment when a plain `read_committed` consumer has the reorder. All run on the same machine: broker,
worker, who produces the load, who probes, who reads. What the way consists of is told of the slowest percent: means of
its parts (ways.py).
"""

import argparse
import http.client
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from itertools import chain as chain_of
from itertools import islice
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import orjson
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from benchmarks.broker import Broker
from benchmarks.contestants import Run
from benchmarks.freshmart import Freshmart
from benchmarks.measuring import SETTLE_SECONDS, say, until_quiet
from benchmarks.ways import PARTS, Commits, Logged, Way, slowest_parts, ways
from benchmarks.workload import Chain, messages, truth_of

LOADS = (0.0, 0.2, 0.5, 0.8)
PROBES_PER_SECOND, READS_PER_SECOND = 10, 10
FIRST_PROBE = 900_000
ON_HAND = 1_000
BURST_SHARE = 5
"""The peak is that of the first fifth of the receipts, handed over at once."""
LOST_SECONDS = 20.0

_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Level:
    """What was measured at one load; seconds."""

    load: float
    rate: float
    """Receipts per second of the load."""
    orders: Sequence[Way]
    """The quickest first."""
    reads: Sequence[float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What only this one asks for."""
    parser.add_argument("--seconds", type=int, default=30, help="at each load (%(default)s)")
    parser.add_argument("--peak", type=float, metavar="RATE", help="receipts per second (measured)")


def measure(broker: Broker, folder: Path, chain: Chain, asked: argparse.Namespace) -> str:
    """Measure at each load; a table."""
    if asked.peak is not None:
        _demand(chain, asked.peak, asked.seconds, burst=0)
    worker, run = Freshmart(), Run(broker, folder, "latency", "")
    say("a day is made ready")
    topics = Freshmart.topics(run)
    worker.set_up(run, chain)
    probes = [str(FIRST_PROBE + number) for number in range(len(LOADS) * asked.seconds * PROBES_PER_SECOND)]
    broker.send(topics.products.name, worker.products(probes, chain))

    def written() -> int:
        return broker.end(worker.changelogs(run))

    process = worker.start(run)
    port = int(process.environments[0]["FRESHMART_WEB_PORT"])
    on_hand = {f"{_store(chain, sku)}/{sku}": ON_HAND for sku in probes}
    try:
        worker.open_day(process, chain, truth_of(chain), run)
        broker.send(topics.inventory.name, worker.counts(on_hand, chain))
        until_quiet(written)
        receipts = messages(chain)
        peak: float | None = asked.peak
        if peak is None:
            burst = chain.receipts // BURST_SHARE
            peak = _peak(broker, written, topics.sales.name, receipts, burst)
            _demand(chain, peak, asked.seconds, burst)
        say(f"peak: {peak:,.0f} receipts/s")
        levels = []
        for number, load in enumerate(LOADS):
            until_quiet(written)
            own = probes[number :: len(LOADS)]
            levels.append(_level(run, chain, load, load * peak, own, receipts, port, asked.seconds))
            say(_row(levels[-1]))
    finally:
        process.stop()
    return "\n".join(
        [
            "| load | receipts/s | to the reorder: p50, p95, p99, max "
            f"| slowest percent: {', '.join(PARTS)} | reads: p50, p95, p99, max |",
            "|---|---|---|---|---|",
        ]
        + [_row(level) for level in levels]
    )


def _level(
    run: Run,
    chain: Chain,
    load: float,
    rate: float,
    probes: Sequence[str],
    receipts: Iterator[tuple[bytes, bytes]],
    port: int,
    seconds: int,
) -> Level:
    topics = Freshmart.topics(run)
    batch = list(islice(receipts, _count(rate, seconds)))
    answers: Queue[list[float]] = _spawn.Queue()
    helpers = [_spawn.Process(target=_read, args=(port, chain.store_ids, seconds, answers))]
    if batch:
        helpers.append(_spawn.Process(target=_produce, args=(run.broker.bootstrap, topics.sales.name, batch, rate)))
    for helper in helpers:
        helper.start()
    time.sleep(SETTLE_SECONDS)
    orders = _probe(run, chain, probes, seconds)
    reads = answers.get(timeout=seconds + LOST_SECONDS)
    for helper in helpers:
        helper.join(LOST_SECONDS)
    return Level(load, rate, orders, sorted(reads))


def _probe(run: Run, chain: Chain, probes: Sequence[str], seconds: int) -> list[Way]:
    topics, sent = Freshmart.topics(run), dict[str, float]()
    taken, logged, changelogs = dict[str, float](), dict[str, Logged](), Freshmart().changelogs(run)
    before = run.broker.ends(changelogs)
    expected = set(probes)
    is_done = threading.Event()
    consumer = Consumer(
        {
            "bootstrap.servers": run.broker.bootstrap,
            "group.id": "benchmark-orders",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    places = [TopicPartition(topics.reorders.name, number) for number in range(run.broker.partitions)]
    for place in places:
        place.offset = consumer.get_watermark_offsets(place)[1]
    consumer.assign(places)

    def take() -> None:
        while not is_done.is_set():
            message = consumer.poll(0.1)
            at = time.perf_counter()
            if message is not None and not message.error():
                sku = orjson.loads(message.value() or b"{}").get("sku")
                if sku in expected:
                    taken.setdefault(sku, at)

    thread = threading.Thread(target=take)
    thread.start()
    producer = Producer(
        {"bootstrap.servers": run.broker.bootstrap, "partitioner": "murmur2_random", "linger.ms": 0, "log_level": 0}
    )
    begin = time.perf_counter()
    for number, sku in enumerate(probes):
        time.sleep(max(begin + number / PROBES_PER_SECOND - time.perf_counter(), 0))
        store_id = _store(chain, sku)
        sent[sku] = time.perf_counter()
        note = partial(_note, logged, sku)
        producer.produce(topics.sales.name, _receipt(chain, store_id, sku), store_id.encode(), on_delivery=note)
        producer.poll(0)
    producer.flush(LOST_SECONDS)
    until = time.perf_counter() + LOST_SECONDS
    while len(taken) < len(sent) and time.perf_counter() < until:
        time.sleep(0.05)
    is_done.set()
    thread.join()
    consumer.close()
    if missing := sent.keys() - taken.keys():
        raise SystemExit(f"{len(missing)} of {len(sent)} probes brought no reorder within {LOST_SECONDS:.0f} s")
    commits = Commits(chain_of.from_iterable(run.broker.read(name, before) for name in changelogs), topics.sales.name)
    return ways(sent, logged, commits, taken)


def _note(logged: dict[str, Logged], sku: str, error: KafkaError | None, message: Message) -> None:
    if error is not None:
        raise KafkaException(error)
    logged[sku] = Logged.of(message)


def _produce(bootstrap: str, topic: str, receipts: Sequence[tuple[bytes, bytes]], rate: float) -> None:
    """Produce at an even rate; in a process of its own."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "queue.buffering.max.messages": len(receipts) + 1,
            "log_level": 0,
        }
    )
    begin, done = time.perf_counter(), 0
    while done < len(receipts):
        due = min(int((time.perf_counter() - begin) * rate), len(receipts))
        for key, value in receipts[done:due]:
            producer.produce(topic, value, key)
        done = max(done, due)
        producer.poll(0)
        time.sleep(0.01)
    producer.flush(LOST_SECONDS)


def _read(port: int, store_ids: Sequence[str], seconds: int, answers: "Queue[list[float]]") -> None:
    """Ask for stock and report in turns, in a process of its own; hands over how long each took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LOST_SECONDS)
    took: list[float] = []
    time.sleep(SETTLE_SECONDS)
    begin = time.perf_counter()
    for number in range(seconds * READS_PER_SECOND):
        time.sleep(max(begin + number / READS_PER_SECOND - time.perf_counter(), 0))
        store_id = store_ids[number % len(store_ids)]
        at = time.perf_counter()
        connection.request("GET", f"/v1/stores/{store_id}/{'report' if number % 2 else 'stock'}")
        answer = connection.getresponse()
        answer.read()
        if answer.status != HTTPStatus.OK:
            raise SystemExit(f"a read was answered with {answer.status}")
        took.append(time.perf_counter() - at)
    answers.put(took)


def _peak(
    broker: Broker, written: Callable[[], int], topic: str, receipts: Iterator[tuple[bytes, bytes]], count: int
) -> float:
    batch, begin = list(islice(receipts, count)), time.perf_counter()
    broker.send(topic, batch)
    return count / (until_quiet(written) - begin)


def needed(peak: float, seconds: int) -> int:
    """How many receipts all loads take at this peak, in receipts per second."""
    return sum(_count(load * peak, seconds) for load in LOADS)


def _count(rate: float, seconds: int) -> int:
    return int(rate * (seconds + SETTLE_SECONDS))


def _demand(chain: Chain, peak: float, seconds: int, burst: int) -> None:
    missing = needed(peak, seconds) + burst - chain.receipts
    if missing > 0:
        # A fifth of what is added goes into the burst.
        more = missing * BURST_SHARE // (BURST_SHARE - 1) + 1 if burst else missing
        raise SystemExit(
            f"a peak of {peak:,.0f} receipts/s takes more receipts: ask for --receipts {chain.receipts + more}"
        )


def _store(chain: Chain, sku: str) -> str:
    return chain.store_ids[int(sku) % len(chain.store_ids)]


def _receipt(chain: Chain, store_id: str, sku: str) -> bytes:
    line: dict[str, Any] = {"sku": sku, "quantity": ON_HAND - 1, "unit_price": 199}
    return orjson.dumps(
        {"receipt_id": f"probe-{sku}", "store_id": store_id, "sold_at": chain.opens_at, "lines": [line]}
    )


def _row(level: Level) -> str:
    orders, reads = quantiles([way.seconds for way in level.orders]), quantiles(level.reads)
    parts = ", ".join(f"{seconds * 1e3:.1f}" for seconds in slowest_parts(level.orders))
    name = f"{level.load:.0%}" if level.load else "idle"
    return f"| {name} | {level.rate:,.0f} | {orders} ms | {parts} ms | {reads} ms |"


def quantiles(sorted_seconds: Sequence[float]) -> str:
    """p50, p95, p99 and the greatest, in milliseconds."""
    places = [
        sorted_seconds[min(int(share * len(sorted_seconds)), len(sorted_seconds) - 1)] for share in (0.5, 0.95, 0.99)
    ]
    return ", ".join(f"{seconds * 1e3:.1f}" for seconds in (*places, sorted_seconds[-1]))
