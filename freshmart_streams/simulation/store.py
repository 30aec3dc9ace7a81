"""One simulated store: what lies on its shelves, what its customers buy, and the events its tills and people write.

Randomness is the store's own, seeded by its id, so that adding a store changes nothing in the others.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from freshmart_streams.events.master_data import ContentUnit, NetContent, Product, Rollout, Store, Unit
from freshmart_streams.events.movements import Movement, MovementKind, MovementLine, WasteReason
from freshmart_streams.events.receipts import Receipt, ReceiptKind, ReceiptLine
from freshmart_streams.events.values import Mode
from freshmart_streams.simulation.catalogue import Article
from freshmart_streams.simulation.demand import expected_sales, poisson
from freshmart_streams.simulation.shelf import Shelf
from freshmart_streams.simulation.shops import CLOSES_AT, OPENS_AT, Shop

_TILLS = 3
_LINES_PER_BASKET = 3.2
_CUSTOMERS = 600
_LOYAL_SHARE = 0.45
_SHORT_DATE_FROM_HOUR = 17
_SHORT_DATE_PERCENT = 30
_COVER_DAYS = 2.2
_COUNTED_A_NIGHT = 5
_STOLEN_A_DAY = 0.01
_WEIGHT_SPREAD = 0.25
_HALF = 2


class SimulatedStore:
    """The world's truth about one store; its methods return the events that tell of it."""

    def __init__(self, shop: Shop, assortment: tuple[Article, ...], *, seed: int) -> None:
        self.shop = shop
        self.zone = ZoneInfo(shop.timezone)
        self.random = Random(f"{seed}/{shop.store_id}")
        self._assortment = assortment
        self._articles = {article.sku: article for article in assortment}
        self._shelves = {article.sku: Shelf() for article in assortment}
        self._receipts = 0

    def on_shelf(self, sku: str) -> int:
        """Return the base units of an article that really lie there."""
        return self._shelves[sku].quantity

    def opening_count(self, at: datetime) -> Movement:
        """Stock every shelf for the first days and count all of it."""
        lines = []
        for article in self._assortment:
            quantity = _whole_packs(article, self._cover(article))
            self._shelves[article.sku].add(quantity, self._best_before(article, at))
            lines.append(MovementLine(sku=article.sku, quantity=quantity))
        return self._movement("opening", MovementKind.COUNT, at, lines)

    def baskets(self, hour_start: datetime) -> list[tuple[datetime, list[Article]]]:
        """Draw who comes to the tills in the hour from `hour_start`, when, and what each wants, in order of time."""
        local = hour_start.astimezone(self.zone)
        wanted: list[Article] = []
        for article in self._assortment:
            mean = expected_sales(
                article,
                size=self.shop.size,
                weekday=local.isoweekday(),
                hour=local.hour,
                day_of_year=local.timetuple().tm_yday,
            )
            wanted += [article] * poisson(self.random, mean)
        self.random.shuffle(wanted)
        baskets = []
        while wanted:
            size = 1 + poisson(self.random, _LINES_PER_BASKET - 1)
            at = hour_start + timedelta(seconds=self.random.randrange(3600))
            baskets.append((at, wanted[:size]))
            wanted = wanted[size:]
        baskets.sort(key=lambda basket: basket[0])
        return baskets

    def sell(self, at: datetime, wanted: list[Article]) -> Receipt | None:
        """Sell of a basket what the shelves still have; None when they have none of it."""
        local = at.astimezone(self.zone)
        lines = []
        for article, times in Counter(wanted).items():
            shelf = self._shelves[article.sku]
            first = shelf.first_best_before()
            quantity = shelf.take(self._units(article, times))
            if not quantity or first is None:
                continue
            is_short_dated = first <= local.date() and local.hour >= _SHORT_DATE_FROM_HOUR
            gross = _line_gross(article, quantity)
            discount = (gross * _SHORT_DATE_PERCENT + 50) // 100 if is_short_dated else 0
            lines.append(
                ReceiptLine(
                    sku=article.sku,
                    quantity=quantity,
                    unit_price=article.price,
                    discount=discount,
                    amount=gross if article.by_weight else None,
                )
            )
        if not lines:
            return None
        is_loyal = self.random.random() < _LOYAL_SHARE
        customer = f"c-{self.random.randrange(_CUSTOMERS):04x}" if is_loyal else None
        return self._receipt(local, kind=ReceiptKind.SALE, lines=tuple(lines), customer_id=customer)

    def void(self, receipt: Receipt, at: datetime) -> Receipt:
        """Cancel a receipt at the till; the goods go back onto the shelf."""
        for line in receipt.lines:
            self._put_back(line.sku, line.quantity, at)
        return self._receipt(at.astimezone(self.zone), kind=ReceiptKind.VOID, voids=receipt.receipt_id)

    def take_back(self, receipt: Receipt, at: datetime) -> Receipt:
        """Refund the first line of a receipt to a customer who brings it back."""
        line = receipt.lines[0]
        self._put_back(line.sku, line.quantity, at)
        returned = ReceiptLine(
            sku=line.sku,
            quantity=-line.quantity,
            unit_price=line.unit_price,
            discount=-line.discount,
            amount=None if line.amount is None else -line.amount,
        )
        return self._receipt(at.astimezone(self.zone), kind=ReceiptKind.SALE, lines=(returned,))

    def order_by_hand(self, at: datetime) -> Movement | None:
        """Receive what the shop ordered by hand yesterday: each article filled up to its cover in whole packs."""
        lines = []
        for article in self._assortment:
            lacking = self._cover(article) - self.on_shelf(article.sku)
            if lacking > 0:
                lines.append(self._put_on_shelf(article, _whole_packs(article, lacking), at))
        return self._movement("hand", MovementKind.DELIVERY, at, lines) if lines else None

    def deliver(self, *, sku: str, quantity: int, order_id: str, at: datetime) -> Movement:
        """Receive a reordered article."""
        line = self._put_on_shelf(self._articles[sku], quantity, at)
        return self.tell(order_id=order_id, kind=MovementKind.DELIVERY, at=at, line=line)

    def tell(self, *, order_id: str, kind: MovementKind, at: datetime, line: MovementLine) -> Movement:
        """Write an event of the supplier's about one order of this store."""
        return Movement(
            event_id=f"{order_id}.{kind.value}",
            store_id=self.shop.store_id,
            occurred_at=at.astimezone(self.zone),
            kind=kind,
            order_id=order_id,
            lines=(line,),
        )

    def clear_expired(self, at: datetime) -> Movement | None:
        """Throw away at closing what may not be sold tomorrow."""
        today = at.astimezone(self.zone).date()
        lines = [
            MovementLine(sku=sku, quantity=expired)
            for sku, shelf in self._shelves.items()
            if (expired := shelf.take_expired(today))
        ]
        return self._movement("waste", MovementKind.WASTE, at, lines, reason=WasteReason.EXPIRED) if lines else None

    def count_some(self, at: datetime) -> Movement:
        """Count a few articles after closing; before that, a thief may have been there and nobody saw."""
        for article in self._assortment:
            if self.random.random() < _STOLEN_A_DAY:
                self._shelves[article.sku].take(self._units(article, 1))
        counted = self.random.sample(self._assortment, min(_COUNTED_A_NIGHT, len(self._assortment)))
        lines = [MovementLine(sku=article.sku, quantity=self.on_shelf(article.sku)) for article in counted]
        return self._movement("count", MovementKind.COUNT, at, lines)

    def _cover(self, article: Article) -> int:
        return round(article.units_per_day * self.shop.size * _COVER_DAYS)

    def _units(self, article: Article, purchases: int) -> int:
        if not article.by_weight:
            return purchases
        grams = sum(
            self.random.gauss(article.typical_grams, article.typical_grams * _WEIGHT_SPREAD) for _ in range(purchases)
        )
        return max(article.typical_grams // _HALF, round(grams))

    def _put_on_shelf(self, article: Article, quantity: int, at: datetime) -> MovementLine:
        best_before = self._best_before(article, at)
        self._shelves[article.sku].add(quantity, best_before)
        return MovementLine(sku=article.sku, quantity=quantity, expires_on=best_before)

    def _put_back(self, sku: str, quantity: int, at: datetime) -> None:
        shelf = self._shelves[sku]
        today = at.astimezone(self.zone).date()
        shelf.add(quantity, shelf.first_best_before() or today)

    def _best_before(self, article: Article, at: datetime) -> date:
        return at.astimezone(self.zone).date() + timedelta(days=article.shelf_life_days)

    def _movement(
        self, name: str, kind: MovementKind, at: datetime, lines: list[MovementLine], *, reason: str | None = None
    ) -> Movement:
        local = at.astimezone(self.zone)
        return Movement(
            event_id=f"{name}-{local:%Y%m%d-%H%M}",
            store_id=self.shop.store_id,
            occurred_at=local,
            kind=kind,
            reason=reason,
            lines=tuple(lines),
        )

    def _receipt(
        self,
        local: datetime,
        *,
        kind: ReceiptKind,
        lines: tuple[ReceiptLine, ...] = (),
        customer_id: str | None = None,
        voids: str | None = None,
    ) -> Receipt:
        self._receipts += 1
        till = 1 + self._receipts % _TILLS
        return Receipt(
            receipt_id=f"{till}-{local:%Y%m%d}-{self._receipts:06d}",
            store_id=self.shop.store_id,
            till_id=str(till),
            kind=kind,
            sold_at=local,
            customer_id=customer_id,
            voids=voids,
            lines=lines,
        )


def product_row(article: Article) -> Product:
    """Return the master data of an article."""
    content = (
        None if article.content is None else NetContent(amount=article.content[0], unit=ContentUnit(article.content[1]))
    )
    return Product(
        sku=article.sku,
        name=article.name,
        gtin=article.gtin,
        category=article.category,
        supplier_id=article.supplier_id,
        unit=Unit.GRAM if article.by_weight else Unit.PIECE,
        pack_size=article.pack_size,
        lead_time_days=article.lead_time_days,
        shelf_life_days=article.shelf_life_days,
        cost=article.cost,
        price=article.price,
        vat_percent=article.vat_percent,
        net_content=content,
    )


def store_row(shop: Shop, *, reorder: Mode) -> Store:
    """Return the master data of a store whose rollout of reorders is `reorder` (`off` or `auto`)."""
    return Store(
        store_id=shop.store_id,
        name=shop.name,
        state=shop.state,
        timezone=shop.timezone,
        delivery_weekdays=(1, 2, 3, 4, 5, 6),
        order_cutoff="14:00",
        opening={"mon-sat": f"{OPENS_AT:02d}:00-{CLOSES_AT:02d}:00"},
        rollout=Rollout(reorder=reorder, pricing=Mode.OFF, offers=Mode.OFF),
    )


def _line_gross(article: Article, quantity: int) -> int:
    """Cents of a line: as the till prints it, rounded half up; prices of goods by weight are per 1,000 g."""
    return (article.price * quantity + 500) // 1000 if article.by_weight else article.price * quantity


def _whole_packs(article: Article, quantity: int) -> int:
    return -(-quantity // article.pack_size) * article.pack_size
