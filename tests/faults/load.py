"""The load of a schedule: what tills, warehouses and planners send, drawn from the seed, and what must come of it.

`plan` is pure: seed and moment of the start give the same messages at the same places in time. Each message knows what
it must do (`Counts`) or why it must become a dead letter, so plain sums can be taken without journal, engine or domain.

Half of the stores are *fast*: their clock runs from the moment of the start almost an hour ahead (an event may be up to
an hour before its message), over their local midnight unless an hour has just begun. So hours and days end and orders
are cut off while faults come.
"""

import json
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from confluent_kafka import KafkaError, Message, Producer

from freshmart_streams.domain.identifiers import order_id
from freshmart_streams.engine import partition_of
from freshmart_streams.topics import Topics
from tests.acceptance.site import BY_KEY, Place, Sent
from tests.faults.clock import Clock
from tests.support.log import PARTITIONS

STORES_PER_PARTITION: Final = 2
ARTICLES: Final = 300
COUNTED_ARTICLES: Final = 60
"""The last ones: only they are counted, so the stock of all others is the sum of what happened to them."""
UNHEARD_ARTICLES: Final = 12
"""Sold, but not in the master data at first."""
LINES_PER_RECEIPT: Final = (4, 16)
FAST_MINUTES: Final = 56
STRANGER: Final = "nobody"
MEGABYTE: Final = 1_000_000
SENT_WITHIN_SECONDS: Final = 600
LATER_SECONDS: Final = 60.0
"""After so long every store has had its first receipt, in a long run as in a short one."""

DUPLICATES, LATE, VOIDED, OTHER, MALFORMED = 0.05, 0.02, 0.02, 0.01, 0.005
"""Shares of the receipts."""


class What(StrEnum):
    """What a message is, for the report."""

    MASTER = "master data"
    RECEIPT = "receipt"
    LATE = "late receipt"
    DUPLICATE = "duplicate"
    VOID = "void"
    OTHER = "other kind"
    MOVEMENT = "movement"
    MALFORMED = "malformed"


class SoldLine(NamedTuple):
    """A line as it must count; money in cents."""

    sku: str
    quantity: int
    gross: int
    discount: int


@dataclass(frozen=True)
class Counts:
    """What a receipt must do, unless it is voided."""

    store_id: str
    receipt_id: str
    day: date
    lines: tuple[SoldLine, ...]


@dataclass(frozen=True)
class Planned:
    """A message: when it is sent (seconds after the start) and what must come of it."""

    at: float
    sent: Sent
    what: What
    counts: Counts | None = None
    voids: tuple[str, str] | None = None
    """Store and id of the receipt that it takes back."""
    moves: tuple[tuple[str, str, int], ...] = ()
    """Store, article and change of stock."""
    code: str | None = None
    """Why it must become a dead letter."""


@dataclass(frozen=True)
class Shop:
    """A store of the load."""

    store_id: str
    zone: str
    is_fast: bool


def plan(seed: int, *, receipts: int, seconds: float, start: datetime, topics: Topics) -> list[Planned]:
    """All messages in the order in which they are sent.

    Args:
        seed: of the schedule.
        receipts: how many, without duplicates, voids and malformed ones.
        seconds: over which they are spread.
        start: the moment at which sending begins; events happen about when they are sent.
        topics: where they go.
    """
    return _Plan(random.Random(f"load {seed}"), seconds, start.replace(microsecond=0), topics).draw(receipts)


