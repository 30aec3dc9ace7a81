"""The row of an article in a store: what is there, what comes, what it needs. One row is read and written per line.

    inventory position = max(on hand, 0) + on order + in transit − expected waste

The expected waste is that of the protection interval (`lots`), worked out with the levels.
"""

from collections.abc import Iterator
from enum import IntEnum

import msgspec

from freshmart_streams.domain import availability, forecast, lots, times
from freshmart_streams.domain.calendars import Calendar
from freshmart_streams.domain.forecast import Demand
from freshmart_streams.domain.ledger import NEVER_COUNTED, Ledger
from freshmart_streams.domain.replenishment import Levels
from freshmart_streams.domain.times import Instant


class Shelf(IntEnum):
    """Whether there is something on hand."""

    NEVER = 0
    """Nothing is known to have been there yet."""
    FILLED = 1
    OUT = 2
    """It ran out."""


class Trial(msgspec.Struct, array_like=True, gc=False):
    """Of an article in a store in shadow mode what would be, had our orders come (`pilots`).

    Attributes:
        since: when the store's pilot began; a trial of an earlier one does not count.
        offset: base units that would be on hand, less those that are.
        coming: delivery day and units, by turns, of our orders past their cut-off.
        lots: as the article's own.
        expected_waste: as the article's own.
    """

    since: Instant
    offset: int = 0
    coming: tuple[int, ...] = ()
    lots: tuple[int, ...] = ()
    expected_waste: int = 0


class StockHead(Ledger, array_like=True, gc=False):
    """Of an article in a store what most sales change, and what they ask before they do.

    Quantities are in base units, times in microseconds since 1970, days are ordinals.

    Attributes:
        sold_day, sold: units sold on one business day (voids and returns taken off) that `Demand` does not hold yet.
        earlier: the same for days before that one, day and units by turns; `sold_by_day` has all.
        step_until, step_units: the step of learning that runs ends before this day, or with so many more units sold on
            days from `sold_day` on that are over (`forecast.until_next_step`).
        calm_until, calm_above: up to this time, with more than so much on hand, a sale has no consequence
            (`reordering.calm`).
        foreseen: of an article of which no day is over its first day, if the bound heeds what may be learned of that;
            then the day before which that stays in force.
        levels_version: of the master data that the levels were computed from.
        changed_at: the store's clock when the row changed last.
        tail: the other fields of `Stock`, packed.
    """

    sold_day: int = 0
    sold: int = 0
    earlier: tuple[int, ...] = ()
    step_until: int = 0
    step_units: int = 0
    calm_until: Instant = 0
    calm_above: int = 0
    foreseen: int = 0
    levels_version: int = -1
    changed_at: Instant = 0
    tail: bytes = b""


class Stock(StockHead, array_like=True, gc=False):
    """An article in a store.

    Attributes:
        on_order: of orders that are sent, what is not yet in transit.
        levels: reorder point, order-up-to level and what they come from; None where nothing can be delivered.
        levels_until: the levels hold before this time of the store's clock: one local hour, or until the cut-off.
        deliver_by, cut_off_at: the order opportunity of the levels.
        usable_demand: units that can be sold within the shelf life; None where that does not matter.
        open_order: id of the decision that may still be revised, empty when there is none; `open_until` is its cut-off.
        live_orders: ids of the orders of which something may still come, the open one included.
        alerts: bits of the open alerts (`alerts.Bit`).
        falling_until: up to this time, the day's end at most, the reorder point can only fall.
        bound, bound_until: a level that no reorder point up to this time exceeds, unless the step ends before.
        shelf, out_day: whether the article is out of stock, and the last day on which it was.
        lead_time_sigma_days: by which the lead time of its supplier varies, as of the last step of learning.
        spread: by how much forecasts are widened (`service`), as of the last step of learning.
        lots: last day and units of the lots that are kept track of (`lots`).
        expected_waste: of these, units that spoil within the protection interval of the levels; and `expected_loss`.
        expected_loss: units taken to be gone since the last count (`shrinkage`), as of the last step of learning.
        trial: in shadow mode, what would be had our orders come.
        doubt_at: when the agenda looks whether it is still sold (`phantom`); 0: it does not.
        out_since: since when it cannot be bought (`availability`); 0: it can.
        priced_at: `KnownProduct.priced_at` up to which the article's prices in the store are kept up.
    """

    on_order: int = 0
    in_transit: int = 0
    levels: Levels | None = None
    levels_until: Instant = 0
    deliver_by: int = 0
    cut_off_at: Instant = 0
    demand_rate_per_day: float = 0.0
    usable_demand: float | None = None
    open_order: str = ""
    open_until: Instant = 0
    live_orders: tuple[str, ...] = ()
    alerts: int = 0
    shelf: Shelf = Shelf.NEVER
    out_day: int = 0
    falling_until: Instant = 0
    priced_at: Instant = 0
    bound: int = 0
    bound_until: Instant = 0
    out_since: Instant = 0
    lead_time_sigma_days: float = 0.0
    doubt_at: Instant = 0
    spread: float = 1.0
    lots: tuple[int, ...] = ()
    expected_waste: int = 0
    trial: Trial | None = None
    expected_loss: int = 0


