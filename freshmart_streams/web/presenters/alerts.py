"""What people are to look at: alerts, and messages that nobody could take in."""

from freshmart_streams import tables
from freshmart_streams.domain import times
from freshmart_streams.domain.books import OpenAlert
from freshmart_streams.events.alerts import AlertStatus
from freshmart_streams.tables.dead_letters import DeadLetter
from freshmart_streams.web.context import View
from freshmart_streams.web.lists import Shown
from freshmart_streams.web.presenters.lookups import AnyListing, LookUp, listing
from freshmart_streams.web.schema import (
    AlertView,
    DeadLetterView,
)


def alerts() -> AnyListing:
    """Open alerts."""
    look_up = LookUp()

    def show(view: View, key: str, row: OpenAlert) -> Shown | None:
        zone = look_up.zone(view, row.store_id)
        product = None if row.sku is None else look_up.product(view, row.sku)
        shown = AlertView(
            alert_id=row.alert_id,
            revision=row.revision,
            status=AlertStatus.OPEN,
            kind=row.kind,
            store_id=row.store_id,
            sku=row.sku,
            name=None if product is None else product.name,
            at=times.to_datetime(row.changed_at, zone),
            message=row.message,
            details=row.details,
        )
        return Shown(value=shown, changed_at=shown.at)

    return listing(tables.alerts, show)


def dead_letters() -> AnyListing:
    """The newest dead letters of each partition, oldest first. They belong to no store: a key may be anything."""

    def show(view: View, key: str, row: DeadLetter) -> Shown | None:
        shown = DeadLetterView(
            topic=row.topic,
            partition=row.partition,
            offset=row.offset,
            code=row.code,
            message=row.message,
            at=times.to_datetime(times.from_milliseconds(row.timestamp), "UTC"),
        )
        return Shown(value=shown, changed_at=shown.at)

    return listing(tables.dead_letters, show, store_of=lambda key, _: None)
