"""What an article is expected to sell: a level per day times a weekday factor, out of the days that are over.

`learning` says what a day teaches. Here is when it does, and how a day that becomes known late is put in its place.

Days are taken in by *steps*, because looking at each article every day is most of the work and tells nothing new of
what sells once a week. A step lasts as long as eight purchases are expected to take, a day at least and a fortnight at
most; it ends early when four times as much was sold, and after the article's first day if that sold anything. What is
in force on a day is what was learned by the last step that ended before it.

All is computed from the units sold per business day, in the order of the days, whatever order they became known in. The
row therefore keeps each day of the last weeks by itself and two states: one as of the last step, and one from before
every day of which something may still become known. When something does, the last steps are taken again. So a permuted
day and a late sale give the same figures, to the bit.

A promoted day tells of promotions only (`promotions`). A day on which the store was closed, or the article out of stock
all day, teaches nothing, unless something was sold on it; of a day on which it was out for a while, what was on sale
counts (`availability`). What is returned on a day beyond what is sold counts as nothing sold. A silence of more than
`SILENCE_DAYS` days counts as that long, give or take whole steps. While not a single day is over, what was sold today
so far counts as the part of a day that has passed.
"""

import math
from collections.abc import Iterable
from functools import lru_cache
from operator import mul
from typing import Final

import msgspec

from freshmart_streams.domain import calendars
from freshmart_streams.domain.availability import WHOLE_DAY
from freshmart_streams.domain.calendars import Calendar
from freshmart_streams.domain.learning import PROMOTION_FACTOR, SILENT_MAX, WEEK, Learned, silent_days, variance_of_sum

STEP_PURCHASES: Final = 8.0
"""Typical purchases that a step is expected to bring; four times as many end it."""

STEP_DAYS_MAX: Final = 14
"""Whole weeks: what a skipped step leaves out takes no weekday with it."""

SILENCE_DAYS: Final = 126
"""Days without anything known that are counted one by one: more than any state heeds."""

KEPT_DAYS: Final = 400
"""Days kept of an article that nobody knows, of which nothing is learned."""


class Demand(msgspec.Struct, array_like=True, gc=False):
    """The row of an article in a store: base units sold per business day, net of voids and returns, today included.

    Attributes:
        first_day: the first day the article is known to have been on offer; 0: it never was.
        newest_day: the newest day something became known of.
        sold: the days kept one by one, without a gap; the last one is `newest_day`. Days after it sold nothing so far.
        base: what was learned of the days before the first of `sold`, empty for nothing (`learning.Learned`).
        learned, learned_day: what was learned of the days before `learned_day`, by the steps since; 0: take them again.
        promoted: the promoted ones of the days since the first of `sold`, in their order.
        missing: of days since the first of `sold` on which the article was out of stock, the thousandths of the opening
            time, in the order of the days.
    """

    first_day: int = 0
    newest_day: int = 0
    sold: list[int] = msgspec.field(default_factory=list)
    base: bytes = b""
    learned: bytes = b""
    learned_day: int = 0
    missing: dict[int, int] = msgspec.field(default_factory=dict)
    promoted: tuple[int, ...] = ()

    @property
    def base_day(self) -> int:
        """The first day that is kept by itself."""
        return self.newest_day - len(self.sold) + 1


class Parameters(msgspec.Struct, frozen=True, gc=False):
    """What is expected of an article, out of its history."""

    level: float
    """Base units per day, before the weekday's factor."""
    weekday_factors: tuple[float, ...]
    """Monday to Sunday."""
    variance_to_mean: float
    """Base units; 1.0 is Poisson."""
    evidence: float
    """Base units sold that the level rests on, older ones counting less."""
    sum_factor: float = 1.0
    """By how much more the demand of seven days varies than if they did not depend on each other."""
    promotion_factor: float = 1.0
    """Times as much as otherwise is sold on a promoted day."""


class Forecast(msgspec.Struct, frozen=True, gc=False):
    """Demand of an interval: base units per selling day, and the variance of their sum."""

    daily: tuple[float, ...]
    variance: float

    @property
    def mean(self) -> float:
        """Base units of the whole interval."""
        return sum(self.daily)


def apply_sale(demand: Demand, *, day: int, units: int) -> None:
    """Count base units sold on a business day; returns and voids are negative. Days too old to be kept are left out."""
    apply_offered(demand, day=day)
    if day >= demand.base_day:
        demand.sold[day - demand.newest_day - 1] += units
        if day < demand.learned_day:
            demand.learned, demand.learned_day = b"", 0