def inventory_position(stock: Stock) -> int:
    """What counts against the reorder point; the open decision is not in it, because it is not sent.

    >>> inventory_position(Stock(on_hand=-3, on_order=24, in_transit=12))
    36
    """
    return position_less(stock, stock.expected_waste)


def decision_position(stock: Stock) -> int:
    """What decisions hold against the reorder point: the inventory position, in shadow mode that of the trial stock."""
    return max(trial_on_hand(stock) - trial_waste(stock), 0) + decision_on_order(stock) + stock.in_transit


def decision_on_order(stock: Stock) -> int:
    """Base units on order that decisions count on, in shadow mode those of our orders too."""
    return stock.on_order + (0 if stock.trial is None else sum(stock.trial.coming[1::2]))


def trial_waste(stock: Stock) -> int:
    """Base units on hand that decisions do not count on."""
    return stock.expected_waste if stock.trial is None else stock.trial.expected_waste


def waste_of(on_hand: int, expected_waste: int) -> int:
    """What is expected to be wasted of what is there: below zero nothing is.

    >>> waste_of(9, 4), waste_of(3, 4), waste_of(-2, 4)
    (4, 3, 0)
    """
    return min(expected_waste, max(on_hand, 0))


def trial_on_hand(stock: Stock) -> int:
    """Base units that decisions take to be on hand."""
    return stock.on_hand if stock.trial is None else stock.on_hand + stock.trial.offset


def position_less(stock: Stock, expected_waste: int) -> int:
    """As `inventory_position`, if so much will spoil."""
    return max(stock.on_hand - expected_waste, 0) + stock.on_order + stock.in_transit


def on_hand_for(stock: Stock, position: int) -> int:
    """How many have to be on hand for a decision position above zero, all else as it is.

    None at least, however much a trial stock has more: that nothing is on hand is to be noticed.
    """
    needed = max(position - decision_on_order(stock) - stock.in_transit, 0) + trial_waste(stock)
    return needed if stock.trial is None else max(needed - stock.trial.offset, 0)


def keep_lots(stock: Stock) -> None:
    """Goods moved, so what can be left of the lots is another."""
    if stock.lots:
        stock.lots = lots.kept(stock.lots, stock.on_hand)
        stock.levels_until = 0


def apply_received(stock: Stock, last_day: int, units: int) -> None:
    """Goods came that can be sold up to a day; what will spoil is worked out anew."""
    stock.lots = lots.received(stock.lots, last_day=last_day, units=units, on_hand=stock.on_hand)
    stock.levels_until = 0


