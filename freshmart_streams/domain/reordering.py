"""When an article is decided anew, and what becomes of its open decision.

Decisions are level-triggered: whenever something about an article changed, its inventory position is compared with the
reorder point, and the same position asks for the same order however often it is looked at. Per store, article and
order opportunity there is one decision (`order_id` is made of these three); until its cut-off a changed need is a new
revision of it, published when the number of packs changes. An open decision keeps its delivery day and cut-off when
master data change, and the article has no other one until that cut-off.

Levels are computed once per article and local hour and kept in the article's row. They are void when the opportunity or
the master data behind them changes. Most sales do not even need them: of an article that lies above every reorder point
of the coming days, a sale is one comparison of integers (`calm`).
"""

from copy import copy

from freshmart_streams.domain import (
    alerts,
    booking,
    calendars,
    decision_limits,
    deliveries,
    forecast,
    identifiers,
    lead_times,
    lots,
    newsvendor,
    order_places,
    orders,
    outlooks,
    pilots,
    promotions,
    replenishment,
    service,
    shrinkage,
    stock,
    store_days,
    times,
    units,
)
from freshmart_streams.domain.books import KnownProduct, Moment, article_key, order_key, partition_clock, supplier_key
from freshmart_streams.domain.calendars import Calendar
from freshmart_streams.domain.forecast import Demand, Parameters
from freshmart_streams.domain.orders import Order
from freshmart_streams.domain.outlooks import Outlook
from freshmart_streams.domain.policies import EffectivePolicy
from freshmart_streams.domain.replenishment import Levels, Need, OrderQuantity
from freshmart_streams.domain.reporting import figures_of, mark_day_changed
from freshmart_streams.domain.stock import Shelf, Stock, decision_position
from freshmart_streams.events.alerts import AlertKind
from freshmart_streams.events.master_data import Product
from freshmart_streams.events.values import Mode

_WATCHED = alerts.BITS[AlertKind.PERISHABLE_REDUCTION] | alerts.BITS[AlertKind.PHANTOM_STOCK]
"""Alerts that a sale may close."""

_RANK = {Mode.OFF: 0, Mode.SHADOW: 1, Mode.ADVISE: 2, Mode.AUTO: 3}


def reconsider(moment: Moment, row: Stock, known: KnownProduct, trigger: str) -> None:
    """Decide about an article after something changed; changes its row, which the caller stores.

    Args:
        moment: store, clock and cause.
        row: the article in the store.
        known: its product row; an article that nobody knows is not ordered.
        trigger: what changed, for the reason.
    """
    if row.open_order and moment.clock >= row.open_until:
        booking.settle_open(moment, row)
    mode = moment.store.rollout.reorder
    if mode is Mode.SHADOW:
        pilots.follow(moment, row, known.product)
    elif row.trial is not None:
        pilots.leave(moment, row)
    if mode is Mode.OFF:
        keep_history(moment, row, known.product.sku)
        return
    levels = current_levels(moment, row, known)
    if levels is None:
        deliveries.tell_if_none(moment)
        return
    position = decision_position(row)
    if row.open_order:
        _revise(moment, row, known.product, levels, trigger, mode)
    elif replenishment.is_due(inventory_position=position, levels=levels):
        _propose(moment, row, known.product, levels, trigger, mode)
    if row.on_order and position >= levels.order_up_to_level + known.product.pack_size:
        _watch_perishables(moment, row, known.product, levels)
    elif alerts.is_open(row, AlertKind.PERISHABLE_REDUCTION):
        _calm_perishables(moment, row, known.product.sku)


