"""The one place where rows become what `/v1` shows. Rows and the figures derived from them are the domain's."""

import dataclasses
import datetime
from collections.abc import Collection
from typing import Any, TypeAlias

from msgspec import structs

from freshmart_streams import tables
from freshmart_streams.domain import alerts as alert_rules
from freshmart_streams.domain import (
    availability,
    calendars,
    expectations,
    forecast,
    newsvendor,
    order_places,
    policies,
    pricing,
    reordering,
    replenishment,
    service,
    shrinkage,
    store_days,
    times,
)
from freshmart_streams.domain import orders as order_rules
from freshmart_streams.domain.books import KnownProduct, KnownStore, Mark, OpenAlert, article_key, day_key
from freshmart_streams.domain.calendars import Calendar
from freshmart_streams.domain.orders import Order
from freshmart_streams.domain.policies import EffectivePolicy
from freshmart_streams.domain.replenishment import Levels
from freshmart_streams.domain.service import Pace
from freshmart_streams.domain.stock import Stock, position_less, waste_of
from freshmart_streams.domain.store_days import DayFigures
from freshmart_streams.domain.times import Instant
from freshmart_streams.events.alerts import AlertKind, AlertStatus
from freshmart_streams.events.decisions import OrderStatus
from freshmart_streams.events.master_data import Policy, Product, Promotion, Store, Unit
from freshmart_streams.tables.dead_letters import DeadLetter
from freshmart_streams.web.context import View
from freshmart_streams.web.lists import Listing, Shown
from freshmart_streams.web.schema import (
    AlertView,
    ArticleView,
    DeadLetterView,
    DemandDay,
    DemandView,
    ForecastDay,
    OrderView,
    PilotSide,
    PilotView,
    PolicyRow,
    PolicyView,
    ReportView,
    RolloutView,
    ServiceView,
    StockStatus,
    StockView,
    StoreView,
)

AnyListing: TypeAlias = Listing[Any]

_SHOWN = [f"p{level * 100:.0f}" for level in expectations.QUANTILES]


def stores() -> AnyListing:
    """All stores. Master data is in every partition, so only the one that a store belongs to counts."""

    def show(view: View, store_id: str, row: KnownStore) -> Shown | None:
        shown = store(view, store_id)
        return None if shown is None else Shown(value=shown, changed_at=shown.as_of)

    return _listing(tables.stores, show, store_of=lambda key, _: key, prefixes_of=lambda store_id: [store_id or ""])


def stock(category: str | None, statuses: Collection[str]) -> AnyListing:
    """Articles of this category (None: of all) that stand like this (empty: anyhow)."""
    look_up = _LookUp()

    def show(view: View, key: str, row: Stock) -> Shown | None:
        store_id, _, sku = key.partition("/")
        known = look_up.known(view, sku)
        if category is not None and (known is None or known.product.category != category):
            return None
        if statuses:
            levels, _, expected_waste = look_up.levels(view, key, row, known)
            if _status(row, levels, expected_waste).value not in statuses:
                return None
        value = StockView(**_article(view, look_up, key, row, known))
        return Shown(value=value, changed_at=look_up.local(view, store_id, row))

    return _listing(tables.stock, show)


def orders(statuses: Collection[str]) -> AnyListing:
    """Orders that stand like this (empty: anyhow), the newest decision first.

    Read by their places (`domain.order_places`), so that a page costs what it shows, whatever is asked for. An order
    that is decided anew while somebody pages is at the top then, and comes with the next look at the first page.
    """
    look_up = _LookUp()
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

    return _listing(
        tables.order_places,
        show,
        store_of=lambda place, _: order_places.store_of(place),
        prefixes_of=prefixes_of,
        is_ranked=True,
    )


def alerts() -> AnyListing:
    """Open alerts."""
    look_up = _LookUp()

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

    return _listing(tables.alerts, show)


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

    return _listing(tables.dead_letters, show, store_of=lambda key, _: None)


