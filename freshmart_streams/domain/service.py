"""How well a store's articles are served, by how fast they sell: what the quantiles promise, and what came.

Each time an article has been learned (`forecast`), the days that were taken in are compared with what was expected of
them before: in one of four cases whether what was sold stayed within the quantiles, and how far off they were (pinball
loss); always for which share of the opening time the article could be bought. Days with a stock-out say nothing of
demand, so they count for the latter only. Old days count less and less, for all is halved again and again.

    pinball loss of a quantile q at τ: τ · (sold − q) where more was sold, (1 − τ) · (q − sold) where less was

Where the highest of the quantiles is exceeded more often than it promises, forecasts of that pace are *widened*: each
time it is exceeded their standard deviation grows, each time it is not it shrinks a little, so that both balance where
the promise is kept. It never falls below what the forecast itself says, for what is counted in whole pieces is covered
better than promised.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final
from zlib import crc32

import msgspec

from freshmart_streams.domain import alerts, calendars, forecast, newsvendor, replenishment
from freshmart_streams.domain.books import Moment, article_key
from freshmart_streams.domain.forecast import Demand, Forecast, Parameters
from freshmart_streams.events.alerts import AlertKind
from freshmart_streams.events.master_data import Product
from freshmart_streams.events.values import Mode

QUANTILES: Final = (0.9, 0.98)

FAST_FROM: Final = 3.0
"""Typical purchases a day from which on an article is fast."""

NORMAL_FROM: Final = 0.5

KEPT_STEPS: Final = 10_000
KEPT_DAYS: Final = 50_000

DAYS_MIN: Final = 2_000
"""Article-days before a store's service is judged: 20 articles over 100 days, or 1,000 over two."""

COMPARED_ONE_IN: Final = 4
"""Quantiles cost as much as a decision, so each article is compared every so many stretches only."""

LOOK_EVERY: Final = 100
"""Article-days."""

MARGIN: Final = 0.005
"""So far below what is promised an alert opens; it closes when the promise is kept."""

SPREAD_RATE: Final = 0.02
"""Of the standard deviation, that a stretch above the highest quantile adds; 50 times as many within take it away."""

SPREAD_MAX: Final = 2.0

_DAYS_MAX: Final = 28
"""More days at once are an article that nobody looked at: nothing was decided by what was expected of it."""


class Pace(StrEnum):
    """How fast an article sells."""

    FAST = "fast"
    NORMAL = "normal"
    SLOW = "slow"


class Service(msgspec.Struct, array_like=True, gc=False):
    """The row of a store and pace.

    Attributes:
        steps: stretches of days that were compared with what was expected of them.
        covered: of these, so many stayed within each of `QUANTILES`.
        losses: sums of the pinball losses at each of `QUANTILES`, in typical purchases.
        expected, sold: sums over the same days, in typical purchases.
        days: open days of articles.
        missing: thousandths of these during which an article was out of stock.
        promised: sum of the service levels in force on these days.
        spread: times the standard deviation of a forecast that is in force.
    """

    steps: int = 0
    covered: tuple[int, ...] = (0, 0)
    losses: tuple[float, ...] = (0.0, 0.0)
    expected: float = 0.0
    sold: float = 0.0
    days: int = 0
    missing: int = 0
    promised: float = 0.0
    spread: float = 1.0


def pace_of(expected: Parameters, typical_purchase: int) -> Pace:
    """How fast an article sells of which this is expected."""
    purchases = expected.level / typical_purchase
    return Pace.FAST if purchases >= FAST_FROM else Pace.NORMAL if purchases >= NORMAL_FROM else Pace.SLOW


