"""A bad deploy: records and due work that make a rule raise, and what a person does about it; on a real Kafka.

The bad version is `tests.faults.patched_worker`: the real worker, in which booking some receipts raises half-way.
"""

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from freshmart_streams import tables
from freshmart_streams.engine import Table
from freshmart_streams.engine.budgets import ERRORS_MAX
from freshmart_streams.engine.clock import now_ms
from freshmart_streams.events import dead_letters
from freshmart_streams.topics import Topics
from tests.acceptance.site import Sent, Site, Worker, headers_of, worker
from tests.faults import fuzz, storm
from tests.faults.patched_worker import SECRET, UNLUCKY
from tests.faults.poison import patched_worker
from tests.faults.storm import Block, Filler
from tests.support.kafka import Kafka
from tests.support.log import PARTITIONS, read
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STORE = "0042"
RECEIPTS = 60
R = TypeVar("R", bound=msgspec.Struct)


def site_of(kafka: Kafka, folder: Path, prefix: str) -> Site:
    """A site with topics of its own and one store, which orders nothing: the order of arrival decides nothing then."""
    folder.mkdir(exist_ok=True)
    site = Site(f"kafka://{kafka.address}", folder, Topics(prefix))
    assert site.run("topics", "create").returncode == 0
    store = {"store_id": STORE, "timezone": "Europe/Berlin", "rollout": {"reorder": "off"}}
    site.send([Sent(site.topics.stores.name, STORE.encode(), encoded(store))])
    site.send([Sent(site.topics.products.name, b"100234", encoded({"sku": "100234", "price": 119}))])
    return site


def encoded(event: object) -> bytes:
    return json.dumps(event).encode()


def receipt(topics: Topics, number: int, at: str = "2024-10-08T09:13:05+02:00") -> Sent:
    """One or two bottles; of ten receipts one is what the bad version trips over."""
    line = {"sku": "100234", "quantity": 1 + number % 2, "unit_price": 119}
    value = encoded({"receipt_id": f"r{number}", "store_id": STORE, "sold_at": at, "lines": [line]})
    return Sent(topics.sales.name, STORE.encode(), value, (("trace", b"%d" % number),))


def movement(topics: Topics, number: int) -> Sent:
    """Twelve bottles come."""
    event = {"event_id": f"m{number}", "store_id": STORE, "kind": "delivery", "occurred_at": "2024-10-08T05:40:00Z"}
    value = encoded({**event, "lines": [{"sku": "100234", "quantity": 12}]})
    return Sent(topics.inventory.name, STORE.encode(), value)


def day_of_events(topics: Topics) -> list[Sent]:
    """Receipts with deliveries in between."""
    sent = []
    for number in range(RECEIPTS):
        sent.append(receipt(topics, number))
        if number % 20 == 0:
            sent.append(movement(topics, number))
    return sent


def unlucky(messages: list[Sent]) -> list[Sent]:
    """Those that the bad version cannot take in, in their order."""
    return [sent for sent in messages if f'{UNLUCKY}"'.encode() in (sent.value or b"").partition(b",")[0]]


def letters(site: Site) -> list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]], str]]:
    """Key, value, own headers and code of every dead letter, in order: they lie in one partition."""
    found = []
    for messages in read(site.bootstrap, site.topics.dead_letters.name).values():
        for message in messages:
            why = dead_letters.failure(headers_of(message))
            assert why is not None
            own = dead_letters.original_headers(headers_of(message))
            found.append((message.key(), message.value(), own, why.code))
    return found


def rows(site: Site, table: Table[R]) -> dict[str, R]:
    """All rows of a table, from the changelog."""
    found = {key: row for partition in site.tables() for (name, key), row in partition.items() if name == table.name}
    return {key: msgspec.msgpack.decode(row, type=table.row) for key, row in found.items()}


def state(site: Site) -> dict[str, Any]:
    """What must not depend on the order in which things arrived."""
    days = rows(site, tables.store_days).items()
    return {
        "seen": rows(site, tables.seen),
        "stock": {key: (row.on_hand, row.sold) for key, row in rows(site, tables.stock).items()},
        "days": {key: (day.receipts, day.lines, day.gross_sales, day.by_category, day.hourly) for key, day in days},
        "demand": rows(site, tables.demand),
    }


def test_what_a_bad_deploy_could_not_take_in_counts_once_after_the_fix(kafka: Kafka, tmp_path: Path) -> None:
    site, honest = (site_of(kafka, tmp_path / name, f"{name}.") for name in ("bad-deploy", "honest"))
    messages = day_of_events(site.topics)
    poison = unlucky(messages)
    assert len(poison) == RECEIPTS // 10
    with patched_worker(site, "a", "broken-sales") as running:
        wait_until(running.is_ready)
        site.send(messages)
        wait_until(site.has_applied_all)
        check_bad_day(site, running, poison)
        assert running.stop() == 0
    with worker(site, "a") as running:
        wait_until(running.is_ready)
        listed = json.loads(site.run("dead-letters", "list", "--json").stdout)["items"]
        assert [(item["code"], item["resent"]) for item in listed] == [("domain-error", False)] * len(poison)
        assert site.run("dead-letters", "resend").stdout == f"{len(poison)} dead letters sent again\n"
        wait_until(site.has_applied_all)
        assert site.run("dead-letters", "resend").stdout == "0 dead letters sent again\n"
        assert running.get(f"/v1/stores/{STORE}/report")["receipts"] == RECEIPTS
        assert len(letters(site)) == len(poison)
        assert running.stop() == 0
    with worker(honest, "a") as running:
        wait_until(running.is_ready)
        honest.send(day_of_events(honest.topics))
        wait_until(honest.has_applied_all)
        assert running.stop() == 0
    assert state(site) == state(honest)
    assert state(honest)["seen"]