def store(view: View, store_id: str) -> StoreView | None:
    """A store with its running day, or None for one that nobody knows (any more)."""
    known = known_store(view, store_id)
    if known is None:
        return None
    today = _today(view, known)
    figures = None if today is None else view.get(tables.store_days, day_key(store_id, today))
    return StoreView(
        store_id=store_id,
        name=known.name,
        state=known.state,
        timezone=known.timezone,
        rollout=RolloutView(known.rollout.reorder, known.rollout.pricing, known.rollout.offers),
        today=None if today is None else store_days.report(figures or DayFigures(), store_id, today),
        service=[_service(view, store_id, pace) for pace in Pace],
        shrinkage=_shrinkage(view, store_id),
        as_of=None if figures is None else times.to_datetime(figures.changed_at, known.timezone),
    )


def _shrinkage(view: View, store_id: str) -> dict[str, float]:
    row = view.get(tables.shrinkage, store_id)
    return {} if row is None else {category: shrinkage.rate(row, category) for category in sorted(row.lost)}


def _service(view: View, store_id: str, pace: Pace) -> ServiceView:
    row = view.get(tables.service, service.service_key(store_id, pace)) or service.Service()
    covered, losses = row.covered, row.losses
    return ServiceView(
        pace=pace,
        stretches=row.steps,
        covered_90=covered[0] / row.steps if row.steps else None,
        covered_98=covered[1] / row.steps if row.steps else None,
        bias=row.expected / row.sold - 1.0 if row.sold else None,
        pinball_90=losses[0] / row.sold if row.sold else None,
        pinball_98=losses[1] / row.sold if row.sold else None,
        article_days=row.days,
        on_shelf=service.on_shelf([row]),
        promised=row.promised / row.days if row.days else None,
        spread=row.spread,
    )


def pilot(view: View, store_id: str) -> PilotView | None:
    """What a store's shadow mode showed; None where there was none."""
    known, row = known_store(view, store_id), view.get(tables.pilots, store_id)
    if known is None or row is None:
        return None
    zone, days = known.timezone, row.article_days
    return PilotView(
        store_id=store_id,
        since=times.to_datetime(row.since, zone),
        until=times.to_datetime(row.until, zone) if row.until else None,
        article_days=days,
        out_of_stock=row.missing / (days * availability.WHOLE_DAY) if days else None,
        orders=row.orders,
        store=PilotSide(
            stock=row.stock / days if days else None,
            brought=row.received,
            lost=round(row.lost),
            wasted=row.wasted,
        ),
        trial=PilotSide(
            stock=row.trial_stock / days if days else None,
            brought=row.ordered,
            lost=row.trial_lost,
            wasted=row.trial_wasted,
        ),
        as_of=times.to_datetime(row.changed_at, zone),
    )


def article(view: View, store_id: str, sku: str) -> ArticleView | None:
    """The stock of an article in a store, or None when there never was any."""
    key, look_up = article_key(store_id, sku), _LookUp()
    row = view.get(tables.stock, key)
    if row is None:
        return None
    known = look_up.known(view, sku)
    as_of, policy = look_up.local(view, store_id, row), _policy(view, store_id, sku, known)
    return ArticleView(**_article(view, look_up, key, row, known), policy=policy, as_of=as_of)


def report(view: View, store_id: str, day: datetime.date | None) -> ReportView | None:
    """A business day of a store, the running one for None; None when nothing happened on it and it is not running."""
    known = known_store(view, store_id)
    today = None if known is None else _today(view, known)
    wanted = today if day is None else day.toordinal()
    if known is None or wanted is None:
        return None
    figures = view.get(tables.store_days, day_key(store_id, wanted))
    if figures is None and wanted != today:
        return None
    row = store_days.report(figures or DayFigures(), store_id, wanted)
    as_of = None if figures is None else times.to_datetime(figures.changed_at, known.timezone)
    return ReportView(**structs.asdict(row), as_of=as_of)


