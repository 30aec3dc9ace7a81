"""Everything that may be wrong with a message, in one run with good ones, on both brokers.

What cannot be taken in must come out again in `dead-letters`, unchanged, with its code, exactly once; the worker must
not notice, and nothing of what was sent may show up in its log.
"""

import hashlib
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from freshmart_streams.engine import partition_of
from freshmart_streams.engine.clock import now_ms
from freshmart_streams.events.dead_letters import EXCEPTION, MESSAGE, OFFSET, PARTITION, TOPIC
from freshmart_streams.topics import Topics
from tests.acceptance.site import Place, Sent, Site, Worker, headers_of, worker
from tests.support.kafka import Kafka
from tests.support.log import PARTITIONS, read
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

NOW = datetime.fromtimestamp(now_ms() // 1000, UTC)
STORES = ("0044", "0042", "0048", "0051")  # one on each partition, in their order
STRANGER = "0099"
MARK = "anna.schmidt@example.org"
"""In every message that is wrong; nobody but the readers of dead letters may ever see it."""
HEADERS = (("trace", b"\xff\x00 bytes"), ("trace", b"again"), ("empty", b""), ("null", None))
CODECS = ("gzip", "lz4", "snappy", "zstd")
"""In which clients may compress what they send."""


class Wrong(NamedTuple):
    """A message that must become a dead letter, and the code of the letter."""

    sent: Sent
    code: str


class Letter(NamedTuple):
    """What is compared of a dead letter; a value by its digest, because one of them has ten megabytes."""

    origin: Place
    partition: int
    key: bytes | None
    value: str | None
    headers: tuple[tuple[str, bytes | None], ...]
    code: str


@pytest.fixture
def on_kafka(kafka: Kafka, tmp_path: Path) -> Site:
    site = Site(f"kafka://{kafka.address}", tmp_path, Topics("bad-input."))
    assert site.run("topics", "create").returncode == 0
    return site


@pytest.fixture
def on_embedded(embedded: str, tmp_path: Path) -> Site:
    return Site(f"embedded://{embedded}", tmp_path)


@pytest.fixture(params=["on_kafka", "on_embedded"])
def site(request: pytest.FixtureRequest) -> Site:
    found: Site = request.getfixturevalue(request.param)
    return found


def digest(value: bytes | None) -> str | None:
    """Tells two values apart."""
    return None if value is None else f"{len(value)} bytes, {hashlib.sha256(value).hexdigest()}"


def receipt(store: str, number: str, **more: Any) -> dict[str, Any]:
    """A receipt of two bottles for 2.38."""
    lines = [{"sku": "100234", "quantity": 2, "unit_price": 119}]
    return {"receipt_id": number, "store_id": store, "sold_at": NOW.isoformat(), "lines": lines, **more}


def movement(store: str, number: str, **more: Any) -> dict[str, Any]:
    """A delivery of twelve bottles."""
    lines = [{"sku": "100234", "quantity": 12}]
    event = {"event_id": number, "store_id": store, "kind": "delivery", "occurred_at": NOW.isoformat(), "lines": lines}
    return {**event, **more}


def encoded(event: dict[str, Any]) -> bytes:
    """An event as it travels."""
    return json.dumps(event).encode()


def master_data(site: Site) -> list[Sent]:
    """The stores and one article."""
    milk = {"sku": "100234", "name": "Milk", "price": 119, "category": "dairy"}
    stores = [{"store_id": store, "timezone": "Europe/Berlin"} for store in STORES]
    return [
        Sent(site.topics.products.name, b"100234", encoded(milk)),
        *(Sent(site.topics.stores.name, store["store_id"].encode(), encoded(store)) for store in stores),
    ]


def good(site: Site) -> list[Sent]:
    """Of each store one receipt, one delivery, and one receipt of an article that nobody knows."""
    topics = site.topics
    sent = []
    for store in STORES:
        key = store.encode()
        strange = [{"sku": "new-1", "quantity": 3, "unit_price": 50}]
        sent += [
            Sent(topics.sales.name, key, encoded(receipt(store, "good"))),
            Sent(topics.inventory.name, key, encoded(movement(store, "good"))),
            Sent(topics.sales.name, key, encoded(receipt(store, "strange", lines=strange))),
        ]
    return sent


def wrong(site: Site) -> list[Wrong]:
    """One message of every class, on sales and inventory of each store and on the master data."""
    found: list[Wrong] = []
    for store in STORES:
        # The embedded broker keeps five megabytes of a partition.
        size = 10_000_000 if site.is_kafka and store == STORES[0] else 1_000_000
        found += wrong_receipts(site.topics.sales.name, store, size)
        found += wrong_movements(site.topics.inventory.name, store)
    return [*found, *wrong_master_data(site)]


def wrong_receipts(topic: str, store: str, size: int) -> list[Wrong]:
    """All classes on `sales`; one message has more bytes than `size`."""
    key, mine = store.encode(), partition_of(store.encode(), PARTITIONS)
    marked = {**receipt(store, "bad"), "note": MARK}
    text = encoded(marked)
    line = marked["lines"][0]

    def of(code: str, value: bytes | None, key: bytes | None = key, partition: int | None = None) -> Wrong:
        return Wrong(Sent(topic, key, value, HEADERS, partition), code)

    def changed(code: str, **more: Any) -> Wrong:
        return of(code, encoded({**marked, **more}))

    return [
        of("not-json", text[:-9]),
        of("not-json", b""),
        of("not-json", text.replace(b'"quantity": 2', b'"quantity": NaN')),
        of("not-json", text.replace(b"anna", b"\xe4nna")),
        of("not-json", b'{"note":"' + MARK.encode() + b'","lines":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        of("invalid", b'["' + MARK.encode() + b'"]'),
        changed("invalid", lines=[{**line, "quantity": "2"}]),
        changed("invalid", lines=[{**line, "quantity": 2.5}]),
        changed("invalid", lines=[{**line, "quantity": 0}]),
        changed("invalid", lines=[{**line, "quantity": 10**30}]),
        changed("invalid", lines=MARK),
        changed("invalid", sold_at=NOW.replace(tzinfo=None).isoformat()),
        changed("invalid", receipt_id=MARK),
        changed("unknown-kind", kind="donation"),
        of("null-key", text, key=None, partition=mine),
        of("null-value", None),
        of("key-mismatch", text, key=STRANGER.encode(), partition=mine),
        of("wrong-partition", text, partition=(mine + 1) % PARTITIONS),
        changed("too-large", padding="x" * size),
        of("unknown-store", encoded({**receipt(STRANGER, "bad"), "note": MARK}), key=STRANGER.encode()),
        changed("too-late", sold_at=(NOW - timedelta(days=14, seconds=1)).isoformat()),
        changed("from-the-future", sold_at=(NOW + timedelta(hours=2)).isoformat()),
    ]


def wrong_movements(topic: str, store: str) -> list[Wrong]:
    """All classes on `inventory`."""
    key, mine = store.encode(), partition_of(store.encode(), PARTITIONS)
    marked = {**movement(store, "bad"), "note": MARK}
    text = encoded(marked)

    def of(code: str, value: bytes | None, key: bytes | None = key, partition: int | None = None) -> Wrong:
        return Wrong(Sent(topic, key, value, HEADERS, partition), code)

    def changed(code: str, **more: Any) -> Wrong:
        return of(code, encoded({**marked, **more}))

    return [
        of("not-json", text[:-9]),
        of("not-json", text.replace(b'"quantity": 12', b'"quantity": Infinity')),
        of("not-json", text.replace(b"anna", b"\xff")),
        changed("invalid", lines=[{"sku": "100234", "quantity": None}]),
        changed("invalid", kind="waste", lines=[{"sku": "100234", "quantity": 0}]),
        changed("invalid", kind="order-response"),
        changed("unknown-kind", kind="gift"),
        of("null-key", text, key=None, partition=mine),
        of("null-value", None),
        of("key-mismatch", text, key=STRANGER.encode(), partition=mine),
        of("wrong-partition", text, partition=(mine + 2) % PARTITIONS),
        of("unknown-store", encoded({**movement(STRANGER, "bad"), "note": MARK}), key=STRANGER.encode()),
        changed("too-late", occurred_at=(NOW - timedelta(days=15)).isoformat()),
        changed("too-late", kind="count", occurred_at=(NOW - timedelta(hours=49)).isoformat()),
        changed("from-the-future", occurred_at=(NOW + timedelta(hours=2)).isoformat()),
    ]


def wrong_master_data(site: Site) -> list[Wrong]:
    """All classes on the topics that every partition reads, one of them on a partition of its own."""
    products, stores, policies = (one.name for one in (site.topics.products, site.topics.stores, site.topics.policies))
    product = {"sku": "100234", "name": MARK}
    store = {"store_id": STORES[0], "name": MARK}
    # Kafka itself refuses a null key on a compacted topic.
    keyless = [] if site.is_kafka else [Wrong(Sent(stores, None, encoded(store), HEADERS, 0), "null-key")]
    return [
        *keyless,
        Wrong(Sent(products, b"100234", encoded(product)[:-2], HEADERS, 3), "not-json"),
        Wrong(Sent(products, b"100234", encoded({**product, "pack_size": 0}), HEADERS), "invalid"),
        Wrong(Sent(products, b"100234", encoded({**product, "gtin": "4006381333930"}), HEADERS), "invalid"),
        Wrong(Sent(products, b"100235", encoded(product), HEADERS), "key-mismatch"),
        Wrong(Sent(stores, b"0042", encoded({**store, "timezone": "Mars/Olympus"}), HEADERS), "invalid"),
        Wrong(Sent(stores, b"not an id", None, HEADERS, 1), "key-mismatch"),
        Wrong(Sent(policies, b"*", encoded({"store_id": "*", "sku": "*", "note": MARK}), HEADERS), "key-mismatch"),
        Wrong(Sent(policies, b"*/*", encoded({"store_id": "*", "sku": "*", "service_level": 1}), HEADERS), "invalid"),
    ]


def letters(site: Site) -> list[Letter]:
    """Every dead letter, in the order of their origins."""
    found = []
    for number, messages in read(site.bootstrap, site.topics.dead_letters.name).items():
        for message in messages:
            headers = headers_of(message)
            why = {name: (value or b"").decode() for name, value in headers if name.startswith("__streams.")}
            own = tuple((name, value) for name, value in headers if name not in why)
            assert set(why) == {TOPIC, PARTITION, OFFSET, EXCEPTION, MESSAGE}
            assert why[MESSAGE]
            assert MARK not in why[MESSAGE]
            origin = Place(why[TOPIC], int(why[PARTITION]), int(why[OFFSET]))
            value = digest(message.value())
            found.append(Letter(origin, number, message.key(), value, own, why[EXCEPTION]))
    return sorted(found, key=lambda letter: letter.origin)


def expected(site: Site, messages: list[Wrong], places: list[Place]) -> list[Letter]:
    """The letters that messages at these places must become."""
    master = site.group.master
    found = [
        Letter(
            place,
            0 if place.topic in master else place.partition,
            sent.key,
            digest(sent.value),
            sent.headers,
            code,
        )
        for (sent, code), place in zip(messages, places, strict=True)
    ]
    return sorted(found, key=lambda letter: letter.origin)


def again(site: Site, name: str) -> list[Sent]:
    """One more good receipt and delivery of each store, behind everything that is wrong."""
    topics = site.topics
    sent = []
    for store in STORES:
        sent.append(Sent(topics.sales.name, store.encode(), encoded(receipt(store, name))))
        sent.append(Sent(topics.inventory.name, store.encode(), encoded(movement(store, name))))
    return sent


def check_letters(site: Site, messages: list[Wrong], places: list[Place]) -> None:
    """Each wrong message is a dead letter once, byte for byte, with its code; the good ones are none."""
    found, should = letters(site), expected(site, messages, places)
    assert Counter((one.origin, one.code) for one in found) == Counter((one.origin, one.code) for one in should)
    assert found == should


def check_figures(running: Worker, receipts: int) -> None:
    """Good receipts and deliveries of each store count, and nothing else does."""
    for store in STORES:
        report = running.get(f"/v1/stores/{store}/report")
        figures = {name: report[name] for name in ("receipts", "gross_sales", "discounts")}
        assert figures == {"receipts": receipts, "gross_sales": (receipts - 1) * 238 + 150, "discounts": 0}
        milk = running.get(f"/v1/stores/{store}/stock/100234")
        assert (milk["on_hand"], milk["name"]) == ((receipts - 1) * 10, "Milk")
        assert running.get(f"/v1/stores/{store}/stock/new-1")["on_hand"] == -3


def check_what_operators_see(site: Site, running: Worker, count: int) -> None:
    """Letters are counted, listed without their bodies, and unknown articles are alerts, one per store."""
    assert running.metric("freshmart_published_total", f'"{site.topics.dead_letters.name}"') == count
    assert running.metric("freshmart_failures_total") == 0
    assert running.metric("freshmart_poison_total") == 0
    listed = running.ask("/v1/dead-letters?limit=1000")
    items = listed.json["items"]
    assert len(items) == count
    shown = {(item["topic"], item["partition"], item["offset"], item["code"]) for item in items}
    assert shown == {(*letter.origin, letter.code) for letter in letters(site)}
    assert MARK not in listed.body.decode()
    alerts = [(item["kind"], item["store_id"], item["sku"]) for item in running.get("/v1/alerts")["items"]]
    assert [alert for alert in sorted(alerts) if alert[0] == "unknown-sku"] == [
        ("unknown-sku", store, "new-1") for store in sorted(STORES)
    ]


def check_unharmed(running: Worker) -> None:
    """The same process is ready, and its log has neither a traceback nor anything of what was sent."""
    assert running.process.poll() is None
    assert running.is_ready()
    assert "Traceback" not in running.log()
    assert MARK not in running.log()


def check_fold(site: Site, tables: list[dict[tuple[str, str], bytes]]) -> None:
    """The tables are those of the plain fold."""
    for fold, rows in zip(site.folds(), tables, strict=True):
        assert rows == fold.stored()


def test_every_kind_of_bad_input_is_a_dead_letter_and_harms_nobody(site: Site) -> None:
    with worker(site, "a") as running:
        wait_until(running.is_ready)
        site.send(master_data(site))
        goods, wrongs = good(site), wrong(site)
        places = site.send([*goods, *(one.sent for one in wrongs), *again(site, "none")])
        for codec in CODECS:
            site.send(again(site, codec), compression_type=codec)
        wait_until(site.has_applied_all)
        check_letters(site, wrongs, places[len(goods) :][: len(wrongs)])
        check_figures(running, receipts=3 + len(CODECS))
        check_what_operators_see(site, running, len(wrongs))
        check_unharmed(running)
        resend_everything(site, running, wrongs)
        check_unharmed(running)
        assert running.stop() == 0
    # The embedded broker may forget the changelog's deleted rows in its own way: there the data folder is compared.
    check_fold(site, site.tables() if site.is_kafka else site.stored_tables("a"))


def resend_everything(site: Site, running: Worker, wrongs: list[Wrong]) -> None:
    """`dead-letters list` shows every letter; sent again, a letter counts if it can by now, and else comes back."""
    before = letters(site)
    listed = site.run("dead-letters", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    items = json.loads(listed.stdout)["items"]
    assert sorted((item["from"], item["code"]) for item in items) == sorted(
        (f"{place.topic} {place.partition}:{place.offset}", letter.code)
        for letter in before
        for place in [letter.origin]
    )
    assert MARK not in listed.stdout + listed.stderr
    sent = site.run("dead-letters", "resend")
    assert (sent.returncode, sent.stdout) == (0, f"{len(before)} dead letters sent again\n"), sent.stderr
    wait_until(site.has_applied_all)
    placed = {"wrong-partition"}  # by its key it goes where it belongs
    back = Counter((one.key, one.value, one.headers, one.code) for one in letters(site))
    back.subtract((one.key, one.value, one.headers, one.code) for one in before)
    should = Counter((one.key, one.value, one.headers, one.code) for one in before if one.code not in placed)
    assert +back == should
    for store in STORES:
        assert running.get(f"/v1/stores/{store}/report")["receipts"] == 4 + len(CODECS)
        assert running.get(f"/v1/stores/{store}/stock/100234")["on_hand"] == (3 + len(CODECS)) * 10


def test_letters_of_an_unknown_store_count_once_it_is_known(on_embedded: Site) -> None:
    site, topics = on_embedded, on_embedded.topics
    key = STRANGER.encode()
    letters_sent = [
        Sent(topics.sales.name, key, encoded(receipt(STRANGER, "r1")), HEADERS),
        Sent(topics.sales.name, key, encoded(receipt(STRANGER, "r2")), HEADERS),
        Sent(topics.inventory.name, key, encoded(movement(STRANGER, "m1")), HEADERS),
    ]
    with worker(site, "a") as running:
        wait_until(running.is_ready)
        site.send(master_data(site))
        site.send([*good(site), *letters_sent])
        wait_until(site.has_applied_all)
        assert [letter.code for letter in letters(site)] == ["unknown-store"] * 3
        assert running.ask(f"/v1/stores/{STRANGER}").status == 404
        site.send([Sent(topics.stores.name, key, encoded({"store_id": STRANGER}))])
        assert site.run("dead-letters", "resend").stdout == "3 dead letters sent again\n"
        wait_until(site.has_applied_all)
        assert running.get(f"/v1/stores/{STRANGER}/report")["receipts"] == 2
        assert running.get(f"/v1/stores/{STRANGER}/stock/100234")["on_hand"] == 8
        assert site.run("dead-letters", "resend").stdout == "0 dead letters sent again\n"
        wait_until(site.has_applied_all)
        assert len(letters(site)) == 3
        assert running.get(f"/v1/stores/{STRANGER}/report")["receipts"] == 2
        check_unharmed(running)
