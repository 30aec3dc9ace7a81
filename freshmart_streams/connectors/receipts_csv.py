"""The receipts CSV of the completejourney data: one row per receipt line, times in UTC.

`basket_id` is the receipt, `household_id` the customer, `product_id` the article. Shelf price is
(sales_value + retail_disc + coupon_match_disc) / quantity and the discount retail_disc + coupon_match_disc, computed in
exact decimals. A price that is no whole number of cents travels with the line's gross as `amount`.

Rows of one basket share one time and one receipt; baskets of the same time may be mixed. A basket that comes again
after another time has begun is reported and not sent: sent, it would count as a repetition of the first part. A basket
with a row that cannot be read is reported and not sent as a whole, as a receipt is taken whole or not at all.
Quantities of 0 travel: the application says what is wrong with such a receipt.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final

import msgspec

from freshmart_streams.connectors import tables
from freshmart_streams.connectors.items import Item, Report, ZoneOf
from freshmart_streams.connectors.source import Source
from freshmart_streams.connectors.tables import Row
from freshmart_streams.domain import money, times
from freshmart_streams.events.receipts import Receipt, ReceiptLine

COLUMNS: Final = frozenset(
    {"transaction_timestamp", "store_id", "basket_id", "household_id", "product_id", "quantity"}
    | {"sales_value", "retail_disc", "coupon_match_disc"}
)
"""A file whose header line names all of these is read here; other columns do not matter."""

_REMEMBERED_BASKETS: Final = 200_000
_CENTS: Final = Decimal(100)


@dataclass(slots=True)
class _Basket:
    sold_at: datetime
    customer_id: str | None
    lines: list[ReceiptLine] = field(default_factory=list)
    place: str = ""
    trouble: str = ""


class _BadRow(Exception):
    """A row that is no receipt line; the message says why."""


def read(source: Source, zone_of: ZoneOf, report: Report) -> Iterator[Item]:
    """Yield the receipts of a file in its order; `zone_of` is not asked, the times are UTC."""
    del zone_of
    open_baskets: dict[tuple[str, str], _Basket] = {}
    finished = _Finished()
    time = ""
    for row in tables.rows(source, report):
        if row.cells["transaction_timestamp"] != time:
            yield from _close(open_baskets, finished, report)
            time = row.cells["transaction_timestamp"]
        key = (row.cells["store_id"], row.cells["basket_id"])
        if key in finished:
            report(row.place, f"basket {key[1]} comes again: the rows of a basket must share one time")
        else:
            _add(open_baskets, key, row)
    yield from _close(open_baskets, finished, report)


class _Finished:
    """The last baskets that were sent; bounded, so a basket may come again unseen after 200,000 others."""

    def __init__(self) -> None:
        self._order: deque[tuple[str, str]] = deque()
        self._keys: set[tuple[str, str]] = set()

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._keys

    def add(self, key: tuple[str, str]) -> None:
        self._keys.add(key)
        self._order.append(key)
        if len(self._order) > _REMEMBERED_BASKETS:
            self._keys.discard(self._order.popleft())


def _add(open_baskets: dict[tuple[str, str], _Basket], key: tuple[str, str], row: Row) -> None:
    basket = open_baskets.get(key)
    if basket is None:
        basket = open_baskets[key] = _Basket(datetime.min.replace(tzinfo=UTC), row.cells["household_id"] or None)
    basket.place = basket.place or row.place
    try:
        basket.sold_at = _time(row.cells["transaction_timestamp"])
        basket.lines.append(_line(row.cells))
    except _BadRow as error:
        basket.place, basket.trouble = row.place, str(error)


def _close(open_baskets: dict[tuple[str, str], _Basket], finished: _Finished, report: Report) -> Iterator[Item]:
    for (store_id, basket_id), basket in open_baskets.items():
        finished.add((store_id, basket_id))
        if basket.trouble or not store_id:
            report(basket.place, f"basket {basket_id} not sent: {basket.trouble or 'no store_id'}")
            continue
        receipt = Receipt(
            receipt_id=basket_id,
            store_id=store_id,
            sold_at=basket.sold_at,
            customer_id=basket.customer_id,
            lines=tuple(basket.lines),
        )
        value, at = msgspec.json.encode(receipt), times.from_datetime(basket.sold_at)
        yield Item("sales", store_id, value, basket.place, at, store_id, lines=len(basket.lines))
    open_baskets.clear()


def _line(cells: dict[str, str]) -> ReceiptLine:
    quantity = _whole(cells["quantity"])
    discount = _cents(cells, "retail_disc") + _cents(cells, "coupon_match_disc")
    gross = _cents(cells, "sales_value") + discount
    discount_cents, gross_cents = _round(discount), _round(gross)
    unit_price = money.divide_half_up(gross_cents * (-1 if quantity < 0 else 1), abs(quantity) or 1)
    return ReceiptLine(
        sku=cells["product_id"],
        quantity=quantity,
        unit_price=unit_price,
        discount=discount_cents,
        amount=None if unit_price * quantity == gross_cents or quantity == 0 else gross_cents,
    )


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _BadRow(f"transaction_timestamp is no time: {text!r}") from None
    return at.replace(tzinfo=UTC) if at.utcoffset() is None else at


def _whole(text: str) -> int:
    value = _decimal("quantity", text)
    if value != value.to_integral_value():
        raise _BadRow(f"quantity is not whole: {text!r}")
    return int(value)


def _cents(cells: dict[str, str], column: str) -> Decimal:
    return _decimal(column, cells[column]) * _CENTS


def _decimal(column: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value.adjusted() > _DIGITS_MAX:
        raise _BadRow(f"{column} is no number: {text!r}")
    return value


_DIGITS_MAX: Final = 15
"""Digits before the point that a number may have: more is no price and no quantity."""


def _round(cents: Decimal) -> int:
    return int(cents.to_integral_value(ROUND_HALF_UP))