def known_store(view: View, store_id: str) -> Store | None:
    """A store's master data, or None."""
    row = view.get(tables.stores, store_id)
    return None if row is None or row.is_deleted else row.store


def clock(view: View, store_id: str) -> datetime.datetime | None:
    """How far a store's time is, in its zone; None before its first event or tick."""
    at = _clock(view, store_id)
    return times.to_datetime(at, _zone(view, store_id)) if at else None


def _listing(
    table: Any,
    show: Any,
    *,
    store_of: Any = lambda key, _: key.partition("/")[0],
    prefixes_of: Any = lambda store_id: ["" if store_id is None else f"{store_id}/"],
    is_ranked: bool = False,
) -> AnyListing:
    return Listing(
        table=table,
        store_of=store_of,
        prefixes_of=prefixes_of,
        show=show,
        clock_of=clock,
        is_known_store=lambda view, store_id: known_store(view, store_id) is not None,
        is_everywhere=table is tables.stores,
        is_ranked=is_ranked,
    )


def demand(view: View, store_id: str, sku: str) -> DemandView | None:
    """An article's days in a store; None where nothing is known of it, or of the store's clock."""
    key = article_key(store_id, sku)
    row, store_row, at = view.get(tables.stock, key), known_store(view, store_id), _clock(view, store_id)
    if row is None or store_row is None or not at:
        return None
    calendar, product = calendars.of_store(store_row), _LookUp().product(view, sku)
    unit = Unit.PIECE if product is None else product.unit
    policy = policies.effective_policy(*_policy_rows(view, store_id, sku))
    days = reordering.demand_on_read(row, view.get(tables.demand, key), calendar=calendar, clock=at, policy=policy)
    expected = expectations.parameters_at(days, calendar=calendar, at=at, unit=unit, spread=row.spread)
    return DemandView(
        sku=sku,
        name=None if product is None else product.name,
        unit=unit,
        history=[
            DemandDay(
                day=datetime.date.fromordinal(day),
                sold=forecast.sold_on(days, day),
                out_of_stock=days.missing.get(day, 0) / availability.WHOLE_DAY,
                is_promoted=day in days.promoted,
            )
            for day in range(days.base_day, calendars.today(calendar, at) + 1)
            if days.first_day
        ],
        forecast=[
            ForecastDay(
                day=datetime.date.fromordinal(each.day),
                mean=each.mean,
                is_promoted=each.is_promoted,
                **dict(zip(_SHOWN, each.quantiles, strict=True)),
            )
            for each in expectations.expected_days(expected, calendar=calendar, at=at, planned=policy.promotions)
        ],
        level=expected.level,
        weekday_factors=list(expected.weekday_factors),
        promotion_factor=expected.promotion_factor,
        variance_to_mean=expected.variance_to_mean,
        sum_factor=expected.sum_factor,
        as_of=times.to_datetime(row.changed_at, calendar.zone_name),
    )


class _LookUp:
    """What rows refer to, read once per answer."""

    def __init__(self) -> None:
        self._products: dict[str, KnownProduct | None] = {}
        self._zones: dict[str, str] = {}
        self._stores: dict[str, tuple[Calendar, Instant] | None] = {}

    def known(self, view: View, sku: str) -> KnownProduct | None:
        """An article's row of master data."""
        if sku not in self._products:
            self._products[sku] = view.get(tables.products, sku)
        return self._products[sku]

    def product(self, view: View, sku: str) -> Product | None:
        """An article's master data."""
        known = self.known(view, sku)
        return None if known is None else known.product

    def zone(self, view: View, store_id: str) -> str:
        """A store's time zone."""
        if store_id not in self._zones:
            self._zones[store_id] = _zone(view, store_id)
        return self._zones[store_id]

    def levels(
        self, view: View, key: str, row: Stock, known: KnownProduct | None
    ) -> tuple[Levels | None, float | None, int]:
        """An article's levels, base units per day and expected waste, of the hour of its store's clock.

        Those of its row, unless they are older: of an article of which more than enough is there, a sale does not ask.
        """
        store_id, _, sku = key.partition("/")
        if store_id not in self._stores:
            store, at = known_store(view, store_id), _clock(view, store_id)
            self._stores[store_id] = None if store is None or not at else (calendars.of_store(store), at)
        found = self._stores[store_id]
        if known is None or found is None or row.levels is None or found[1] < row.levels_until:
            return row.levels, None if row.levels is None else row.demand_rate_per_day, row.expected_waste
        calendar, at = found
        policy = _policy_in_force(_policy_rows(view, store_id, sku), known)
        demand = view.get(tables.demand, key)
        need = reordering.levels_on_read(row, demand, known.product, calendar=calendar, clock=at, policy=policy)
        if need is None:
            return None, None, 0
        return need.levels, need.demand_rate_per_day, need.expected_waste + row.expected_loss

    def local(self, view: View, store_id: str, row: Stock) -> datetime.datetime:
        """The store's clock when the article's row changed last."""
        return times.to_datetime(row.changed_at, self.zone(view, store_id))