def apply_offered(demand: Demand, *, day: int) -> None:
    """The article was on offer on a day, sold or not (delivered, counted): from then on no sale is a zero."""
    if not demand.first_day:
        demand.first_day = demand.newest_day = day
        demand.sold = [0]
    elif day > demand.newest_day:
        _extend(demand, day)
    elif day < demand.first_day:
        demand.first_day = day
        if not demand.base and demand.newest_day - day < KEPT_DAYS:
            demand.sold = [0] * (demand.base_day - day) + demand.sold
            demand.learned, demand.learned_day = b"", 0


def apply_missing(demand: Demand, *, day: int, thousandths: int) -> bool:
    """The article was out of stock for so much of a day's opening time; whether that was not known before.

    Nothing is missing of the days before it was on offer, nor of those that are not kept any more.
    """
    if not demand.first_day or day < max(demand.first_day, demand.base_day):
        return False
    if demand.missing.get(day, 0) == thousandths:
        return False
    demand.missing[day] = thousandths
    demand.missing = {each: demand.missing[each] for each in sorted(demand.missing) if demand.missing[each]}
    if day < demand.learned_day:
        demand.learned, demand.learned_day = b"", 0
    return True


def apply_promoted(demand: Demand, days: Iterable[int]) -> None:
    """These days are promoted ones; of days before it was on offer, or that are not kept any more, nothing is noted."""
    first = max(demand.first_day, demand.base_day)
    news = [day for day in days if day >= first and day not in demand.promoted] if demand.first_day else []
    if news:
        demand.promoted = tuple(sorted((*demand.promoted, *news)))
        if news[0] < demand.learned_day:
            demand.learned, demand.learned_day = b"", 0


def sold_on(demand: Demand, day: int) -> int:
    """Base units sold on a day; 0 before the days that are kept."""
    place = day - demand.newest_day - 1
    return demand.sold[place] if place < 0 and -place <= len(demand.sold) else 0


def learn(demand: Demand, *, calendar: Calendar, today: int, late_days: int, typical_purchase: int = 1) -> None:
    """Take the steps that ended before `today`.

    `late_days` is how many days back something may still become known; what is older is not kept by itself any more.
    """
    if not demand.first_day or today <= demand.first_day:
        return
    learned, day = _steps(demand, *_newest(demand), until=today, calendar=calendar, purchase=typical_purchase)
    demand.learned, demand.learned_day = learned, day
    settled = today - late_days
    if demand.base_day + STEP_DAYS_MAX <= settled:
        base, day = _steps(
            demand, demand.base, demand.base_day, until=settled, calendar=calendar, purchase=typical_purchase
        )
        known = demand.newest_day - day + 1
        if known <= 0:  # a longer silence than days are kept for
            demand.newest_day, demand.sold = day, [0]
        else:
            demand.sold = demand.sold[-known:]
        demand.base = base
        if demand.missing:
            demand.missing = {each: part for each, part in demand.missing.items() if each >= day}
        if demand.promoted:
            demand.promoted = tuple([each for each in demand.promoted if each >= day])


def until_next_step(demand: Demand, *, today: int, typical_purchase: int) -> tuple[int, int]:
    """The day on which the step that runs ends, and how many more units, sold before that, end it on the day after.

    `learn` was called today.
    """
    learned, day = _newest(demand)
    days, units = _length(demand, learned, day, typical_purchase)
    if day == demand.first_day < today:
        units = _surprise(typical_purchase)  # the first day sold nothing, or its step had ended
    return day + days, units - sum(max(sold_on(demand, each), 0) for each in range(day, today))


def parameters(
    demand: Demand, *, calendar: Calendar, today: int, elapsed: float, typical_purchase: int = 1
) -> Parameters:
    """What to expect from `today` on.

    `elapsed` is the part of today's opening time that has passed (`calendars.elapsed_today`); it counts only while no
    day of the article is over. `typical_purchase` is `units.typical_purchase` of its unit.

    An article that sold two pieces in the first half of its first day, one and a half days with the imagined one:

    >>> from freshmart_streams.domain import times
    >>> monday, utc = times.from_iso("2024-10-07"), calendars.calendar_of()
    >>> row = Demand()
    >>> apply_sale(row, day=monday, units=2)
    >>> parameters(row, calendar=utc, today=monday, elapsed=0.5).level
    2.0
    """
    if not 0 < demand.first_day < today:
        return on_first_day(
            max(sold_on(demand, today), 0),
            elapsed=elapsed,
            typical_purchase=typical_purchase,
            is_promoted=today in demand.promoted,
        )
    learned, _ = _steps(demand, *_newest(demand), until=today, calendar=calendar, purchase=typical_purchase)
    return _parameters(learned, typical_purchase)


