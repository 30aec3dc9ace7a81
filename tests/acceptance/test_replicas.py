"""Two workers on one machine: they share the stores, answer for each other, and take over what the other had."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from freshmart_streams.engine import partition_of
from freshmart_streams.engine.clock import now_ms
from freshmart_streams.topics import Topics
from freshmart_streams.web.peers import FORWARDED_MARK
from freshmart_streams.web.signatures import EXPIRES, ROLES, SIGNATURE
from freshmart_streams.web.signatures import STORES as GRANTED_STORES
from tests.acceptance.site import Answer, Sent, Site, Worker, worker
from tests.support.kafka import Kafka
from tests.support.log import PARTITIONS
from tests.support.waiting import wait_until
from tests.web.tokens import bearer, write_tokens

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

STORES = ("0042", "0044", "0048", "0049", "0051", "0053", "0057", "0059")  # two on each partition
ALL = bearer("all")
ONE = bearer("one")
"""A token of the first store alone."""
SESSION_SECONDS = "6"


@dataclass
class Pair:
    """Two workers of one site."""

    site: Site
    settings: Mapping[str, str]
    first: Worker
    second: Worker

    def are_sharing(self) -> bool:
        """Whether both are ready and have partitions, all of them together."""
        first, second = shares(self.first), shares(self.second)
        return first > 0 and second > 0 and first + second == PARTITIONS

    @property
    def both(self) -> tuple[Worker, Worker]:
        """The two."""
        return self.first, self.second


def shares(running: Worker) -> int:
    """How many partitions a worker is at work on; none while it is not ready."""
    return int(running.metric("freshmart_partition_live", headers=ALL)) if running.is_ready() else 0


def pair(site: Site, **more: str) -> Iterator[Pair]:
    """Start two workers with their own ports and folders and one tokens file."""
    tokens = write_tokens(
        site.folder / "tokens.json", all=(["viewer", "operator"], ["*"]), one=(["viewer", "operator"], [STORES[0]])
    )
    settings = {"FRESHMART_TOKENS_FILE": str(tokens), "FRESHMART_SESSION_TIMEOUT_S": SESSION_SECONDS, **more}
    with worker(site, "a", **settings) as first, worker(site, "b", **settings) as second:
        both = Pair(site, settings, first, second)
        wait_until(both.are_sharing)
        yield both


@pytest.fixture
def on_embedded(embedded: str, tmp_path: Path) -> Iterator[Pair]:
    yield from pair(Site(f"embedded://{embedded}", tmp_path))


@pytest.fixture
def on_kafka(kafka: Kafka, tmp_path: Path) -> Iterator[Pair]:
    site = Site(f"kafka://{kafka.address}", tmp_path, Topics("replicas."))
    assert site.run("topics", "create").returncode == 0
    yield from pair(site, FRESHMART_STANDBYS="1")


def open_stores(site: Site) -> None:
    """Register the stores and an article, and let every store sell something that nobody knows, so that it alerts."""
    stores = [Sent(site.topics.stores.name, s.encode(), json.dumps({"store_id": s}).encode()) for s in STORES]
    milk = {"sku": "milk", "price": 119, "pack_size": 12, "category": "dairy"}
    site.send([*stores, Sent(site.topics.products.name, b"milk", json.dumps(milk).encode())])


def receipts(site: Site, first: int, count: int, sku: str = "milk") -> list[Sent]:
    """So many receipts of one bottle for each store."""
    sold_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_ms() // 1000))
    sent = []
    for number in range(first, first + count):
        for store in STORES:
            lines = [{"sku": sku, "quantity": 1, "unit_price": 119}]
            receipt = {"receipt_id": f"{sku}{number}", "store_id": store, "sold_at": sold_at, "lines": lines}
            sent.append(Sent(site.topics.sales.name, store.encode(), json.dumps(receipt).encode()))
    return sent


def sold(running: Worker) -> dict[str, int]:
    """Receipts of each store's day, of one page of all stores."""
    answer = running.ask("/v1/stores", ALL)
    items = answer.json["items"] if answer.status == 200 else []
    return {item["store_id"]: 0 if item["today"] is None else item["today"]["receipts"] for item in items}