def apply_sold(stock: Stock, day: int, units: int) -> bool:
    """Count units sold on a business day, below zero for what came back; False when the row cannot: `Demand` must.

    Days are counted in this row until a step of learning ends (`forecast`), so that a sale writes no other.
    """
    if day == stock.sold_day:
        stock.sold += units
    elif day > stock.sold_day:
        begin_day(stock, day)
        stock.sold = units
    else:
        days = stock.earlier[::2]
        if day not in days:
            return False
        place = 2 * days.index(day) + 1
        stock.earlier = (*stock.earlier[:place], stock.earlier[place] + units, *stock.earlier[place + 1 :])
    return True


def begin_day(stock: StockHead, day: int) -> bool:
    """Count from here on what is sold on `day`; whether nothing else is expected than the bound heeds."""
    if stock.sold_day:
        stock.earlier += (stock.sold_day, stock.sold)
        if stock.sold > 0:
            stock.step_units -= stock.sold
            if stock.sold_day == stock.foreseen:
                stock.foreseen = forecast.first_day_in_force_until(stock.sold_day, stock.sold)
    elif day > stock.foreseen > 0:  # the first day sold nothing, so its step is an ordinary one
        stock.step_units += forecast.FIRST_SURPRISE - 1
        stock.foreseen = 0
    stock.sold_day, stock.sold = day, 0
    return (day < stock.step_until and stock.step_units > 0) or day < stock.foreseen


def is_step_over(stock: Stock, today: int) -> bool:
    """Whether what was sold on days before `today`, or the time that passed, ended the step that ran."""
    sold_before = stock.sold if stock.sold_day < today else 0
    return today >= stock.step_until or stock.step_units <= max(sold_before, 0)


def note_history_change(stock: Stock) -> None:
    """Something became known of a day that is over: what was learned may change, and the levels with it."""
    stock.step_until = stock.levels_until = stock.calm_until = 0


def may_have_been_out(stock: Stock, today: int) -> bool:
    """Whether something may be missing of the days of which the row knows.

    Of an article that was never counted nor there by the books, nobody knows: only its sales are told.
    """
    if stock.shelf is Shelf.NEVER and stock.counted_at == NEVER_COUNTED:
        return False
    return stock.on_hand <= 0 or bool(stock.out_since) or stock.out_day >= today - 1


def note_missing(stock: Stock, demand: Demand, *, calendar: Calendar, today: int) -> bool:
    """Hand over to `demand` what was missing of the days of which the row knows; whether that was news.

    Of a day on which the article was counted what was noticed before the count stays, for the row forgets it.
    """
    missing, stock.out_since = availability.missing_days(stock, stock.out_since, calendar=calendar, today=today)
    counted_day = times.local(max(stock.counted_at, 0), calendar.zone_name)[0]
    is_news = False
    for day, part in missing.items():
        known = demand.missing.get(day, 0) if day <= counted_day else 0
        if forecast.apply_missing(demand, day=day, thousandths=max(part, known)):
            is_news = True
            if day < today:
                note_history_change(stock)
            if day == stock.foreseen:
                stock.foreseen = stock.levels_until = 0
    return is_news


def flush_sold(stock: Stock, demand: Demand | None, before: int) -> Demand | None:
    """Hand the days before `before` over to `demand` and return it for storing; None when there are none."""
    if stock.sold_day and stock.sold_day < before:
        stock.earlier += (stock.sold_day, stock.sold)
        stock.sold_day = stock.sold = 0
    if not stock.earlier:
        return None
    demand = demand or Demand()
    for day, units in _pairs(stock.earlier):
        forecast.apply_sale(demand, day=day, units=units)
    stock.earlier = ()
    return demand


def sold_on(stock: Stock | None, demand: Demand | None, day: int) -> int:
    """Base units sold on a business day, wherever they are counted."""
    sold = 0 if demand is None else forecast.sold_on(demand, day)
    return sold if stock is None else sold + sold_by_day(stock).get(day, 0)


def sold_by_day(stock: StockHead) -> dict[int, int]:
    """Base units sold by business day, as far as they are counted in the row; in the order of the days."""
    days = dict(_pairs(stock.earlier))
    if stock.sold_day:
        days[stock.sold_day] = stock.sold
    return days


def _pairs(earlier: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    return zip(earlier[::2], earlier[1::2], strict=True)