def current_levels(moment: Moment, row: Stock, known: KnownProduct) -> Levels | None:
    """The article's levels for the hour of the store's clock; computed when the row has none that hold."""
    version = levels_version(moment, known)
    if row.levels_version == version and moment.clock < row.levels_until:
        return row.levels
    product = known.product
    policy = newsvendor.policy_for(moment.books.policy_of(moment.store.store_id, product.sku), product)
    demand = _learned(moment, row, product, policy)
    hour = outlooks.hour_of(moment.calendar, moment.clock, moment.today, moment.second)
    outlook = hour.outlook(product.lead_time_days)
    row.levels_version, row.levels_until = version, store_days.next_full_hour(moment.clock, moment.second)
    row.levels, row.falling_until, row.bound_until, row.foreseen, row.expected_waste = None, 0, 0, 0, 0
    if outlook is None:
        return None
    is_new = not 0 < demand.first_day < moment.today
    if is_new:
        expected = _today_only(moment, row, demand, product, policy)
    else:
        learned = forecast.in_force(demand, typical_purchase=units.typical_purchase(product.unit))
        expected = forecast.widen(learned, row.spread)
    need = replenishment.need_in(
        hour,
        outlook,
        expected,
        shelf_life_days=product.shelf_life_days,
        policy=policy,
        lead_time_sigma_days=row.lead_time_sigma_days,
        stock=(row.lots, row.on_hand),
    )
    row.expected_waste = need.expected_waste + row.expected_loss
    if row.trial is not None:
        days, on_hand = need.opportunity.selling_days, stock.trial_on_hand(row)
        spoiling = lots.expected_waste(row.trial.lots, on_hand, days=days, demand=need.levels.forecast)
        row.trial.expected_waste = spoiling + row.expected_loss
    row.levels, row.usable_demand, row.demand_rate_per_day = need.levels, need.usable_demand, need.demand_rate_per_day
    row.deliver_by, row.cut_off_at = need.opportunity.deliver_by, need.opportunity.cut_off_at
    row.levels_until = min(row.levels_until, need.opportunity.cut_off_at)
    if not is_new:
        row.falling_until = _falling_until(moment, need)
    spare = decision_position(row) - need.levels.reorder_point
    if spare > 0 and not row.open_order:
        if is_new:
            row.bound = _bound_of_new(moment, row, demand, product, outlook, policy, spare)
        else:
            row.bound = replenishment.highest_reorder_point(expected, outlook, policy, row.lead_time_sigma_days)
        ahead = 1 if _lots_of(row) else outlooks.DAYS
        row.bound_until = times.start_of_day(min(row.step_until, moment.today + ahead), moment.zone)
    if lots.may_spoil(_lots_of(row), stock.trial_on_hand(row), before=outlook.last_day):
        # By the hour less is expected to be sold of what has to be, and the position falls without a sale.
        row.bound_until, row.falling_until = 0, min(row.falling_until, row.levels_until)
    return row.levels


def _lots_of(row: Stock) -> lots.Lots:
    """Those that decisions look at."""
    return row.lots if row.trial is None else row.trial.lots


def levels_version(moment: Moment, known: KnownProduct) -> int:
    """Of all master data that an article's levels come from; it only grows."""
    return known.version + partition_clock(moment.books).master_version


def calm(moment: Moment, row: Stock, known: KnownProduct) -> tuple[times.Instant, int]:
    """Up to when, and above how many on hand, a sale of the article has no consequence but that less is on hand.

    Within that a sale compares two integers (`selling.apply_sale`). It holds until anything else changes the row, the
    master data change (`levels_version`), or the running step of learning ends, and it is worked out anew each time the
    article is looked at. While a decision is open its quantity follows the position: it holds for the levels of the
    hour, and as long as the same packs are wanted.
    """
    if _is_watched(moment, row):
        return 0, 0
    if moment.store.rollout.reorder is Mode.OFF:
        row.levels_version, row.levels_until = levels_version(moment, known), 0
        return times.start_of_day(moment.today + 1, moment.zone), 0
    if row.levels is None:
        return row.levels_until, 0
    if row.open_order:
        if _is_held_back(moment, row, known.product, row.levels):
            return 0, 0
        return _calm_while_open(row, known.product, row.levels)
    return _calm_above_bound(row, row.levels, moment.clock)


def _calm_above_bound(row: Stock, levels: Levels, clock: times.Instant) -> tuple[times.Instant, int]:
    position = decision_position(row)
    if position > row.bound and clock < row.bound_until:
        until = row.bound_until
        if not row.falling_until:
            row.bound_until = 0
        return until, stock.on_hand_for(row, row.bound)
    if position > levels.reorder_point and clock < row.falling_until:
        return row.falling_until, stock.on_hand_for(row, levels.reorder_point)
    return 0, 0


