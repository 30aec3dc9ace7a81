"""A chain of a few stores in the middle of a day, as rows: what the tests and the pictures of the page show.

Everything is drawn from one seeded generator, and every row is one that the domain would write.
"""

import random

from freshmart_streams import tables
from freshmart_streams.domain import identifiers, order_places, orders, times
from freshmart_streams.domain.books import KnownProduct, KnownStore, Mark, OpenAlert, order_key
from freshmart_streams.domain.clocks import Clock
from freshmart_streams.domain.ledger import apply_change, apply_count
from freshmart_streams.domain.orders import Order
from freshmart_streams.domain.pilots import Pilot
from freshmart_streams.domain.replenishment import Levels
from freshmart_streams.domain.service import Service
from freshmart_streams.domain.stock import Stock, inventory_position
from freshmart_streams.domain.store_days import DayFigures, LineFigures, apply_receipt, publish
from freshmart_streams.events.alerts import AlertKind
from freshmart_streams.events.decisions import Binding, ReorderReason, Source
from freshmart_streams.events.master_data import Product, Rollout, Store, Unit
from freshmart_streams.events.values import Mode
from freshmart_streams.tables.dead_letters import DeadLetter, row_key
from tests.web.fakes import Site, Worker

ZONE = "Europe/Berlin"
DAY = times.from_iso("2024-10-08")
CLOCK = times.at_local(DAY, "13:45", ZONE)
BARE_MILK = Product(sku="100234", name="Vollmilch", category="dairy", price=119, pack_size=12)

STORES = [
    Store(store_id="0042", name="Bonn Mitte", state="NW", timezone=ZONE),
    Store(store_id="0043", name="Köln Ehrenfeld", state="NW", timezone=ZONE),
    Store(store_id="0051", name="Mainz Neustadt", state="RP", timezone=ZONE, rollout=Rollout(reorder=Mode.ADVISE)),
    Store(store_id="0060", name="Aachen Markt", state="NW", timezone=ZONE),
    Store(store_id="0077", name="Koblenz Altstadt", state="RP", timezone=ZONE, rollout=Rollout(reorder=Mode.SHADOW)),
    Store(store_id="0081", name="Trier Süd", state="RP", timezone=ZONE),
]

# sku, name, category, unit, pack size, price in cents, shelf life in days, pieces (or grams) a day
_GOODS = [
    ("100234", "Vollmilch 3,5 % 1 l", "dairy", Unit.PIECE, 12, 119, 9, 34.0),
    ("100240", "Haferdrink Barista 1 l", "dairy", Unit.PIECE, 6, 229, 120, 11.0),
    ("100255", "Joghurt natur 500 g", "dairy", Unit.PIECE, 6, 139, 18, 14.0),
    ("100262", "Butter 250 g", "dairy", Unit.PIECE, 20, 249, 40, 22.0),
    ("100270", "Gouda jung 400 g", "dairy", Unit.PIECE, 10, 349, 30, 9.0),
    ("200110", "Bananen", "produce", Unit.GRAM, 18_000, 179, 6, 26_000.0),
    ("200125", "Rispentomaten", "produce", Unit.GRAM, 5_000, 299, 7, 9_500.0),
    ("200131", "Äpfel Elstar", "produce", Unit.GRAM, 13_000, 249, 21, 12_000.0),
    ("200144", "Kopfsalat", "produce", Unit.PIECE, 8, 129, 4, 12.0),
    ("200150", "Zitronen 500 g", "produce", Unit.PIECE, 10, 199, 20, 6.0),
    ("300010", "Brötchen, 6 Stück", "bakery", Unit.PIECE, 10, 149, 2, 41.0),
    ("300024", "Vollkornbrot 750 g", "bakery", Unit.PIECE, 6, 289, 6, 13.0),
    ("300031", "Buttercroissant", "bakery", Unit.PIECE, 24, 89, 2, 30.0),
    ("400201", "Espressobohnen 1 kg", "dry goods", Unit.PIECE, 8, 1399, None, 5.0),
    ("400215", "Spaghetti 500 g", "dry goods", Unit.PIECE, 24, 99, None, 18.0),
    ("400222", "Passierte Tomaten 690 g", "dry goods", Unit.PIECE, 12, 119, None, 15.0),
    ("400239", "Haferflocken kernig 500 g", "dry goods", Unit.PIECE, 10, 95, None, 12.0),
    ("400246", "Olivenöl nativ extra 750 ml", "dry goods", Unit.PIECE, 6, 899, None, 4.0),
    ("500102", "Mineralwasser Classic 6 × 1,5 l", "drinks", Unit.PIECE, 1, 299, None, 27.0),
    ("500118", "Apfelschorle 1 l", "drinks", Unit.PIECE, 6, 129, None, 16.0),
    ("500126", "Pils 20 × 0,5 l", "drinks", Unit.PIECE, 1, 1649, None, 9.0),
    ("600301", "Eier Freiland, 10 Stück", "dairy", Unit.PIECE, 18, 319, 21, 19.0),
    ("600315", "Tofu natur 200 g", "chilled", Unit.PIECE, 8, 199, 30, 7.0),
    ("600322", "Hähnchenbrust 400 g", "chilled", Unit.PIECE, 6, 649, 5, 8.0),
]
PRODUCTS = {
    sku: Product(
        sku=sku,
        name=name,
        category=category,
        unit=unit,
        pack_size=pack_size,
        price=price,
        shelf_life_days=shelf_life,
        supplier_id="molkerei-nord" if category == "dairy" else "zentrallager-west",
    )
    for sku, name, category, unit, pack_size, price, shelf_life, _ in _GOODS
}
_DEMAND = {good[0]: good[-1] for good in _GOODS}
_BUSY = [0] * 7 + [3, 5, 6, 6, 8, 9, 7, 5, 5, 8, 11, 9, 6, 4, 2, 0, 0]  # the weight of each hour of a day


