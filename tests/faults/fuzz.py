"""Malformed messages among good ones (goal R7): every one must become a dead letter, and nothing else may happen.

`CLASSES` says what is wrong in which way and `GOOD` what looks odd and is right; a `Source` makes both by its seed.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from freshmart_streams.engine import partition_of
from freshmart_streams.topics import Topics
from tests.acceptance.site import Sent
from tests.support.log import PARTITIONS

STORES: Final = ("0044", "0047", "0050")
"""All of them on one partition, so that blocks are taken in one after the other."""
STRANGER: Final = "9999"
SKUS: Final = tuple(f"10{number:04d}" for number in range(200))
GOOD_PER_BAD: Final = 10
HEADERS: Final = (("trace", b"\xff\x00 bytes"), ("empty", b""), ("null", None))


class Fuzz(NamedTuple):
    """A message, and the code of the dead letter that it must become; None for a good one."""

    sent: Sent
    code: str | None


@dataclass
class Source:
    """Makes messages; the same seed makes the same ones, but for the time they all happen at."""

    topics: Topics
    now: datetime
    chance: random.Random
    made: int = 0
    receipts: Counter[str] = field(default_factory=Counter)
    """Good receipts by store."""

    def event(self) -> tuple[str, dict[str, Any]]:
        """A topic and a good event with an id of its own."""
        self.made += 1
        store, at = self.chance.choice(STORES), self.now.isoformat()
        if self.chance.random() < 0.9:
            lines = [self._line(unit_price=119) for _ in range(self.chance.randint(1, 3))]
            receipt = {"receipt_id": f"r{self.made}", "store_id": store, "sold_at": at, "lines": lines}
            return self.topics.sales.name, receipt
        movement = {"event_id": f"m{self.made}", "store_id": store, "occurred_at": at, "kind": "delivery"}
        return self.topics.inventory.name, {**movement, "lines": [self._line()]}

    def first(self) -> list[Fuzz]:
        """A receipt of each store, so that all clocks are there."""
        found = []
        for store in STORES:
            self.made += 1
            receipt: dict[str, Any] = {"receipt_id": f"r{self.made}", "store_id": store}
            receipt["sold_at"] = self.now.isoformat()
            receipt["lines"] = [{"sku": SKUS[0], "quantity": 1, "unit_price": 119}]
            self.receipts[store] += 1
            found.append(Fuzz(Sent(self.topics.sales.name, store.encode(), encoded(receipt)), None))
        return found

    def _line(self, **more: int) -> dict[str, Any]:
        return {"sku": self.chance.choice(SKUS), "quantity": self.chance.randint(1, 5), **more}

    def good(self) -> Fuzz:
        """A good message; one in ten looks odd."""
        topic, event = self.event()
        if topic == self.topics.sales.name:
            self.receipts[event["store_id"]] += 1
        value = self.chance.choice(GOOD)(self.chance, event) if self.chance.random() < 0.1 else encoded(event)
        return Fuzz(Sent(topic, event["store_id"].encode(), value), None)

    def bad(self) -> Fuzz:
        """A malformed message of some class."""
        [wrong] = self.chance.choices(list(CLASSES), WEIGHTS)
        return self.bad_of(wrong)

    def bad_of(self, name: str) -> Fuzz:
        """A malformed message of one class."""
        topic, event = self.event()
        sent = Sent(topic, event["store_id"].encode(), encoded(event), HEADERS)
        code, sent = CLASSES[name](self.chance, sent, event)
        return Fuzz(sent, code)


def encoded(event: object) -> bytes:
    """An event as it travels."""
    return json.dumps(event).encode()


def nested(levels: int) -> str:
    """Arrays within arrays."""
    return "[" * levels + "]" * levels


# What is odd and right.


def _unknown_fields(chance: random.Random, event: dict[str, Any]) -> bytes:
    return encoded({**event, "schema": 7, "till": {"vendor": "Müller 🛒", "firmware": [1, 2.5, None, True]}})


def _nested_unknown_field(chance: random.Random, event: dict[str, Any]) -> bytes:
    return encoded(event)[:-1] + f', "extra": {nested(chance.randint(1, 31))}}}'.encode()


def _brackets_in_texts(chance: random.Random, event: dict[str, Any]) -> bytes:
    return encoded({**event, "note": '[{"\\' * chance.randint(1, 300)})


def _escaped_and_spaced(chance: random.Random, event: dict[str, Any]) -> bytes:
    text = json.dumps(event, indent=chance.randint(0, 4)).replace(
        event["store_id"], "".join(f"\\u{ord(letter):04x}" for letter in event["store_id"])
    )
    return f"\n\t {text}\r\n".encode()


def _other_order(chance: random.Random, event: dict[str, Any]) -> bytes:
    names = list(event)
    chance.shuffle(names)
    return encoded({name: event[name] for name in names})


GOOD: Final = (_unknown_fields, _nested_unknown_field, _brackets_in_texts, _escaped_and_spaced, _other_order)


# What is wrong: each changes a good message, and returns the code.

Wrong = Callable[[random.Random, Sent, dict[str, Any]], tuple[str, Sent]]


def value_of(sent: Sent) -> bytes:
    """A value that is there."""
    assert sent.value is not None
    return sent.value


def changed(sent: Sent, event: dict[str, Any], **more: Any) -> Sent:
    """The message with other fields."""
    return sent._replace(value=encoded({**event, **more}))


def with_line(sent: Sent, event: dict[str, Any], **more: Any) -> Sent:
    """The message with another first line."""
    return changed(sent, event, lines=[{**event["lines"][0], **more}, *event["lines"][1:]])


def _time_field(event: dict[str, Any]) -> str:
    return "sold_at" if "sold_at" in event else "occurred_at"


def _id_field(event: dict[str, Any]) -> str:
    return "receipt_id" if "receipt_id" in event else "event_id"


def _truncated(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    value = value_of(sent)
    return "not-json", sent._replace(value=value[: chance.randrange(len(value))])


def _no_object(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "invalid", sent._replace(value=chance.choice([b"[]", b"17", b'"receipt"', b"true", b"null", b"-0.0"]))


def _wrong_type(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    field_ = chance.choice([_id_field(event), "store_id", _time_field(event), "lines"])
    return "invalid", changed(sent, event, **{field_: chance.choice([None, 17, 2.5, True, {"v2": []}, [[]]])})


def _wrong_quantity_type(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "invalid", with_line(sent, event, quantity=chance.choice(["2", 2.5, None, True, [2], {}]))


def _missing_field(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    gone = chance.choice([_id_field(event), "store_id", _time_field(event), "lines"])
    return "invalid", sent._replace(value=encoded({name: part for name, part in event.items() if name != gone}))


def _no_number(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "not-json", with_line(sent, event, quantity=chance.choice([float("nan"), float("inf"), float("-inf")]))


def _zero_or_negative(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "invalid", with_line(sent, event, quantity=0 if "sold_at" in event else -chance.randint(1, 9))


def _huge_number(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "invalid", with_line(sent, event, quantity=chance.choice([1, -1]) * 10 ** chance.randint(9, 300))


def _deep_nesting(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    levels = 100_000 if chance.random() < 0.01 else chance.randint(32, 200)
    return "not-json", sent._replace(value=value_of(sent)[:-1] + f', "extra": {nested(levels)}}}'.encode())


def _bad_utf8(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    bad = chance.choice([b"\xff", b"\xe4", b"\xc3\x28", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
    return "not-json", sent._replace(value=value_of(sent)[:-1] + b', "note": "' + bad + b'"}')


def _byte_order_mark(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "not-json", sent._replace(value=b"\xef\xbb\xbf" + value_of(sent))


def _utf16(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "not-json", sent._replace(value=value_of(sent).decode().encode(chance.choice(["utf-16", "utf-16-le"])))


def _more_than_json(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "not-json", sent._replace(value=value_of(sent) + chance.choice([b"x", b"{}", b"\x00", b",", b"]"]))


def _no_json(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    noise = bytes(chance.randrange(128, 256) for _ in range(chance.randint(1, 200)))
    return "not-json", sent._replace(value=chance.choice([b"", b"\x00", b"<xml/>", b"\x00\x00\x00\x00\x07avro", noise]))


def _control_character_in_id(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "invalid", changed(sent, event, **{_id_field(event): f"r{chr(chance.randrange(32))}7"})


def _raw_control_character(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    raw = chance.choice([b"\x00", b"\n", b"\x1f"])
    own = encoded(event[_id_field(event)])
    return "not-json", sent._replace(value=value_of(sent).replace(own, own[:-1] + raw + b'"'))


def _bad_id(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "invalid", changed(sent, event, **{_id_field(event): chance.choice(["", "a b", "ü", "x" * 65, "a/b", "🛒"])})


def _bad_sku(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "invalid", with_line(sent, event, sku=chance.choice(["", "a b", "ü", "x" * 65, "a/b", "\x01"]))


def _same_key_twice(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "invalid", sent._replace(value=value_of(sent)[:-1] + b', "lines": []}')  # the last one counts


def _bad_time(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    bad = [
        "2024-10-08T09:13:05",
        "2024-13-08T09:13:05Z",
        "1999-10-08T09:13:05Z",
        "9999-10-08T09:13:05Z",
        "yesterday",
        "",
    ]
    return "invalid", changed(sent, event, **{_time_field(event): chance.choice(bad)})


def _unknown_kind(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "unknown-kind", changed(sent, event, kind=chance.choice(["donation", "SALE", "sale ", "", "👻"]))


def _future_schema(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    lines = [{"article": {"id": line["sku"]}, "amount": {"value": line["quantity"]}} for line in event["lines"]]
    return "invalid", changed(sent, event, schema=2, lines=lines)


def _null_key(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "null-key", sent._replace(key=None, partition=home(STORES[0]))


def _null_value(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "null-value", sent._replace(value=None)


def _other_key(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    key = chance.choice([b"0042", b"", b"\xff\xfe", b"\x00", b"0" * 1_000])
    return "key-mismatch", sent._replace(key=key, partition=home(STORES[0]))


def _other_partition(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "wrong-partition", sent._replace(partition=(home(event["store_id"]) + chance.randint(1, 3)) % PARTITIONS)


def _unknown_store(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    there = changed(sent, event, store_id=STRANGER)
    return "unknown-store", there._replace(key=STRANGER.encode())


def _too_late(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    then = datetime.fromisoformat(event[_time_field(event)]) - timedelta(days=chance.randint(15, 500))
    return "too-late", changed(sent, event, **{_time_field(event): then.isoformat()})


def _from_the_future(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    then = datetime.fromisoformat(event[_time_field(event)]) + timedelta(days=chance.randint(2, 500))
    return "from-the-future", changed(sent, event, **{_time_field(event): then.isoformat()})


def _large(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "too-large", changed(sent, event, padding="x" * 1_000_000)


def _ten_megabytes(chance: random.Random, sent: Sent, event: dict[str, Any]) -> tuple[str, Sent]:
    return "too-large", changed(sent, event, padding="x" * 10_000_000)


CLASSES: Final[Mapping[str, Wrong]] = {
    wrong.__name__.strip("_"): wrong
    for wrong in (
        _truncated, _no_object, _wrong_type, _wrong_quantity_type, _missing_field, _no_number, _zero_or_negative,
        _huge_number, _deep_nesting, _bad_utf8, _byte_order_mark, _utf16, _more_than_json, _no_json,
        _control_character_in_id, _raw_control_character, _bad_id, _bad_sku, _same_key_twice, _bad_time, _unknown_kind,
        _future_schema, _null_key, _null_value, _other_key, _other_partition, _unknown_store, _too_late,
        _from_the_future, _large, _ten_megabytes,
    )
}  # fmt: skip
RARE: Final = {"large": 0.02, "ten_megabytes": 0.002}
"""Of the large ones a few are enough."""
WEIGHTS: Final = [RARE.get(name, 1.0) for name in CLASSES]


def home(store: str) -> int:
    """The partition of a store."""
    return partition_of(store.encode(), PARTITIONS)


def master_data(topics: Topics) -> list[Sent]:
    """The stores and the articles."""
    stores = [{"store_id": store, "timezone": "Europe/Berlin"} for store in STORES]
    products = [{"sku": sku, "category": "dairy", "price": 119} for sku in SKUS]
    return [
        *(Sent(topics.stores.name, store["store_id"].encode(), encoded(store)) for store in stores),
        *(Sent(topics.products.name, str(product["sku"]).encode(), encoded(product)) for product in products),
    ]


def mixed(source: Source, malformed: int) -> Iterator[Fuzz]:
    """So many malformed messages among ten times as many good ones."""
    kinds = [source.bad] * malformed + [source.good] * (malformed * GOOD_PER_BAD)
    source.chance.shuffle(kinds)
    return (make() for make in kinds)
