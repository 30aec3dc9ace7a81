"""`inventory`: stock movements from warehouses, handhelds and suppliers (contracts.md section 3)."""

from enum import StrEnum

from msgspec import Struct

from freshmart_streams.events.values import Day, Id, Quantity, Sku, StoreId, Text, Time


class MovementKind(StrEnum):
    """What `quantity` of a movement's lines means."""

    COUNT = "count"
    """Absolute stock on hand at `occurred_at`."""
    DELIVERY = "delivery"
    """Received; with `order_id` it closes that order unless `final` is false."""
    WASTE = "waste"
    """Lost, above zero."""
    ADJUSTMENT = "adjustment"
    """Signed correction."""
    TRANSFER_OUT = "transfer-out"
    """Sent to another store, above zero."""
    TRANSFER_IN = "transfer-in"
    """Received from another store, above zero."""
    ORDER_RESPONSE = "order-response"
    """Confirmed by the supplier for `order_id`; 0 is a refusal."""
    DISPATCH_ADVICE = "dispatch-advice"
    """In transit for `order_id`."""
    ORDER_RELEASE = "order-release"
    """Released by a person for `order_id`; 0 stops it."""
    LABEL_CONFIRMED = "label-confirmed"
    """The shelf label of `price_change_id` shows the new price; no lines."""


class WasteReason(StrEnum):
    """Why goods were lost; the values of `reason` in a movement of kind `waste`."""

    EXPIRED = "expired"
    DAMAGED = "damaged"
    THEFT = "theft"
    DONATION = "donation"


class MovementLine(Struct, frozen=True, omit_defaults=True, gc=False):
    """One article of a movement; `quantity` in base units, its meaning by the movement's kind.

    `expires_on` may be any calendar day: `9999-12-31` is used for goods that do not expire.
    """

    sku: Sku
    quantity: Quantity
    expires_on: Day | None = None
    lot: Text | None = None


class Movement(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A stock movement; `event_id` is unique per store.

    `reason` is a `WasteReason` in `waste` and free text in `order-release`, where `actor` names the person.
    """

    event_id: Id
    store_id: StoreId
    occurred_at: Time
    kind: MovementKind
    order_id: Id | None = None
    final: bool = True
    reason: Text | None = None
    actor: Text | None = None
    deliver_by: Day | None = None
    substitute_sku: Sku | None = None
    price_change_id: Id | None = None
    lines: tuple[MovementLine, ...] = ()
