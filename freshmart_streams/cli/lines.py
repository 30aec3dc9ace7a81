"""Decisions as lines for a shop person: when, where, what, how much for when, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from freshmart_streams.cli.messages import Texts
from freshmart_streams.events.alerts import Alert, AlertStatus
from freshmart_streams.events.decisions import Reorder
from freshmart_streams.events.master_data import Product, Unit
from freshmart_streams.events.values import Mode

STORE_WIDTH: Final = 15
ARTICLE_WIDTH: Final = 28
AMOUNT_WIDTH: Final = 40

_GRAMS_PER_KILOGRAM: Final = 1000


class Lines:
    """Writes lines in one language, with names for the ids of the decisions; an unknown id stands for itself."""

    def __init__(self, texts: Texts, *, stores: Mapping[str, str], products: Mapping[str, Product]) -> None:
        self._texts = texts
        self._stores = stores
        self._products = products

    def reorder(self, order: Reorder) -> str:
        """Write an order, a change of it, or its cancellation."""
        unit = self._unit(order.sku)
        day = self._day(order.deliver_by)
        if order.quantity == 0:
            amount = self._texts.order_cancelled.format(day=day)
        else:
            text = self._texts.order_changed if order.revision else self._texts.order
            amount = text.format(amount=self._amount(order, unit), day=day)
        mode = {Mode.SHADOW: self._texts.trial, Mode.ADVISE: self._texts.proposal}.get(order.mode, "")
        stock = self._texts.stock.format(
            on_hand=self._quantity(order.reason.on_hand, unit),
            expected=self._quantity(round(sum(order.reason.forecast)), unit),
        )
        said = f"{amount} {mode}".rstrip()
        return f"{self._start(order.ordered_at, order.store_id, order.sku)}  {said:<{AMOUNT_WIDTH}} - {stock}"

    def alert(self, alert: Alert) -> str:
        """Write an alert, or that it is settled."""
        text = self._texts.alert if alert.status is AlertStatus.OPEN else self._texts.alert_closed
        what = text.format(what=self._texts.alerts[alert.kind])
        return f"{self._start(alert.at, alert.store_id, alert.sku or '')}  {what}"

    def _start(self, at: datetime, store_id: str, sku: str) -> str:
        product = self._products.get(sku)
        article = sku if product is None or product.name is None else product.name
        store = self._stores.get(store_id, store_id)
        return f"{self._day(at)} {at:%H:%M}  {_fit(store, STORE_WIDTH)}  {_fit(article, ARTICLE_WIDTH)}"

    def _amount(self, order: Reorder, unit: Unit) -> str:
        whole = self._quantity(order.quantity, unit, is_named=True)
        if order.packs == order.quantity:  # packs of one piece say nothing
            return whole
        return f"{order.packs} {self._texts.pack[order.packs != 1]} ({whole})"

    def _quantity(self, quantity: int, unit: Unit, *, is_named: bool = False) -> str:
        if unit is Unit.GRAM:
            kilograms = f"{quantity / _GRAMS_PER_KILOGRAM:.1f}".removesuffix(".0")
            return kilograms.replace(".", self._texts.decimal_point) + " kg"
        return f"{quantity} {self._texts.piece[quantity != 1]}" if is_named else str(quantity)

    def _unit(self, sku: str) -> Unit:
        product = self._products.get(sku)
        return Unit.PIECE if product is None else product.unit

    def _day(self, day: date) -> str:
        return f"{self._texts.weekdays[day.weekday()]} {day.strftime(self._texts.day)}"


def _fit(text: str, width: int) -> str:
    """Pad a text to a width, or cut it there."""
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"
