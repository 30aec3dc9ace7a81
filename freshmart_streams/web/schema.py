"""The bodies of `/v1`: what contracts.md section 5 names, and a few fields more. OpenAPI is generated from these.

Money is in cents, quantities in the product's base unit, times are aware and in the store's zone. `as_of` is the
store's clock at the last change of what is shown; `stale` is there, and true, where a standby answers.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import UNSET, Raw, Struct, UnsetType

from freshmart_streams.domain.policies import ServiceLevelSource
from freshmart_streams.domain.service import Pace
from freshmart_streams.events.alerts import Alert
from freshmart_streams.events.decisions import OrderStatus, Reorder
from freshmart_streams.events.master_data import Policy, Promotion, Rollout, Unit
from freshmart_streams.events.reports import StoreDay

T = TypeVar("T")


class StockStatus(StrEnum):
    """How an article stands: the first of negative, phantom, out, low that is true, else ok."""

    OK = "ok"
    LOW = "low"
    """The inventory position is at the reorder point or below."""
    OUT = "out"
    """Nothing on hand."""
    NEGATIVE = "negative"
    """More sold than was ever there: to be counted."""
    PHANTOM = "phantom"
    """On hand by the books, yet not sold for longer than chance explains: to be counted."""


class Page(Struct, Generic[T], kw_only=True):
    """A stretch of a list. `next` is the cursor of the rest, null at the end; even a short page may have one."""

    items: list[T]
    as_of: datetime | None
    next: str | None
    stale: bool | UnsetType = UNSET


class RawPage(Struct, kw_only=True):
    """A page whose items are JSON already."""

    items: list[Raw]
    as_of: datetime | None
    next: str | None
    stale: bool | UnsetType = UNSET


class RolloutView(Rollout, frozen=True, omit_defaults=False):
    """How far each kind of decision is rolled out in a store."""


class ServiceView(Struct, kw_only=True):
    """How articles that sell like this were served of late; null while nothing is known.

    `pace`: fast sells three purchases a day or more, slow less than one in two days. `covered_90`, `covered_98`: share
    of the stretches between two looks at an article in which no more was sold than the quantile said. `bias`: expected
    over sold, less one. `pinball_90`, `pinball_98`: mean pinball loss over mean sales. `on_shelf`: share of the opening
    time during which the articles could be bought; `promised`: the service level in force. `spread`: so many times as
    wide as learned the forecasts are in force, because they did not cover what they promise.
    """

    pace: Pace
    stretches: int
    covered_90: float | None
    covered_98: float | None
    bias: float | None
    pinball_90: float | None
    pinball_98: float | None
    article_days: int
    on_shelf: float | None
    promised: float | None
    spread: float


class StoreView(Struct, kw_only=True):
    """A store and its running business day."""

    store_id: str
    name: str | None
    state: str | None
    timezone: str
    rollout: RolloutView
    today: StoreDay | None
    service: list[ServiceView]
    shrinkage: dict[str, float]
    """By category, as far as it was counted: the share of sales that is lost besides."""
    as_of: datetime | None
    stale: bool | UnsetType = UNSET


class PilotSide(Struct, kw_only=True):
    """What a way of ordering led to; cents are at cost, and articles without a cost count nothing."""

    stock: float | None
    """Mean value on hand per article, in cents."""
    brought: int
    """Cents that came, or would have come, by these orders."""
    lost: int
    """Cents that could not be sold: in the store as it was expected, in the trial as the store sold them."""
    wasted: int
    """Cents that expired."""


class PilotView(Struct, kw_only=True):
    """A store in shadow mode: what it did, and what our orders would have led to (trial).

    `until` is null while it goes on. `out_of_stock` is the share of the opening time during which articles could not be
    bought in the store; `orders` those of the trial, each for one article and delivery day.
    """

    store_id: str
    since: datetime
    until: datetime | None
    article_days: int
    out_of_stock: float | None
    orders: int
    store: PilotSide
    trial: PilotSide
    as_of: datetime
    stale: bool | UnsetType = UNSET


class StockView(Struct, kw_only=True):
    """The stock of an article in a store; null is what is not known, and `days_of_cover` without demand."""

    sku: str
    name: str | None
    category: str | None
    unit: Unit
    on_hand: int
    on_order: int
    in_transit: int
    expected_waste: int
    """Of what is on hand, so much is expected to spoil before the next delivery but one."""
    inventory_position: int
    reorder_point: int | None
    order_up_to_level: int | None
    price: int | None
    demand_per_day: float | None
    days_of_cover: float | None
    status: StockStatus


class PolicyRow(Policy, frozen=True, kw_only=True, omit_defaults=True):
    """A planner's row that bears on the article: what it says, and who wanted it and why, where that is known."""


