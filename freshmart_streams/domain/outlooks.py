"""What a store's calendar says to an order that is placed now: the same for all its articles for an hour.

Made once per calendar, local hour and side of the cut-off, and once per lead time therein, and shared by every store
with that calendar. What is left to do per article is to multiply.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias

from freshmart_streams.domain import calendars, times
from freshmart_streams.domain.calendars import Calendar, Opportunity
from freshmart_streams.domain.times import Instant

DAYS: Final = 14
"""How many days from today on `Outlook.most` looks ahead, today included."""

ByWeekday: TypeAlias = tuple[float, ...]
"""A number of days that the store is open, from Monday to Sunday."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an order with one lead time has to last for."""

    opportunity: Opportunity
    days: tuple[tuple[int, float], ...]
    """The protection interval: for each selling day its weekday, Monday being 0, and what is left of it."""
    week: ByWeekday
    """Open days in the week that begins today."""
    most: ByWeekday
    """Of each weekday the most that any protection interval of an order placed within `DAYS` days has."""
    longest: int
    """The most selling days that any of these has."""
    last_day: int
    """The last day that an order placed by tomorrow has to last for."""
    today: int
    """The day on which it is placed."""
    after_first_day: dict[object, int] = field(default_factory=dict, compare=False)
    """What `replenishment.highest_after_first_day` found already."""


@dataclass(slots=True)
class Hour:
    """A local hour of one calendar, before or after the cut-off."""

    calendar: Calendar
    today: int
    share_of_today: float
    order_day: int
    outlooks: dict[int, Outlook | None] = field(default_factory=dict)
    usable: dict[tuple[int, int], ByWeekday] = field(default_factory=dict)

    def outlook(self, lead_time_days: int) -> Outlook | None:
        """The outlook of an order placed in this hour; None when there is no order opportunity."""
        try:
            return self.outlooks[lead_time_days]
        except KeyError:
            found = self.outlooks[lead_time_days] = self._outlook(lead_time_days)
            return found

    def usable_days(self, deliver_by: int, shelf_life_days: int) -> ByWeekday:
        """Open days from tomorrow to the last one on which goods delivered then can be sold."""
        try:
            return self.usable[deliver_by, shelf_life_days]
        except KeyError:
            days = calendars.selling_weekdays(self.calendar, self.today + 1, deliver_by + shelf_life_days - 1)
            self.usable[deliver_by, shelf_life_days] = days
            return days

    def _outlook(self, lead_time_days: int) -> Outlook | None:
        calendar, today = self.calendar, self.today
        found = calendars.opportunity_of(calendar, today, self.order_day, lead_time_days)
        if found is None:
            return None
        days = tuple(((day - 1) % 7, self.share_of_today if day == today else 1.0) for day in found.selling_days)
        week = calendars.selling_weekdays(calendar, today, today + 6)
        most, longest = _most(calendar, today, lead_time_days)
        return Outlook(found, days, week, most, longest, self._last_day(found, lead_time_days), today)

    def _last_day(self, opportunity: Opportunity, lead_time_days: int) -> int:
        tomorrows = calendars.opportunity_of(self.calendar, self.today, self.today + 1, lead_time_days) or opportunity
        return max(opportunity.next_delivery, tomorrows.next_delivery) - 1


def hour_of(calendar: Calendar, at: Instant, today: int, second: int) -> Hour:
    """The hour of `at`, at which the store's wall clock shows that second of the day `today`."""
    # Instants, not wall clocks, are compared: on the night the clock goes back a time of day comes twice.
    is_past = at >= times.at_local(today, calendar.order_cutoff, calendar.zone_name)
    return _hour(calendar, today, second // times.SECONDS_PER_HOUR, is_past)


@lru_cache(maxsize=4_096)
def _hour(calendar: Calendar, today: int, hour: int, is_past_cut_off: bool) -> Hour:
    share = calendars.share_of_day(calendar, today, hour * times.SECONDS_PER_HOUR)
    return Hour(calendar, today, share, today + is_past_cut_off)


@lru_cache(maxsize=4_096)
def _most(calendar: Calendar, today: int, lead_time_days: int) -> tuple[ByWeekday, int]:
    most, longest = [0] * 7, 0
    for day in range(today, today + DAYS):
        for order_day in (day, day + 1):
            found = calendars.opportunity_of(calendar, day, order_day, lead_time_days)
            if found is not None:
                longest = max(longest, len(found.selling_days))
                for place in range(7):
                    most[place] = max(most[place], sum((each - 1) % 7 == place for each in found.selling_days))
    return tuple(most), longest