def bare(site: Site) -> Site:
    """Put one store with a clock there, and one product."""
    site.rows.put(tables.stores, "0042", KnownStore(Store(store_id="0042", timezone=ZONE)))
    site.rows.put(tables.clocks, "0042", Clock(at=CLOCK))
    site.rows.put(tables.products, BARE_MILK.sku, KnownProduct(BARE_MILK))
    return site


def fill(site: Site, *, seed: int = 7) -> Site:
    """Put the chain's rows in."""
    chance = random.Random(seed)
    for sku, product in PRODUCTS.items():
        site.rows.put(tables.products, sku, KnownProduct(product))
    for store in STORES:
        add_store(site, store, chance)
    for number in range(3):
        letter = DeadLetter("freshmart.sales", 1, 4_700 + number, times.to_milliseconds(CLOCK), "not-json", "no JSON")
        site.rows.put_in(1, tables.dead_letters, row_key(number), letter)
    return site


def _served(steps: int, covered: float, on_shelf: float) -> Service:
    return Service(
        steps,
        (round(steps * 0.9), round(steps * covered)),
        (0.2 * steps, 0.05 * steps),
        expected=5.1 * steps,
        sold=5.0 * steps,
        days=2 * steps,
        missing=round(2_000 * steps * (1 - on_shelf)),
        promised=1.96 * steps,
    )


def add_store(site: Site, store: Store, chance: random.Random) -> None:
    """A store with its clock, day, articles, orders and alerts."""
    at = CLOCK - chance.randrange(60) * times.SECOND
    size = chance.uniform(0.6, 1.5)
    site.rows.put(tables.stores, store.store_id, KnownStore(store))
    site.rows.put(tables.clocks, store.store_id, Clock(at=at, topic="freshmart.sales", offset=4_711))
    figures = _day(size, chance)
    for place, sku in enumerate(PRODUCTS):
        row = _article(sku, size, at, chance)
        if row.levels is not None and inventory_position(row) <= row.levels.reorder_point:
            order = decide(site, store, sku, row, at - chance.randrange(9_000) * times.SECOND)
            figures.reorders += 1
            row.open_order, row.open_until = order.order_id, order.cut_off_at
        site.rows.put(tables.stock, f"{store.store_id}/{sku}", row)
        if row.on_hand < 0:
            raise_alert(site, store, sku, AlertKind.NEGATIVE_STOCK, at - place * 311 * times.SECOND)
        figures.stockout_skus += row.on_hand <= 0
    site.rows.put(tables.service, f"{store.store_id}/fast", _served(800, 0.97, 0.985))
    site.rows.put(tables.service, f"{store.store_id}/normal", _served(300, 0.99, 0.995))
    site.rows.put(tables.pilots, store.store_id, Pilot(at - 30 * times.DAY, until=at, article_days=900, changed_at=at))
    figures.changed_at = at
    site.rows.put(tables.store_days, f"{store.store_id}/{times.to_iso(DAY)}", figures)
    site.company.take(publish(figures, store.store_id, DAY), times.to_datetime(at, store.timezone))
    if store.store_id in ("0043", "0060"):
        raise_alert(site, store, "200144", AlertKind.OVERDUE_ORDER, at - times.HOUR)
    if store.store_id == "0081":
        raise_alert(site, store, "999001", AlertKind.UNKNOWN_SKU, at - 2 * times.HOUR)


