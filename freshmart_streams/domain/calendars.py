"""When a store sells and when it is delivered: opening hours, public holidays, order opportunities.

An *order opportunity* is a delivery day that can still be reached at an instant: order day = today, or tomorrow from
the cut-off on (exactly at it included); plus `lead_time_days` calendar days; then the first day, that one included,
that is a delivery weekday and open. It is the same until its own cut-off, `deliver_by` − `lead_time_days` at
`order_cutoff`, which may be days later than the cut-off of the order day; from that instant on it is the next one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final, Protocol, TypeAlias

from holidays.countries.germany import Germany

from freshmart_streams.domain import times
from freshmart_streams.domain.times import Instant

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONDAY_TO_SATURDAY: Final = (1, 2, 3, 4, 5, 6)

SEARCH_DAYS: Final = 400
"""How far ahead a delivery day is looked for. A store without one in more than a year has none."""

Hours: TypeAlias = tuple[int, int]
"""Opening and closing time, in seconds of the day."""

_ALL_DAY: Final[Hours] = (0, times.SECONDS_PER_DAY)


class CalendarError(times.TimeError):
    """Opening hours or weekdays that are none; whoever read them calls their source `invalid`."""


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """The calendar of one store; made by `calendar_of`, which gives the same object for the same data.

    So calendars are equal when they are identical, and a cache that is asked with one does not look into it.
    """

    zone_name: str
    opening: tuple[Hours | None, ...]
    """Monday to Sunday; None is closed."""
    state: str
    """German state such as `NW`, whose public holidays the store keeps; any other text has none."""
    delivery_weekdays: frozenset[int]
    """ISO weekdays, 1 is Monday."""
    order_cutoff: str
    """`HH:MM` on the store's wall clock."""


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A delivery day that can still be reached, and the days that its delivery has to last for."""

    deliver_by: int
    """The delivery day."""
    cut_off_at: Instant
    """From this instant on the delivery day can no longer be reached."""
    next_delivery: int
    """The delivery day after it."""
    selling_days: tuple[int, ...]
    """The protection interval: open days from today, whatever is left of it, to the day before `next_delivery`."""


class StoreHours(Protocol):
    """What a store's row says about its calendar; the fields are those of `events.master_data.Store`."""

    @property
    def timezone(self) -> str:
        """IANA name."""

    @property
    def opening(self) -> Mapping[str, str] | None:
        """As `parse_opening` reads it; None is open at all times."""

    @property
    def state(self) -> str | None:
        """German state such as `NW`."""

    @property
    def delivery_weekdays(self) -> Iterable[int]:
        """ISO weekdays."""

    @property
    def order_cutoff(self) -> str:
        """`HH:MM`."""


def calendar_of(
    *,
    timezone: str = "UTC",
    opening: Mapping[str, str] | None = None,
    state: str | None = None,
    delivery_weekdays: Iterable[int] = MONDAY_TO_SATURDAY,
    order_cutoff: str = "14:00",
) -> Calendar:
    """The calendar of a store's master data; the same data give the same object, at the cost of a look-up.

    Raises `TimeError` (of which `CalendarError` and `UnknownZoneError` are kinds) when one of them cannot be read.
    """
    hours = None if opening is None else tuple(opening.items())
    return _calendar(timezone, hours, state or "", frozenset(delivery_weekdays), order_cutoff)


def of_store(store: StoreHours) -> Calendar:
    """The calendar of a store's row of master data; raises as `calendar_of`."""
    return calendar_of(
        timezone=store.timezone,
        opening=store.opening,
        state=store.state,
        delivery_weekdays=store.delivery_weekdays,
        order_cutoff=store.order_cutoff,
    )


def parse_opening(opening: Mapping[str, str]) -> tuple[Hours | None, ...]:
    """Hours from Monday to Sunday; a day that is not named is closed. `TimeError` when they cannot be read.

    Keys are days, or ranges of them, which may go over the weekend. A day that is named more than once has the hours of
    the key that names the fewest days, of the last of these. Hours past midnight are refused: a business day is a
    calendar date.

    >>> hours = parse_opening({"mon-sat": "07:00-22:00", "sat": "08:00-20:00"})
    >>> hours[0] == (7 * 3600, 22 * 3600), hours[5] == (8 * 3600, 20 * 3600), hours[6]
    (True, True, None)
    """
    named = [(_places(key), _hours(text)) for key, text in opening.items()]
    week: list[Hours | None] = [None] * 7
    for places, hours in sorted(named, key=lambda each: -len(each[0])):  # a stable sort: the last of equals stays last
        for place in places:
            week[place] = hours
    return tuple(week)


