"""`reorders`, `price-changes`, `offers`, `payables`: what the application decides (contracts.md section 4).

Every decision carries its reason and an id that a replay repeats; `ce_id` is the consumer's idempotency key.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from freshmart_streams.events.master_data import MarketRate
from freshmart_streams.events.values import (
    CustomerId,
    Day,
    Id,
    Mode,
    Offset,
    Percent,
    Price,
    Probability,
    Quantity,
    Revision,
    Sku,
    Stock,
    StoreId,
    Text,
    Time,
)


class Binding(StrEnum):
    """The last rule that changed an order's quantity."""

    NONE = "none"
    PACK_SIZE = "pack_size"
    MIN_ORDER = "min_order"
    MAX_ORDER = "max_order"
    SHELF_LIFE = "shelf_life"
    CAPACITY = "capacity"
    MAX_STOCK = "max_stock"
    SUPPLIER_MINIMUM = "supplier_minimum"


class OrderStatus(StrEnum):
    """Where an order stands."""

    PROPOSED = "proposed"
    SENT = "sent"
    CONFIRMED = "confirmed"
    IN_TRANSIT = "in-transit"
    RECEIVED = "received"
    OVERDUE = "overdue"
    CANCELLED = "cancelled"


class Source(Struct, frozen=True, gc=False):
    """The message that caused a decision."""

    topic: str
    partition: Offset
    offset: Offset


class ReorderReason(Struct, frozen=True, kw_only=True):
    """The figures a reorder was decided on; quantities in base units, `forecast` one figure per selling day."""

    trigger: Text
    on_hand: Quantity
    on_order: int
    in_transit: int
    expected_waste: int
    inventory_position: int
    forecast: tuple[float, ...]
    safety_stock: float
    reorder_point: int
    order_up_to_level: int
    service_level: Probability
    binding: Binding


class Reorder(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An order of one article for one delivery day; `quantity` in base units is the whole order, 0 cancels it.

    `revision` counts the changes of the same `order_id`; the last one at `cut_off_at` stands. Where a person fixed the
    quantity, `proposed_packs` and `proposed_quantity` are those of the last automatic revision.
    """

    order_id: Id
    revision: Revision
    store_id: StoreId
    sku: Sku
    supplier_id: Id | None = None
    packs: Stock
    quantity: Stock
    ordered_at: Time
    cut_off_at: Time
    deliver_by: Day
    mode: Mode
    proposed_packs: Stock | None = None
    proposed_quantity: Stock | None = None
    reason: ReorderReason
    source: Source

    @property
    def ce_id(self) -> str:
        """Unique per published state."""
        return f"{self.order_id}.{self.revision}"


class PriceReason(Struct, frozen=True, omit_defaults=True):
    """Why a price changes: the rule, the guard-rails that clamped it in their order, and its figures."""

    rule: Text
    clamps: tuple[str, ...]
    elasticity: float | None = None
    days_of_cover: float | None = None
    expires_on: Day | None = None


class UnitPrice(Struct, frozen=True, gc=False):
    """Cents per kg, l, m or piece, as the price law shows it."""

    cents: Price
    per: Text


class PriceChange(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A new price in cents from `effective_at` on; the old one holds until the label is confirmed.

    A reduction carries `prior_price_30d`, a marked spoilage or personal reduction `exempt` instead.
    """

    price_change_id: Id
    store_id: StoreId
    sku: Sku
    old_price: Price
    new_price: Price
    effective_at: Time
    mode: Mode
    reason: PriceReason
    prior_price_30d: Price | None = None
    unit_price: UnitPrice | None = None
    claim_percent: Annotated[int, Meta(ge=1, le=100)] | None = None
    exempt: Text | None = None

    @property
    def ce_id(self) -> str:
        """Unique per published state."""
        return self.price_change_id


class Offer(Struct, frozen=True, kw_only=True):
    """A personal offer, valid from and to these instants; `reason` holds the figures of its score."""

    offer_id: Id
    customer_id: CustomerId
    sku: Sku
    kind: Text
    discount_percent: Percent
    valid_from: Time
    valid_to: Time
    mode: Mode
    reason: dict[str, str | int | float | bool | None]

    @property
    def ce_id(self) -> str:
        """Unique per published state."""
        return self.offer_id


class PaymentDecision(StrEnum):
    """When an invoice is paid: early with the supplier's discount, or when it is due."""

    SKONTO = "skonto"
    DUE = "due"


class Payable(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is owed for a received order, in cents, and on which day it is best paid."""

    payable_id: Id
    revision: Revision
    store_id: StoreId
    supplier_id: Id | None = None
    order_id: Id
    amount: int
    received_on: Day
    due_on: Day
    skonto_on: Day | None = None
    decision: PaymentDecision
    pay_on: Day
    present_value: int
    discount_factor: float
    rates: tuple[MarketRate, ...]

    @property
    def ce_id(self) -> str:
        """Unique per published state."""
        return f"{self.payable_id}.{self.revision}"
