"""The simulated world: stores, shelves, customers and a supplier as one discrete-event simulation.

It is closed and pure: `advance` yields what happens up to a moment, in the order of its time; `receive` tells it of a
reorder. The same plan and the same calls give the same events, byte for byte.

Its first days (`manual_days`) are history: the shops order by hand and the stores' rollout of reorders is `off`. Then,
at four in the morning, the rollout becomes `auto`, and from then on only what is reordered is delivered.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import count
from typing import NamedTuple

from freshmart_streams.events.decisions import Reorder
from freshmart_streams.events.master_data import Product, Store
from freshmart_streams.events.movements import Movement, MovementKind, MovementLine
from freshmart_streams.events.receipts import Receipt
from freshmart_streams.events.values import Mode
from freshmart_streams.simulation.catalogue import Article, articles
from freshmart_streams.simulation.demand import HOUR_SHARES
from freshmart_streams.simulation.shops import CLOSED_WEEKDAY, shops
from freshmart_streams.simulation.store import SimulatedStore, product_row, store_row
from freshmart_streams.simulation.supplier import fulfil


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to simulate."""

    start: date
    """The first day; the world begins at its local midnight."""
    stores: int = 3
    products: int = 40
    manual_days: int = 14
    """Days of history before freshmart takes over the ordering; 0 = from the first day on."""
    seed: int = 1
    follows: datetime | None = None
    """The end of an earlier world of this seed that this one goes on from: what its supplier told until then of an
    order is not told again, what he still owes comes as soon as this world begins."""


class Emission(NamedTuple):
    """One event on its way: when it happens, on which topic (without the prefix) and under which key."""

    at: datetime
    topic: str
    key: str
    event: Receipt | Movement | Product | Store


Action = Callable[[], Iterable[Emission]]

_MIDNIGHT = time(0)
_TAKES_OVER_AT = time(4)
_HAND_ORDER_ARRIVES_AT = time(5, 45)
_CLEARS_AT = time(22, 15)
_COUNTS_AT = time(22, 30)
_AFTERTHOUGHT = timedelta(minutes=2)
_VOIDED_SHARE = 0.004
_RETURNED_SHARE = 0.003


