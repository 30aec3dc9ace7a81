"""Orders, as people and the supplier's side look at them."""

import datetime
from collections.abc import Collection

from freshmart_streams import tables
from freshmart_streams.domain import (
    order_places,
    times,
)
from freshmart_streams.domain import orders as order_rules
from freshmart_streams.domain.books import Mark
from freshmart_streams.domain.orders import Order
from freshmart_streams.events.decisions import OrderStatus
from freshmart_streams.events.master_data import Product, Unit
from freshmart_streams.web.context import View
from freshmart_streams.web.lists import Shown
from freshmart_streams.web.presenters.lookups import AnyListing, LookUp, listing
from freshmart_streams.web.schema import (
    OrderView,
)


def orders(statuses: Collection[str]) -> AnyListing:
    """Orders that stand like this (empty: anyhow), the newest decision first.

    Read by their places (`domain.order_places`), so that a page costs what it shows, whatever is asked for. An order
    that is decided anew while somebody pages is at the top then, and comes with the next look at the first page.
    """
    look_up = LookUp()
    wanted = [status for status in OrderStatus if not statuses or status.value in statuses]

    def show(view: View, place: str, _: Mark) -> Shown | None:
        row = view.get(tables.orders, order_places.row_of(place))
        if row is None:
            return None
        zone = look_up.zone(view, row.store_id)
        shown = _order(row, look_up.product(view, row.sku), zone)
        changed_at = max(
            row.decided_at,
            row.confirmed_at,
            row.released_at,
            row.due_by_at,
            row.cut_off_at if row.is_settled else order_rules.NEVER,
        )
        return Shown(value=shown, changed_at=times.to_datetime(changed_at, zone))

    def prefixes_of(store_id: str | None) -> list[str]:
        return [order_places.prefix(store_id or order_places.ALL_STORES, status) for status in wanted]

    return listing(
        tables.order_places,
        show,
        store_of=lambda place, _: order_places.store_of(place),
        prefixes_of=prefixes_of,
        is_ranked=True,
    )


def _order(row: Order, product: Product | None, zone: str) -> OrderView:
    assert row.reason is not None, "an order is stored with its first revision"
    assert row.source is not None, "an order is stored with its first revision"
    figures = order_rules.balance(row)
    is_fixed = row.proposed_quantity is not None
    return OrderView(
        order_id=row.order_id,
        revision=row.revision,
        store_id=row.store_id,
        sku=row.sku,
        name=None if product is None else product.name,
        unit=Unit.PIECE if product is None else product.unit,
        supplier_id=row.supplier_id,
        packs=row.packs,
        quantity=row.quantity,
        ordered_at=times.to_datetime(row.decided_at, zone),
        cut_off_at=times.to_datetime(row.cut_off_at, zone),
        deliver_by=datetime.date.fromordinal(row.deliver_by),
        mode=row.mode,
        proposed_packs=row.proposed_packs if is_fixed else row.packs,
        proposed_quantity=row.proposed_quantity if is_fixed else row.quantity,
        actor=row.actor,
        release_reason=row.release_reason,
        status=order_rules.status(row),
        ordered=figures.ordered,
        open=figures.open,
        received=figures.received,
        cancelled=figures.cancelled,
        short=figures.short,
        over=figures.over,
        reason=row.reason,
        source=row.source,
    )