class PolicyView(Struct, kw_only=True):
    """The policy in force, every default filled in, and the `rows` it comes from, the most specific first.

    Field by field the first row that says something counts. Null is: no limit.
    """

    service_level: float
    service_level_source: ServiceLevelSource
    """`margin`: of one-day goods, what one of them earns says how likely they should last the day."""
    min_stock: int
    max_stock: int | None
    presentation_stock: int
    capacity: int | None
    pricing: bool
    promotions: list[Promotion]
    rows: list[PolicyRow]


class ArticleView(StockView, kw_only=True):
    """The same of one article, asked for by itself, with its policy."""

    policy: PolicyView
    as_of: datetime | None
    stale: bool | UnsetType = UNSET


class DemandDay(Struct, kw_only=True):
    """A business day of an article: what was sold, and for which share of the opening time it was out of stock."""

    day: date
    sold: int
    out_of_stock: float
    """From 0 to 1. Of a day that was 1 the forecast learns nothing, unless something was sold."""
    is_promoted: bool
    """It tells of promotions, and nothing of other days."""


class ForecastDay(Struct, kw_only=True):
    """What is expected of an article on an open day; of today, for what is left of it, the running hour counted whole.

    So many base units are enough with a probability of a half, of 90 and of 98 %.
    """

    day: date
    mean: float
    p50: float
    p90: float
    p98: float
    is_promoted: bool


class DemandView(Struct, kw_only=True):
    """What was sold of an article in a store, and what is expected of it; base units.

    The history is what the forecast may still correct: two to five weeks. What is older is in the level, in the factors
    and in the ratio of variance to mean.
    """

    sku: str
    name: str | None
    unit: Unit
    history: list[DemandDay]
    forecast: list[ForecastDay]
    level: float
    """A day, before its weekday's factor."""
    weekday_factors: list[float]
    """Monday to Sunday."""
    promotion_factor: float
    """Times as much as otherwise is expected on a promoted day."""
    variance_to_mean: float
    sum_factor: float
    """By how much more seven days vary than if they did not depend on each other."""
    as_of: datetime | None
    stale: bool | UnsetType = UNSET


class ReportView(StoreDay, frozen=True, kw_only=True):
    """A `store-days` row as it is now."""

    as_of: datetime | None
    stale: bool | UnsetType = UNSET


class StoreRank(Struct, kw_only=True):
    """A store's place in the company's day, by net sales."""

    rank: int
    store_id: str
    net_sales: int
    receipts: int
    stockout_skus: int
    reorders: int


class CompanyReport(Struct, kw_only=True):
    """A business day summed over all stores, `hourly` by each store's local hour; `ranking` holds the first hundred."""

    day: date
    stores: int
    preliminary_stores: int
    receipts: int
    lines: int
    gross_sales: int
    discounts: int
    net_sales: int
    returns: int
    waste_cost: int
    stockout_skus: int
    reorders: int
    price_changes: int
    overrides: int
    override_units: int
    override_value: int
    by_category: dict[str, int]
    hourly: list[int]
    ranking: list[StoreRank]
    as_of: datetime | None


class OrderView(Reorder, frozen=True, kw_only=True, omit_defaults=False):
    """A reorder, its reason, and where it stands: `ordered = open + received + cancelled + short` at every moment.

    `proposed_packs` and `proposed_quantity` are the last automatic revision's, whoever fixed the quantity since;
    `actor` and `release_reason` are those of the newest word of a person, null where nobody spoke.
    """

    name: str | None
    unit: Unit
    status: OrderStatus
    ordered: int
    open: int
    received: int
    cancelled: int
    short: int
    over: int
    actor: str | None
    release_reason: str | None


class AlertView(Alert, frozen=True, kw_only=True, omit_defaults=False):
    """An open alert, with the article's name."""

    name: str | None


class DeadLetterView(Struct, kw_only=True):
    """Where a message that could not be taken came from, and why it could not; never its body."""

    topic: str
    partition: int
    offset: int
    code: str
    message: str
    at: datetime


class Alive(Struct):
    """The process runs and its event loop turns."""

    status: str


class Ready(Struct):
    """The tables are restored and the worker takes part in the group."""

    ready: bool