def in_force(demand: Demand, *, typical_purchase: int = 1) -> Parameters:
    """As `parameters`, for an article of which a day is over and all steps are taken (`learn`)."""
    return _parameters(_newest(demand)[0], typical_purchase)


def on_first_day(sold: int, *, elapsed: float, typical_purchase: int, is_promoted: bool = False) -> Parameters:
    """What to expect of an article of which no day is over: it and the imagined day are all there is."""
    sales, factor = float(sold + typical_purchase), PROMOTION_FACTOR
    level = sales / (elapsed * (factor if is_promoted else 1.0) + 1.0)
    return Parameters(level, _EVEN, float(typical_purchase), sales, promotion_factor=factor)


def after_first_day(sold: int) -> Parameters:
    """What to expect of an article sold by the piece of which one day is over, on which it sold so much."""
    return _parameters(_after_first_day(sold), 1)


def first_day_in_force_until(day: int, sold: int) -> int:
    """The day before which what is learned of the first day stays in force; 0 where more was sold than is foreseen."""
    return day + 1 + _DAYS_AFTER_FIRST[sold] if sold <= FIRST_SOLD_MAX else 0


def widen(expected: Parameters, spread: float) -> Parameters:
    """The same with standard deviations so many times as large, as `service` found them to have to be.

    >>> widen(Parameters(6.0, (1.0,) * 7, variance_to_mean=1.0, evidence=33.0), 1.5).variance_to_mean
    2.25
    """
    if spread == 1.0:
        return expected
    return msgspec.structs.replace(expected, variance_to_mean=expected.variance_to_mean * spread * spread)


def expected_on(expected: Parameters, day: int, *, is_promoted: bool = False) -> float:
    """Base units expected on a day on which the store is open."""
    mean = expected.level * expected.weekday_factors[(day - 1) % 7]
    return mean * expected.promotion_factor if is_promoted else mean


def expected_on_weekdays(expected: Parameters, counts: Iterable[float]) -> float:
    """Base units expected on that many Mondays to Sundays (`calendars.selling_weekdays`)."""
    days: float = sum(map(mul, counts, expected.weekday_factors))
    return expected.level * days


def interval_in(expected: Parameters, days: Iterable[tuple[int, float]]) -> Forecast:
    """Demand of days, each given by its weekday, Monday being 0, and by what it counts for: what is left of it.

    A Tuesday of which three quarters are left, Wednesday and Thursday:

    >>> steady = Parameters(level=6.0, weekday_factors=(1.0,) * 7, variance_to_mean=1.0, evidence=33.0)
    >>> interval_in(steady, [(1, 0.75), (2, 1.0), (3, 1.0)])
    Forecast(daily=(4.5, 6.0, 6.0), variance=24.75)
    """
    level, factors = expected.level, expected.weekday_factors
    daily = tuple([level * factors[place] * share for place, share in days])
    return Forecast(daily, variance_of(expected, sum(daily), len(daily)))


def variance_of(expected: Parameters, mean: float, days: int = 1) -> float:
    """Variance of the demand of so many days in a row, of which this is the mean.

    What is learned of seven days tells how much any two of them have in common, and so of any number of days: each pair
    adds the same. More for more days and for a higher mean.
    """
    common = (expected.sum_factor - 1.0) * (days - 1) / (WEEK - 1) if days > 1 else 0.0
    return variance_of_sum(expected.variance_to_mean, mean, expected.evidence) * (1.0 + common)


_EVEN: Final = (1.0,) * 7

_SHARE_MIN: Final = 0.1
"""Of a day: sold within less of it is no measure of a whole day's demand."""


