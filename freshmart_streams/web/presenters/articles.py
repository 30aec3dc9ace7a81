"""Articles in stores: stock, levels, policy, and the days of their demand."""

import dataclasses
import datetime
from collections.abc import Collection
from typing import Any

from msgspec import structs

from freshmart_streams import tables
from freshmart_streams.domain import alerts as alert_rules
from freshmart_streams.domain import (
    availability,
    calendars,
    expectations,
    forecast,
    newsvendor,
    policies,
    pricing,
    reordering,
    replenishment,
    times,
)
from freshmart_streams.domain.books import KnownProduct, article_key
from freshmart_streams.domain.calendars import Calendar
from freshmart_streams.domain.policies import EffectivePolicy
from freshmart_streams.domain.replenishment import Levels
from freshmart_streams.domain.stock import Stock, position_less, waste_of
from freshmart_streams.domain.times import Instant
from freshmart_streams.events.alerts import AlertKind
from freshmart_streams.events.master_data import Policy, Promotion, Unit
from freshmart_streams.web.context import View
from freshmart_streams.web.lists import Shown
from freshmart_streams.web.presenters.lookups import AnyListing, LookUp, instant_of, known_store, listing
from freshmart_streams.web.schema import (
    ArticleView,
    DemandDay,
    DemandView,
    ForecastDay,
    PolicyRow,
    PolicyView,
    StockStatus,
    StockView,
)

_SHOWN = [f"p{level * 100:.0f}" for level in expectations.QUANTILES]


def stock(category: str | None, statuses: Collection[str]) -> AnyListing:
    """Articles of this category (None: of all) that stand like this (empty: anyhow)."""
    look_up = ArticleLookUp()

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

    return listing(tables.stock, show)


def article(view: View, store_id: str, sku: str) -> ArticleView | None:
    """The stock of an article in a store, or None when there never was any."""
    key, look_up = article_key(store_id, sku), ArticleLookUp()
    row = view.get(tables.stock, key)
    if row is None:
        return None
    known = look_up.known(view, sku)
    as_of, policy = look_up.local(view, store_id, row), _policy(view, store_id, sku, known)
    return ArticleView(**_article(view, look_up, key, row, known), policy=policy, as_of=as_of)


def demand(view: View, store_id: str, sku: str) -> DemandView | None:
    """An article's days in a store; None where nothing is known of it, or of the store's clock."""
    key = article_key(store_id, sku)
    row, store_row, at = view.get(tables.stock, key), known_store(view, store_id), instant_of(view, store_id)
    if row is None or store_row is None or not at:
        return None
    calendar, product = calendars.of_store(store_row), ArticleLookUp().product(view, sku)
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


class ArticleLookUp(LookUp):
    """What articles refer to, and calendars and clocks of their stores, read once per answer."""

    def __init__(self) -> None:
        super().__init__()
        self._stores: dict[str, tuple[Calendar, Instant] | None] = {}

    def levels(
        self, view: View, key: str, row: Stock, known: KnownProduct | None
    ) -> tuple[Levels | None, float | None, int]:
        """An article's levels, base units per day and expected waste, of the hour of its store's clock.

        Those of its row, unless they are older: of an article of which more than enough is there, a sale does not ask.
        """
        store_id, _, sku = key.partition("/")
        if store_id not in self._stores:
            store, at = known_store(view, store_id), instant_of(view, store_id)
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


def _article(view: View, look_up: ArticleLookUp, key: str, row: Stock, known: KnownProduct | None) -> dict[str, Any]:
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
