"""An inventory replayed day by day, under the application's rule and under a minimum and maximum.

A day: what spoiled overnight is thrown away; an order is placed, if today is the last day on which a delivery day can
be reached; what was ordered for today arrives; customers ask for the day's demand, and what is not there is lost. The
oldest goods go first. An order sees the days before it and nothing of its own.

*Ours* is `replenishment.need_of` and `decide_quantity`. It learns what the replayed shop sells, not what was asked
for; a day on which demand was lost counts as out of stock for the share of it that was lost (demand spread evenly).

*Min/max* orders up to one level, the kindest form of such a rule: no stock beyond what the service needs. The level is
`k · mean demand per open day · longest protection interval`, set anew every four weeks from the eight before. It is
told the demand itself, and its `k`, the same for all series, is found afterwards: it meets the fill rate of ours.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from freshmart_streams.domain import calendars, replenishment, stock, times, units
from freshmart_streams.domain.availability import WHOLE_DAY
from freshmart_streams.domain.calendars import Calendar
from freshmart_streams.domain.policies import EffectivePolicy
from freshmart_streams.domain.replenishment import Levels
from freshmart_streams.domain.stock import Stock
from freshmart_streams.evaluation.own import OwnForecast
from freshmart_streams.evaluation.series import Series
from freshmart_streams.evaluation.shelf import KEEPS, Shelf

SETTLING_DAYS: Final = 14
"""Days at the beginning of a replay that are not measured."""

RESET_DAYS: Final = 28
LOOK_BACK_DAYS: Final = 56

_WEEK: Final = 7
_FACTOR_MAX: Final = 64.0
_HALVINGS: Final = 14


@dataclass(frozen=True, slots=True)
class Terms:
    """How an article is supplied."""

    calendar: Calendar
    lead_time_days: int = 1
    pack_size: int = 1
    """Base units."""
    shelf_life_days: int | None = None
    """Days on which a delivery can be sold, the day of delivery included; None: it keeps."""
    service_level: float = 0.98
    unit: str = units.PIECE

    @property
    def typical_purchase(self) -> int:
        """Base units of one small purchase."""
        return units.typical_purchase(self.unit)


class Rule(Protocol):
    """Decides what to order."""

    def order(self, day: int, shelf: Shelf, coming: int) -> int:
        """Base units to order in the morning of a day, with so much ordered already that has not come."""

    def apply_day(self, day: int, *, sold: int, missing: int) -> None:
        """A day is over: base units sold, thousandths of it that the article was out of stock."""


@dataclass(slots=True)
class Stocked:
    """What a rule led to, added up over the days that are measured. Base units."""

    days: int = 0
    days_served: int = 0
    """On which nothing was lost."""
    demand: int = 0
    sold: int = 0
    wasted: int = 0
    stock: int = 0
    """On hand in the evening, summed over the days."""

    @property
    def fill_rate(self) -> float | None:
        """Share of the demand that was met; None where there was none, as below."""
        return self.sold / self.demand if self.demand else None

    @property
    def service_level(self) -> float | None:
        """Share of the days on which all that was asked for was there."""
        return self.days_served / self.days if self.days else None

    @property
    def stock_days(self) -> float | None:
        """Average stock, in days of average demand."""
        return self.stock / self.demand if self.demand else None

    @property
    def waste_share(self) -> float | None:
        """Wasted units as a share of those that left the shelf, sold or wasted."""
        return self.wasted / (self.sold + self.wasted) if self.sold + self.wasted else None


class Ours:
    """The application's rule."""

    def __init__(self, series: Series, terms: Terms, start: int) -> None:
        """Learn the days before `start`, a place in `series.days`, as they are known."""
        self._terms = terms
        self._forecast = OwnForecast(terms.calendar, terms.typical_purchase, series.promotions)
        self._policy = EffectivePolicy(service_level=terms.service_level, promotions=series.promotions)
        for day, known in enumerate(series.days[:start], series.first_day):
            self._forecast.apply_day(day, sold=known.sold, missing=known.missing)

    def order(self, day: int, shelf: Shelf, coming: int) -> int:
        """As the application decides it."""
        terms = self._terms
        self._forecast.learn(day)
        need = replenishment.need_of(
            self._forecast.row,
            calendar=terms.calendar,
            at=times.start_of_day(day, terms.calendar.zone_name),
            lead_time_days=terms.lead_time_days,
            shelf_life_days=terms.shelf_life_days,
            unit=terms.unit,
            policy=self._policy,
            stock=(shelf.lots, shelf.on_hand),
        )
        if need is None:
            return 0
        return replenishment.decide_quantity(
            inventory_position=stock.position_less(Stock(on_hand=shelf.on_hand, on_order=coming), need.expected_waste),
            levels=need.levels,
            pack_size=terms.pack_size,
            usable_demand=need.usable_demand,
        ).quantity

    def apply_day(self, day: int, *, sold: int, missing: int) -> None:
        """Learn it."""
        self._forecast.apply_day(day, sold=sold, missing=missing)


