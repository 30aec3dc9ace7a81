"""Articles that may be there in the books only: on hand, yet not sold for longer than chance explains.

    suspected when on hand > 0 and exp(−Σ expected purchases of the days without a sign) < 0.01

(formulas.md 4.12). A *sign* is a sale, a delivery or a count. What is expected is the article's own forecast from
before the sign's day, or the silence itself would teach that nothing is wanted: level times weekday factor times the
part of the opening time that was left after the sign; in purchases, because goods that are bought by the dozen, or by
weight, sell more rarely than their units say. The day that runs does not count, nor does one on which the store was
closed or sold nothing at all: then it is the tills that are silent.

Silence is no event, so the agenda looks (`due_work`), once at the opening of the day on which the suspicion would arise
if nothing more were sold. An article has one such entry at most, and the next is made when that one was due: a sale has
nothing to do with it. What sells steadily is looked at every other day at most, and what is expected to take longer
than `SILENCE_DAYS_MAX` never: quiet weeks of a slow article say nothing. A new one waits for `HISTORY_DAYS_MIN`.

A suspicion asks for a count. It changes no figure, so a wrong one orders nothing. When the count comes while the
article is suspected, the silence is taken for an empty shelf: since the sign the article could not be bought, and
nothing is learned of these days (`availability`).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from freshmart_streams.domain import alerts, calendars, forecast, ledger, reordering, times, units
from freshmart_streams.domain.books import Books, Moment, article_key, day_key
from freshmart_streams.domain.calendars import Calendar
from freshmart_streams.domain.forecast import Demand, Parameters
from freshmart_streams.domain.stock import Stock
from freshmart_streams.domain.times import Instant
from freshmart_streams.events.alerts import AlertKind
from freshmart_streams.events.master_data import Product

PROBABILITY_MAX: Final = 0.01
"""A silence that is less likely than this is no chance."""

SILENCE_DAYS_MAX: Final = 28
"""Days after the last sign within which a suspicion must arise."""

HISTORY_DAYS_MIN: Final = 14
"""Before, level and purchases of an article are guesses."""

TO_BE_PLANNED: Final = -1
"""`Stock.doubt_at` of an article whose suspicion was removed just now."""

LOOKS_APART_DAYS: Final = 2
"""Between two looks at an article of which no open day has been silent since."""

_DETAIL_DIGITS: Final = 6


def probability(expected: float) -> float:
    """How likely it is that nothing is sold where so many purchases are expected (Poisson).

    Three a day, after one, two and three days (formulas.md 5.9): suspected on the second.

    >>> [round(probability(3.0 * days), 6) for days in (1, 2, 3)]
    [0.049787, 0.002479, 0.000123]
    """
    return math.exp(-expected)


def last_sign(row: Stock, newest_day: int, zone_name: str) -> Instant:
    """When the article was last sold, delivered or counted; 0: never.

    Of what is longer ago than its changes are kept only the day is known (`Demand.newest_day`): then it is that day's
    end.
    """
    changed = max((at for at, quantity in ledger.recent_changes(row) if quantity), default=0)
    sign = max(changed, row.counted_at, 0)
    if newest_day > times.local(sign, zone_name)[0]:
        return times.start_of_day(newest_day + 1, zone_name)
    return sign


@dataclass(frozen=True, slots=True)
class Silence:
    """What is expected of an article since its last sign, in purchases."""

    sign: Instant
    expected: Parameters
    purchase: float
    """Base units that are bought at once."""
    calendar: Calendar

    @property
    def sign_day(self) -> int:
        """The business day of the last sign."""
        return times.local(self.sign, self.calendar.zone_name)[0]

    def days(self, first: int, last: int) -> Iterator[tuple[int, float]]:
        """The open days from `first` to `last`, each with the purchases expected after the sign."""
        sign_day, second = times.local(self.sign, self.calendar.zone_name)
        for day in calendars.selling_days(self.calendar, first, last):
            share = calendars.share_of_day(self.calendar, day, second) if day == sign_day else 1.0
            yield day, share * forecast.expected_on(self.expected, day) / self.purchase

    def expected_before(self, today: int, books: Books, store_id: str) -> float:
        """Purchases expected on the days before `today` on which the store sold anything."""
        total = 0.0
        for day, purchases in self.days(self.sign_day, today - 1):
            figures = books.store_days.get(day_key(store_id, day))
            if figures is not None and figures.receipts > 0:
                total += purchases
        return total

    def next_look(self, today: int, total: float) -> int:
        """The first open day after `today` that begins with a suspicion if nothing more is sold; 0: none in time.

        `total` is what was expected before today.
        """
        first = today + (1 if _has_silent_day(self.sign, self.calendar, today) else LOOKS_APART_DAYS)
        for day, purchases in self.days(today, self.sign_day + SILENCE_DAYS_MAX):
            if day >= first and probability(total) < PROBABILITY_MAX:
                return day
            total += purchases
        return 0


def plan_look(moment: Moment, sku: str, row: Stock, product: Product) -> None:
    """Put the next look at an article on the agenda, unless there is one or nothing to suspect; changes its row."""
    if row.doubt_at > 0 or row.on_hand <= 0 or alerts.is_open(row, AlertKind.PHANTOM_STOCK):
        return
    row.doubt_at = 0
    silence = _silence(moment, sku, row, product)
    if silence is not None:
        _plan(moment, sku, row, silence, silence.expected_before(moment.today, moment.books, moment.store.store_id))


def look(moment: Moment, sku: str, row: Stock, product: Product) -> None:
    """An entry is due: suspect the article, or plan the next look; changes its row, which the caller stores."""
    row.doubt_at = 0
    if row.on_hand <= 0 or alerts.is_open(row, AlertKind.PHANTOM_STOCK):
        return
    if row.sold_day >= moment.today - 1 and row.sold > 0 and row.demand_rate_per_day > 0:
        _look_later(moment, sku, row, product)
        return
    silence = _silence(moment, sku, row, product)
    if silence is None:
        return
    total = silence.expected_before(moment.today, moment.books, moment.store.store_id)
    if probability(total) < PROBABILITY_MAX:
        _suspect(moment, sku, row, silence, total)
    else:
        _plan(moment, sku, row, silence, total)


def _look_later(moment: Moment, sku: str, row: Stock, product: Product) -> None:
    """It sells: look again when a silence that begins now would be no chance, as far as its mean day tells."""
    purchases = row.demand_rate_per_day / units.typical_purchase(product.unit)
    silent_days = math.ceil(-math.log(PROBABILITY_MAX) / purchases)
    if silent_days <= SILENCE_DAYS_MAX:
        first = max(row.sold_day + silent_days + 1, moment.today + LOOKS_APART_DAYS)
        _schedule(moment, sku, row, next(iter(calendars.selling_days(moment.calendar, first, first + 6)), 0))


def note_empty_shelf(moment: Moment, sku: str, row: Stock, product: Product) -> None:
    """The article is about to be counted: if it is suspected, it could not be bought since its last sign."""
    if alerts.is_open(row, AlertKind.PHANTOM_STOCK):
        silence = _silence(moment, sku, row, product)
        if silence is not None and silence.sign < moment.at:
            row.out_since = silence.sign


def close(moment: Moment, sku: str, row: Stock, message: str) -> None:
    """The article was seen, or nothing is there by the books either: there is nothing to suspect."""
    if alerts.is_open(row, AlertKind.PHANTOM_STOCK):
        row.doubt_at = TO_BE_PLANNED
    alerts.close_for_article(moment, row, sku, AlertKind.PHANTOM_STOCK, message)


def _silence(moment: Moment, sku: str, row: Stock, product: Product) -> Silence | None:
    """What is expected since the last sign; None of a new article, whose first look is planned for later."""
    calendar, today = moment.calendar, moment.today
    known: Demand | None = moment.books.demand.get(article_key(moment.store.store_id, sku))
    policy = moment.books.policy_of(moment.store.store_id, sku)
    demand = reordering.demand_on_read(row, known, calendar=calendar, clock=moment.clock, policy=policy)
    known_from = demand.first_day + HISTORY_DAYS_MIN
    if today < known_from or not demand.first_day:
        if demand.first_day:
            _schedule(moment, sku, row, next(iter(calendars.selling_days(calendar, known_from, known_from + 6)), 0))
        return None
    purchase = units.typical_purchase(product.unit)
    sign = last_sign(row, demand.newest_day, moment.zone)
    known_by = min(max(times.local(sign, moment.zone)[0], known_from), today)
    if demand.learned_day > known_by and _has_silent_day(sign, calendar, today):
        demand.learned, demand.learned_day = b"", 0
    expected = forecast.parameters(demand, calendar=calendar, today=known_by, elapsed=0.0, typical_purchase=purchase)
    # Of purchases that come by chance, variance to mean is what is bought at once, or more.
    return Silence(sign, expected, max(expected.variance_to_mean, float(purchase)), calendar)


def _has_silent_day(sign: Instant, calendar: Calendar, today: int) -> bool:
    """Whether a whole open day passed since the sign."""
    day, second = times.local(sign, calendar.zone_name)
    is_whole = calendars.share_of_day(calendar, day, second) == 1.0
    return any(calendars.selling_days(calendar, day if is_whole else day + 1, today - 1))


def _plan(moment: Moment, sku: str, row: Stock, silence: Silence, total: float) -> None:
    _schedule(moment, sku, row, silence.next_look(moment.today, total))


def _schedule(moment: Moment, sku: str, row: Stock, day: int) -> None:
    if day:
        row.doubt_at = calendars.opens_at(moment.calendar, day)
        moment.books.schedule(moment.store.store_id, row.doubt_at, f"doubt/{sku}")


def _suspect(moment: Moment, sku: str, row: Stock, silence: Silence, total: float) -> None:
    days = moment.today - silence.sign_day
    message = f"{row.on_hand} are on hand, and none was sold for {days} days: please count."
    details: alerts.Details = {
        "on_hand": row.on_hand,
        "days_without_sale": days,
        "expected_sales": round(total, _DETAIL_DIGITS),
        "probability": round(probability(total), _DETAIL_DIGITS),
    }
    alerts.open_for_article(moment, row, sku, AlertKind.PHANTOM_STOCK, message, details)
    row.calm_until, row.changed_at = 0, moment.clock  # the next sale is looked at, and closes this
