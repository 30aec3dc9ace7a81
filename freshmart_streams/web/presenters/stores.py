"""Stores: their running day and service, their reports, and what a pilot showed."""

import datetime

from msgspec import structs

from freshmart_streams import tables
from freshmart_streams.domain import (
    availability,
    service,
    shrinkage,
    store_days,
    times,
)
from freshmart_streams.domain.books import KnownStore, day_key
from freshmart_streams.domain.service import Pace
from freshmart_streams.domain.store_days import DayFigures
from freshmart_streams.web.context import View
from freshmart_streams.web.lists import Shown
from freshmart_streams.web.presenters.lookups import AnyListing, business_day_of, known_store, listing
from freshmart_streams.web.schema import (
    PilotSide,
    PilotView,
    ReportView,
    RolloutView,
    ServiceView,
    StoreView,
)


def stores() -> AnyListing:
    """All stores. Master data is in every partition, so only the one that a store belongs to counts."""

    def show(view: View, store_id: str, row: KnownStore) -> Shown | None:
        shown = store(view, store_id)
        return None if shown is None else Shown(value=shown, changed_at=shown.as_of)

    return listing(tables.stores, show, store_of=lambda key, _: key, prefixes_of=lambda store_id: [store_id or ""])


def store(view: View, store_id: str) -> StoreView | None:
    """A store with its running day, or None for one that nobody knows (any more)."""
    known = known_store(view, store_id)
    if known is None:
        return None
    today = business_day_of(view, known)
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


def report(view: View, store_id: str, day: datetime.date | None) -> ReportView | None:
    """A business day of a store, the running one for None; None when nothing happened on it and it is not running."""
    known = known_store(view, store_id)
    today = None if known is None else business_day_of(view, known)
    wanted = today if day is None else day.toordinal()
    if known is None or wanted is None:
        return None
    figures = view.get(tables.store_days, day_key(store_id, wanted))
    if figures is None and wanted != today:
        return None
    row = store_days.report(figures or DayFigures(), store_id, wanted)
    as_of = None if figures is None else times.to_datetime(figures.changed_at, known.timezone)
    return ReportView(**structs.asdict(row), as_of=as_of)