def mistakes(running: Worker) -> list[dict[str, Any]]:
    """The open alerts about what the program could not do."""
    return [item for item in running.get("/v1/alerts")["items"] if item["kind"] == "domain-error"]


def check_bad_day(site: Site, running: Worker, poison: list[Sent]) -> None:
    """Only the poison is missing, as letters in their order and one alert; nobody reads what the error said."""
    assert letters(site) == [(one.key, one.value, list(one.headers), "domain-error") for one in poison]
    assert running.get(f"/v1/stores/{STORE}/report")["receipts"] == RECEIPTS - len(poison)
    assert running.metric("freshmart_poison_total") == len(poison)
    assert running.metric("freshmart_failures_total") == 0
    [alert] = mistakes(running)
    assert (alert["store_id"], alert["status"], alert["details"]["error"]) == (STORE, "open", "BadDeployError")
    assert running.is_ready()
    everything = json.dumps([alert, site.published(site.topics.alerts.name)]) + running.log()
    assert SECRET not in everything
    whys = [
        headers_of(message)
        for found in read(site.bootstrap, site.topics.dead_letters.name).values()
        for message in found
    ]
    assert SECRET not in str(whys)


def test_a_worse_deploy_pauses_the_partition_instead_of_draining_the_topic(kafka: Kafka, tmp_path: Path) -> None:
    """Far fewer letters than messages; readiness and one line say why; the fixed version folds as if nothing had been.

    The letters that there are by then are for `resend`, as always.
    """
    site = site_of(kafka, tmp_path, "worse.")
    with patched_worker(site, "a", "broken-receipts") as running:
        wait_until(running.is_ready)
        site.send(receipt(site.topics, number) for number in range(10 * RECEIPTS))
        wait_until(lambda: "paused" in running.ask("/health/ready").body.decode(), 120)
        answer = running.ask("/health/ready")
        assert answer.status == 503
        [reason] = [reason for reason in answer.json["reasons"] if "paused" in reason]
        assert f"more than {ERRORS_MAX} errors" in reason
        assert [line for line in running.log().splitlines() if "paused" in line][1:] == []
        assert SECRET not in running.log()
        assert len(letters(site)) == ERRORS_MAX
        assert running.metric("freshmart_partition_live") == PARTITIONS - 1
        assert running.stop() == 0
    with worker(site, "a") as running:
        wait_until(site.has_applied_all)
        assert running.is_ready()
        assert site.run("dead-letters", "resend").stdout == f"{ERRORS_MAX} dead letters sent again\n"
        wait_until(site.has_applied_all)
        assert running.get(f"/v1/stores/{STORE}/report")["receipts"] == 10 * RECEIPTS
        assert len(letters(site)) == ERRORS_MAX
        assert running.stop() == 0


def test_due_work_that_raises_is_an_alert_and_is_done_by_the_fixed_version(kafka: Kafka, tmp_path: Path) -> None:
    site = site_of(kafka, tmp_path, "bad-days.")
    with patched_worker(site, "a", "broken-days") as running:
        wait_until(running.is_ready)
        site.send([receipt(site.topics, 1), receipt(site.topics, 2, "2024-10-08T10:30:00+02:00")])
        wait_until(site.has_applied_all)
        [alert] = mistakes(running)
        assert alert["details"]["error"] == "BadDeployError"
        assert running.get(f"/v1/stores/{STORE}/report")["receipts"] == 2
        assert not site.published(site.topics.store_days.name)
        assert running.is_ready()
        assert running.stop() == 0
    with worker(site, "a") as running:
        wait_until(running.is_ready)
        site.send(
            [receipt(site.topics, 3, "2024-10-08T10:45:00+02:00"), receipt(site.topics, 4, "2024-10-08T12:00:00+02:00")]
        )
        wait_until(site.has_applied_all)
        assert site.published(site.topics.store_days.name)[-1]["receipts"] == 4  # tried again an hour later
        assert letters(site) == []
        assert running.stop() == 0


def test_a_storm_of_bad_input_is_counted_and_listed_but_hardly_logged(kafka: Kafka, tmp_path: Path) -> None:
    site = Site(f"kafka://{kafka.address}", tmp_path, Topics("storm."))
    assert site.run("topics", "create").returncode == 0
    source = fuzz.Source(site.topics, datetime.fromtimestamp(now_ms() // 1_000, UTC), random.Random(5))
    site.send(fuzz.master_data(site.topics))
    filler = Filler(site)
    with worker(site, "a") as running:
        wait_until(running.is_ready)
        filler.fill(Block(is_clean=True), source.first())
        wait_until(lambda: storm.has_applied(running, site))  # the stores have a clock: old movements are too late
        filler.fill(Block(is_clean=False), (source.bad() for _ in range(20_000)))
        wait_until(lambda: storm.has_applied(running, site), 200)
        assert storm.what_differs(site, running, filler, source) == []
        listed = json.loads(site.run("dead-letters", "list", "--json", "--limit", "100000").stdout)["items"]
        assert len(listed) == 20_000
        assert running.is_ready()  # bad input is nobody's mistake here: it pauses nothing
        assert running.stop() == 0
    assert len(running.log()) < storm.LOG_BYTES_MAX