class _Plan:
    def __init__(self, chance: random.Random, seconds: float, start: datetime, topics: Topics) -> None:
        self._chance = chance
        self._seconds = seconds
        self._start = start
        self._topics = topics
        self._shops = _shops(chance, start)
        self._skus = [f"a{number:04}" for number in range(ARTICLES)]
        self._by_weight = frozenset(self._skus[::10])
        self._unheard = [f"u{number:02}" for number in range(UNHEARD_ARTICLES)]
        self._prices = {sku: chance.randrange(29, 2_000) for sku in (*self._skus, *self._unheard)}
        self._planned: list[Planned] = []
        self._number = 0

    def draw(self, receipts: int) -> list[Planned]:
        self._draw_first_master_data()
        self._draw_opening_stock()
        for _ in range(receipts):
            self._draw_receipt(self._when())
        self._draw_movements(receipts // 12)
        self._draw_master_changes(int(self._seconds * 1.5))
        self._draw_malformed(max(4, round(receipts * MALFORMED)))
        return sorted(self._planned, key=lambda planned: planned.at)

    # Time.

    def _when(self) -> float:
        return self._chance.uniform(1.0, self._seconds)

    def _event_time(self, shop: Shop, at: float) -> datetime:
        ahead = timedelta(minutes=FAST_MINUTES * at / self._seconds) if shop.is_fast else timedelta()
        return self._start + timedelta(seconds=at) + ahead

    # Master data.

    def _draw_first_master_data(self) -> None:
        for shop in self._shops:
            self._master(-1.0, self._topics.stores.name, shop.store_id, self._store(shop))
        for sku in self._skus:
            self._master(-1.0, self._topics.products.name, sku, self._product(sku))
        self._master(-1.0, self._topics.policies.name, "*/*", {"store_id": "*", "sku": "*", "service_level": 0.95})

    def _store(self, shop: Shop) -> dict[str, Any]:
        # A fast store passes its cut-off at any moment of the run, so that orders wait for it while faults come.
        minutes = self._chance.randrange(1, FAST_MINUTES if shop.is_fast else 3)
        cut_off = (self._start + timedelta(minutes=minutes)).astimezone(ZoneInfo(shop.zone))
        row = {"store_id": shop.store_id, "timezone": shop.zone, "order_cutoff": cut_off.strftime("%H:%M")}
        mode = self._chance.choice(["auto", "auto", "auto", "advise", "shadow", "off"])
        return {**row, "delivery_weekdays": [1, 2, 3, 4, 5, 6, 7], "rollout": {"reorder": mode}}

    def _product(self, sku: str) -> dict[str, Any]:
        chance, price = self._chance, self._prices[sku]
        row: dict[str, Any] = {"sku": sku, "price": price, "cost": price * 2 // 3, "category": f"c{int(sku[1:]) % 9}"}
        if sku in self._by_weight:
            row["unit"] = "gram"
        row["pack_size"] = chance.choice([1, 6, 12, 24]) * (100 if sku in self._by_weight else 1)
        if chance.random() < 0.3:
            row["shelf_life_days"] = chance.randrange(3, 30)
        return row

    def _draw_master_changes(self, count: int) -> None:
        chance, topics = self._chance, self._topics
        for _ in range(count):
            at, sku = self._when(), chance.choice(self._skus)
            roll = chance.random()
            if roll < 0.4:
                self._prices[sku] = chance.randrange(29, 2_000)
                self._master(at, topics.products.name, sku, self._product(sku))
            elif roll < 0.6:
                store_id = chance.choice(["*", chance.choice(self._shops).store_id])
                row = {"store_id": store_id, "sku": sku, "min_stock": chance.randrange(60)}
                self._master(at, topics.policies.name, f"{store_id}/{sku}", chance.choice([row, row, None]))
            elif roll < 0.75:
                shop = chance.choice(self._shops)
                self._master(at, topics.stores.name, shop.store_id, self._store(shop))
            elif roll < 0.9:  # one appears
                sku = chance.choice(self._unheard)
                self._master(at, topics.products.name, sku, self._product(sku))
            elif sku not in self._by_weight:  # what is sold by weight stays known: its price is per 1,000
                self._master(at, topics.products.name, sku, None)

    def _master(self, at: float, topic: str, key: str, row: dict[str, Any] | None) -> None:
        self._planned.append(
            Planned(at, Sent(topic, key.encode(), None if row is None else _encoded(row)), What.MASTER)
        )

    # Receipts.

    def _draw_receipt(self, at: float) -> None:
        chance, shop = self._chance, self._chance.choice(self._shops)
        receipt_id = self._next("r")
        sold_at, what = self._event_time(shop, at), What.RECEIPT
        if chance.random() < LATE:
            sold_at, what = sold_at - timedelta(minutes=chance.randrange(60, 9 * 24 * 60)), What.LATE
        lines = [self._line() for _ in range(chance.randrange(*LINES_PER_RECEIPT))]
        body: dict[str, Any] = {"receipt_id": receipt_id, "store_id": shop.store_id, "sold_at": sold_at.isoformat()}
        body["lines"] = lines
        if chance.random() < OTHER:
            body["kind"] = chance.choice(["training", "aborted", "order", "transfer"])
            self._add(at, self._sale(shop, body), What.OTHER)
            return
        day = sold_at.astimezone(ZoneInfo(shop.zone)).date()
        counts = Counts(shop.store_id, receipt_id, day, tuple(self._sold(line) for line in lines))
        sent = self._sale(shop, body)
        self._add(at, sent, what, counts=counts)
        if chance.random() < DUPLICATES:
            self._add(at + chance.choice([0.0, 0.2, chance.uniform(0.0, 30.0)]), sent, What.DUPLICATE)
        if chance.random() < VOIDED:
            self._draw_voids(shop, at, receipt_id)

    def _line(self) -> dict[str, Any]:
        chance = self._chance
        sku = chance.choice(self._unheard if chance.random() < 0.02 else self._skus)
        scale = chance.randrange(50, 900) if sku in self._by_weight else 1
        quantity = chance.choice([1, 1, 1, 2, 3, 6, -1]) * scale
        line = {"sku": sku, "quantity": quantity, "unit_price": self._prices[sku]}
        sign = 1 if quantity > 0 else -1
        if chance.random() < 0.1:
            line["discount"] = sign * chance.randrange(1, 20)
        if chance.random() < 0.1:
            line["amount"] = sign * chance.randrange(30, 900)
        return line

    def _sold(self, line: dict[str, Any]) -> SoldLine:
        quantity, price = line["quantity"], line["unit_price"]
        gross = line.get("amount")
        if gross is None and line["sku"] in self._by_weight:
            gross = (2 * abs(quantity) * price + 1_000) // 2_000 * (1 if quantity > 0 else -1)
        return SoldLine(line["sku"], quantity, quantity * price if gross is None else gross, line.get("discount", 0))

    def _draw_voids(self, shop: Shop, at: float, voided: str) -> None:
        """One void or two of a receipt; some come before it."""
        for _ in range(self._chance.choice([1, 1, 1, 2])):
            void_at = min(max(0.5, at + self._chance.uniform(-5.0, 15.0)), self._seconds)
            event_time = self._event_time(shop, void_at).isoformat()
            body = {"receipt_id": self._next("v"), "store_id": shop.store_id, "sold_at": event_time, "kind": "void"}
            sent = self._sale(shop, {**body, "voids": voided})
            self._add(void_at, sent, What.VOID, voids=(shop.store_id, voided))

    def _sale(self, shop: Shop, body: dict[str, Any]) -> Sent:
        return Sent(self._topics.sales.name, shop.store_id.encode(), _encoded(body))

    # Stock movements.

    def _draw_opening_stock(self) -> None:
        for shop in self._shops:
            for first in range(0, ARTICLES, 50):
                lines = [(sku, self._chance.randrange(0, 40)) for sku in self._skus[first : first + 50]]
                lines = [(sku, quantity * 300 if sku in self._by_weight else quantity) for sku, quantity in lines]
                self._move(0.0, shop, "delivery", lines)

    def _draw_movements(self, count: int) -> None:
        chance = self._chance
        for _ in range(count):
            at, shop = self._when(), chance.choice(self._shops)
            roll = chance.random()
            skus = chance.sample(self._skus[:-COUNTED_ARTICLES], chance.randrange(1, 6))
            if roll < 0.2:
                counted = chance.sample(self._skus[-COUNTED_ARTICLES:], 5)
                late = timedelta(minutes=chance.choice([0, 0, chance.randrange(1, 40 * 60)]))
                self._move(at, shop, "count", [(sku, chance.randrange(60)) for sku in counted], late=late)
            elif roll < 0.65:
                kind = chance.choice(["order-response", "dispatch-advice", "delivery"])
                deliver_by = self._event_time(shop, at).astimezone(ZoneInfo(shop.zone)).date() + timedelta(
                    days=chance.randrange(1, 3)
                )
                order = order_id(shop.store_id, skus[0], deliver_by.toordinal())
                self._move(at, shop, kind, [(skus[0], 6 * chance.randrange(0, 9))], order_id=order)
            else:
                kind = chance.choice(["delivery", "waste", "adjustment", "transfer-in", "transfer-out"])
                self._move(at, shop, kind, [(sku, chance.randrange(1, 30)) for sku in skus])

    def _move(
        self,
        at: float,
        shop: Shop,
        kind: str,
        lines: list[tuple[str, int]],
        late: timedelta = timedelta(),
        **more: Any,
    ) -> None:
        body: dict[str, Any] = {"event_id": self._next("m"), "store_id": shop.store_id, "kind": kind, **more}
        body["occurred_at"] = (self._event_time(shop, at) - late).isoformat()
        body["lines"] = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
        sign = _SIGNS.get(kind, 0)
        moves = tuple((shop.store_id, sku, sign * quantity) for sku, quantity in lines) if sign else ()
        sent = Sent(self._topics.inventory.name, shop.store_id.encode(), _encoded(body))
        self._add(at, sent, What.MOVEMENT, moves=moves)
        if self._chance.random() < DUPLICATES:
            self._add(at + self._chance.uniform(0.0, 20.0), sent, What.DUPLICATE)

    # What cannot be taken in.

    def _draw_malformed(self, count: int) -> None:
        first = self._chance.randrange(len(_MALFORMED))
        for number in range(count):
            # Later on, when every store's clock is far enough for `too-late` to be too late.
            at = self._chance.uniform(min(self._seconds / 2, LATER_SECONDS), self._seconds)
            shop = self._chance.choice(self._shops)
            sold_at = self._event_time(shop, at)
            body: dict[str, Any] = {"receipt_id": self._next("bad"), "store_id": shop.store_id}
            body["sold_at"] = sold_at.isoformat()
            body["lines"] = [self._line(), self._line()]
            code, make = _MALFORMED[(first + number) % len(_MALFORMED)]
            self._add(at, make(self._sale(shop, body), body, sold_at), What.MALFORMED, code=code)

    def _add(self, at: float, sent: Sent, what: What, **more: Any) -> None:
        self._planned.append(Planned(min(max(at, 0.0), self._seconds), sent, what, **more))

    def _next(self, mark: str) -> str:
        self._number += 1
        return f"{mark}{self._number}"


_SIGNS: Final = {"delivery": 1, "transfer-in": 1, "adjustment": 1, "waste": -1, "transfer-out": -1}


def _shops(chance: random.Random, start: datetime) -> list[Shop]:
    """So many stores for each partition; the fast ones are where the next full hour is midnight."""
    hours_to_midnight = (24 - start.astimezone(UTC).hour - 1) % 24
    offset = hours_to_midnight if hours_to_midnight <= 12 else hours_to_midnight - 24
    midnight_zone = f"Etc/GMT{-offset:+d}" if offset else "UTC"  # POSIX counts these to the west
    zones = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC")
    shops: list[Shop] = []
    wanted = dict.fromkeys(range(PARTITIONS), STORES_PER_PARTITION)
    while any(wanted.values()):
        store_id = f"{chance.randrange(10_000):04}"
        partition = partition_of(store_id.encode(), PARTITIONS)
        if wanted[partition] and all(shop.store_id != store_id for shop in shops):
            is_fast = wanted[partition] % 2 == 0
            wanted[partition] -= 1
            shops.append(Shop(store_id, midnight_zone if is_fast else chance.choice(zones), is_fast))
    return shops


def _encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def _changed(sent: Sent, body: dict[str, Any], _: datetime, **more: Any) -> Sent:
    return sent._replace(value=_encoded({**body, **more}))


def _shifted(sent: Sent, body: dict[str, Any], at: datetime, by: timedelta) -> Sent:
    return sent._replace(value=_encoded({**body, "sold_at": (at + by).isoformat()}))


def _with_line(sent: Sent, body: dict[str, Any], _: datetime, **more: Any) -> Sent:
    return sent._replace(value=_encoded({**body, "lines": [{**body["lines"][0], **more}]}))


def _strange(sent: Sent) -> Sent:
    return sent._replace(key=STRANGER.encode())


def _mine(sent: Sent) -> int:
    assert sent.key is not None
    return partition_of(sent.key, PARTITIONS)


def _text(sent: Sent) -> bytes:
    assert sent.value is not None
    return sent.value


_MALFORMED: Final[list[tuple[str, Any]]] = [
    ("not-json", lambda sent, body, at: sent._replace(value=_text(sent)[:-7])),
    ("invalid", partial(_with_line, quantity=0)),
    ("null-key", lambda sent, body, at: sent._replace(key=None, partition=_mine(sent))),
    ("not-json", lambda sent, body, at: sent._replace(value=_text(sent).replace(b'"quantity": ', b'"quantity": NaN'))),
    ("unknown-kind", partial(_changed, kind="donation")),
    ("too-late", partial(_shifted, by=-timedelta(days=20))),
    ("null-value", lambda sent, body, at: sent._replace(value=None)),
    ("invalid", partial(_with_line, quantity="2")),
    (
        "unknown-store",
        lambda sent, body, at: _changed(sent, body, at, store_id=STRANGER)._replace(key=STRANGER.encode()),
    ),
    ("not-json", lambda sent, body, at: sent._replace(value=b"\xff\xfe" + _text(sent))),
    ("wrong-partition", lambda sent, body, at: sent._replace(partition=(_mine(sent) + 1) % PARTITIONS)),
    ("from-the-future", partial(_shifted, by=timedelta(hours=3))),
    ("too-large", partial(_changed, padding="x" * MEGABYTE)),
    ("key-mismatch", lambda sent, body, at: sent._replace(key=b"other", partition=_mine(sent))),
    ("invalid", partial(_changed, sold_at="yesterday")),
]
"""Codes, and how a good receipt becomes such a message."""


@dataclass
class Sender:
    """Sends a plan at its times, each message once: the producer is idempotent and waits for the broker for minutes."""

    bootstrap: str
    planned: list[Planned]
    clock: Clock
    places: dict[int, Place] = field(default_factory=dict)
    """Where the broker put each message of the plan, by its place in it."""
    errors: list[str] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def send_master_data(self) -> None:
        """Send what comes before the start, and wait for it."""
        producer = self._producer()
        for number, planned in self._numbered(before=True):
            self._produce(producer, number, planned)
        self._flush(producer)

    def start(self) -> None:
        """Send the rest from now on, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more."""
        self._stopping.set()
        self._thread.join(SENT_WITHIN_SECONDS)

    def finish(self) -> None:
        """Wait until everything is sent and acknowledged.

        Raises:
            AssertionError: the broker did not take all of it.
        """
        self._thread.join(SENT_WITHIN_SECONDS + self.planned[-1].at)
        assert not self._thread.is_alive(), "the load was not sent in time"
        assert not self.errors, f"the load was not sent: {self.errors[0]}"

    def _run(self) -> None:
        producer = self._producer()
        for number, planned in self._numbered(before=False):
            while (wait := planned.at - self.clock.now) > 0 and not self._stopping.is_set():
                producer.poll(min(wait, 0.1))
            if self._stopping.is_set():
                break
            self._produce(producer, number, planned)
        self._flush(producer)

    def _numbered(self, *, before: bool) -> Iterator[tuple[int, Planned]]:
        return ((number, one) for number, one in enumerate(self.planned) if (one.at < 0) is before)

    def _producer(self) -> Producer:
        return Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "message.max.bytes": 20_000_000,
                "message.timeout.ms": SENT_WITHIN_SECONDS * 1_000,
                "linger.ms": 5,
                "log_level": 0,
            }
        )

    def _produce(self, producer: Producer, number: int, planned: Planned) -> None:
        def delivered(error: KafkaError | None, report: Message) -> None:
            if error is not None:
                self.errors.append(str(error))
            else:
                self.places[number] = Place(report.topic() or "", report.partition() or 0, report.offset() or 0)

        sent = planned.sent
        where = BY_KEY if sent.partition is None else sent.partition
        producer.produce(sent.topic, sent.value, sent.key, where, delivered)
        producer.poll(0)

    def _flush(self, producer: Producer) -> None:
        if producer.flush(SENT_WITHIN_SECONDS):
            self.errors.append("the broker did not acknowledge everything")
