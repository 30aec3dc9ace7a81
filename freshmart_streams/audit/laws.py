"""Laws of conservation: what must hold between the committed rows of a partition, whatever happened to its workers.

A commit writes rows whole or not at all, so rows that are read without a pause in between are of one commit. Each law
is looked at from a row that names the others; `Finding.trouble` says what is wrong and is empty where the law holds.

What a law cannot say: whether an article's stock on hand is the sum of everything that moved it. The ledger keeps
single movements for 48 hours only, and a running sum beside the result would be changed by the very line that changes
the result, so the two could not disagree. That is compared with the log instead (`audit.fold`).
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeVar

from freshmart_streams import tables
from freshmart_streams.domain import alerts, order_places, orders
from freshmart_streams.domain.alerts import alert_key
from freshmart_streams.domain.books import article_key, order_key
from freshmart_streams.domain.orders import Order
from freshmart_streams.domain.stock import Shelf, Stock, sold_on
from freshmart_streams.domain.store_days import DayFigures
from freshmart_streams.engine import Table
from freshmart_streams.events.reports import HOURS_PER_DAY

R = TypeVar("R")


class Law(StrEnum):
    """What is conserved."""

    ORDER_BALANCE = "order-balance"
    """Ordered = open + received + cancelled + short, open = on order + in transit, and nothing is below zero."""
    ORDER_PLACES = "order-places"
    """An order stands in the lists of its status."""
    ORDER_POSITION = "order-position"
    """An order of which something comes is known to its article."""
    STOCK_POSITION = "stock-position"
    """On order and in transit of an article are the sums over its orders."""
    STOCK_ALERTS = "stock-alerts"
    """Below zero means an open alert, and each open alert of an article has its row."""
    DAY_SUMS = "day-sums"
    """Net = gross − discounts = the sum of the hours = the sum of the categories; no figure without a receipt."""
    DAY_RECEIPTS = "day-receipts"
    """A day's figures are the sum of its receipts, as they are remembered beside their ids."""
    UNITS_SOLD = "units-sold"
    """What the receipts of a day sold of an article is what its demand counts for that day."""


class Finding(NamedTuple):
    """A law, looked at from one row; `trouble` is empty where it holds."""

    law: Law
    key: str
    trouble: str


class Rows(Protocol):
    """The committed rows of a partition."""

    def get(self, table: Table[R], key: str, /) -> R | None:
        """The row under this key, or None."""

    def scan(self, table: Table[R], prefix: str, /, after: str = "", limit: int = 100) -> list[tuple[str, R]]:
        """Rows whose key starts with `prefix` and is greater than `after`, in the order of their keys."""


def order_laws(rows: Rows, key: str, order: Order) -> Iterator[Finding]:
    """The laws of an order."""
    figures = orders.balance(order)
    parts = figures.open + figures.received + figures.cancelled + figures.short
    coming = figures.on_order + figures.in_transit
    is_whole = parts == figures.ordered and coming == figures.open and min(figures) >= 0
    yield Finding(Law.ORDER_BALANCE, key, "" if is_whole else f"{figures._asdict()}")
    lost = [place for place in order_places.places(order) if rows.get(tables.order_places, place) is None]
    yield Finding(Law.ORDER_PLACES, key, f"it is missing from {lost}" if lost else "")
    if any(orders.position(order)):
        article = rows.get(tables.stock, article_key(order.store_id, order.sku))
        is_known = article is not None and order.order_id in article.live_orders
        yield Finding(Law.ORDER_POSITION, key, "" if is_known else f"article {order.sku} does not know of it")


def article_laws(rows: Rows, key: str, stock: Stock) -> Iterator[Finding]:
    """The laws of an article in a store."""
    store_id, _, sku = key.partition("/")
    on_order = in_transit = 0
    for order_id in stock.live_orders:
        order = rows.get(tables.orders, order_key(store_id, order_id))
        if order is not None and order.sku == sku:
            own_on_order, own_in_transit = orders.position(order)
            on_order, in_transit = on_order + own_on_order, in_transit + own_in_transit
    kept, summed = (stock.on_order, stock.in_transit), (on_order, in_transit)
    trouble = "" if kept == summed else f"on order, in transit: {kept} in its row, {summed} over its orders"
    yield Finding(Law.STOCK_POSITION, key, trouble)
    yield Finding(Law.STOCK_ALERTS, key, _alert_trouble(rows, store_id, sku, stock))


def _alert_trouble(rows: Rows, store_id: str, sku: str, stock: Stock) -> str:
    if (stock.on_hand < 0) is not bool(stock.alerts & alerts.NEGATIVE_STOCK):
        return f"on hand is {stock.on_hand}, and the alert about stock below zero does not say so"
    if (stock.on_hand > 0) is not (stock.shelf is Shelf.FILLED):
        return f"on hand is {stock.on_hand}, and the shelf is said to be {stock.shelf.name.lower()}"
    said = [kind for kind, bit in alerts.BITS.items() if stock.alerts & bit]
    lost = [kind.value for kind in said if rows.get(tables.alerts, alert_key(store_id, sku, kind)) is None]
    return f"open alerts without a row: {lost}" if lost else ""


def day_laws(key: str, figures: DayFigures) -> Iterator[Finding]:
    """The laws of a store's day that need no other row."""
    net, by_hour, by_category = figures.net_sales, sum(figures.hourly), sum(figures.by_category.values())
    trouble = ""
    if not net == by_hour == by_category or len(figures.hourly) not in {0, HOURS_PER_DAY}:
        trouble = f"net is {net}, the sum of the hours {by_hour}, of the categories {by_category}"
    elif not 0 <= figures.receipts <= figures.lines or min(figures.returns, figures.waste_cost) < 0:
        trouble = f"receipts {figures.receipts}, lines {figures.lines}, returns {figures.returns}"
    elif not figures.receipts and (figures.lines or figures.gross_sales or figures.discounts or figures.returns):
        trouble = f"lines {figures.lines}, gross {figures.gross_sales}, without a receipt"
    yield Finding(Law.DAY_SUMS, key, trouble)


def day_sums(figures: DayFigures) -> tuple[object, ...]:
    """What receipts add to a day."""
    categories = {category: net for category, net in figures.by_category.items() if net}
    hours = figures.hourly or [0] * HOURS_PER_DAY
    plain = (figures.receipts, figures.lines, figures.gross_sales, figures.discounts, figures.returns)
    return (*plain, categories, hours)


def receipts_law(key: str, figures: DayFigures, summed: DayFigures) -> Finding:
    """A day's figures against the sum of the receipts that are remembered of it."""
    kept, expected = day_sums(figures), day_sums(summed)
    trouble = "" if kept == expected else f"kept {kept}, the sum of its receipts is {expected}"
    return Finding(Law.DAY_RECEIPTS, key, trouble)


def units_laws(rows: Rows, store_id: str, day: int, units: Mapping[str, int]) -> Iterator[Finding]:
    """What receipts sold on a day, by article, against what stock and demand count."""
    for sku, sold in units.items():
        key = article_key(store_id, sku)
        counted = sold_on(rows.get(tables.stock, key), rows.get(tables.demand, key), day)
        trouble = "" if counted == sold else f"{sold} sold by receipts, {counted} counted as demand of day {day}"
        yield Finding(Law.UNITS_SOLD, key, trouble)