def _calm_while_open(row: Stock, product: Product, levels: Levels) -> tuple[times.Instant, int]:
    lowest = replenishment.lowest_position_alike(
        inventory_position=decision_position(row),
        levels=levels,
        pack_size=product.pack_size,
        usable_demand=row.usable_demand,
    )
    return min(row.levels_until, row.open_until), stock.on_hand_for(row, lowest - 1)


def keep_history(moment: Moment, row: Stock, sku: str) -> None:
    """Hand days that are over to the article's demand where no decision asks for them."""
    key = article_key(moment.store.store_id, sku)
    demand = stock.flush_sold(row, moment.books.demand.get(key), moment.today)
    if demand is not None:
        moment.books.demand[key] = demand


def levels_on_read(
    row: Stock,
    demand: Demand | None,
    product: Product,
    *,
    calendar: Calendar,
    clock: times.Instant,
    policy: EffectivePolicy,
) -> Need | None:
    """What `current_levels` would find for committed rows, which it leaves as they are."""
    return replenishment.need_of(
        demand_on_read(row, demand, calendar=calendar, clock=clock, policy=policy),
        calendar=calendar,
        at=clock,
        lead_time_days=product.lead_time_days,
        shelf_life_days=product.shelf_life_days,
        unit=product.unit,
        policy=policy,
        lead_time_sigma_days=row.lead_time_sigma_days,
        spread=row.spread,
        stock=(row.lots, row.on_hand),
    )


def demand_on_read(
    row: Stock, demand: Demand | None, *, calendar: Calendar, clock: times.Instant, policy: EffectivePolicy
) -> Demand:
    """What is known of an article's days at the store's clock, out of committed rows, which it leaves as they are."""
    seen = Demand() if demand is None else copy(demand)
    seen.sold, seen.missing = list(seen.sold), dict(seen.missing)
    today = calendars.today(calendar, clock)
    if stock.may_have_been_out(row, today):
        stock.note_missing(copy(row), seen, calendar=calendar, today=today)
    for day, sold in stock.sold_by_day(row).items():
        forecast.apply_sale(seen, day=day, units=sold)
    _note_promoted(seen, policy, today)
    return seen


def _note_promoted(demand: Demand, policy: EffectivePolicy, last_day: int) -> None:
    if policy.promotions:
        forecast.apply_promoted(demand, promotions.promoted_days(policy.promotions, demand.base_day, last_day))


def _learned(moment: Moment, row: Stock, product: Product, policy: EffectivePolicy) -> Demand:
    """The article's demand with all steps of learning taken that are over."""
    key = article_key(moment.store.store_id, product.sku)
    demand = moment.books.demand.get(key)
    if not stock.is_step_over(row, moment.today):
        return demand or Demand()
    if product.supplier_id is not None:
        known = moment.books.lead_times.get(supplier_key(moment.store.store_id, product.supplier_id))
        row.lead_time_sigma_days = lead_times.sigma_days(known)
    demand = stock.flush_sold(row, demand, moment.today) or demand
    if demand is None:  # new, and nothing is over
        row.step_until, row.step_units = moment.today + 1, 1
        return Demand()
    purchase = units.typical_purchase(product.unit)
    # An event counts up to `dedupe_days` behind the clock, and its day may have begun a day before.
    late_days = moment.books.dedupe_days + 2
    _note_promoted(demand, policy, moment.today - 1)
    was_learned = demand.learned_day
    before = forecast.widen(forecast.in_force(demand, typical_purchase=purchase), row.spread)
    forecast.learn(demand, calendar=moment.calendar, today=moment.today, late_days=late_days, typical_purchase=purchase)
    if was_learned:  # otherwise days are learned again
        service.look_back(moment, demand, product, before=(before, was_learned), typical_purchase=purchase)
        if row.trial is not None:
            days, missing = service.days_since(moment, demand, was_learned)
            pilots.sample(moment, row, product, days=days, missing=missing, expected_per_day=before.level)
    learned = forecast.in_force(demand, typical_purchase=purchase)
    row.spread = service.spread_of(moment, learned, purchase)
    row.expected_loss = shrinkage.expected_loss(moment, row, product, learned.level)
    row.step_until, row.step_units = forecast.until_next_step(demand, today=moment.today, typical_purchase=purchase)
    moment.books.demand[key] = demand
    return demand


