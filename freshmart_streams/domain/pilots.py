"""A store in shadow mode: what its stock would be had it followed our orders, beside what it is.

The store goes on ordering as it did, and its deliveries come as they do. Beside that each article has a *trial stock*:
it sells what the article sells, gets what our orders would have brought on their delivery day, spoils by its own lots
(`lots`), and our decisions look at it instead of at the real one. What it has more or less than the store is kept as
one number, so a sale costs nothing. A sale that the trial stock could not have made is lost in it. What a count, a
theft, a damage or a transfer changes, it changes in both; goods that spoiled in the store did so in the store only.

Not known: what customers would have bought in the trial while the store itself had nothing; and a supplier brings all
of it, on time. Values are cents at cost; an article without a cost counts nothing.
"""

from typing import Final

import msgspec

from freshmart_streams.domain import lots, money
from freshmart_streams.domain.availability import WHOLE_DAY
from freshmart_streams.domain.books import Moment
from freshmart_streams.domain.orders import Order
from freshmart_streams.domain.stock import Stock, Trial, trial_on_hand
from freshmart_streams.domain.times import Instant
from freshmart_streams.events.master_data import Product
from freshmart_streams.events.values import Mode

NEVER: Final = 0


class Pilot(msgspec.Struct, array_like=True, gc=False):
    """The row of a store that is, or last was, in shadow mode: the store and its trial, added up.

    Attributes:
        since, until: the store's clock when it began and ended; `until` 0: it goes on.
        article_days: open days of articles, each article at the end of its steps of learning.
        stock, trial_stock: cents on hand at those ends, times the days.
        missing: thousandths of article-days during which the store had nothing to sell.
        lost, trial_lost: cents that could not be sold: in the store as expected for what was missing, in the trial what
            was sold and would not have been there.
        received, ordered: cents delivered to the store otherwise than by our orders; cents that ours came to.
        orders: of the trial, for one article and delivery day each.
        wasted, trial_wasted: cents that expired.
        changed_at: the store's clock at the last change.
    """

    since: Instant
    until: Instant = NEVER
    article_days: int = 0
    stock: int = 0
    trial_stock: int = 0
    missing: int = 0
    lost: float = 0.0
    trial_lost: int = 0
    received: int = 0
    ordered: int = 0
    orders: int = 0
    wasted: int = 0
    trial_wasted: int = 0
    changed_at: Instant = NEVER


def follow(moment: Moment, row: Stock, product: Product) -> None:
    """Bring an article's trial stock up to the store's clock, before anything is decided by it."""
    pilot = moment.books.pilots.get(moment.store.store_id)
    if pilot is None or pilot.until:
        pilot = Pilot(moment.clock)
        _keep(moment, pilot)
    if row.trial is None or row.trial.since != pilot.since:
        row.trial, row.levels_until = Trial(pilot.since, lots=row.lots), 0
    trial = row.trial
    arrived, trial.coming = _until(trial.coming, moment.today)
    for day, units in zip(arrived[::2], arrived[1::2], strict=True):
        trial.offset += units
        row.levels_until = 0
        if product.shelf_life_days is not None and product.shelf_life_days <= lots.DAYS_MAX:
            last_day = day + product.shelf_life_days - 1
            trial.lots = lots.received(trial.lots, last_day=last_day, units=units, on_hand=trial_on_hand(row))
    spoiled = sum(units for last_day, units in lots.left(trial.lots, trial_on_hand(row)) if last_day < moment.today)
    if spoiled:
        trial.offset -= spoiled
        trial.lots = lots.kept(trial.lots, trial_on_hand(row))
        row.levels_until = 0
    # Below zero on hand is a mistake of the books and none of the trial.
    lost = max(min(-trial_on_hand(row), -trial.offset), 0)
    trial.offset += lost
    if spoiled or lost:
        pilot.trial_wasted += _cents(spoiled, product)
        pilot.trial_lost += _cents(lost, product)
        _keep(moment, pilot)


def leave(moment: Moment, row: Stock) -> None:
    """The store is in shadow mode no more."""
    row.trial, row.levels_until = None, 0
    pilot = moment.books.pilots.get(moment.store.store_id)
    if pilot is not None and not pilot.until:
        pilot.until = moment.clock
        _keep(moment, pilot)


def expect_delivery(moment: Moment, row: Stock, order: Order) -> None:
    """An order of the trial passed its cut-off: it comes on its delivery day."""
    pilot, known = moment.books.pilots.get(moment.store.store_id), moment.books.products.get(order.sku)
    if order.mode is not Mode.SHADOW or not order.quantity or row.trial is None or pilot is None:
        return
    row.trial.coming = (*row.trial.coming, order.deliver_by, order.quantity)
    pilot.orders += 1
    pilot.ordered += 0 if known is None else _cents(order.quantity, known.product)
    _keep(moment, pilot)


def apply_delivery(moment: Moment, row: Stock, product: Product | None, units: int) -> None:
    """So many came to the store that are none of our orders': the trial does not have them."""
    _only_in_store(moment, row, units)
    _count(moment, row, received=_cents(units, product))


def apply_spoiled(moment: Moment, row: Stock, product: Product | None, units: int) -> None:
    """So many expired in the store."""
    _only_in_store(moment, row, -units)
    _count(moment, row, wasted=_cents(units, product))


def sample(moment: Moment, row: Stock, product: Product, *, days: int, missing: int, expected_per_day: float) -> None:
    """Count days of an article that are over: its stock as it is, and the share of the days without."""
    pilot = moment.books.pilots.get(moment.store.store_id)
    if row.trial is None or pilot is None:
        return
    pilot.article_days += days
    pilot.missing += missing
    pilot.stock += days * _cents(max(row.on_hand, 0), product)
    pilot.trial_stock += days * _cents(max(trial_on_hand(row), 0), product)
    pilot.lost += missing / WHOLE_DAY * expected_per_day * _cents(1_000, product) / 1_000
    _keep(moment, pilot)


def _keep(moment: Moment, pilot: Pilot) -> None:
    pilot.changed_at = moment.clock
    moment.books.pilots[moment.store.store_id] = pilot


def _only_in_store(moment: Moment, row: Stock, units: int) -> None:
    if row.trial is not None and units:
        row.trial.offset -= units
        row.levels_until = 0


def _count(moment: Moment, row: Stock, *, received: int = 0, wasted: int = 0) -> None:
    pilot = moment.books.pilots.get(moment.store.store_id)
    if row.trial is not None and pilot is not None and not pilot.until:
        pilot.received += received
        pilot.wasted += wasted
        _keep(moment, pilot)


def _until(coming: tuple[int, ...], today: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What of the deliveries has come by today, and what has not."""
    pairs = list(zip(coming[::2], coming[1::2], strict=True))
    come = tuple(each for pair in pairs if pair[0] <= today for each in pair)
    return come, tuple(each for pair in pairs if pair[0] > today for each in pair)


def _cents(units: int, product: Product | None) -> int:
    return 0 if product is None else money.at_cost(units, product.cost, product.unit)
