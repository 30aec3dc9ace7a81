"""What follows from a change of an article's row, once per message: alerts, the stock-out count, the reorder decision.

A message changes the rows of its articles first, line by line, and every touched article is looked at once afterwards.
So a receipt that names an article twice is one change of its stock, not two.
"""

from freshmart_streams.domain import alerts, booking, phantom, pricing, reordering, reporting, stock
from freshmart_streams.domain.books import KnownProduct, Mark, Moment, article_key
from freshmart_streams.domain.clocks import Clock
from freshmart_streams.domain.forecast import Demand
from freshmart_streams.domain.stock import Shelf, Stock
from freshmart_streams.events.alerts import AlertKind

_MARK = Mark()


def settle_article(moment: Moment, sku: str, row: Stock, known: KnownProduct | None, trigger: str) -> None:
    """Draw the conclusions of what changed in an article's row, then store it."""
    on_hand = row.on_hand
    if (on_hand < 0) is not bool(row.alerts & alerts.NEGATIVE_STOCK):
        _watch_negative(moment, sku, row)
    if (known is None) is not bool(row.alerts & alerts.UNKNOWN_SKU):
        _watch_unknown(moment, sku, row, is_unknown=known is None)
    if (on_hand > 0) is not (row.shelf is Shelf.FILLED):
        _watch_stock_out(moment, row)
        if on_hand <= 0:
            phantom.close(moment, sku, row, "Nothing is on hand.")
    if stock.may_have_been_out(row, moment.today):
        _note_missing(moment, sku, row)
    if known is not None and row.priced_at != known.priced_at:
        pricing.keep_up(moment, sku)
        row.priced_at = known.priced_at
    row.calm_until = 0
    if known is not None:
        step = row.step_until
        reordering.reconsider(moment, row, known, trigger)
        row.calm_until, row.calm_above = reordering.calm(moment, row, known)
        # Once per step of learning, for a plan costs as much as a decision; and when a suspicion was removed.
        if row.doubt_at < 0 or (not row.doubt_at and row.step_until != step):
            phantom.plan_look(moment, sku, row, known.product)
    else:
        reordering.keep_history(moment, row, sku)
        if row.open_order and moment.clock >= row.open_until:
            booking.settle_open(moment, row)
    row.changed_at = moment.clock
    moment.books.stock[article_key(moment.store.store_id, sku)] = row


def _note_missing(moment: Moment, sku: str, row: Stock) -> None:
    key = article_key(moment.store.store_id, sku)
    demand = moment.books.demand.get(key) or Demand()
    if stock.note_missing(row, demand, calendar=moment.calendar, today=moment.today):
        moment.books.demand[key] = demand


def close_unknown(moment: Moment, sku: str) -> None:
    """The product appeared: the alert about it in this store has no cause any more."""
    key = article_key(moment.store.store_id, sku)
    row = moment.books.stock.get(key)
    if row is not None:
        _watch_unknown(moment, sku, row, is_unknown=False)
        row.changed_at = moment.clock
        moment.books.stock[key] = row


def _watch_negative(moment: Moment, sku: str, row: Stock) -> None:
    if row.on_hand < 0:
        message = f"Stock on hand is {row.on_hand}: please count."
        alerts.open_for_article(moment, row, sku, AlertKind.NEGATIVE_STOCK, message, {"on_hand": row.on_hand})
    else:
        message = f"Stock on hand is {row.on_hand}."
        alerts.close_for_article(moment, row, sku, AlertKind.NEGATIVE_STOCK, message)


def _watch_unknown(moment: Moment, sku: str, row: Stock, *, is_unknown: bool) -> None:
    key = f"{sku}/{moment.store.store_id}"
    if is_unknown:
        message = "Nobody knows this article: it counts in figures and stock, but is not ordered."
        alerts.open_for_article(moment, row, sku, AlertKind.UNKNOWN_SKU, message, {})
        moment.books.unknown_articles[key] = _MARK
    else:
        alerts.close_for_article(moment, row, sku, AlertKind.UNKNOWN_SKU, "The product is known now.")
        moment.books.unknown_articles.delete(key)


def _watch_stock_out(moment: Moment, row: Stock) -> None:
    """Count an article that ran out, once a day; one that never was there did not run out."""
    store_id, today = moment.store.store_id, moment.today
    own = moment.books.clocks.get(store_id) or Clock()
    if row.on_hand > 0:
        if row.shelf is Shelf.OUT:
            own.out_of_stock -= 1
            row.out_day = today
        row.shelf = Shelf.FILLED
    else:
        if row.out_day != today:
            row.out_day = today
            figures = reporting.figures_of(moment, today)
            figures.stockout_skus += 1
            reporting.mark_day_changed(moment, today, figures)
        own.out_of_stock += 1
        row.shelf = Shelf.OUT
    moment.books.clocks[store_id] = own