def paths_of(store: str) -> list[str]:
    """What may be asked of one store."""
    return [
        f"/v1/stores/{store}",
        f"/v1/stores/{store}/stock",
        f"/v1/stores/{store}/stock?status=negative&limit=1",
        f"/v1/stores/{store}/stock/milk",
        f"/v1/stores/{store}/report",
        f"/v1/reorders?store_id={store}",
        f"/v1/alerts?store_id={store}",
    ]


def kept(answer: Answer) -> dict[str, str | None]:
    """The headers that a client relies on."""
    return {name: answer.headers[name] for name in ("ETag", "Freshmart-As-Of", "Content-Type", "Cache-Control", "Link")}


def check_same_answers(two: Pair) -> None:
    """Both answer for every store with the same body and headers, and with 304 to who has the body already."""
    for store in STORES:
        for path in paths_of(store):
            answers = [running.ask(path, ALL) for running in two.both]
            assert [answer.status for answer in answers] == [200, 200], path
            assert answers[0].body == answers[1].body
            assert kept(answers[0]) == kept(answers[1])
            assert "stale" not in answers[0].json
            tag = answers[0].headers["ETag"]
            for running in two.both:
                again = running.ask(path, {**ALL, "If-None-Match": tag})
                assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)


def check_problems_pass(two: Pair) -> None:
    """What the owner refuses is refused alike through the other."""
    for path, status in (("/v1/stores/{}/stock/unheard", 404), ("/v1/stores/{}/stock?limit=0", 422)):
        for store in STORES:
            answers = [running.ask(path.format(store), ALL) for running in two.both]
            assert [answer.status for answer in answers] == [status, status]
            assert answers[0].body == answers[1].body


def check_scopes(two: Pair) -> None:
    """A token of one store sees that store through either worker, and nothing of another."""
    mine, *others = STORES
    for running in two.both:
        assert running.ask(f"/v1/stores/{mine}/stock", ONE).status == 200
        for path in [path for store in others for path in paths_of(store)]:
            assert running.ask(path, ONE).status == 403, path
        assert running.ask("/v1/company/report", ONE).status == 403
        assert running.ask("/v1/dead-letters", ONE).status == 403
        assert [item["store_id"] for item in running.ask("/v1/stores", ONE).json["items"]] == [mine]
        assert {item["store_id"] for item in running.ask("/v1/alerts", ONE).json["items"]} == {mine}


def all_items(running: Worker, path: str, limit: int) -> list[Any]:
    """The items of all pages of a list."""
    items: list[Any] = []
    cursor = ""
    while True:
        page = running.ask(f"{path}?limit={limit}{cursor}", ALL).json
        items += page["items"]
        if page["next"] is None:
            return items
        cursor = f"&cursor={page['next']}"


def check_lists(two: Pair) -> None:
    """Lists hold all stores' rows in their order, through either worker and on pages of any size."""
    for path, key in (("/v1/stores", "store_id"), ("/v1/alerts", "alert_id"), ("/v1/reorders", "order_id")):
        whole = two.first.ask(f"{path}?limit=1000", ALL)
        assert whole.body == two.second.ask(f"{path}?limit=1000", ALL).body
        items = whole.json["items"]
        assert {item["store_id"] for item in items} == set(STORES)
        assert len({item[key] for item in items}) == len(items)
        for running in two.both:
            assert all_items(running, path, 3) == items
            assert all_items(running, path, 1) == items
    assert [item["store_id"] for item in two.first.ask("/v1/stores", ALL).json["items"]] == sorted(STORES)
    letters = two.first.ask("/v1/dead-letters", ALL).json["items"]
    assert sorted({letter["partition"] for letter in letters}) == list(range(PARTITIONS))
    assert letters == two.second.ask("/v1/dead-letters", ALL).json["items"]