class MinMax:
    """One level, set anew every four weeks."""

    def __init__(self, series: Series, terms: Terms, start: int, factor: float) -> None:
        self._pack_size = terms.pack_size
        self._first = series.first_day + start
        span = longest_interval(terms)
        self._levels = [
            _up_to(math.ceil(factor * span * mean - 1e-9)) for mean in means_per_block(series, terms.calendar, start)
        ]

    def order(self, day: int, shelf: Shelf, coming: int) -> int:
        """Whole packs up to the level."""
        levels = self._levels[(day - self._first) // RESET_DAYS]
        return replenishment.decide_quantity(
            inventory_position=shelf.on_hand + coming, levels=levels, pack_size=self._pack_size
        ).quantity

    def apply_day(self, day: int, *, sold: int, missing: int) -> None:
        """It learns from the series alone."""


def _up_to(level: int) -> Levels:
    return Levels(level, level, level, 0.0, (), 0.0)


def means_per_block(series: Series, calendar: Calendar, start: int) -> list[float]:
    """Mean demand per open day of the eight weeks before each four weeks from `start` on."""
    found = []
    for place in range(start, len(series.days), RESET_DAYS):
        first = max(place - LOOK_BACK_DAYS, 0)
        days = series.days[first:place]
        is_open = [calendars.is_open(calendar, series.first_day + each) for each in range(first, place)]
        found.append(sum(day.replayed for day in days) / max(sum(is_open), 1))
    return found


def longest_interval(terms: Terms) -> int:
    """The most open days that the order of any delivery day has to last for; 0 without a delivery day."""
    monday, found = times.from_iso("2024-01-01"), []
    for day in range(monday, monday + _WEEK):
        opportunity = calendars.opportunity_of(terms.calendar, day, day, terms.lead_time_days)
        if opportunity is not None and opportunity.deliver_by == day + terms.lead_time_days:
            found.append(len(opportunity.selling_days))
    return max(found, default=0)


def replay(series: Series, terms: Terms, rule: Rule, start: int, stocked: Stocked) -> Shelf:
    """Replay from the place `start` of a series on and add what is measured; returns the shelf at the end.

    The shop begins with whole packs for one longest protection interval of the last weeks' mean demand.
    """
    shelf, calendar = Shelf(), terms.calendar
    arriving: dict[int, int] = {}
    first = series.first_day + start
    opening = math.ceil(means_per_block(series, calendar, start)[0] * longest_interval(terms))
    shelf.receive(units.round_up_to_pack(opening, terms.pack_size), _last_day(terms, first))
    for day, known in enumerate(series.days[start:], first):
        wasted = shelf.spoil(day)
        deliver_by = day + terms.lead_time_days
        if calendars.is_delivery_day(calendar, deliver_by):
            arriving[deliver_by] = rule.order(day, shelf, sum(arriving.values()))
        shelf.receive(arriving.pop(day, 0), _last_day(terms, day))
        was_empty, asked = shelf.on_hand == 0, known.replayed
        sold = shelf.sell(asked)
        rule.apply_day(day, sold=sold, missing=_missing(asked, sold, was_empty=was_empty))
        if day >= first + SETTLING_DAYS:
            stocked.days += 1
            stocked.days_served += sold == asked
            stocked.demand += asked
            stocked.sold += sold
            stocked.wasted += wasted
            stocked.stock += shelf.on_hand
    return shelf


def _missing(asked: int, sold: int, *, was_empty: bool) -> int:
    """Thousandths of the day that the article was out of stock, demand being spread evenly over it."""
    if was_empty:
        return WHOLE_DAY
    return (asked - sold) * WHOLE_DAY // asked if asked else 0


def _last_day(terms: Terms, delivered: int) -> int:
    return KEEPS if terms.shelf_life_days is None else delivered + terms.shelf_life_days - 1


class Compared(NamedTuple):
    """Both rules over the same series."""

    ours: Stocked
    min_max: Stocked
    factor: float
    """The `k` of the minimum and maximum."""


def replay_ours(all_series: Sequence[Series], terms: Terms, start: int, progress: Callable[[int], None]) -> Stocked:
    """Ours over all series; `progress` is told how many are done."""
    stocked = Stocked()
    for done, series in enumerate(all_series, 1):
        replay(series, terms, Ours(series, terms, start), start, stocked)
        progress(done)
    return stocked


def compare(
    all_series: Sequence[Series], terms: Terms, start: int, progress: Callable[[int], None] = lambda _: None
) -> Compared:
    """Replay ours, then look for the smallest factor of min/max that meets its fill rate."""
    ours = replay_ours(all_series, terms, start, progress)

    def with_factor(factor: float) -> Stocked:
        stocked = Stocked()
        for series in all_series:
            replay(series, terms, MinMax(series, terms, start, factor), start, stocked)
        return stocked

    low, high = 0.0, 1.0
    best = with_factor(high)
    while best.sold < ours.sold and high < _FACTOR_MAX:
        low, high = high, high * 2
        best = with_factor(high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        tried = with_factor(middle)
        if tried.sold < ours.sold:
            low = middle
        else:
            high, best = middle, tried
    return Compared(ours, best, high)