def is_known_state(state: str) -> bool:
    """Whether the public holidays of `state` are known; of any other they are not, and the store keeps none."""
    return state in Germany.subdivisions


def is_holiday(calendar: Calendar, day: int) -> bool:
    """Whether a day is a public holiday in the store's state."""
    return bool(calendar.state) and day in _holidays(calendar.state, date.fromordinal(day).year)


@lru_cache(maxsize=65_536)
def is_open(calendar: Calendar, day: int) -> bool:
    """Whether the store sells on a day."""
    return calendar.opening[(day - 1) % 7] is not None and not is_holiday(calendar, day)


def hours_of(calendar: Calendar, day: int) -> Hours:
    """Opening and closing time of a day on which the store is open."""
    return calendar.opening[(day - 1) % 7] or _ALL_DAY


def is_delivery_day(calendar: Calendar, day: int) -> bool:
    """Whether the store can be delivered on a day: a delivery weekday on which it is open."""
    return times.weekday(day) in calendar.delivery_weekdays and is_open(calendar, day)


def today(calendar: Calendar, at: Instant) -> int:
    """The business day that runs at `at`."""
    return times.local(at, calendar.zone_name)[0]


def opens_at(calendar: Calendar, day: int) -> Instant:
    """The instant at which the store opens on a day on which it is open.

    >>> berlin = calendar_of(timezone="Europe/Berlin", opening={"mon-sat": "07:30-22:00"})
    >>> times.to_datetime(opens_at(berlin, times.from_iso("2024-10-08")), "Europe/Berlin").isoformat()
    '2024-10-08T07:30:00+02:00'
    """
    minutes = hours_of(calendar, day)[0] // 60
    return times.at_local(day, f"{minutes // 60:02d}:{minutes % 60:02d}", calendar.zone_name)


def share_of_today(calendar: Calendar, at: Instant) -> float:
    """What is left of today's opening time at `at`, from 1.0 to 0.0; the running hour counts whole.

    >>> berlin = calendar_of(timezone="Europe/Berlin", opening={"mon-sat": "07:00-22:00"})
    >>> share_of_today(berlin, times.at_local(times.from_iso("2024-10-08"), "19:59", "Europe/Berlin"))
    0.2
    """
    day, second = times.local(at, calendar.zone_name)
    return share_of_day(calendar, day, second - second % times.SECONDS_PER_HOUR)


def share_of_day(calendar: Calendar, day: int, second: int) -> float:
    """What is left of a day's opening time at a second of it, from 1.0 to 0.0; 0.0 on a closed day."""
    if not is_open(calendar, day):
        return 0.0
    opens, closes = hours_of(calendar, day)
    return min(max(closes - second, 0), closes - opens) / (closes - opens)


def elapsed_today(calendar: Calendar, at: Instant) -> float:
    """How much of today's opening time has passed at `at`, from 0.0 to 1.0, to the second; 0.0 on a closed day."""
    day, second = times.local(at, calendar.zone_name)
    if not is_open(calendar, day):
        return 0.0
    opens, closes = hours_of(calendar, day)
    return min(max(second - opens, 0), closes - opens) / (closes - opens)


def open_for(calendar: Calendar, since: Instant, span: int) -> Instant | None:
    """When the store has been open for `span` microseconds since then; None when that takes over `SEARCH_DAYS` days.

    >>> berlin = calendar_of(timezone="Europe/Berlin", opening={"mon-sat": "07:00-22:00"})
    >>> at = times.at_local(times.from_iso("2024-10-12"), "21:40", "Europe/Berlin")  # a Saturday
    >>> times.to_datetime(open_for(berlin, at, times.HOUR), "Europe/Berlin").isoformat()
    '2024-10-14T07:40:00+02:00'
    """
    first = today(calendar, since)
    for day in range(first, first + SEARCH_DAYS):
        if is_open(calendar, day):
            opens, closes = (times.at_second(day, second, calendar.zone_name) for second in hours_of(calendar, day))
            begin = max(opens, since)
            if closes - begin >= span:
                return begin + span
            span -= max(closes - begin, 0)
    return None