def check_only_signed(two: Pair) -> None:
    """A request that says it comes from the other worker is refused without a token or a signature that holds."""
    forged = {
        FORWARDED_MARK: "1",
        ROLES: "operator,viewer",
        GRANTED_STORES: "*",
        EXPIRES: str(now_ms() // 1000 + 10),
        SIGNATURE: "0" * 64,
    }
    for running in two.both:
        for path in [*paths_of(STORES[0]), *paths_of(STORES[1]), "/v1/stores", "/v1/dead-letters", "/metrics"]:
            assert running.ask(path).status == 401
            assert running.ask(path, {FORWARDED_MARK: "1"}).status == 401
            assert running.ask(path, forged).status == 401
            assert running.ask(path, {**bearer("nobody"), FORWARDED_MARK: "1"}).status == 401
        assert running.ask("/health/ready").status == 200
        # With a good token the mark changes nothing: the client is a client.
        assert running.ask(f"/v1/stores/{STORES[1]}", {**ONE, FORWARDED_MARK: "1"}).status == 403
        for store in STORES:
            assert running.ask(f"/v1/stores/{store}", {**ALL, FORWARDED_MARK: "1"}).status == 200


def fill(site: Site) -> None:
    """Receipts of every store, an article that nobody knows, and one dead letter on each partition."""
    open_stores(site)
    site.send([*receipts(site, 0, 5), *receipts(site, 0, 1, sku="strange")])
    site.send(Sent(site.topics.sales.name, b"0042", b"{", (), number) for number in range(PARTITIONS))


def check_all(two: Pair) -> None:
    """Everything that two workers must do together."""
    check_same_answers(two)
    check_problems_pass(two)
    check_lists(two)
    check_scopes(two)
    check_only_signed(two)
    for running in two.both:
        assert "Traceback" not in running.log()


def check_fold(site: Site, tables: list[dict[tuple[str, str], bytes]], receipts_per_store: int) -> None:
    """The tables are those of the plain fold, and every receipt counts once."""
    for fold, rows in zip(site.folds(), tables, strict=True):
        assert rows == fold.stored()
    seen = [key for rows in tables for table, key in rows if table == "seen"]
    assert len(seen) == receipts_per_store * len(STORES)


def test_two_workers_answer_for_each_other_and_one_takes_over(on_embedded: Pair) -> None:
    two, site = on_embedded, on_embedded.site
    fill(site)
    wait_until(site.has_applied_all)
    check_all(two)
    site.send(receipts(site, 5, 25))
    two.first.kill()  # in the middle of them
    site.send(receipts(site, 30, 25))
    refused = [two.second.ask(f"/v1/stores/{store}", ALL) for store in STORES]
    gone = [answer for answer in refused if answer.status == 503]
    assert gone, "half of the stores have no worker now"
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in gone)
    wait_until(lambda: sold(two.second) == dict.fromkeys(STORES, 56), 40)
    assert shares(two.second) == PARTITIONS
    assert two.second.stop() == 0
    assert "Traceback" not in two.second.log()
    check_fold(site, site.stored_tables("b"), 56)


def test_a_standby_answers_while_nobody_owns_a_store(on_kafka: Pair) -> None:
    two, site = on_kafka, on_kafka.site
    fill(site)
    wait_until(site.has_applied_all)
    check_all(two)
    theirs = [store for store in STORES if not is_local(two.second, store)]
    assert len(theirs) == len(STORES) // 2
    before = {path: two.second.ask(path, ALL).json for store in theirs for path in paths_of(store)}
    time.sleep(2)  # the standby reads about once a second
    two.first.kill()
    for path, answer in before.items():
        stale = two.second.ask(path, ALL)
        assert stale.status == 200, path
        assert stale.json == {**answer, "stale": True}, path
    assert two.second.ask("/v1/stores", ALL).json["stale"] is True
    assert set(sold(two.second).values()) == {6}
    site.send(receipts(site, 5, 50))
    wait_until(lambda: sold(two.second) == dict.fromkeys(STORES, 56), 40)
    for path in before:
        assert "stale" not in two.second.ask(path, ALL).json
    with worker(site, "a", **two.settings) as back:  # and shares again
        two.first = back
        wait_until(two.are_sharing)
        site.send(receipts(site, 55, 5))
        wait_until(lambda: [sold(running) for running in two.both] == [dict.fromkeys(STORES, 61)] * 2)
        started = time.monotonic()
        assert back.stop() == 0  # in order: nobody waits for a session to end
        wait_until(lambda: shares(two.second) == PARTITIONS)
        assert time.monotonic() - started < 2 * int(SESSION_SECONDS)
        assert sold(two.second) == dict.fromkeys(STORES, 61)
        assert "Traceback" not in back.log() + two.second.log()
    assert two.second.stop() == 0
    check_fold(site, site.tables(), 61)


def is_local(running: Worker, store: str) -> bool:
    """Whether a worker owns a store's partition."""
    number = partition_of(store.encode(), PARTITIONS)
    return running.metric("freshmart_partition_live", f'partition="{number}"', ALL) == 1