class World:
    """All simulated stores and their supplier, at one moment: `now`, in UTC."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._assortment = articles(plan.products)
        self._stores = {
            shop.store_id: SimulatedStore(shop, self._assortment, seed=plan.seed) for shop in shops(plan.stores)
        }
        self._takes_over_on = plan.start + timedelta(days=plan.manual_days)
        self._agenda: list[tuple[datetime, int, Action]] = []
        self._numbers = count()
        self._orders: dict[str, Reorder] = {}
        self.now = min(_local(store, plan.start, _MIDNIGHT) for store in self._stores.values())
        self._at(self.now, self._begin)

    @property
    def store_names(self) -> dict[str, str]:
        """Store names by store id."""
        return {store_id: store.shop.name for store_id, store in self._stores.items()}

    @property
    def products(self) -> dict[str, Product]:
        """Product rows by SKU."""
        return {article.sku: product_row(article) for article in self._assortment}

    @property
    def history_ends_at(self) -> datetime:
        """The end of the history that nobody need watch, in UTC: midnight before the rollout becomes `auto`.

        The four hours until then are a pause in which whoever takes the history in can come to its end.
        """
        return min(_local(store, self._takes_over_on, _MIDNIGHT) for store in self._stores.values())

    def is_open(self) -> bool:
        """Tell whether any till sells at this moment."""
        moments = [self.now.astimezone(store.zone) for store in self._stores.values()]
        return any(at.hour in HOUR_SHARES and at.isoweekday() != CLOSED_WEEKDAY for at in moments)

    def on_shelf(self, store_id: str, sku: str) -> int:
        """Return the base units that really lie on a shelf: the truth that the books should come close to."""
        return self._stores[store_id].on_shelf(sku)

    def advance(self, until: datetime) -> Iterator[Emission]:
        """Let time pass to `until` and yield what happens meanwhile; exhaust it before the next call."""
        while self._agenda and self._agenda[0][0] <= until:
            self.now, _, action = heapq.heappop(self._agenda)
            yield from action()
        self.now = max(self.now, until)

    def receive(self, reorder: Reorder) -> None:
        """Tell the supplier of an order or of its newer revision; without effect unless its mode is `auto`."""
        store = self._stores.get(reorder.store_id)
        if store is None or reorder.mode is not Mode.AUTO:
            return
        known = self._orders.get(reorder.order_id)
        if known is None:
            self._at(reorder.cut_off_at, partial(self._close_order, store, reorder.order_id))
        if known is None or known.revision < reorder.revision:
            self._orders[reorder.order_id] = reorder

    # A store's days

    def _begin(self) -> Iterator[Emission]:
        for store in self._stores.values():
            yield from self._set_rollout(store, Mode.OFF if self.plan.manual_days else Mode.AUTO)
        for article in self._assortment:
            yield Emission(self.now, "products", article.sku, product_row(article))
        for store in self._stores.values():
            yield self._emission(store.opening_count(self.now))
            self._at(_local(store, self.plan.start, _MIDNIGHT), partial(self._plan_day, store, self.plan.start))
            if self.plan.manual_days:
                takes_over_at = _local(store, self._takes_over_on, _TAKES_OVER_AT)
                self._at(takes_over_at, partial(self._set_rollout, store, Mode.AUTO))

    def _plan_day(self, store: SimulatedStore, day: date) -> Iterable[Emission]:
        tomorrow = day + timedelta(days=1)
        self._at(_local(store, tomorrow, _MIDNIGHT), partial(self._plan_day, store, tomorrow))
        if day.isoweekday() != CLOSED_WEEKDAY:
            if self.plan.start < day < self._takes_over_on:
                self._tell(store, day, _HAND_ORDER_ARRIVES_AT, store.order_by_hand)
            for hour in HOUR_SHARES:
                self._at(_local(store, day, time(hour)), partial(self._open_hour, store))
        self._tell(store, day, _CLEARS_AT, store.clear_expired)
        self._tell(store, day, _COUNTS_AT, store.count_some)
        return ()

    def _tell(self, store: SimulatedStore, day: date, at: time, write: Callable[[datetime], Movement | None]) -> None:
        """Plan a movement that is written at a local time of a day, if there is anything to write."""

        def action() -> Iterator[Emission]:
            movement = write(self.now)
            if movement is not None:
                yield self._emission(movement)

        self._at(_local(store, day, at), action)

    def _set_rollout(self, store: SimulatedStore, mode: Mode) -> Iterable[Emission]:
        return [Emission(self.now, "stores", store.shop.store_id, store_row(store.shop, reorder=mode))]

    def _open_hour(self, store: SimulatedStore) -> Iterable[Emission]:
        for at, wanted in store.baskets(self.now):
            self._at(at, partial(self._sell, store, wanted))
        return ()

    def _sell(self, store: SimulatedStore, wanted: list[Article]) -> Iterable[Emission]:
        receipt = store.sell(self.now, wanted)
        if receipt is None:
            return []
        afterthought = store.random.random()
        if afterthought < _VOIDED_SHARE:
            self._at(self.now + _AFTERTHOUGHT, lambda: [self._emission(store.void(receipt, self.now))])
        elif afterthought < _VOIDED_SHARE + _RETURNED_SHARE:
            self._at(self.now + _AFTERTHOUGHT, lambda: [self._emission(store.take_back(receipt, self.now))])
        return [self._emission(receipt)]

    # The supplier

    def _close_order(self, store: SimulatedStore, order_id: str) -> Iterable[Emission]:
        """At the cut-off: the last revision stands, and the supplier plans how to serve it."""
        reorder = self._orders[order_id]
        if reorder.quantity == 0:
            return ()
        plan = fulfil(reorder, seed=self.plan.seed, zone=store.zone)
        tell = partial(self._supplier_tells, store, reorder)
        steps = [(plan.answered_at, partial(tell, MovementKind.ORDER_RESPONSE, plan.confirmed))]
        if plan.confirmed:
            steps.append((plan.loaded_at, partial(tell, MovementKind.DISPATCH_ADVICE, plan.delivered)))
            steps.append((plan.arrives_at, partial(self._deliver, store, reorder, plan.delivered)))
        for at, step in steps:
            if self.plan.follows is None or at > self.plan.follows:
                self._at(at, step)
        return ()

    def _supplier_tells(
        self, store: SimulatedStore, reorder: Reorder, kind: MovementKind, quantity: int
    ) -> Iterable[Emission]:
        line = MovementLine(sku=reorder.sku, quantity=quantity)
        return [self._emission(store.tell(order_id=reorder.order_id, kind=kind, at=self.now, line=line))]

    def _deliver(self, store: SimulatedStore, reorder: Reorder, quantity: int) -> Iterable[Emission]:
        delivery = store.deliver(sku=reorder.sku, quantity=quantity, order_id=reorder.order_id, at=self.now)
        return [self._emission(delivery)]

    # The agenda

    def _at(self, at: datetime, action: Action) -> None:
        """Plan an action; what should have been already happens now, so that time never goes back."""
        heapq.heappush(self._agenda, (max(self.now, at.astimezone(UTC)), next(self._numbers), action))

    def _emission(self, event: Receipt | Movement) -> Emission:
        topic = "sales" if isinstance(event, Receipt) else "inventory"
        return Emission(self.now, topic, event.store_id, event)


def _local(store: SimulatedStore, day: date, at: time) -> datetime:
    return datetime.combine(day, at, store.zone).astimezone(UTC)
