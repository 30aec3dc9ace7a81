"""`products`, `stores`, `policies`, `market-rates`: compacted master data (contracts.md section 3).

Only the ids are required. A field with a documented default has it here; where absence has a meaning of its own (no
limit, not known, "ask the next policy row") the field is None.
"""

from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct, field

from freshmart_streams.events.values import (
    Day,
    Days,
    Id,
    LeadDays,
    Mode,
    Packs,
    Percent,
    PolicyScope,
    Price,
    Probability,
    Rate,
    Sku,
    Stock,
    StoreId,
    Text,
    TimeOfDay,
    Weekday,
)

ANY: Final = "*"
"""In a policy: every store, or every article."""
DEFAULT_SERVICE_LEVEL: Final = 0.98
"""Where no policy row names one."""


PROMOTIONS_MAX: Final = 100
"""In a policy row."""


class Unit(StrEnum):
    """The base unit in which a product's quantities count."""

    PIECE = "piece"
    GRAM = "gram"


class ContentUnit(StrEnum):
    """The unit of a product's net content, for the price per kg, l or m."""

    GRAM = "g"
    KILOGRAM = "kg"
    MILLILITRE = "ml"
    CENTILITRE = "cl"
    LITRE = "l"
    CENTIMETRE = "cm"
    METRE = "m"
    SQUARE_METRE = "m2"
    PIECE = "piece"


class NetContent(Struct, frozen=True, gc=False):
    """What is in one piece, for example 1000 ml."""

    amount: Annotated[float, Meta(gt=0, le=1_000_000_000)]
    unit: ContentUnit


class Skonto(Struct, frozen=True, gc=False):
    """A supplier's discount of `percent` for payment within `days`."""

    percent: Percent
    days: Days


class Product(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An article of the chain; prices in cents per piece or per 1,000 g, times in days, packs in base units.

    None means: no limit (`min_order_packs`, `max_order_packs`, `min_price`, `max_price`), does not expire
    (`shelf_life_days`), not known (the rest).
    """

    sku: Sku
    name: Text | None = None
    gtin: str | None = None
    category: Text | None = None
    supplier_id: Id | None = None
    unit: Unit = Unit.PIECE
    pack_size: Packs = 1
    min_order_packs: Stock | None = None
    max_order_packs: Stock | None = None
    lead_time_days: LeadDays = 1
    shelf_life_days: Days | None = None
    cost: Price | None = None
    price: Price | None = None
    min_price: Price | None = None
    max_price: Price | None = None
    vat_percent: Percent | None = None
    net_content: NetContent | None = None
    payment_days: Days | None = None
    skonto: Skonto | None = None


class Rollout(Struct, frozen=True, omit_defaults=True, gc=False):
    """How far each kind of decision is rolled out in a store."""

    reorder: Mode = Mode.AUTO
    pricing: Mode = Mode.OFF
    offers: Mode = Mode.OFF


class Store(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A store with its calendar; times are local in `timezone`, an IANA name.

    `opening` maps `mon` to `sun`, or ranges such as `mon-sat`, to `HH:MM-HH:MM`; a day it does not name is closed;
    None means open every day. No `delivery_weekdays` at all means that nothing is delivered.
    """

    store_id: StoreId
    name: Text | None = None
    state: Text | None = None
    timezone: str = "UTC"
    gln: Text | None = None
    delivery_weekdays: tuple[Weekday, ...] = (1, 2, 3, 4, 5, 6)
    order_cutoff: TimeOfDay = "14:00"
    opening: dict[str, str] | None = None
    rollout: Rollout = Rollout()


class Promotion(Struct, frozen=True, omit_defaults=True, gc=False):
    """Business days on which an article is promoted, both included."""

    first_day: Day = field(name="from")
    last_day: Day = field(name="until")


class Policy(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A planner's row for one store and article; either may be `*`.

    None means that the row is silent and the next less specific one is asked: `store/sku`, `store/*`, `*/sku`, `*/*`.
    Stocks are in base units; `service_level` is the share of cycles without a stock-out; `capacity` is what shelf and
    backroom hold; `promotions` are the planned ones, kept for a month after they ended. `actor` and `reason` say
    who wants it so, and why.
    """

    store_id: PolicyScope
    sku: PolicyScope
    service_level: Probability | None = None
    min_stock: Stock | None = None
    max_stock: Stock | None = None
    presentation_stock: Stock | None = None
    capacity: Stock | None = None
    pricing: bool | None = None
    promotion_days: Annotated[tuple[Promotion, ...], Meta(max_length=PROMOTIONS_MAX)] | None = field(
        default=None, name="promotions"
    )
    actor: Text | None = None
    reason: Text | None = None

    @property
    def promotions(self) -> tuple[tuple[int, int], ...] | None:
        """First and last day of each promotion, as ordinals."""
        if self.promotion_days is None:
            return None
        return tuple((each.first_day.toordinal(), each.last_day.toordinal()) for each in self.promotion_days)


class MarketRate(Struct, frozen=True, omit_defaults=True, gc=False):
    """A quotation of `curve` at `tenor`, in per cent a year; without a rate there is no quotation."""

    curve: Id
    tenor: Id
    rate_percent: Rate | None = None
    as_of: Day | None = None