def opportunity(calendar: Calendar, at: Instant, lead_time_days: int) -> Opportunity | None:
    """The order opportunity at `at`, or None when no delivery day can be reached within `SEARCH_DAYS`.

    Tuesday morning, one day of lead time, deliveries on Monday, Wednesday and Friday: Wednesday, until Tuesday 14:00.

    >>> store = calendar_of(timezone="Europe/Berlin", delivery_weekdays=[1, 3, 5])
    >>> tuesday = times.from_iso("2024-10-08")
    >>> found = opportunity(store, times.at_local(tuesday, "09:13", "Europe/Berlin"), lead_time_days=1)
    >>> times.to_iso(found.deliver_by), times.to_datetime(found.cut_off_at, "Europe/Berlin").isoformat()
    ('2024-10-09', '2024-10-08T14:00:00+02:00')
    >>> [times.to_iso(day) for day in found.selling_days]
    ['2024-10-08', '2024-10-09', '2024-10-10']
    """
    first = order_day = today(calendar, at)
    # Instants, not wall clocks, are compared: on the night the clock goes back a time of day comes twice.
    while at >= times.at_local(order_day, calendar.order_cutoff, calendar.zone_name):
        order_day += 1
    return opportunity_of(calendar, first, order_day, lead_time_days)


def opportunity_of(calendar: Calendar, first: int, order_day: int, lead_time_days: int) -> Opportunity | None:
    """The opportunity of an order that counts as placed on `order_day`; its interval begins on `first`."""
    if lead_time_days > SEARCH_DAYS or (deliver_by := delivery_day_from(calendar, order_day + lead_time_days)) is None:
        return None
    if (next_delivery := delivery_day_from(calendar, deliver_by + 1)) is None:
        return None
    cut_off_at = cut_off(calendar, deliver_by, lead_time_days)
    return Opportunity(deliver_by, cut_off_at, next_delivery, selling_days(calendar, first, next_delivery - 1))


def cut_off(calendar: Calendar, deliver_by: int, lead_time_days: int) -> Instant:
    """The instant from which a delivery day can no longer be reached."""
    return times.at_local(deliver_by - lead_time_days, calendar.order_cutoff, calendar.zone_name)


def has_deliveries(calendar: Calendar) -> bool:
    """Whether the store is open on any of its delivery weekdays, holidays aside."""
    return any(calendar.opening[weekday - 1] for weekday in calendar.delivery_weekdays)


@lru_cache(maxsize=4_096)
def delivery_day_from(calendar: Calendar, day: int) -> int | None:
    """The first delivery day, `day` included; None when there is none within `SEARCH_DAYS`."""
    if not has_deliveries(calendar):
        return None
    return next((each for each in range(day, day + SEARCH_DAYS) if is_delivery_day(calendar, each)), None)


@lru_cache(maxsize=4_096)
def selling_days(calendar: Calendar, first: int, last: int) -> tuple[int, ...]:
    """The days from `first` to `last`, both included, on which the store is open."""
    return tuple(day for day in range(first, last + 1) if is_open(calendar, day))


@lru_cache(maxsize=4_096)
def selling_weekdays(calendar: Calendar, first: int, last: int) -> tuple[int, ...]:
    """How many Mondays to Sundays the store is open on from `first` to `last`, both included."""
    counts = [0] * 7
    for day in range(first, last + 1):
        counts[(day - 1) % 7] += is_open(calendar, day)
    return tuple(counts)


@lru_cache(maxsize=1_024)
def _calendar(
    zone_name: str,
    opening: tuple[tuple[str, str], ...] | None,
    state: str,
    delivery_weekdays: frozenset[int],
    order_cutoff: str,
) -> Calendar:
    times.zone(zone_name)
    times.second_of_day(order_cutoff)
    if not delivery_weekdays <= frozenset(range(1, 8)):
        raise CalendarError("delivery weekdays are 1 (Monday) to 7 (Sunday)")
    week = (_ALL_DAY,) * 7 if opening is None else parse_opening(dict(opening))
    return Calendar(zone_name, week, state, delivery_weekdays, order_cutoff)


def _places(key: str) -> list[int]:
    first, dash, last = key.partition("-")
    if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
        raise CalendarError(f"opening names no day of the week: {key!r}")
    start = WEEKDAYS.index(first)
    days = (WEEKDAYS.index(last) - start) % 7 + 1 if dash else 1
    return [(start + step) % 7 for step in range(days)]


def _hours(text: str) -> Hours:
    first, _, last = text.partition("-")
    opens, closes = times.second_of_day(first), times.second_of_day(last)
    if opens >= closes:
        raise CalendarError(f"opening hours that do not end on the same day: {text!r}")
    return opens, closes


@lru_cache(maxsize=1_024)
def _holidays(state: str, year: int) -> frozenset[int]:
    """Public holidays of a German state; of an unknown one none, so that a mistyped state closes no store."""
    if not is_known_state(state):
        return frozenset()
    return frozenset(day.toordinal() for day in Germany(subdiv=state, years=year))
