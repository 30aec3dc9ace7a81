"""`sales`: what tills report (contracts.md section 3)."""

from enum import StrEnum

from msgspec import Struct

from freshmart_streams.events.values import Amount, CustomerId, Day, Id, Price, Sku, SoldQuantity, StoreId, Text, Time


class ReceiptKind(StrEnum):
    """What a receipt stands for; only `sale` and `void` move stock, demand and figures."""

    SALE = "sale"
    VOID = "void"
    TRAINING = "training"
    ABORTED = "aborted"
    ORDER = "order"
    TRANSFER = "transfer"


class ReceiptLine(Struct, frozen=True, omit_defaults=True, gc=False):
    """One article of a receipt.

    `quantity` is in base units (below zero a return), `unit_price` in cents per piece or per 1,000 g. `discount` is the
    line's total in cents with the sign of `quantity`, or 0. `amount`, where given, is the line's gross in cents as
    printed and counts instead of quantity times unit price.
    """

    sku: Sku
    quantity: SoldQuantity
    unit_price: Price
    discount: Amount = 0
    amount: Amount | None = None
    expires_on: Day | None = None
    lot: Text | None = None
    offer_id: Id | None = None


class Receipt(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A receipt as a till printed it; `receipt_id` is unique per store.

    A `void` names the receipt it takes back in `voids`; every other kind has at least one line.
    `customer_id` is a pseudonymous loyalty token.
    """

    receipt_id: Id
    store_id: StoreId
    till_id: Id | None = None
    kind: ReceiptKind = ReceiptKind.SALE
    voids: Id | None = None
    sold_at: Time
    customer_id: CustomerId | None = None
    lines: tuple[ReceiptLine, ...] = ()
