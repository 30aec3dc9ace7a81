"""Goal R7, shortened; the full number, and the speed, is `python -m tests.faults.storm FOLDER`."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from freshmart_streams import tables
from freshmart_streams.agents import stores_group
from freshmart_streams.engine import Record
from freshmart_streams.engine.testing import Driver
from freshmart_streams.events import dead_letters
from freshmart_streams.events.dead_letters import Code
from freshmart_streams.topics import Topics
from tests.acceptance.site import Sent, Site
from tests.faults import fuzz, storm
from tests.faults.fuzz import CLASSES, STORES, Fuzz, Source
from tests.support.kafka import Kafka
from tests.support.log import PARTITIONS

TOPICS = Topics("freshmart.")
NOW = datetime(2026, 3, 2, 9, 13, 5, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1_000)


def opened(**driver: Any) -> Driver:
    """A partition with its master data, of the stores unless another is named."""
    options = {"partition": fuzz.home(STORES[0]), "check_rows": False, **driver}
    shop = Driver(stores_group(TOPICS), partition_count=PARTITIONS, **options)
    for sent in fuzz.master_data(TOPICS):
        shop.feed(sent.topic, sent.value, key=sent.key, timestamp=NOW_MS - 1_000)
    return shop


def source(seed: int) -> Source:
    return Source(TOPICS, NOW, random.Random(seed))


def letters(shop: Driver) -> list[tuple[str, int, bytes | None, bytes | None, str]]:
    """Topic, offset, key, value and code of each dead letter."""
    found = []
    for letter in shop.outputs(TOPICS.dead_letters.name):
        failure = dead_letters.failure(letter.headers)
        assert failure is not None
        found.append((failure.topic, failure.offset, letter.key, letter.value, failure.code))
    return found


def feed(shop: Driver, message: Fuzz) -> Record:
    """Give the driver a message, as it would find it in its partition."""
    topic, key, value, headers, _ = message.sent
    return shop.feed(topic, value, key=key, timestamp=NOW_MS, headers=headers)


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_is_a_dead_letter_with_its_code(name: str) -> None:
    messages = source(7)
    shop = opened(partition=fuzz.home("0042")) if name == "other_partition" else opened()
    for message in messages.first() if name != "other_partition" else ():
        feed(shop, message)
    before = shop.rows(tables.stock)
    for _ in range(1 if name in fuzz.RARE else 20):
        wrong = messages.bad_of(name)
        record = feed(shop, wrong)
        assert letters(shop)[-1] == (*wrong.sent[:1], record.offset, *wrong.sent[1:3], wrong.code)
    assert shop.rows(tables.stock) == before


def test_thousands_of_malformed_messages_among_good_ones_are_the_dead_letters_and_nothing_else() -> None:
    shop, messages = opened(batch_size=500), source(1)
    expected = []
    for message in [*messages.first(), *fuzz.mixed(messages, 1_000)]:
        if message.sent.partition not in (None, shop.batch.partition):
            continue  # another partition's
        record = feed(shop, message)
        if message.code is not None:
            expected.append((message.sent.topic, record.offset, *message.sent[1:3], message.code))
    assert letters(shop) == expected
    assert len({code for *_, code in expected}) >= 10
    figures = shop.rows(tables.store_days)
    assert {key.split("/")[0]: day.receipts for key, day in figures.items()} == messages.receipts


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_worker_lives_through_a_storm_of_malformed_messages(kafka: Kafka, tmp_path: Path) -> None:
    site = Site(f"kafka://{kafka.address}", tmp_path, Topics("fuzz."))
    report = storm.run_on(site, malformed=2_000, seed=2, pairs=2)
    assert report.differences == []
    assert report.log_bytes < storm.LOG_BYTES_MAX
    assert len(report.codes) == len(Code) - 1  # all but `domain-error`


TOKENS = (
    b"null",
    b"-",
    b"1e400",
    b"\\ud800",
    b"\\u0000",
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\xff",
    b"0.1",
    b"\n",
)


def mutated(chance: random.Random, value: bytes) -> bytes:
    """A good message with a few bytes flipped, cut, doubled or put in."""
    for _ in range(chance.randint(1, 4)):
        first = chance.randrange(len(value) + 1)
        last = min(len(value), first + chance.randint(0, 12))
        part, token = value[first:last], chance.choice(TOKENS)
        flipped = bytes(byte ^ (1 << chance.randrange(8)) for byte in part)
        value = value[:first] + chance.choice([flipped, b"", part * 2, token + part, token]) + value[last:]
    return value


@pytest.mark.parametrize("seed", range(4))
def test_no_mutation_of_a_good_message_makes_a_rule_raise(seed: int) -> None:
    """Whatever is sent is taken in or refused by a code for bad input, with its bytes; `domain-error` is none."""
    chance, messages, shop = random.Random(seed), source(seed), opened(batch_size=100)
    fed: dict[tuple[str, int], bytes] = {}
    for message in messages.first():
        feed(shop, message)
    for number in range(1_500):
        sent = chance.choice([messages.good().sent, chance.choice(MASTER), chance.choice(MOVEMENTS)])
        value = mutated(chance, sent.value or b"")
        record = feed(shop, Fuzz(sent._replace(value=value), None))
        fed[record.topic, record.offset] = value
        if number % 200 == 199:
            shop.commit()
    found = letters(shop)
    assert {code for *_, code in found} <= {code.value for code in Code} - {Code.DOMAIN_ERROR.value}
    assert [value for *_, value, _ in found] == [fed[topic, offset] for topic, offset, *_ in found]
    assert len(found) > 500
    for output in shop.outputs():
        if output.topic != TOPICS.dead_letters.name:
            json.loads(output.value or b"null")


STORE = {
    "store_id": "0044",
    "timezone": "Europe/Berlin",
    "state": "NW",
    "delivery_weekdays": [1, 3, 5],
    "order_cutoff": "14:00",
    "opening": {"mon-sat": "07:00-22:00"},
    "rollout": {"reorder": "auto"},
}
PRODUCT = {
    "sku": "100007",
    "name": "Vollmilch 3,5 % 1 l",
    "gtin": "4006381333931",
    "category": "dairy",
    "unit": "piece",
    "supplier_id": "molkerei-nord",
    "pack_size": 12,
    "lead_time_days": 1,
    "shelf_life_days": 9,
    "cost": 79,
    "price": 119,
    "net_content": {"amount": 1000, "unit": "ml"},
    "skonto": {"percent": 2, "days": 14},
}
POLICY = {"store_id": "0044", "sku": "*", "service_level": 0.98, "min_stock": 6, "max_stock": 60}
MASTER = (
    Sent(TOPICS.stores.name, b"0044", fuzz.encoded(STORE)),
    Sent(TOPICS.products.name, b"100007", fuzz.encoded(PRODUCT)),
    Sent(TOPICS.policies.name, b"0044/*", fuzz.encoded(POLICY)),
)
MOVEMENTS = tuple(
    Sent(
        TOPICS.inventory.name,
        b"0044",
        fuzz.encoded(
            {
                "event_id": f"k-{kind}",
                "store_id": "0044",
                "occurred_at": NOW.isoformat(),
                "kind": kind,
                "order_id": "3f1d6a2e-5a0b-5d0c-9d5e-0f6a7b8c9d0e",
                "lines": [{"sku": "100007", "quantity": 12, "expires_on": "2026-04-01", "lot": "L7"}],
            }
        ),
    )
    for kind in ("count", "delivery", "waste", "adjustment", "transfer-in", "order-response", "dispatch-advice")
)
