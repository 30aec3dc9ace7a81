"""A store under everything at once (goal R8), against a model of a few lines.

Sales, returns and voids (before and after their receipts), deliveries, counts, what suppliers and people say about
orders, late and repeated events, events that come after others they happened before, changing master data, ticks, what
is no event at all, and workers that die between two commits. After every step the model's units, figures and orders are
the store's; at the end a plain fold along the journal and a replay in other batches have the same rows and outputs.

Customers, consent and erasure are not in it: the group `customers` does not exist yet and comes with its own rules.

`HYPOTHESIS_PROFILE=nightly` runs twenty times as many examples.
"""

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from freshmart_streams import tables
from freshmart_streams.agents import stores_group
from freshmart_streams.domain import orders
from freshmart_streams.domain.orders import Order
from freshmart_streams.engine import StoredRecord
from freshmart_streams.engine.testing import Driver
from tests.properties.test_shop_properties import folded
from tests.support.shop import MILK, PASTA, STORE, TOPICS, ShopDriver

EXAMPLES: Final = 10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 500
STEPS: Final = 50

HOUR, DAY = 60, 24 * 60
"""Minutes: the unit of all times here."""
BEGIN: Final = int(datetime(2024, 10, 7, 5, 0, tzinfo=UTC).timestamp()) // 60
BERLIN: Final = ZoneInfo("Europe/Berlin")
REMEMBERED: Final = 14 * DAY
COUNT_LATE_BY_AT_MOST: Final = 48 * HOUR
PRICE: Final = 119
UNKNOWN: Final = "777"

SKUS = st.sampled_from(["100234", "100701", UNKNOWN])
UNITS = st.integers(1, 12)
AGES = st.one_of(st.just(0), st.integers(0, 3 * HOUR), st.integers(0, 3 * DAY), st.integers(0, 20 * DAY))
"""How long ago an event happened when it arrives."""
PICK = st.integers(0, 1_000)
"""Chooses one of what there is by then."""


def iso(minute: int) -> str:
    """A time as it travels."""
    return datetime.fromtimestamp(minute * 60, UTC).isoformat()


