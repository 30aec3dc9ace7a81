"""What becomes of a store's prices: regular ones are taken in, and decided ones wait for their label and then hold.

A row is brought up to date when something happens to the article in the store, so that a new regular price costs one
row per partition and not one per store. Of each row at most two decisions are known by their ids: the one that waits
for its label, and the one in force (its label may be confirmed twice).
"""

from freshmart_streams.domain import alerts, prices
from freshmart_streams.domain.books import Books, KnownProduct, Moment, article_key, partition_clock
from freshmart_streams.domain.money import Cents
from freshmart_streams.domain.prices import AwaitedPrice, PriceLabel, Prices
from freshmart_streams.events.alerts import AlertKind


def keep_up(moment: Moment, sku: str) -> Prices:
    """The prices of an article in the store, with its regular prices taken in; stored if that changed them."""
    books = moment.books
    row = books.prices.get(article_key(moment.store.store_id, sku)) or Prices()
    regular, known = books.regular_prices.get(sku), _ids(row)
    if regular is not None and prices.take_regular(row, regular, moment.clock):
        _store(moment, sku, row, known)
    return row


def await_label(moment: Moment, sku: str, awaited: AwaitedPrice) -> None:
    """A price was decided: it holds once its label is confirmed. One that still waits is given up for it."""
    row = keep_up(moment, sku)
    known = _ids(row)
    row.awaited = awaited
    _store(moment, sku, row, known)


def confirm_label(moment: Moment, price_change_id: str) -> None:
    """A shelf label shows the price of a decision; again, for one in force, that is no news.

    An id that nobody knows (any more) is told as that of an unknown order is. It names no article, so the alert is
    about the store.
    """
    label = moment.books.price_labels.get(f"{moment.store.store_id}/{price_change_id}")
    if label is None:
        details: alerts.Details = {"price_change_id": price_change_id}
        message = "A label was confirmed for a price change that nobody knows."
        alerts.raise_for_store(moment, AlertKind.ORDER_CONFLICT, message, details)
        return
    row = keep_up(moment, label.sku)
    known = _ids(row)
    if row.awaited is not None and row.awaited.price_change_id == price_change_id:
        prices.confirm_label(row, moment.at, moment.clock)
        _store(moment, label.sku, row, known)


def forget_regular(books: Books, sku: str) -> None:
    """Drop the history of an article that was deleted, once no prior price can depend on it any more."""
    regular = books.regular_prices.get(sku)
    is_over = regular is not None and partition_clock(books).at >= regular.changed_at + prices.KEPT
    if is_over and books.products.get(sku) is None:
        books.regular_prices.delete(sku)


def price_in_force(row: Prices | None, known: KnownProduct | None) -> Cents | None:
    """What an article costs in a store, in cents.

    Args:
        row: its prices there; None where nothing happened to it yet.
        known: its master data. A regular price that the row has not taken in yet is in force all the same.
    """
    if known is None:
        return None
    return known.product.price if row is None or row.regular_at < known.priced_at else row.price


def _ids(row: Prices) -> set[str]:
    """The decisions that a label may be confirmed for."""
    awaited = "" if row.awaited is None else row.awaited.price_change_id
    return {awaited, row.price_change_id} - {""}


def _store(moment: Moment, sku: str, row: Prices, known: set[str]) -> None:
    """Store a row that changed; `known` are the decisions known by their ids before."""
    books, store_id = moment.books, moment.store.store_id
    now_known = _ids(row)
    for price_change_id in sorted(known - now_known):
        books.price_labels.delete(f"{store_id}/{price_change_id}")
    for price_change_id in sorted(now_known - known):
        books.price_labels[f"{store_id}/{price_change_id}"] = PriceLabel(sku)
    books.prices[article_key(store_id, sku)] = row