def _today_only(
    moment: Moment, row: Stock, demand: Demand, product: Product, policy: EffectivePolicy, more: int = 0
) -> Parameters:
    """What is expected of an article of which no day is over, if it sells so many `more` at once."""
    sold = max(stock.sold_on(row, demand, moment.today), 0)
    elapsed = calendars.elapsed_today(moment.calendar, moment.clock)
    purchase = units.typical_purchase(product.unit)
    is_promoted = promotions.is_promoted(policy.promotions, moment.today)
    return forecast.on_first_day(sold + more, elapsed=elapsed, typical_purchase=purchase, is_promoted=is_promoted)


def _bound_of_new(
    moment: Moment,
    row: Stock,
    demand: Demand,
    product: Product,
    outlook: Outlook,
    policy: EffectivePolicy,
    spare: int,
) -> int:
    """The bound of an article of which no day is over.

    Each sale raises what is expected of it, so it may sell only so many more: an eighth of what it has to spare. If its
    first day sells nothing, it is expected to sell what any article is; otherwise what is learned of that day, as long
    as that can be foreseen (`stock.begin_day`).
    """
    more, purchase = spare // 8, units.typical_purchase(product.unit)
    sold = max(stock.sold_on(row, demand, moment.today), 0)
    if sold < forecast.FIRST_SOLD_MAX:
        more = min(more, forecast.FIRST_SOLD_MAX - sold)
    sold += more
    expected = _today_only(moment, row, demand, product, policy, more)
    imagined = forecast.on_first_day(0, elapsed=0.0, typical_purchase=purchase)
    bound = max(
        decision_position(row) - more,
        replenishment.highest_reorder_point(expected, outlook, policy, row.lead_time_sigma_days),
        replenishment.highest_reorder_point(imagined, outlook, policy, row.lead_time_sigma_days),
    )
    is_plain = not demand.missing and not promotions.is_promoted(policy.promotions, moment.today)
    if demand.first_day == moment.today and is_plain and purchase == 1 and sold <= forecast.FIRST_SOLD_MAX:
        row.foreseen = moment.today
        bound = max(bound, replenishment.highest_after_first_day(sold, outlook, policy, row.lead_time_sigma_days))
    return bound


def _falling_until(moment: Moment, need: Need) -> times.Instant:
    """Up to when the reorder point can only fall: the day's end or the cut-off; 0 where it may rise.

    It may rise within the day where the rest of the day takes its demand from the normal distribution to counted units,
    whose quantile may be higher.
    """
    daily = need.levels.forecast
    low = replenishment.LOW_VOLUME
    if sum(daily) > low and sum(daily[1:]) <= low:
        return 0
    return min(times.start_of_day(moment.today + 1, moment.zone), need.opportunity.cut_off_at)


def _is_held_back(moment: Moment, row: Stock, product: Product, levels: Levels) -> bool:
    """Whether the open decision is not what it would be without limits: it may become so at any time."""
    order = moment.books.orders.get(order_key(moment.store.store_id, row.open_order))
    if moment.store.rollout.reorder is not Mode.AUTO or order is None or not orders.is_revisable(order):
        return False
    wanted = _wanted(row, product, levels, decision_position(row))
    return order.mode is not Mode.AUTO or order.quantity != wanted.quantity


def _is_watched(moment: Moment, row: Stock) -> bool:
    """Whether a sale may have a consequence however much is there."""
    if row.shelf is not Shelf.FILLED or row.alerts & _WATCHED:
        return True
    return bool(row.on_order) and _has_sent_perishables(moment, row)


def _has_sent_perishables(moment: Moment, row: Stock) -> bool:
    """Whether goods are on order that may turn out to be too much at any hour."""
    store_id = moment.store.store_id
    live = (moment.books.orders.get(order_key(store_id, order_id)) for order_id in row.live_orders)
    return any(order is None or (order.is_settled and orders.is_perishable(order)) for order in live)


def _wanted(row: Stock, product: Product, levels: Levels, position: int) -> OrderQuantity:
    return replenishment.decide_quantity(
        inventory_position=position,
        levels=levels,
        pack_size=product.pack_size,
        min_order_packs=product.min_order_packs or 1,
        max_order_packs=product.max_order_packs,
        usable_demand=row.usable_demand,
    )


