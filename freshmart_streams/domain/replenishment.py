"""How much to order: reorder point, order-up-to level, and the quantity in whole packs (formulas.md 4.4 and 4.5).

The convention: an article is ordered when its inventory position has *reached* the reorder point, `position <=
reorder_point`, and is below the order-up-to level. Both levels cover the demand of the protection interval with the
policy's service level, which is the chance of not running out in one interval (cycle service), not the share of demand
that is met (fill rate). Levels are integers of base units, computed once per article and hour: a sale only compares.
"""

import math
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from freshmart_streams.domain import calendars, forecast, lots, outlooks, promotions, quantiles, times, units
from freshmart_streams.domain.calendars import Calendar, Opportunity
from freshmart_streams.domain.forecast import Demand, Forecast, Parameters
from freshmart_streams.domain.lots import Lots
from freshmart_streams.domain.outlooks import Hour, Outlook
from freshmart_streams.domain.policies import EffectivePolicy
from freshmart_streams.domain.promotions import Promotions
from freshmart_streams.domain.times import Instant

LOW_VOLUME: Final = 30
"""Base units of interval demand up to which whole units are counted instead of taking the normal distribution."""

SHELF_LIFE_DAYS: Final = 3_650
"""Nothing that keeps longer is cut for its shelf life."""

Binding: TypeAlias = Literal[
    "none", "pack_size", "min_order", "max_order", "shelf_life", "capacity", "max_stock", "supplier_minimum"
]

# A mean is a sum of floats: what is above an integer by less than this is that integer.
_TOLERANCE: Final = 1e-9


