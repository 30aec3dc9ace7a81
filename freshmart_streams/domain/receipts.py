"""What a receipt did, kept beside its id, so that a void can take back exactly that.

Product data may change between a receipt and its void. Therefore the void does not compute anything again: it takes
back the lines' figures as they were booked, on the receipt's own day and hour, and its stock at the receipt's own time.
"""

import msgspec

from freshmart_streams.domain import money
from freshmart_streams.domain.store_days import UNKNOWN_CATEGORY, LineFigures
from freshmart_streams.domain.times import Instant
from freshmart_streams.events.master_data import Product, Unit
from freshmart_streams.events.receipts import ReceiptLine


class Seen(msgspec.Struct, array_like=True, gc=False):
    """That an event was applied, and what it did if it was a sale.

    Attributes:
        at: its event time.
        is_void: it was a void: it cannot be voided itself.
        is_voided: it was taken back, or never counted because its void came first; `lines` are empty then.
        day, hour: business day (ordinal) and local hour of a sale.
        lines: what was booked.
    """

    at: Instant
    is_void: bool = False
    is_voided: bool = False
    day: int = 0
    hour: int = 0
    lines: list[LineFigures] = []


class WaitingVoid(msgspec.Struct, array_like=True, gc=False):
    """A void that came before its receipt; kept under the receipt's id."""

    at: Instant
    receipt_id: str
    """The void's own id."""


def line_figures(line: ReceiptLine, product: Product | None) -> LineFigures:
    """Quantity, gross and discount of a receipt line, and the category it counts under.

    An article that nobody knows is sold by the piece and counts as `unknown`.
    """
    quantity, gross, category = line.quantity, line.amount, UNKNOWN_CATEGORY
    if product is not None and product.category:
        category = product.category
    if gross is None:
        gross = quantity * line.unit_price
        if product is not None and product.unit is not Unit.PIECE:
            gross = money.value(quantity, line.unit_price, product.unit)
    return LineFigures(line.sku, quantity, gross, line.discount, category)
