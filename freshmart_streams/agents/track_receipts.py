"""Receipts: what tills sold, and voids of it.

Reads `sales`. Keeps clocks, seen, waiting_voids, stock, demand, prices, orders, store_days, alerts. Writes
`reorders`, `alerts`, `store-days` (when the clock passes a full hour) and `dead-letters`.
"""

from freshmart_streams.domain import selling, times
from freshmart_streams.domain.books import Moment
from freshmart_streams.domain.clocks import seen_day, seen_key
from freshmart_streams.domain.receipts import Seen
from freshmart_streams.engine import Batch, Record
from freshmart_streams.events import codec
from freshmart_streams.events.dead_letters import Code
from freshmart_streams.events.receipts import Receipt, ReceiptKind
from freshmart_streams.tables.books import Shop, books_of


def track_receipts(shop: Shop, record: Record, batch: Batch) -> None:
    """Take a receipt in, once."""
    books = books_of(shop, batch)
    receipt = books.read(record, codec.read_receipt)
    if receipt is None:
        return
    at = times.from_datetime(receipt.sold_at)
    moment = books.open_moment(record, receipt.store_id, at)
    if moment is None:
        return
    day = seen_day(at)
    key = seen_key(receipt.store_id, day, selling.MARK, receipt.receipt_id)
    if books.seen.get(key) is not None:
        return
    if selling.is_void_of_void(books, receipt.store_id, receipt):
        books.bury(record, Code.INVALID, "$.voids: expected a receipt that is no void itself")
        return
    if receipt.kind is ReceiptKind.SALE:
        books.await_articles([line.sku for line in receipt.lines])
    books.pass_moment(moment, day, is_receipt=True)
    books.seen[key] = _apply(moment, receipt)
    batch.advance(receipt.store_id, moment.clock)


def _apply(moment: Moment, receipt: Receipt) -> Seen:
    if receipt.kind is ReceiptKind.SALE:
        return selling.apply_sale(moment, receipt)
    if receipt.kind is ReceiptKind.VOID:
        return selling.apply_void(moment, receipt)
    return selling.apply_idle(moment, receipt)