def _article(view: View, look_up: _LookUp, key: str, row: Stock, known: KnownProduct | None) -> dict[str, Any]:
    levels, rate, expected_waste = look_up.levels(view, key, row, known)
    product = None if known is None else known.product
    return {
        "sku": key.partition("/")[2],
        "name": None if product is None else product.name,
        "category": None if product is None else product.category,
        "unit": Unit.PIECE if product is None else product.unit,
        "on_hand": row.on_hand,
        "on_order": row.on_order,
        "in_transit": row.in_transit,
        "expected_waste": waste_of(row.on_hand, expected_waste),
        "inventory_position": position_less(row, expected_waste),
        "reorder_point": None if levels is None else levels.reorder_point,
        "order_up_to_level": None if levels is None else levels.order_up_to_level,
        "price": pricing.price_in_force(view.get(tables.prices, key), known),
        "demand_per_day": rate,
        "days_of_cover": None if rate is None else replenishment.days_of_cover(row.on_hand, rate),
        "status": _status(row, levels, expected_waste),
    }


def _policy_rows(view: View, store_id: str, sku: str) -> list[Policy]:
    found = (view.get(tables.policies, name) for name in policies.keys(store_id, sku))
    return [row for row in found if row is not None]


def _policy_in_force(rows: list[Policy], known: KnownProduct | None) -> EffectivePolicy:
    policy = policies.effective_policy(*rows)
    return policy if known is None else newsvendor.policy_for(policy, known.product)


def _policy(view: View, store_id: str, sku: str, known: KnownProduct | None) -> PolicyView:
    rows = _policy_rows(view, store_id, sku)
    shown = [PolicyRow(**structs.asdict(row)) for row in rows]
    policy = dataclasses.asdict(_policy_in_force(rows, known))
    planned = [Promotion(*map(datetime.date.fromordinal, days)) for days in policy.pop("promotions")]
    return PolicyView(**policy, promotions=planned, rows=shown)


def _status(row: Stock, levels: Levels | None, expected_waste: int) -> StockStatus:
    if row.on_hand < 0:
        return StockStatus.NEGATIVE
    if alert_rules.is_open(row, AlertKind.PHANTOM_STOCK):
        return StockStatus.PHANTOM
    if row.on_hand == 0:
        return StockStatus.OUT
    if levels is not None and position_less(row, expected_waste) <= levels.reorder_point:
        return StockStatus.LOW
    return StockStatus.OK


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


def _clock(view: View, store_id: str) -> Instant:
    own, ticks = view.get(tables.clocks, store_id), view.get(tables.partition_clock, "")
    return max(0 if own is None else own.at, 0 if ticks is None else ticks.at)


def _today(view: View, known: Store) -> int | None:
    at = _clock(view, known.store_id)
    return times.local(at, known.timezone)[0] if at else None


def _zone(view: View, store_id: str) -> str:
    row = view.get(tables.stores, store_id)
    return "UTC" if row is None else row.store.timezone