class Levels(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The levels of an article for one hour, and what they come from. Base units."""

    reorder_point: int
    order_up_to_level: int
    uncapped_level: int
    """The order-up-to level before `max_stock`."""
    safety_stock: float
    """What the service level (or the presentation stock) asks for beyond the expected demand."""
    forecast: tuple[float, ...]
    """One figure per selling day of the protection interval."""
    service_level: float
    capacity: int | None = None
    """What shelf and backroom hold; None: no limit."""


class OrderQuantity(msgspec.Struct, frozen=True, gc=False):
    """What to order now; no packs: nothing, and `binding` is then `none` or the rule that forbids it."""

    packs: int
    quantity: int
    """Base units, a whole number of packs."""
    binding: Binding
    """The last rule that changed the quantity."""


class Need(msgspec.Struct, frozen=True, gc=False):
    """All that a decision about an article weighs, beside its position: computed once per article and hour."""

    opportunity: Opportunity
    levels: Levels
    demand_rate_per_day: float
    """Base units per calendar day."""
    usable_demand: float | None
    """Base units that are expected to be sold while what is ordered now keeps; None: it keeps."""
    expected_waste: int = 0
    """Base units on hand that are expected to spoil within the protection interval."""


NOTHING: Final = OrderQuantity(0, 0, "none")


def need_of(
    demand: Demand,
    *,
    calendar: Calendar,
    at: Instant,
    lead_time_days: int,
    shelf_life_days: int | None,
    unit: str,
    policy: EffectivePolicy,
    lead_time_sigma_days: float = 0.0,
    spread: float = 1.0,
    stock: tuple[Lots, int] = ((), 0),
) -> Need | None:
    """What an article needs at the order opportunity of `at`; None when its store has no opportunity."""
    today, second = times.local(at, calendar.zone_name)
    hour = outlooks.hour_of(calendar, at, today, second)
    outlook = hour.outlook(lead_time_days)
    if outlook is None:
        return None
    expected = forecast.parameters(
        demand,
        calendar=calendar,
        today=today,
        elapsed=calendars.elapsed_today(calendar, at),
        typical_purchase=units.typical_purchase(unit),
    )
    return need_in(
        hour,
        outlook,
        forecast.widen(expected, spread),
        shelf_life_days=shelf_life_days,
        policy=policy,
        lead_time_sigma_days=lead_time_sigma_days,
        stock=stock,
    )


def need_in(
    hour: Hour,
    outlook: Outlook,
    expected: Parameters,
    *,
    shelf_life_days: int | None,
    policy: EffectivePolicy,
    lead_time_sigma_days: float = 0.0,
    stock: tuple[Lots, int] = ((), 0),
) -> Need:
    """What an article of which this is expected needs of an order placed in this hour; `stock`: lots, and on hand."""
    selling_days = outlook.opportunity.selling_days
    days: Sequence[tuple[int, float]] = outlook.days
    if policy.promotions:
        days = _with_promotions(expected, days, selling_days, policy.promotions)
    interval = forecast.interval_in(expected, days)
    covered, usable = interval, None
    if policy.service_level_source == "margin":  # what is ordered now serves its own day, and may be too much for it
        last_day = outlook.opportunity.deliver_by
        covered = forecast.interval_in(expected, days[: sum(day <= last_day for day in selling_days)])
    elif shelf_life_days is not None and shelf_life_days <= SHELF_LIFE_DAYS:
        deliver_by = outlook.opportunity.deliver_by
        usable = forecast.expected_on(expected, hour.today) * hour.share_of_today
        usable += forecast.expected_on_weekdays(expected, hour.usable_days(deliver_by, shelf_life_days))
        if policy.promotions:
            last_day = max(deliver_by + shelf_life_days - 1, hour.today)
            usable += _more_by_promotions(hour, expected, policy.promotions, last_day, hour.share_of_today)
    rate = forecast.expected_on_weekdays(expected, outlook.week) / 7
    if policy.promotions:
        rate += _more_by_promotions(hour, expected, policy.promotions, hour.today + 6) / 7
    found = levels(interval=covered, policy=policy, lead_time_sigma_days=lead_time_sigma_days)
    if covered is not interval:
        found = msgspec.structs.replace(found, forecast=interval.daily)
    waste, (known, on_hand) = 0, stock
    if known:
        waste = lots.expected_waste(known, on_hand, days=selling_days, demand=interval.daily)
    return Need(outlook.opportunity, found, rate, usable, waste)


def _with_promotions(
    expected: Parameters, days: Sequence[tuple[int, float]], selling_days: Sequence[int], planned: Promotions
) -> list[tuple[int, float]]:
    """The days of an interval, of which a promoted one counts for as many as it sells like."""
    factor = expected.promotion_factor
    return [
        (place, share * factor if promotions.is_promoted(planned, day) else share)
        for day, (place, share) in zip(selling_days, days, strict=True)
    ]


def _more_by_promotions(
    hour: Hour, expected: Parameters, planned: Promotions, last_day: int, share_of_today: float = 1.0
) -> float:
    """Base units that promotions add to the demand from today to a day, it included."""
    more = 0.0
    for day in promotions.promoted_days(planned, hour.today, last_day):
        if calendars.is_open(hour.calendar, day):
            more += forecast.expected_on(expected, day) * (share_of_today if day == hour.today else 1.0)
    return more * (expected.promotion_factor - 1.0)


def highest_reorder_point(
    expected: Parameters, outlook: Outlook, policy: EffectivePolicy, lead_time_sigma_days: float = 0.0
) -> int:
    """A level that no reorder point of the coming `outlooks.DAYS` days exceeds, while the same is expected.

    The demand of no interval exceeds that of `Outlook.most`, nor `Outlook.longest` best days, and for one article a
    larger mean goes with a higher quantile. Only where the mean leaves the counted units for the normal distribution
    the quantile may fall; there, what lies below stays below Cantelli's bound, which holds for any distribution.
    """
    factor = 1.0
    if policy.promotions and promotions.are_coming(policy.promotions, outlook.today):
        factor = max(expected.promotion_factor, 1.0)  # as if every day were promoted
    best = expected.level * max(expected.weekday_factors) * factor
    mean = min(forecast.expected_on_weekdays(expected, outlook.most) * factor, best * outlook.longest)
    delays = (best * lead_time_sigma_days) ** 2  # no day of an interval has more than the best one
    most = forecast.Forecast((mean,), forecast.variance_of(expected, mean, outlook.longest) + delays)
    highest = levels(interval=most, policy=policy).reorder_point
    if mean > LOW_VOLUME:
        variance = forecast.variance_of(expected, float(LOW_VOLUME), outlook.longest) + delays
        odds = policy.service_level / (1.0 - policy.service_level)
        highest = max(highest, math.ceil(LOW_VOLUME + math.sqrt(variance * odds)))
    return highest


def highest_after_first_day(
    sold: int, outlook: Outlook, policy: EffectivePolicy, lead_time_sigma_days: float = 0.0
) -> int:
    """`highest_reorder_point` of an article sold by the piece whose first day sells so many at most."""
    key = sold, policy, lead_time_sigma_days
    found = outlook.after_first_day.get(key)
    if found is None:
        learned = [forecast.after_first_day(each) for each in range(1, sold + 1)]
        found = max(
            (highest_reorder_point(expected, outlook, policy, lead_time_sigma_days) for expected in learned), default=0
        )
        outlook.after_first_day[key] = found
    return found


def levels(*, interval: Forecast, policy: EffectivePolicy, lead_time_sigma_days: float = 0.0) -> Levels:
    """Reorder point and order-up-to level for the demand of a protection interval.

    Up to `LOW_VOLUME` the reorder point is the Poisson or negative binomial quantile, or mean and presentation stock,
    if that is more; above it, mean and the larger of safety and presentation stock, rounded up. `min_stock` raises it.
    On a calendar the order-up-to level is the reorder point, capped by `max_stock`.

    >>> found = levels(interval=Forecast((5.5, 6.0, 5.5), variance=17.0), policy=EffectivePolicy(service_level=0.98))
    >>> found.reorder_point, found.order_up_to_level, found.safety_stock
    (26, 26, 9.0)
    """
    mean = interval.mean
    enough = quantile(interval, policy.service_level, lead_time_sigma_days)
    enough = max(enough, mean + policy.presentation_stock)
    reorder_point = max(math.ceil(enough - _TOLERANCE), policy.min_stock)
    capped = reorder_point if policy.max_stock is None else min(reorder_point, policy.max_stock)
    more, service_level = enough - mean, policy.service_level
    return Levels(reorder_point, capped, reorder_point, more, interval.daily, service_level, policy.capacity)


def quantile(interval: Forecast, service_level: float, lead_time_sigma_days: float = 0.0) -> float:
    """What is enough for an interval with this probability, presentation and minimum stock left aside.

    >>> quantile(Forecast((5.5, 6.0, 5.5), variance=17.0), 0.98)
    26.0
    """
    variance = protection_variance(interval, lead_time_sigma_days)
    if interval.mean <= LOW_VOLUME:
        return float(quantiles.negative_binomial(interval.mean, variance, service_level))
    return interval.mean + safety_stock(variance, service_level)


def safety_stock(variance: float, service_level: float) -> float:
    """Stock beyond the expected demand, demand being normal: `z(service level) · σ`; never below zero.

    >>> round(safety_stock(variance=6 * 500**2, service_level=0.9), 4)
    1569.5737
    """
    return max(quantiles.normal(service_level), 0.0) * math.sqrt(variance)


def protection_variance(interval: Forecast, lead_time_sigma_days: float) -> float:
    """Variance of an interval's demand when its length varies too: `Σ σ_d² + (mean per day)² · σ_L²`.

    >>> protection_variance(Forecast((50.0, 50.0, 50.0), variance=3 * 8.0**2), lead_time_sigma_days=0.5)
    817.0
    """
    if not interval.daily or not lead_time_sigma_days:
        return interval.variance
    return interval.variance + (interval.mean / len(interval.daily) * lead_time_sigma_days) ** 2


def lowest_position_alike(
    *, inventory_position: int, levels: Levels, pack_size: int, usable_demand: float | None
) -> int:
    """Down to which position `decide_quantity` orders the same as here, whatever minimum and maximum there are.

    >>> levels_now = Levels(26, 26, 26, 9.0, (5.5, 6.0, 5.5), 0.98)
    >>> lowest_position_alike(inventory_position=7, levels=levels_now, pack_size=12, usable_demand=None)
    2
    """
    level = levels.order_up_to_level
    if not is_due(inventory_position=inventory_position, levels=levels):
        return min(levels.reorder_point + 1, level)
    lowest = level - -(-(level - inventory_position) // pack_size) * pack_size
    for room in (levels.capacity, None if usable_demand is None else math.floor(usable_demand + _TOLERANCE)):
        if room is not None:
            lowest = max(lowest, room - (_packs_within(room, inventory_position, pack_size) + 1) * pack_size + 1)
    return lowest


def is_due(*, inventory_position: int, levels: Levels) -> bool:
    """Whether the position calls for an order.

    >>> at_the_point = Levels(10, 40, 40, 0.0, (), 0.98)
    >>> is_due(inventory_position=10, levels=at_the_point), is_due(inventory_position=11, levels=at_the_point)
    (True, False)
    """
    return inventory_position <= levels.reorder_point and inventory_position < levels.order_up_to_level


def decide_quantity(
    *,
    inventory_position: int,
    levels: Levels,
    pack_size: int = 1,
    min_order_packs: int | None = None,
    max_order_packs: int | None = None,
    usable_demand: float | None = None,
) -> OrderQuantity:
    """Whole packs that bring the position up to the level, in the order of formulas.md 4.5.

    Need, capped by `max_stock` (which a pack may overshoot), rounded up to packs, raised to the minimum order; then cut
    to the maximum order, to what shelf and backroom hold, and to what can be sold within its shelf life. Cut below the
    minimum order, it is no order.

    >>> levels_now = Levels(26, 26, 26, 9.0, (5.5, 6.0, 5.5), 0.98)
    >>> decide_quantity(inventory_position=7, levels=levels_now, pack_size=12)
    OrderQuantity(packs=2, quantity=24, binding='pack_size')
    """
    if not is_due(inventory_position=inventory_position, levels=levels):
        return NOTHING
    minimum = max(min_order_packs or 1, 1)
    need = levels.order_up_to_level - inventory_position
    packs = -(-need // pack_size)
    binding: Binding = "max_stock" if levels.order_up_to_level < levels.uncapped_level else "none"
    if packs * pack_size != need:
        binding = "pack_size"
    if packs < minimum:
        packs, binding = minimum, "min_order"
    if max_order_packs is not None and packs > max_order_packs:
        packs, binding = max_order_packs, "max_order"
    if levels.capacity is not None:
        fitting = _packs_within(levels.capacity, inventory_position, pack_size)
        if packs > fitting:
            packs, binding = fitting, "capacity"
    if usable_demand is not None:
        usable = _packs_within(math.floor(usable_demand + _TOLERANCE), inventory_position, pack_size)
        if packs > usable:
            packs, binding = usable, "shelf_life"
    if packs < minimum:
        packs = 0
    return OrderQuantity(packs, packs * pack_size, binding)


def _packs_within(room: int, position: int, pack_size: int) -> int:
    """Whole packs that bring a position up to `room` base units at most."""
    return max(room - position, 0) // pack_size


def days_of_cover(on_hand: int, demand_rate_per_day: float) -> float | None:
    """Days that the stock on hand lasts; None when no demand is expected: for ever.

    >>> days_of_cover(9, 6.0), days_of_cover(-2, 6.0), days_of_cover(9, 0.0)
    (1.5, 0.0, None)
    """
    return max(on_hand, 0) / demand_rate_per_day if demand_rate_per_day > 0 else None