def decide(site: Site, store: Store, sku: str, row: Stock, at: int) -> Order:
    """An order for what an article needs at its position, as `reordering` decides it."""
    product = PRODUCTS[sku]
    assert row.levels is not None
    levels = row.levels
    missing = levels.order_up_to_level - inventory_position(row)
    packs = max(1, -(-missing // product.pack_size))
    deliver_by = DAY + (1 if product.category in ("bakery", "produce") else 2)
    order = Order(
        order_id=identifiers.order_id(store.store_id, sku, deliver_by),
        store_id=store.store_id,
        sku=sku,
        supplier_id=product.supplier_id,
        deliver_by=deliver_by,
        cut_off_at=times.at_local(DAY, "14:00", store.timezone),
        mode=store.rollout.reorder,
        shelf_life_days=product.shelf_life_days,
        due_by=deliver_by,
    )
    reason = ReorderReason(
        trigger="sale",
        on_hand=row.on_hand,
        on_order=row.on_order,
        in_transit=row.in_transit,
        expected_waste=0,
        inventory_position=inventory_position(row),
        forecast=levels.forecast,
        safety_stock=levels.safety_stock,
        reorder_point=levels.reorder_point,
        order_up_to_level=levels.order_up_to_level,
        service_level=levels.service_level,
        binding=Binding.PACK_SIZE,
    )
    source = Source("freshmart.sales", 2, 4_711)
    orders.revise(order, packs=packs, quantity=packs * product.pack_size, at=at, reason=reason, source=source)
    put_order(site, order)
    return order


def put_order(site: Site, order: Order) -> None:
    """Store an order as it is now, with its places in the lists."""
    key, partition = (
        order_key(order.store_id, order.order_id),
        Worker(site.rows.partitions).partition_for(order.store_id),
    )
    before = site.rows.get(tables.orders, key)
    for place in () if before is None else order_places.places(before):
        site.rows.put_in(partition, tables.order_places, place, None)
    for place in order_places.places(order):
        site.rows.put_in(partition, tables.order_places, place, Mark())
    site.rows.put_in(partition, tables.orders, key, order)


def raise_alert(site: Site, store: Store, sku: str, kind: AlertKind, at: int) -> None:
    """An open alert about an article."""
    row = OpenAlert(
        alert_id=identifiers.alert_id(store.store_id, sku, kind.value, "test"),
        kind=kind,
        store_id=store.store_id,
        sku=sku,
        opened_at=at,
        changed_at=at,
        message="Please look.",
        details={},
    )
    site.rows.put(tables.alerts, f"{store.store_id}/{sku}/{kind.value}", row)


def sell(site: Site, store: Store, sku: str, quantity: int, at: int) -> None:
    """A receipt with one line, applied to stock and day."""
    key, day_key = f"{store.store_id}/{sku}", f"{store.store_id}/{times.to_iso(DAY)}"
    row: Stock = site.rows.get(tables.stock, key)
    apply_change(row, at, -quantity, at)
    row.changed_at = at
    site.rows.put(tables.stock, key, row)
    figures: DayFigures = site.rows.get(tables.store_days, day_key)
    product = PRODUCTS[sku]
    line = LineFigures(sku, quantity, quantity * (product.price or 0), 0, product.category or "unknown")
    apply_receipt(figures, times.local(at, store.timezone)[1] // 3_600, [line])
    figures.changed_at = at
    site.rows.put(tables.store_days, day_key, figures)
    site.rows.put(tables.clocks, store.store_id, Clock(at=at, topic="freshmart.sales", offset=4_712))


def _article(sku: str, size: float, at: int, chance: random.Random) -> Stock:
    product, daily = PRODUCTS[sku], _DEMAND[sku] * size
    forecast = tuple(round(daily * chance.uniform(0.8, 1.2), 1) for _ in range(chance.choice([2, 3, 3])))
    safety = round(daily * 0.55, 1)
    level = round(sum(forecast) + safety)
    levels = Levels(level, level, level, safety, forecast, 0.98)
    drawn = chance.random()
    on_hand = round(daily * chance.uniform(0.1, 4.2))
    if drawn < 0.04:
        on_hand = -round(daily / 9) or -1
    elif drawn < 0.1:
        on_hand = 0
    row = Stock(levels=levels, demand_rate_per_day=daily, levels_until=at + times.HOUR, changed_at=at)
    apply_count(row, at - 3 * times.HOUR, on_hand + round(daily / 5), at)
    apply_change(row, at - chance.randrange(3_000) * times.SECOND, -round(daily / 5), at)
    if on_hand < level and chance.random() < 0.6:
        row.in_transit = product.pack_size * chance.randint(1, max(1, round(level / product.pack_size / 2)))
    if on_hand < level and chance.random() < 0.3:
        row.on_order = product.pack_size * chance.randint(1, max(1, round(level / product.pack_size / 3)))
    return row


def _day(size: float, chance: random.Random) -> DayFigures:
    figures = DayFigures()
    now = times.local(CLOCK, ZONE)[1] // 3_600
    for hour, weight in enumerate(_BUSY[: now + 1]):
        part = 0.7 if hour == now else 1.0
        for _ in range(round(weight * size * 6 * part * chance.uniform(0.85, 1.15))):
            lines = []
            for sku in chance.sample(list(PRODUCTS), chance.randint(2, 9)):
                product = PRODUCTS[sku]
                quantity = chance.randint(1, 3) if product.unit is Unit.PIECE else chance.randrange(250, 1_800)
                gross = quantity * (product.price or 0) // (1 if product.unit is Unit.PIECE else 1_000)
                discount = gross // 10 if chance.random() < 0.12 else 0
                lines.append(LineFigures(sku, quantity, gross, discount, product.category or "unknown"))
            apply_receipt(figures, hour, lines)
    return figures


__all__ = [
    "CLOCK",
    "DAY",
    "PRODUCTS",
    "STORES",
    "ZONE",
    "add_store",
    "decide",
    "fill",
    "put_order",
    "raise_alert",
    "sell",
]