@lru_cache(maxsize=8_192)
def _parameters(learned: bytes, typical_purchase: int) -> Parameters:
    state = Learned(learned, typical_purchase)
    level, evidence = state.level_and_evidence()
    return Parameters(
        level,
        state.weekday_factors(),
        state.variance_to_mean(),
        evidence,
        state.sum_factor(),
        state.promotion_factor(),
    )


def _newest(demand: Demand) -> tuple[bytes, int]:
    """The newest state that holds, and the first day that is not in it."""
    if demand.learned_day:
        return demand.learned, demand.learned_day
    return demand.base, demand.base_day


def _steps(
    demand: Demand, learned: bytes, day: int, *, until: int, calendar: Calendar, purchase: int
) -> tuple[bytes, int]:
    """Take whole steps from the state as of `day`; the state after the last one that ended by `until`, and that day."""
    while end := _end_of_step(demand, learned, day, until, purchase):
        if silent_days(learned) >= SILENT_MAX and day > demand.newest_day:  # nothing to learn, however long it lasts
            return learned, until - (until - day) % STEP_DAYS_MAX
        state = Learned(learned, purchase)
        for each in range(day, end):
            units, missing = sold_on(demand, each), demand.missing.get(each, 0)
            if units > 0 or (missing < WHOLE_DAY and calendars.is_open(calendar, each)):
                learn_day = state.learn_promoted if each in demand.promoted else state.learn
                learn_day(units, (each - 1) % 7, max(1.0 - missing / WHOLE_DAY, _SHARE_MIN))
        learned, day = state.pack(), end
    return learned, day


def _end_of_step(demand: Demand, learned: bytes, day: int, until: int, purchase: int) -> int:
    """The day on which the step that began on `day` ended; 0 when it has not ended by `until`."""
    if day >= until:
        return 0
    days, units = _length(demand, learned, day, purchase)
    for each in range(day, min(day + days, until)):
        units -= max(sold_on(demand, each), 0)
        if units <= 0:
            return each + 1
        if each == demand.first_day:
            units += _surprise(purchase) - 1  # an ordinary step from here on
    return day + days if day + days <= until else 0


def _length(demand: Demand, learned: bytes, day: int, purchase: int) -> tuple[int, int]:
    """How many days a step lasts, and how many units sold end it early."""
    return _step_days(learned, purchase), 1 if day == demand.first_day else _surprise(purchase)


def _step_days(learned: bytes, purchase: int) -> int:
    if silent_days(learned) >= SILENT_MAX:  # whatever the level: a silence is skipped in whole steps of this length
        return STEP_DAYS_MAX
    level = _parameters(learned, purchase).level
    if level * STEP_DAYS_MAX <= STEP_PURCHASES * purchase:
        return STEP_DAYS_MAX
    return max(math.ceil(STEP_PURCHASES * purchase / level), 1)


def _surprise(purchase: int) -> int:
    return int(4 * STEP_PURCHASES) * purchase


def _after_first_day(sold: int) -> bytes:
    state = Learned(b"", 1)
    state.learn(sold, 0)  # the weekday teaches nothing yet
    return state.pack()


def _extend(demand: Demand, day: int) -> None:
    """Let the days that are kept reach to `day`."""
    silence = day - demand.newest_day - 1
    beyond = max(silence - SILENCE_DAYS, 0)
    skipped = -(-beyond // STEP_DAYS_MAX) * STEP_DAYS_MAX  # then weekdays and the days on which steps end stay
    if skipped:  # all before the silence moves, as if it had been later
        demand.missing = {
            each + skipped * (each <= demand.newest_day): part
            for each, part in demand.missing.items()
            if not demand.newest_day < each <= demand.newest_day + skipped
        }
        demand.promoted = tuple([each + skipped * (each <= demand.newest_day) for each in demand.promoted])
        demand.first_day += skipped
        demand.learned_day += skipped if demand.learned_day else 0
    demand.sold = (demand.sold + [0] * (silence - skipped) + [0])[-KEPT_DAYS:]
    demand.newest_day = day


FIRST_SURPRISE: Final = _surprise(1)
"""Pieces that end a step early, after a first day that sold nothing."""

FIRST_SOLD_MAX: Final = 12
"""Pieces sold on an article's first day up to which it is worked out beforehand what is learned of it."""

_DAYS_AFTER_FIRST: Final = tuple(_step_days(_after_first_day(sold), 1) for sold in range(FIRST_SOLD_MAX + 1))
"""How many days what is learned of an article's first day is in force, by the pieces which that sold."""