def _propose(moment: Moment, row: Stock, product: Product, levels: Levels, trigger: str, mode: Mode) -> None:
    wanted = _wanted(row, product, levels, decision_position(row))
    if not wanted.packs:
        return
    store_id = moment.store.store_id
    order_id = identifiers.order_id(store_id, product.sku, row.deliver_by)
    if moment.books.orders.get(order_key(store_id, order_id)) is not None:
        return  # this delivery day was decided and is past its cut-off; master data moved the cut-off since
    order = Order(
        order_id=order_id,
        store_id=store_id,
        sku=product.sku,
        supplier_id=product.supplier_id,
        deliver_by=row.deliver_by,
        cut_off_at=row.cut_off_at,
        mode=mode,
        shelf_life_days=product.shelf_life_days,
        due_by=row.deliver_by,
    )
    row.open_order, row.open_until = order_id, order.cut_off_at
    if mode is Mode.AUTO:
        mode = decision_limits.mode_for(moment, order, product, wanted.quantity)
        decision_limits.count(moment, order, product, wanted.quantity)
        order.mode = mode
    _decide(moment, row, order, wanted, levels, trigger)
    _count_decision(moment, mode)


def _revise(moment: Moment, row: Stock, product: Product, levels: Levels, trigger: str, mode: Mode) -> None:
    order = moment.books.orders.get(order_key(moment.store.store_id, row.open_order))
    if order is None or not orders.is_revisable(order):
        return
    wanted = _wanted(row, product, levels, decision_position(row))
    is_changed = (wanted.packs, wanted.quantity) != (order.packs, order.quantity)
    is_automatic = mode is Mode.AUTO
    if is_automatic and (is_changed or order.mode is not Mode.AUTO):
        mode = decision_limits.mode_for(moment, order, product, wanted.quantity)
    # A store that goes back to a more cautious mode leaves what was decided before as it is.
    if _RANK[mode] < _RANK[order.mode]:
        return
    if is_changed or (mode is not order.mode and order.quantity):
        if is_automatic:
            decision_limits.count(moment, order, product, wanted.quantity)
        was, order.mode = order.mode, mode
        _decide(moment, row, order, wanted, levels, trigger)
        if was is Mode.SHADOW:
            _count_decision(moment, mode)


def _count_decision(moment: Moment, mode: Mode) -> None:
    """Count an order among the day's figures, once it is more than a shadow."""
    if mode is not Mode.SHADOW:
        figures = figures_of(moment, moment.today)
        figures.reorders += 1
        mark_day_changed(moment, moment.today, figures)


def _decide(moment: Moment, row: Stock, order: Order, wanted: OrderQuantity, levels: Levels, trigger: str) -> None:
    before = order_places.standing(order)
    reason = booking.reason_of(row, levels, trigger, wanted.binding)
    quantity = wanted.quantity
    source = booking.source_of(moment)
    orders.revise(order, packs=wanted.packs, quantity=quantity, at=moment.clock, reason=reason, source=source)
    booking.book_order(moment, row, order, before)
    booking.publish(moment, order)


def _watch_perishables(moment: Moment, row: Stock, product: Product, levels: Levels) -> None:
    """Alert when a sent perishable order is more than would be ordered now; it is never reduced automatically."""
    store_id = moment.store.store_id
    for order_id in reversed(row.live_orders):
        order = moment.books.orders.get(order_key(store_id, order_id))
        if order is None or not order.is_settled or not orders.is_perishable(order):
            continue
        coming = orders.balance(order).on_order
        wanted = _wanted(row, product, levels, decision_position(row) - coming)
        if wanted.quantity < coming:
            details: alerts.Details = {"order_id": order_id, "on_order": coming, "needed": wanted.quantity}
            message = f"{coming} are on order, {wanted.quantity} would do: only a person may reduce a perishable order."
            alerts.open_for_article(moment, row, product.sku, AlertKind.PERISHABLE_REDUCTION, message, details)
            return
    _calm_perishables(moment, row, product.sku)


def _calm_perishables(moment: Moment, row: Stock, sku: str) -> None:
    message = "What is on order is needed, or is no longer on order."
    alerts.close_for_article(moment, row, sku, AlertKind.PERISHABLE_REDUCTION, message)
