"""What receipts and voids do to stock, demand and figures.

A receipt counts on the business day and in the local hour it was sold in, and leaves its effect beside its id. A void
takes exactly that effect back. One that comes before its receipt waits; the receipt then counts as seen and does
nothing, which is what the two do together in the other order.
"""

from freshmart_streams.domain import (
    alerts,
    articles,
    forecast,
    ledger,
    lots,
    phantom,
    receipts,
    reporting,
    stock,
    store_days,
    times,
)
from freshmart_streams.domain.books import Books, KnownProduct, Moment, article_key, partition_clock
from freshmart_streams.domain.clocks import Clock, seen_day, seen_key
from freshmart_streams.domain.forecast import Demand
from freshmart_streams.domain.receipts import Seen, WaitingVoid
from freshmart_streams.domain.stock import Stock, StockHead
from freshmart_streams.domain.store_days import LineFigures
from freshmart_streams.domain.times import Instant
from freshmart_streams.events.alerts import AlertKind
from freshmart_streams.events.receipts import Receipt

MARK = "s"
"""Tells ids of receipts from ids of other topics."""


def apply_sale(moment: Moment, receipt: Receipt) -> Seen:
    """Book a receipt of kind `sale`; returns what it did, to be kept under its id.

    The hottest loop there is: mostly a line finds its article calm (`reordering.calm`), and is done with a comparison.
    """
    books, store_id, at, clock = moment.books, moment.store.store_id, moment.at, moment.clock
    if _meets_waiting_void(moment, receipt.receipt_id):
        return Seen(at, is_voided=True)
    day, second = times.local(at, moment.zone)
    is_today, hour = day == moment.today, second // times.SECONDS_PER_HOUR
    master_version, prefix = partition_clock(books).master_version, article_key(store_id, "")
    skus = [line.sku for line in receipt.lines]
    keys = [prefix + sku for sku in skus]
    lines: list[LineFigures] = []
    calm: dict[str, StockHead] = {}
    changes: dict[int, bytes] = {}
    touched: dict[str, tuple[Stock, KnownProduct | None]] = {}
    for line, key, head, known in zip(
        receipt.lines, keys, books.stock_heads.heads(keys), books.products.get_all(skus), strict=True
    ):
        quantity = line.quantity
        lines.append(receipts.line_figures(line, None if known is None else known.product))
        if (
            head is not None
            and clock < head.calm_until
            and head.on_hand - quantity > head.calm_above
            and quantity > 0
            and line.expires_on is None
            and is_today
            and at > head.counted_at
            and known is not None
            and head.levels_version == known.version + master_version
            and line.sku not in touched
            and (head.sold_day == day or stock.begin_day(head, day))
        ):
            change = changes.get(quantity)
            if change is None:
                change = changes[quantity] = ledger.packed(at, -quantity, clock)
            ledger.apply_packed(head, -quantity, change, clock)
            head.sold += quantity
            head.changed_at = clock
            calm[key] = head
            continue
        sku = line.sku
        if sku not in touched:
            touched[sku] = books.stock.get(key) or Stock(), known
            calm.pop(key, None)  # its head was opened just now
        row = touched[sku][0]
        _sell(moment, row, sku, day, at, quantity)
        if line.expires_on is not None:
            row.lots = lots.sold(row.lots, last_day=line.expires_on.toordinal(), units=quantity)
    books.stock_heads.keep_all(calm)
    figures = reporting.figures_of(moment, day)
    store_days.apply_receipt(figures, hour, lines)
    reporting.mark_day_changed(moment, day, figures)
    for sku, (row, known) in touched.items():
        articles.settle_article(moment, sku, row, known, "sale")
    return Seen(at, day=day, hour=hour, lines=lines)


def apply_idle(moment: Moment, receipt: Receipt) -> Seen:
    """A receipt of a kind that moves nothing but the clock; a void of it has nothing to take back."""
    return Seen(moment.at, is_voided=_meets_waiting_void(moment, receipt.receipt_id))


def is_void_of_void(books: Books, store_id: str, receipt: Receipt) -> bool:
    """Whether a receipt names a void as the one it cancels, which is invalid."""
    found = None if receipt.voids is None else _find(books, store_id, receipt.voids)
    return found is not None and found[1].is_void