def compare(row: Service, interval: Forecast, sold: int, *, typical_purchase: int) -> None:
    """Count a stretch of days on which so many base units were sold.

    >>> row = Service()
    >>> compare(row, Forecast((17.0,), variance=17.0), sold=24, typical_purchase=1)
    >>> row.covered, [round(loss, 2) for loss in row.losses]
    ((0, 1), [1.8, 0.04])
    """
    enough = [replenishment.quantile(interval, level) for level in QUANTILES]
    row.steps += 1
    row.covered = tuple(covered + (sold <= quantile) for covered, quantile in zip(row.covered, enough, strict=True))
    row.losses = tuple(
        total + max(level * (sold - quantile), (1.0 - level) * (quantile - sold)) / typical_purchase
        for total, level, quantile in zip(row.losses, QUANTILES, enough, strict=True)
    )
    is_exceeded = sold > enough[-1]
    row.spread = min(max(row.spread + SPREAD_RATE * (is_exceeded - (1.0 - QUANTILES[-1])), 1.0), SPREAD_MAX)
    row.expected += interval.mean / typical_purchase
    row.sold += sold / typical_purchase
    if row.steps >= KEPT_STEPS:
        row.steps //= 2
        row.covered = tuple(covered // 2 for covered in row.covered)
        row.losses = tuple(loss / 2 for loss in row.losses)
        row.expected, row.sold = row.expected / 2, row.sold / 2


def count_days(row: Service, *, days: int, missing: int, service_level: float) -> None:
    """Count open days of an article, of which so many thousandths were out of stock."""
    row.days += days
    row.missing += missing
    row.promised += days * service_level
    if row.days >= KEPT_DAYS:
        row.days, row.missing, row.promised = row.days // 2, row.missing // 2, row.promised / 2


def look_back(
    moment: Moment, demand: Demand, product: Product, *, before: tuple[Parameters, int], typical_purchase: int
) -> None:
    """An article has been learned: compare the days since `before`, what was expected and from which day on."""
    expected, first = before
    days = _days(moment, demand, first)
    if not days:
        return
    store_id, pace = moment.store.store_id, pace_of(expected, typical_purchase)
    rows, key = moment.books.service, service_key(store_id, pace)
    row = rows.get(key) or Service()
    missing = sum(demand.missing.get(day, 0) for day in days)
    if not missing and (crc32(product.sku.encode()) + first) % COMPARED_ONE_IN == 0:
        promoted = demand.promoted
        mean = sum(forecast.expected_on(expected, day, is_promoted=day in promoted) for day in days)
        sold = sum(max(forecast.sold_on(demand, day), 0) for day in days)
        interval = Forecast((mean,), forecast.variance_of(expected, mean, len(days)))
        compare(row, interval, sold, typical_purchase=typical_purchase)
    level = newsvendor.policy_for(moment.books.policy_of(store_id, product.sku), product).service_level
    count_days(row, days=len(days), missing=missing, service_level=level)
    rows[key] = row
    if row.days % LOOK_EVERY < len(days):
        _watch(moment)


def days_since(moment: Moment, demand: Demand, first: int) -> tuple[int, int]:
    """Open days of an article that were learned from `first` on, and thousandths of them that it was out of stock."""
    days = _days(moment, demand, first)
    return len(days), sum(demand.missing.get(day, 0) for day in days)


def _days(moment: Moment, demand: Demand, first: int) -> Sequence[int]:
    last = demand.learned_day - 1
    return calendars.selling_days(moment.calendar, first, last) if first <= last < first + _DAYS_MAX else ()


def spread_of(moment: Moment, expected: Parameters, typical_purchase: int) -> float:
    """By how much forecasts of an article that is expected to sell like this are widened in the store."""
    key = service_key(moment.store.store_id, pace_of(expected, typical_purchase))
    row = moment.books.service.get(key)
    return 1.0 if row is None else row.spread


def service_key(store_id: str, pace: Pace) -> str:
    """Row key of a store's articles that sell like this."""
    return article_key(store_id, pace.value)


def on_shelf(rows: Sequence[Service]) -> float | None:
    """Share of the opening time during which articles could be bought; None while no day is over."""
    days = sum(row.days for row in rows)
    return 1.0 - sum(row.missing for row in rows) / (1_000 * days) if days else None


def _watch(moment: Moment) -> None:
    """Tell when a store whose orders go out by themselves is served worse than promised."""
    rows = [moment.books.service.get(service_key(moment.store.store_id, pace)) or Service() for pace in Pace]
    share, days = on_shelf(rows), sum(row.days for row in rows)
    if share is None or days < DAYS_MIN or not calendars.has_deliveries(moment.calendar):
        return
    promised = sum(row.promised for row in rows) / days
    if share < promised - MARGIN and moment.store.rollout.reorder is Mode.AUTO:
        message = f"Articles could be bought {share:.1%} of the opening time, {promised:.1%} are promised."
        details: alerts.Details = {"on_shelf": round(share, 4), "promised": round(promised, 4), "article_days": days}
        alerts.open_for_store(moment, AlertKind.SERVICE_BELOW_TARGET, message, details)
    elif share >= promised:
        alerts.close_for_store(moment, AlertKind.SERVICE_BELOW_TARGET, f"Articles can be bought {share:.1%} again.")
