"""The rules of contracts.md that need neither state nor types: what msgspec cannot say about one event by itself.

Each `check_*` looks at an event whose types, ranges and enumerations already hold and raises `Invalid` with the JSON
path and what was expected there; never with a value. Receipts and movements are the hot path: one pass over the lines,
and one test for all ids together.
"""

from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple

from freshmart_streams.events.customers import CustomerEvent, CustomerKind
from freshmart_streams.events.dead_letters import Code, Invalid
from freshmart_streams.events.journal import JournalEntry
from freshmart_streams.events.movements import Movement, MovementKind, WasteReason
from freshmart_streams.events.receipts import Receipt, ReceiptKind, ReceiptLine
from freshmart_streams.events.values import GROSS_MAX, ID_LENGTH_MAX, QUANTITY_MAX, YEAR_MAX, YEAR_MIN

_ID_BYTES: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
_ID_EXPECTED: Final = "expected an id: A-Z a-z 0-9 . _ - only"
_YEARS_EXPECTED: Final = f"expected a year from {YEAR_MIN} to {YEAR_MAX}"


def is_id(text: str) -> bool:
    """Whether `text` has only the characters of an id; its length is checked by its type.

    Deleting the allowed bytes and finding nothing left is several times faster than a regular expression.
    """
    return not text.encode("utf-8", "replace").translate(None, _ID_BYTES)


def is_whole_id(text: str) -> bool:
    """Whether `text` is an id, its length included: for texts that no type has checked."""
    return 0 < len(text) <= ID_LENGTH_MAX and is_id(text)


def refuse(path: str, expected: str) -> Invalid:
    """Return the error for the place `path` (a JSON path) where something else was `expected`."""
    return Invalid(Code.INVALID, f"{path}: {expected}")


def check_ids(fields: Iterable[tuple[str, str | None]]) -> None:
    """Refuse the first of these (JSON path, id) that is not an id; None is no id and passes."""
    for path, text in fields:
        if text is not None and not is_id(text):
            raise refuse(path, _ID_EXPECTED)


def check_year(path: str, day: date | None) -> None:
    """Refuse a day or instant so far out that arithmetic with it could overflow."""
    if day is not None and not YEAR_MIN <= day.year <= YEAR_MAX:
        raise refuse(path, _YEARS_EXPECTED)


def check_receipt(receipt: Receipt) -> None:
    """Check a receipt: ids, time, what its kind needs, and each line's signs."""
    check_year("$.sold_at", receipt.sold_at)
    if receipt.kind is ReceiptKind.VOID:
        _check_void(receipt)
    elif not receipt.lines:
        raise refuse("$.lines", "expected at least one line")
    elif receipt.voids is not None:
        raise refuse("$.voids", "expected only in a receipt of kind `void`")
    texts = [receipt.receipt_id, receipt.store_id, receipt.till_id, receipt.customer_id, receipt.voids]
    for line in receipt.lines:
        quantity, amount = line.quantity, line.amount
        if quantity > 0:
            is_sign_wrong = line.discount < 0 or (amount is not None and amount < 0)
        else:
            is_sign_wrong = quantity == 0 or line.discount > 0 or (amount is not None and amount > 0)
        if is_sign_wrong or not -GROSS_MAX <= quantity * line.unit_price <= GROSS_MAX:
            raise _line_fault(f"$.lines[{receipt.lines.index(line)}]", line)
        texts.append(line.sku)
        texts.append(line.offer_id)
    if not is_id("".join(filter(None, texts))):
        raise _receipt_id_fault(receipt)


def _check_void(receipt: Receipt) -> None:
    if receipt.voids is None:
        raise refuse("$.voids", "expected the `receipt_id` that this receipt of kind `void` cancels")
    if receipt.voids == receipt.receipt_id:
        raise refuse("$.voids", "expected another receipt than the `void` itself")


def _line_fault(path: str, line: ReceiptLine) -> Invalid:
    if line.quantity == 0:
        return refuse(f"{path}.quantity", "expected another quantity than 0")
    if line.discount != 0 and (line.discount < 0) != (line.quantity < 0):
        return refuse(f"{path}.discount", "expected 0 or the sign of `quantity`")
    if abs(line.quantity * line.unit_price) > GROSS_MAX:
        return refuse(path, f"expected `quantity` times `unit_price` of at most {GROSS_MAX}")
    return refuse(f"{path}.amount", "expected 0 or the sign of `quantity`")