def apply_void(moment: Moment, receipt: Receipt) -> Seen:
    """Take back what the receipt named in `voids` did, or wait for it; returns what to keep under the void's own id.

    It must not name a void (`is_void_of_void`).
    """
    voided_id = receipt.voids or ""
    found = _find(moment.books, moment.store.store_id, voided_id)
    if found is None:
        _wait(moment, receipt.receipt_id, voided_id)
        return Seen(moment.at, is_void=True)
    key, seen = found
    if not seen.is_voided:
        lines, seen.lines, seen.is_voided = seen.lines, [], True
        moment.books.seen[key] = seen
        _take_back(moment, seen, lines)
    return Seen(moment.at, is_void=True)


def give_up_void(moment: Moment, voided_id: str) -> None:
    """A waiting void never met its receipt: by now it would be too late. Tell a person."""
    key = f"{moment.store.store_id}/{voided_id}"
    waiting = moment.books.waiting_voids.get(key)
    if waiting is None or moment.clock < _waits_until(moment, waiting.at):
        return
    moment.books.waiting_voids.delete(key)
    _count_waiting(moment, -1)
    details = {"receipt_id": waiting.receipt_id, "voids": voided_id}
    message = "A void names a receipt that never came."
    alerts.raise_for_store(moment, AlertKind.VOID_WITHOUT_RECEIPT, message, details)


def _sell(moment: Moment, row: Stock, sku: str, day: int, at: Instant, quantity: int) -> None:
    ledger.apply_change(row, at, -quantity, moment.clock)
    if quantity > 0:
        phantom.close(moment, sku, row, "It was sold.")
    if day < moment.today:
        stock.note_history_change(row)
    if not stock.apply_sold(row, day, quantity):
        key = article_key(moment.store.store_id, sku)
        demand = moment.books.demand.get(key) or Demand()
        forecast.apply_sale(demand, day=day, units=quantity)
        moment.books.demand[key] = demand


def _take_back(moment: Moment, seen: Seen, lines: list[LineFigures]) -> None:
    if not lines:
        return  # a receipt of another kind than `sale`: it did nothing
    books, store_id = moment.books, moment.store.store_id
    touched: dict[str, Stock] = {}
    for line in lines:
        sku = line.sku
        row = touched.get(sku)
        if row is None:
            row = touched[sku] = books.stock.get(article_key(store_id, sku)) or Stock()
        _sell(moment, row, sku, seen.day, seen.at, -line.quantity)
    figures = reporting.figures_of(moment, seen.day)
    store_days.apply_receipt(figures, seen.hour, lines, sign=-1)
    reporting.mark_day_changed(moment, seen.day, figures)
    for sku, row in touched.items():
        articles.settle_article(moment, sku, row, books.products.get(sku), "void")


def _find(books: Books, store_id: str, receipt_id: str) -> tuple[str, Seen] | None:
    """The receipt of this id, newest day first: a void mostly follows its receipt within minutes."""
    own = books.clocks.get(store_id)
    for day in () if own is None else sorted(own.seen_days, reverse=True):
        key = seen_key(store_id, day, MARK, receipt_id)
        seen = books.seen.get(key)
        if seen is not None:
            return key, seen
    return None


def _wait(moment: Moment, receipt_id: str, voided_id: str) -> None:
    key = f"{moment.store.store_id}/{voided_id}"
    if moment.books.waiting_voids.get(key) is not None:
        return  # a second void of one receipt does nothing
    moment.books.waiting_voids[key] = WaitingVoid(moment.at, receipt_id)
    _count_waiting(moment, +1)
    moment.books.schedule(moment.store.store_id, _waits_until(moment, moment.at), f"void/{voided_id}")


def _waits_until(moment: Moment, at: Instant) -> Instant:
    """When a receipt of the void's own day would be too late for certain."""
    return (seen_day(at) + 1 + moment.books.dedupe_days) * times.DAY


def _meets_waiting_void(moment: Moment, receipt_id: str) -> bool:
    own = moment.books.clocks.get(moment.store.store_id)
    if own is None or not own.waiting_voids:
        return False
    key = f"{moment.store.store_id}/{receipt_id}"
    if moment.books.waiting_voids.get(key) is None:
        return False
    moment.books.waiting_voids.delete(key)
    _count_waiting(moment, -1)
    return True


def _count_waiting(moment: Moment, by: int) -> None:
    store_id = moment.store.store_id
    own = moment.books.clocks.get(store_id) or Clock()
    own.waiting_voids += by
    moment.books.clocks[store_id] = own
