"""Master data: articles, stores and policies, as every partition takes them in.

Reads `products`, `stores`, `policies`. Keeps tables of the same names, regular_prices, and closes alerts about articles
that nobody knew. Writes `alerts` and, from partition 0 only, `dead-letters`.

A row is in force for the next decision and triggers none by itself.
"""

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from freshmart_streams.domain import articles, deliveries, due_work, prices, times
from freshmart_streams.domain.books import KnownProduct, KnownStore, Moment, partition_clock, store_clock
from freshmart_streams.domain.money import Cents
from freshmart_streams.domain.prices import RegularPrices
from freshmart_streams.domain.times import Instant
from freshmart_streams.engine import Batch, Record
from freshmart_streams.events import codec
from freshmart_streams.events.dead_letters import Invalid
from freshmart_streams.events.reading import Deleted
from freshmart_streams.tables.books import PARTITION_SCOPE, Books, Shop, books_of

E = TypeVar("E", bound=Struct)


def keep_products(shop: Shop, record: Record, batch: Batch) -> None:
    """Put an article's row in force, or take it out."""
    books = books_of(shop, batch)
    row = _read(books, record, codec.read_product)
    if row is None:
        return
    at = times.from_milliseconds(record.timestamp)
    if isinstance(row, Deleted):
        _forget_product(books, row.ids[0], at)
        return
    was = books.products.get(row.sku)
    priced_at = _keep_price(books, row.sku, row.price, at)
    books.products[row.sku] = KnownProduct(row, 0 if was is None else was.version + 1, priced_at)
    if was is None:
        _close_unknown(books, record, row.sku)


def keep_stores(shop: Shop, record: Record, batch: Batch) -> None:
    """Put a store's row in force; a deleted store takes no new events."""
    books = books_of(shop, batch)
    row = _read(books, record, codec.read_store)
    if row is None:
        return
    if isinstance(row, Deleted):
        known = books.stores.get(row.ids[0])
        if known is not None:
            known.is_deleted = True
            books.stores[row.ids[0]] = known
    else:
        books.stores[row.store_id] = KnownStore(row)
        clock = store_clock(books, row.store_id)
        deliveries.apply_store(Moment(books, row, clock, clock, record.topic, record.offset))
    _count_version(books)


def keep_policies(shop: Shop, record: Record, batch: Batch) -> None:
    """Put a planner's row in force, or take it out."""
    books = books_of(shop, batch)
    row = _read(books, record, codec.read_policy)
    if row is None:
        return
    if isinstance(row, Deleted):
        books.policies.delete("/".join(row.ids))
    else:
        books.policies[f"{row.store_id}/{row.sku}"] = row
    _count_version(books)


def _read(books: Books, record: Record, reader: Callable[[bytes | None, bytes | None], E]) -> E | None:
    """The row of a message; None when it was none. Its dead letter comes once, though every partition reads it."""
    try:
        return reader(record.key, record.value)
    except Invalid as error:
        if books.partition == 0:
            books.bury(record, error.code, error.message)
        return None


def _forget_product(books: Books, sku: str, at: Instant) -> None:
    """Take an article out; the sum of its version and the partition's must not go back: old levels would hold again."""
    was = books.products.get(sku)
    if was is not None:
        books.products.delete(sku)
        _count_version(books, was.version + 1)
        if ended_at := _keep_price(books, sku, None, at):
            books.schedule(PARTITION_SCOPE, ended_at + prices.KEPT, f"{due_work.REGULAR_PRICE}/{sku}")


def _count_version(books: Books, by: int = 1) -> None:
    progress = partition_clock(books)
    progress.master_version += by
    books.partition_clock[""] = progress


def _keep_price(books: Books, sku: str, price: Cents | None, at: Instant) -> Instant:
    """Put a regular price in force, None for none; when it changed last, 0 for never."""
    history = books.regular_prices.get(sku) or RegularPrices()
    if prices.apply_price(history, at, price):
        books.regular_prices[sku] = history
    return history.changed_at


def _close_unknown(books: Books, record: Record, sku: str) -> None:
    """The article appeared: close the alerts of the stores that sold it unknown, a few at a time."""
    prefix = f"{sku}/"
    while found := books.unknown_articles.scan(prefix, limit=100):
        for key, _ in found:
            store_id = key.removeprefix(prefix)
            known = books.stores.get(store_id)
            if known is None:
                books.unknown_articles.delete(key)
                continue
            clock = store_clock(books, store_id)
            moment = Moment(books, known.store, clock, clock, record.topic, record.offset)
            articles.close_unknown(moment, sku)