def kept_until(at: int) -> int:
    """When the id of an event is forgotten: with its whole day in UTC."""
    return (at // DAY + 1) * DAY + REMEMBERED


@dataclass
class Model:
    """What must come out, told as plainly as possible: every change that counts, and when it happened."""

    clock: int = 0
    ids: set[tuple[str, str]] = field(default_factory=set)
    changes: list[tuple[str, int, int]] = field(default_factory=list)
    """Article, time, units."""
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By article the last count: time, units."""
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)
    waiting_voids: dict[str, int] = field(default_factory=dict)
    """By receipt until when its void waits."""
    figures: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By day and figure."""
    refused: int = 0

    def apply(self, topic: str, event: dict[str, Any], at: int, arrived: int) -> None:
        """An event arrives."""
        mark = (topic, event.get("receipt_id") or event["event_id"])
        if at > arrived + HOUR or at < max(self.clock, at) - REMEMBERED:
            self.refused += 1
        elif mark in self.ids:
            pass
        elif event["kind"] == "count" and at < self.clock - COUNT_LATE_BY_AT_MOST:
            self.refused += 1
        else:
            self.ids.add(mark)
            self._count(event, at)
            self.pass_time(at)

    def pass_time(self, at: int) -> None:
        """The clock never goes back; what waited too long is given up."""
        self.clock = max(self.clock, at)
        self.waiting_voids = {name: until for name, until in self.waiting_voids.items() if until > self.clock}

    def _count(self, event: dict[str, Any], at: int) -> None:
        kind = event["kind"]
        if kind == "sale":
            if self.waiting_voids.pop(event["receipt_id"], None) is None:
                self.receipts[event["receipt_id"]] = {**event, "at": at}
                self._sell(event, at, +1)
        elif kind == "void":
            self._void(event["voids"], at)
        for line in event["lines"]:
            sku, units = line["sku"], line["quantity"]
            if kind == "count":
                if at >= self.counts.get(sku, (-1, 0))[0]:
                    self.counts[sku] = at, units
            else:
                self.changes.append((sku, at, SIGNS.get(kind, 0) * units))

    def _void(self, receipt_id: str, at: int) -> None:
        receipt = self.receipts.get(receipt_id)
        if receipt is None or kept_until(receipt["at"]) <= self.clock:
            if ("sales", receipt_id) not in self.ids or receipt is not None:
                self.waiting_voids.setdefault(receipt_id, kept_until(at))
        elif not receipt.get("is_voided"):
            receipt["is_voided"] = True
            self._sell(receipt, receipt["at"], -1)

    def _sell(self, receipt: dict[str, Any], at: int, sign: int) -> None:
        day = datetime.fromtimestamp(at * 60, BERLIN).date().isoformat()
        self.figures[day, "receipts"] += sign
        for line in receipt["lines"]:
            self.changes.append((line["sku"], at, -sign * line["quantity"]))
            self.figures[day, "gross_sales"] += sign * line["quantity"] * PRICE

    def on_hand(self, sku: str) -> int:
        """The last count, and every change after it."""
        counted_at, units = self.counts.get(sku, (-1, 0))
        return units + sum(change for name, at, change in self.changes if name == sku and at > counted_at)


SIGNS: Final = {"delivery": 1, "waste": -1, "adjustment": 1, "transfer-in": 1, "transfer-out": -1}


class StoreMachine(RuleBasedStateMachine):
    """One store of one partition; the driver commits every few records, so a crash always finds something to lose."""

    @initialize(batch_size=st.sampled_from([1, 3, 7, 50]))
    def open_store(self, batch_size: int) -> None:
        self.now, self.made = BEGIN, 0
        self.model = Model()
        self.events: list[tuple[str, dict[str, Any], int]] = []
        self.held: list[tuple[str, dict[str, Any], int]] = []
        self.delivered: Counter[str] = Counter()
        self.shop = ShopDriver(batch_size=batch_size)
        self._master("products", MILK["sku"], MILK)
        self._master("products", PASTA["sku"], PASTA)
        self._master("stores", "0042", STORE)
        self._master("policies", "0042/*", {"store_id": "0042", "sku": "*", "min_stock": 40})

    # Events.

    @rule(sku=SKUS, units=st.integers(-3, 12), other=st.none() | SKUS, age=AGES, is_held=st.booleans())
    def sell(self, sku: str, units: int, other: str | None, age: int, is_held: bool) -> None:
        lines = [{"sku": name, "quantity": units or 1, "unit_price": PRICE} for name in (sku, other) if name]
        self._happen("sales", {"receipt_id": self._id("r"), "kind": "sale", "lines": lines}, age, is_held)

    @rule(which=PICK, age=AGES, is_early=st.booleans())
    def void(self, which: int, age: int, is_early: bool) -> None:
        """Of a receipt that was sent, or of the one that comes next."""
        sold = [event["receipt_id"] for _, event, _ in self.events if event["kind"] == "sale"]
        voided = f"r{self.made + 2}" if is_early or not sold else sold[which % len(sold)]
        event: dict[str, Any] = {"receipt_id": self._id("v"), "kind": "void", "voids": voided, "lines": []}
        self._happen("sales", event, age, False)

    @rule(kind=st.sampled_from(sorted(SIGNS)), sku=SKUS, units=UNITS, age=AGES, is_held=st.booleans())
    def move(self, kind: str, sku: str, units: int, age: int, is_held: bool) -> None:
        self._happen("inventory", self._movement(kind, sku, units), age, is_held)

    @rule(sku=SKUS, units=st.integers(0, 60), age=AGES, is_held=st.booleans())
    def count(self, sku: str, units: int, age: int, is_held: bool) -> None:
        self._happen("inventory", self._movement("count", sku, units), age, is_held)

    @rule(
        kind=st.sampled_from(["delivery", "order-response", "dispatch-advice", "order-release"]),
        which=PICK,
        units=st.integers(0, 48),
        sku=st.none() | SKUS,
        is_final=st.booleans(),
        age=st.integers(0, 3 * HOUR),
    )
    def move_order(self, kind: str, which: int, units: int, sku: str | None, is_final: bool, age: int) -> None:
        """What supplier or person say of an order, mostly about its article; or of one that nobody knows."""
        known = self._orders()
        order = known[which % len(known)] if known else None
        event = self._movement(kind, sku or (order.sku if order else "100234"), units)
        event |= {"order_id": order.order_id if order else "unknown", "final": is_final}
        event |= {"actor": "anna", "reason": "asked"}
        self._happen("inventory", event, age, False)

    @rule(which=PICK)
    def repeat(self, which: int) -> None:
        """A resend: the same id, the same time, however late."""
        if self.events:
            self._arrive(*self.events[which % len(self.events)])

    @rule()
    def release_what_was_held(self) -> None:
        """Events of both topics that stood in some queue."""
        held, self.held = self.held, []
        for event in held:
            self._arrive(*event)

    @rule(hours=st.integers(2, 50))
    def claim_the_future(self, hours: int) -> None:
        line = {"sku": "100234", "quantity": 1, "unit_price": PRICE}
        receipt = {"receipt_id": self._id("f"), "kind": "sale", "lines": [line]}
        self._happen("sales", receipt, -hours * HOUR, False)

    @rule(topic=st.sampled_from(["sales", "inventory"]), value=st.sampled_from([b"", b"{", b"[]", b"{}", None]))
    def malform(self, topic: str, value: bytes | None) -> None:
        self._feed(topic, b"0042", value)
        self.model.refused += 1

    # Master data and time.

    @rule(product=st.sampled_from([MILK, PASTA]), pack=st.sampled_from([1, 6, 24]), lead=st.integers(0, 3))
    def change_product(self, product: dict[str, Any], pack: int, lead: int) -> None:
        self._master("products", product["sku"], {**product, "pack_size": pack, "lead_time_days": lead})

    @rule(sku=SKUS)
    def delete_product(self, sku: str) -> None:
        self._feed("products", sku.encode(), None)

    @rule(
        days=st.sampled_from([[1, 3, 5], [1, 2, 3, 4, 5, 6], [6]]), mode=st.sampled_from(["auto", "advise", "shadow"])
    )
    def change_store(self, days: list[int], mode: str) -> None:
        self._master("stores", "0042", {**STORE, "delivery_weekdays": days, "rollout": {"reorder": mode}})

    @rule(
        least=st.none() | st.integers(0, 90),
        scope=st.sampled_from(["0042/*", "0042/100234", "*/*"]),
        promoted=st.none() | st.sampled_from([("2024-10-07", "2024-10-09"), ("2024-10-10", "2024-10-16")]),
    )
    def change_policy(self, least: int | None, scope: str, promoted: tuple[str, str] | None) -> None:
        if least is None:
            self._feed("policies", scope.encode(), None)
        else:
            store_id, sku = scope.split("/")
            row: dict[str, Any] = {"store_id": store_id, "sku": sku, "min_stock": least}
            if promoted is not None:
                row["promotions"] = [dict(zip(("from", "until"), promoted, strict=True))]
            self._master("policies", scope, row)

    @rule(minutes=st.sampled_from([1, 10, HOUR, 5 * HOUR, DAY, 36 * HOUR]), is_told=st.booleans())
    def pass_time(self, minutes: int, is_told: bool) -> None:
        """With or without a tick."""
        self.now += minutes
        if is_told:
            self._feed("ticks", None, encoded({"at": iso(self.now)}))
            self.model.pass_time(self.now)

    # Crashes.

    @rule()
    def crash(self) -> None:
        """The worker dies; the next one opens the store and takes the uncommitted records in again."""
        driver = self.shop.driver
        lost = list(driver._taken)
        driver.restart()
        driver.apply(lost)

    @rule()
    def commit(self) -> None:
        self.shop.driver.commit()

    # What holds.

    @invariant()
    def units_are_conserved(self) -> None:
        rows = self.shop.driver.batch.rows(tables.stock)
        for sku in ("100234", "100701", UNKNOWN):
            row = rows.get(f"0042/{sku}")
            assert (0 if row is None else row.on_hand) == self.model.on_hand(sku)

    @invariant()
    def figures_are_those_of_the_receipts_that_count(self) -> None:
        rows = self.shop.driver.batch.rows(tables.store_days)
        for (day, figure), expected in self.model.figures.items():
            row = rows.get(f"0042/{day}")
            assert (0 if row is None else getattr(row, figure)) == expected

    @invariant()
    def orders_are_conserved(self) -> None:
        """In every order, and in what the articles' rows say is coming."""
        coming: Counter[tuple[str, str]] = Counter()
        for order in self._orders():
            figures = orders.balance(order)
            assert figures.ordered == figures.open + figures.received + figures.cancelled + figures.short
            assert figures.open == figures.on_order + figures.in_transit
            assert min(figures) >= 0
            on_order, in_transit = orders.position(order)
            coming[order.sku, "on_order"] += on_order
            coming[order.sku, "in_transit"] += in_transit
        rows = self.shop.driver.batch.rows(tables.stock)
        for sku in ("100234", "100701", UNKNOWN):
            row = rows.get(f"0042/{sku}")
            shown = (0, 0) if row is None else (row.on_order, row.in_transit)
            assert shown == (coming[sku, "on_order"], coming[sku, "in_transit"])

    def teardown(self) -> None:
        """No rule raised, and whoever follows the journal gets the same bytes."""
        if not hasattr(self, "shop"):
            return
        codes = Counter(self.shop.codes())
        assert "domain-error" not in codes
        assert codes.total() == self.model.refused
        stored, outputs = self.shop.driver.stored(), self.shop.driver.outputs()
        assert folded(self.shop).outputs == outputs
        replay = Driver(stores_group(TOPICS), batch_size=5_000, check_rows=False)
        replay.apply(self.shop.records)
        assert replay.stored() == stored
        assert replay.outputs() == outputs

    # Helpers.

    def _id(self, mark: str) -> str:
        self.made += 1
        return f"{mark}{self.made}"

    def _movement(self, kind: str, sku: str, units: int) -> dict[str, Any]:
        return {"event_id": self._id("e"), "kind": kind, "lines": [{"sku": sku, "quantity": units}]}

    def _happen(self, topic: str, event: dict[str, Any], age: int, is_held: bool) -> None:
        happened = topic, event, self.now - age
        if is_held:
            self.held.append(happened)
        else:
            self.events.append(happened)
            self._arrive(*happened)

    def _arrive(self, topic: str, event: dict[str, Any], at: int) -> None:
        time_field = "sold_at" if topic == "sales" else "occurred_at"
        self._feed(topic, b"0042", encoded({**event, "store_id": "0042", time_field: iso(at)}))
        self.model.apply(topic, event, at, self.now)

    def _master(self, topic: str, key: str, row: dict[str, Any]) -> None:
        self._feed(topic, key.encode(), encoded(row))

    def _feed(self, topic: str, key: bytes | None, value: bytes | None) -> StoredRecord:
        shop = self.shop
        record = shop.driver.feed(TOPICS.prefix + topic, value, key=key, timestamp=self.now * 60_000)
        shop.records.append(record)
        return record

    def _orders(self) -> list[Order]:
        return [order for _, order in self.shop.driver.batch.rows(tables.orders).scan("0042/", limit=10_000)]


def encoded(event: object) -> bytes:
    """An event as it travels."""
    return json.dumps(event).encode()


TestStore = StoreMachine.TestCase
TestStore.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestStore = pytest.mark.timeout(0 if EXAMPLES > 500 else 900)(TestStore)
