"""One partition of the shop, by hand: events in as plain values, rows and published events out."""

import json
from datetime import datetime, timedelta
from typing import Any

from freshmart_streams import tables
from freshmart_streams.agents import stores_group
from freshmart_streams.domain import pricing, times
from freshmart_streams.domain.books import Moment
from freshmart_streams.domain.orders import Order
from freshmart_streams.domain.prices import AwaitedPrice
from freshmart_streams.domain.stock import Stock
from freshmart_streams.domain.store_days import DayFigures
from freshmart_streams.engine import StoredRecord
from freshmart_streams.engine.testing import Driver
from freshmart_streams.events import dead_letters
from freshmart_streams.tables.books import Books, Shop
from freshmart_streams.topics import Topics

TOPICS = Topics("freshmart.")
BERLIN = times.zone("Europe/Berlin")

MILK: dict[str, Any] = {
    "sku": "100234",
    "name": "Vollmilch 3,5 % 1 l",
    "category": "dairy",
    "supplier_id": "molkerei-nord",
    "pack_size": 12,
    "lead_time_days": 1,
    "shelf_life_days": 9,
    "cost": 79,
    "price": 119,
}
PASTA: dict[str, Any] = {"sku": "100701", "category": "dry-goods", "pack_size": 24, "cost": 54, "price": 99}
CHEESE: dict[str, Any] = {"sku": "100274", "category": "cheese", "unit": "gram", "cost": 1120, "price": 1690}
STORE: dict[str, Any] = {
    "store_id": "0042",
    "name": "Bonn Mitte",
    "timezone": "Europe/Berlin",
    "delivery_weekdays": [1, 3, 5],
    "opening": {"mon-sat": "07:00-22:00"},
}


def berlin(text: str) -> datetime:
    """A wall-clock time in Berlin, such as `2024-10-08 09:13`."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def line(sku: str = "100234", quantity: int = 1, unit_price: int = 119, **more: Any) -> dict[str, Any]:
    """A receipt line."""
    return {"sku": sku, "quantity": quantity, "unit_price": unit_price, **more}


class ShopDriver:
    """Feeds one partition; times are wall-clock texts in Berlin, and messages arrive a second after they happen."""

    def __init__(self, *, batch_size: int = 1, dedupe_days: int = 14, check_rows: bool = True, **driver: Any) -> None:
        group = stores_group(TOPICS, dedupe_days=dedupe_days)
        self.driver = Driver(group, batch_size=batch_size, check_rows=check_rows, **driver)
        self.records: list[StoredRecord] = []
        self._event = 0

    def open_store(self, *products: dict[str, Any], **store: Any) -> "ShopDriver":
        """Register a store and its products."""
        for product in products:
            self.product(**product)
        return self.store(**{**STORE, **store})

    def product(self, **fields: Any) -> "ShopDriver":
        return self._feed(TOPICS.products.name, fields["sku"], fields)

    def store(self, **fields: Any) -> "ShopDriver":
        return self._feed(TOPICS.stores.name, fields["store_id"], fields)

    def policy(self, store_id: str, sku: str, **fields: Any) -> "ShopDriver":
        return self._feed(TOPICS.policies.name, f"{store_id}/{sku}", {"store_id": store_id, "sku": sku, **fields})

    def sale(self, at: str, *lines: dict[str, Any], receipt_id: str | None = None, **more: Any) -> "ShopDriver":
        """A receipt; each further one has an id of its own."""
        receipt: dict[str, Any] = {"receipt_id": receipt_id or self._next("r"), "store_id": "0042"}
        receipt |= {"sold_at": berlin(at).isoformat(), "lines": list(lines), **more}
        return self._feed(TOPICS.sales.name, receipt["store_id"], receipt, at)

    def void(self, at: str, voids: str, *, receipt_id: str | None = None) -> "ShopDriver":
        return self.sale(at, receipt_id=receipt_id or self._next("v"), kind="void", voids=voids)

    def move(
        self, at: str, kind: str, *lines: tuple[str, int], event_id: str | None = None, **more: Any
    ) -> "ShopDriver":
        """A stock movement; `lines` are article and quantity."""
        movement: dict[str, Any] = {"event_id": event_id or self._next("e"), "store_id": "0042", "kind": kind}
        movement["occurred_at"] = berlin(at).isoformat()
        movement["lines"] = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
        movement |= more
        return self._feed(TOPICS.inventory.name, movement["store_id"], movement, at)

    def decide_price(self, at: str, price_change_id: str, price: int, *, sku: str = "100234") -> "ShopDriver":
        """A price decision that waits for its label, as one will be made: no input makes any yet."""
        instant = times.from_datetime(berlin(at))
        books, store = Books(Shop(TOPICS), self.driver.batch), self.driver.rows(tables.stores)["0042"].store
        moment = Moment(books, store, instant, instant, TOPICS.sales.name, 0)
        pricing.await_label(moment, sku, AwaitedPrice(price_change_id, price, instant, prior_price=119))
        self.driver.commit()
        return self

    def tick(self, at: str) -> "ShopDriver":
        return self._feed(TOPICS.ticks.name, None, {"at": berlin(at).isoformat()}, at)

    def raw(self, topic: str, key: bytes | None, value: bytes | None, at: str = "2024-10-08 09:00") -> "ShopDriver":
        """Any message."""
        timestamp = times.to_milliseconds(times.from_datetime(berlin(at)))
        self.records.append(self.driver.feed(topic, value, key=key, timestamp=timestamp))
        return self

    def stock(self, sku: str = "100234", store_id: str = "0042") -> Stock:
        return self.driver.rows(tables.stock)[f"{store_id}/{sku}"]

    def orders(self) -> list[Order]:
        return list(self.driver.rows(tables.orders).values())

    def day(self, day: str = "2024-10-08", store_id: str = "0042") -> DayFigures:
        return self.driver.rows(tables.store_days)[f"{store_id}/{day}"]

    def published(self, topic: str) -> list[dict[str, Any]]:
        """Bodies of what was published on a topic, named without its prefix."""
        outputs = self.driver.outputs(TOPICS.prefix + topic)
        return [json.loads(output.value or b"null") for output in outputs]

    def ids(self, topic: str) -> list[str]:
        """The CloudEvents ids of what was published on a topic."""
        outputs = self.driver.outputs(TOPICS.prefix + topic)
        return [(dict(output.headers)["ce_id"] or b"").decode() for output in outputs]

    def codes(self) -> list[str]:
        """Why the dead letters are dead, in their order."""
        letters = self.driver.outputs(TOPICS.dead_letters.name)
        return [(dict(letter.headers)[dead_letters.EXCEPTION] or b"").decode() for letter in letters]

    def alerts(self) -> list[tuple[str, str | None, str]]:
        """Every published alert: kind, article, status."""
        return [(alert["kind"], alert.get("sku"), alert["status"]) for alert in self.published("alerts")]

    def _next(self, mark: str) -> str:
        self._event += 1
        return f"{mark}{self._event}"

    def _feed(self, topic: str, key: str | None, event: dict[str, Any], at: str = "2024-10-01 00:00") -> "ShopDriver":
        # The message is a second behind its event: the tills' clocks are good, the network is not instant.
        arrived = times.from_datetime(berlin(at) + timedelta(seconds=1))
        value = json.dumps(event, ensure_ascii=False).encode()
        raw_key = None if key is None else key.encode()
        self.records.append(self.driver.feed(topic, value, key=raw_key, timestamp=times.to_milliseconds(arrived)))
        return self
