"""Never commit past applied state (goal R3): a slow good message, a malformed one behind it, and kill -9 in between.

Each round sends such a pair and a quick good receipt to one partition of the real application, waits until the worker
says that it has begun the slow one, and kills it some seeded time later: while it is at it, while it commits it, while
the malformed one becomes a dead letter, or after. A worker that acknowledges by what was handed over instead of by what
was applied loses the slow one here, as stock Faust does.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import Any, Final

from freshmart_streams import tables
from freshmart_streams.audit.sums import receipt_sums
from freshmart_streams.engine import Output
from freshmart_streams.events.dead_letters import PREFIX
from tests.acceptance.site import Sent, Site, Worker, headers_of, sleep
from tests.faults.patched_worker import PROGRAM, SLOW, slow_file
from tests.support.kafka import Kafka
from tests.support.log import PARTITIONS, journal, read
from tests.support.waiting import wait_until

STORE: Final = "0044"
AT: Final = "2024-10-08T09:13:05+02:00"
SLOW_S: Final = 0.25
SESSION_S: Final = 2
KILLS_THAT_TELL: Final = 50
"""Of so many one hits the 50 ms between two commits, whatever the seed."""
WORKER: Final = "a"


class Moment(StrEnum):
    """When a worker died, by what was committed."""

    BEFORE = "before the slow message was committed"
    BETWEEN = "between the slow and the malformed one"
    AFTER = "after both"


@contextmanager
def patched_worker(site: Site, name: str, *faults: str, **settings: str) -> Iterator[Worker]:
    """A worker with faults (`tests.faults.patched_worker`) that is gone at the end."""
    running = Worker(site, name, *faults, program=PROGRAM, **settings)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.kill()


def run(kills: int, folder: Path, seed: int = 1) -> list[str]:
    """Kill the worker so often on a Kafka of its own in `folder`; return what differs in the end, which is nothing."""
    with Kafka(folder / "kafka") as kafka:
        return run_on(Site(f"kafka://{kafka.address}", folder), kills, seed)


def run_on(site: Site, kills: int, seed: int) -> list[str]:
    """As `run`, on a broker that is there."""
    created = site.run("topics", "create")
    assert created.returncode == 0, created.stderr
    chance = random.Random(seed)
    store = {"store_id": STORE, "timezone": "Europe/Berlin"}
    products = [{"sku": sku, "price": 119} for sku in ("100234", "100701")]
    site.send([Sent(site.topics.stores.name, STORE.encode(), encoded(store))])
    site.send([Sent(site.topics.products.name, str(one["sku"]).encode(), encoded(one)) for one in products])
    malformed: list[Sent] = []
    hits: Counter[Moment] = Counter()
    for number in range(kills):
        hits[one_kill(site, number, chance, malformed)] += 1
    with patched_worker(site, WORKER, f"session={SESSION_S}") as last:
        wait_until(site.has_applied_all, 120)
        found = [*differences(site), *lost(site, 2 * kills), *wrong_letters(site, malformed)]
        if last.stop() != 0:
            found.append("the last worker did not end in order")
    if kills >= KILLS_THAT_TELL and hits[Moment.BETWEEN] == 0:
        found.append("no kill hit the time between the commits of the two")
    print(f"{kills} kills: " + ", ".join(f"{hits[moment]} {moment.value}" for moment in Moment))
    return found


def one_kill(site: Site, number: int, chance: random.Random, malformed: list[Sent]) -> Moment:
    """Send a pair, kill the worker at some moment of it, and say which moment that was by what is committed."""
    with patched_worker(site, WORKER, f"slow={SLOW_S}", f"session={SESSION_S}") as running:
        wait_until(running.is_ready)
        slow, quick = (encoded(receipt(f"{mark}-{number}", chance)) for mark in (SLOW, "quick"))
        wrong = Sent(site.topics.sales.name, STORE.encode(), slow[: chance.randrange(1, len(slow))])
        malformed.append(wrong)
        first, second, _ = site.send(
            [
                Sent(site.topics.sales.name, STORE.encode(), slow),
                wrong,
                Sent(site.topics.sales.name, STORE.encode(), quick),
            ]
        )
        begun, name = slow_file(site.folder / WORKER), f"{SLOW}-{number}\n"
        wait_quickly(lambda: begun.exists() and name in begun.read_text())
        # Two in five while the slow one is booked, the others around its commit and that of the malformed one.
        sleep(chance.uniform(0, SLOW_S) if chance.random() < 0.4 else SLOW_S + chance.uniform(-0.02, 0.15))
        running.kill()
    applied = next_offset(site, second.partition)
    if applied <= first.offset:
        return Moment.BEFORE
    return Moment.BETWEEN if applied <= second.offset else Moment.AFTER


def wait_quickly(condition: Callable[[], bool]) -> None:
    """Poll without the pause of `wait_until`: the moment counts."""
    deadline = monotonic() + 60
    while not condition():
        assert monotonic() < deadline, "the slow message was not begun"
        sleep(0.001)


def next_offset(site: Site, partition: int) -> int:
    """How far `sales` is applied, by what is committed."""
    spans = journal(site.bootstrap, site.topics.journal.name).get(partition, [])
    return max((int(span[-1]) for span in spans if span[0] == site.topics.sales.name), default=0)


def receipt(number: str, chance: random.Random) -> dict[str, Any]:
    """A receipt of one or two articles."""
    skus = chance.choice([["100234"], ["100701"], ["100234", "100701"]])
    lines = [{"sku": sku, "quantity": chance.randint(1, 4), "unit_price": 119} for sku in skus]
    return {"receipt_id": number, "store_id": STORE, "sold_at": AT, "lines": lines}


def encoded(event: Mapping[str, Any]) -> bytes:
    """An event as it travels."""
    return json.dumps(event).encode()


# What is compared, whatever was done to the workers.


def differences(site: Site) -> list[str]:
    """What tables and published messages have that the plain fold along the journal does not, and the other way."""
    found: list[str] = []
    folds = site.folds()
    for number, (fold, rows) in enumerate(zip(folds, site.tables(), strict=True)):
        should = fold.stored()
        for name in sorted(should.keys() | rows.keys()):
            if should.get(name) != rows.get(name):
                found.append(f"partition {number}, row {name}: {rows.get(name)!r} instead of {should.get(name)!r}")
    for topic in sorted({topic.name for topic in site.topics if not topic.is_input} - {site.topics.journal.name}):
        published = read(site.bootstrap, topic)
        for number, fold in enumerate(folds):
            expected = [plain(output) for output in fold.outputs if output.topic == topic]
            messages = [(m.key(), m.value(), tuple(headers_of(m))) for m in published.get(number, [])]
            if messages != expected:
                found.append(f"{topic}/{number}: {len(messages)} messages differ from {len(expected)} of the fold")
    return found


def plain(output: Output) -> tuple[bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]:
    """What is compared of a message."""
    return output.key, output.value, tuple(output.headers)


def lost(site: Site, receipts: int) -> list[str]:
    """Whether the plain sums of what was sent, without journal and domain, are the figures of the store's days."""
    values = [
        message.value() or b""
        for messages in read(site.bootstrap, site.topics.sales.name).values()
        for message in messages
    ]
    sums = receipt_sums(values, {STORE: "Europe/Berlin"})
    found = (
        [] if sum(day.receipts for day in sums.values()) == receipts else [f"the log does not have {receipts} receipts"]
    )
    days = {key: row for fold in site.folds() for key, row in fold.rows(tables.store_days).items()}
    for (store, day), figures in sums.items():
        row = days.get(f"{store}/{day}")
        got = None if row is None else (row.receipts, row.lines, row.gross_sales)
        if got != (figures.receipts, figures.lines, figures.gross):
            found.append(f"{store} {day}: {got} instead of {figures}")
    return found


def wrong_letters(site: Site, malformed: list[Sent]) -> list[str]:
    """Whether the dead letters are the malformed messages, each once, byte for byte, in their order."""
    letters = [
        (message.key(), message.value(), tuple(pair for pair in headers_of(message) if not pair[0].startswith(PREFIX)))
        for number in range(PARTITIONS)
        for message in read(site.bootstrap, site.topics.dead_letters.name).get(number, [])
    ]
    expected = [(one.key, one.value, one.headers) for one in malformed]
    return (
        [] if letters == expected else [f"{len(letters)} dead letters are not the {len(expected)} malformed messages"]
    )