def _receipt_id_fault(receipt: Receipt) -> Invalid:
    fields = [
        (f"$.{name}", getattr(receipt, name)) for name in ("receipt_id", "store_id", "till_id", "customer_id", "voids")
    ]
    for place, line in enumerate(receipt.lines):
        fields += [(f"$.lines[{place}].sku", line.sku), (f"$.lines[{place}].offer_id", line.offer_id)]
    return _first_bad_id(fields)


def _first_bad_id(fields: Iterable[tuple[str, str | None]]) -> Invalid:
    path = next(path for path, text in fields if text is not None and not is_id(text))
    return refuse(path, _ID_EXPECTED)


class MovementRule(NamedTuple):
    """What one kind of movement needs."""

    quantity_min: int
    """Lowest quantity of a line, in base units."""
    needs: tuple[str, ...] = ()
    """Fields of the movement that must be there."""
    has_lines: bool = True
    """Whether it has at least one line, or none at all."""


MOVEMENT_RULES: Final[dict[MovementKind, MovementRule]] = {
    MovementKind.COUNT: MovementRule(0),
    MovementKind.DELIVERY: MovementRule(0),  # 0: nothing of it came, which closes an order
    MovementKind.WASTE: MovementRule(1),
    MovementKind.ADJUSTMENT: MovementRule(-QUANTITY_MAX),
    MovementKind.TRANSFER_OUT: MovementRule(1),
    MovementKind.TRANSFER_IN: MovementRule(1),
    MovementKind.ORDER_RESPONSE: MovementRule(0, ("order_id",)),  # 0: refused
    MovementKind.DISPATCH_ADVICE: MovementRule(0, ("order_id",)),
    MovementKind.ORDER_RELEASE: MovementRule(0, ("order_id", "actor", "reason")),  # 0: stopped
    MovementKind.LABEL_CONFIRMED: MovementRule(0, ("price_change_id",), has_lines=False),
}
_WASTE_REASONS: Final = frozenset(reason.value for reason in WasteReason)
_MOVEMENT_IDS: Final = ("event_id", "store_id", "order_id", "substitute_sku", "price_change_id")


def check_movement(movement: Movement) -> None:
    """Check a movement: ids, times, and what its kind needs (`MOVEMENT_RULES`)."""
    check_year("$.occurred_at", movement.occurred_at)
    check_year("$.deliver_by", movement.deliver_by)
    rule = MOVEMENT_RULES[movement.kind]
    for name in rule.needs:
        if not getattr(movement, name):
            raise refuse(f"$.{name}", f"expected in a movement of kind `{movement.kind.value}`")
    if bool(movement.lines) is not rule.has_lines:
        raise refuse("$.lines", "expected at least one line" if rule.has_lines else "expected no lines with this kind")
    if movement.kind is MovementKind.WASTE and movement.reason not in {None, *_WASTE_REASONS}:
        raise refuse("$.reason", f"expected one of {', '.join(sorted(_WASTE_REASONS))}")
    ids = [text for name in _MOVEMENT_IDS if (text := getattr(movement, name)) is not None]
    for place, line in enumerate(movement.lines):
        if line.quantity < rule.quantity_min:
            raise refuse(f"$.lines[{place}].quantity", f"expected at least {rule.quantity_min} with this kind")
        ids.append(line.sku)
    if not is_id("".join(ids)):
        fields = [(f"$.{name}", getattr(movement, name)) for name in _MOVEMENT_IDS]
        raise _first_bad_id(fields + [(f"$.lines[{place}].sku", line.sku) for place, line in enumerate(movement.lines)])


def check_customer(event: CustomerEvent) -> None:
    """Check a customer event: ids, time, and what its kind needs."""
    check_year("$.occurred_at", event.occurred_at)
    if event.kind is CustomerKind.CONSENT and event.purposes is None:
        raise refuse("$.purposes", "expected in an event of kind `consent`")
    if event.kind is CustomerKind.OFFER_REDEEMED and event.offer_id is None:
        raise refuse("$.offer_id", "expected in an event of kind `offer-redeemed`")
    check_ids((f"$.{name}", getattr(event, name)) for name in ("event_id", "customer_id", "home_store", "offer_id"))
    check_ids(("key in $.purposes", purpose) for purpose in event.purposes or ())


_SPAN_TYPES: Final = ([str, int], [str, int, int])


def check_journal_entry(entry: JournalEntry) -> None:
    """Check that each span is a topic and a next offset, for master data with the partition in between."""
    for place, span in enumerate(entry.spans):
        if [type(part) for part in span] not in _SPAN_TYPES:
            raise refuse(f"$.spans[{place}]", "expected topic and next offset, or topic, partition and next offset")
