"""When an article could not be bought, from the changes of its stock in event time.

An article is *out* from the change that leaves nothing on hand until something comes or a count finds something. What
is sold meanwhile shows that the table was wrong: up to that sale the article was there. What is missing of a day is the
share of its opening time during which the article was out, in thousandths; of that a forecast learns nothing
(formulas.md 4.6). A day's share is put right when a message comes late, as far as the changes of the last 48 hours tell
(`ledger`); what was out before the last count is known as far as it was noticed then.
"""

from collections.abc import Mapping
from typing import Final

from freshmart_streams.domain import calendars, ledger, times
from freshmart_streams.domain.calendars import Calendar
from freshmart_streams.domain.ledger import Ledger
from freshmart_streams.domain.times import Instant

WHOLE_DAY: Final = 1_000
"""Thousandths of a day's opening time."""

DAYS_BACK_MAX: Final = 130
"""Days before today that are looked at: more than a forecast counts of a silence (`forecast.SILENCE_DAYS`)."""

Interval = tuple[Instant, Instant]


def out_intervals(stock: Ledger, out_since: Instant, until: Instant) -> tuple[list[Interval], Instant]:
    """When the article was out, as far as the row knows, and since when it is; 0: it is not.

    `out_since` is what this said when the row was looked at last. The interval that still runs ends at `until`.

    >>> row = Ledger()
    >>> ledger.apply_count(row, at=1, quantity=2, clock=1)
    >>> for at, change in ((10, -2), (30, +6), (40, -6)):
    ...     ledger.apply_change(row, at, change, clock=at)
    >>> out_intervals(row, out_since=0, until=60)
    ([(10, 30), (40, 60)], 40)
    """
    changes = sorted(ledger.recent_changes(stock))
    level = stock.on_hand - sum(quantity for _, quantity in changes)
    found: list[Interval] = []
    since = out_since
    if since and stock.counted_at > since:
        if level > 0:
            found.append((since, stock.counted_at))
            since = 0
    elif since and ((changes and since >= changes[0][0]) or level > 0):
        since = 0  # the changes themselves tell
    if not since and level <= 0 and stock.counted_at != ledger.NEVER_COUNTED:
        since = stock.counted_at
    for at, quantity in changes:
        level += quantity
        if quantity > 0:
            if since:
                found.append((since, at))
            since = 0
        elif level <= 0:
            since = at
    if since:
        found.append((since, max(until, since)))
    return found, since


def missing_by_day(intervals: list[Interval], calendar: Calendar, first: int, last: int) -> Mapping[int, int]:
    """What was missing of the open days from `first` to `last`, in thousandths of their opening time; zeros too."""
    missing = dict.fromkeys(calendars.selling_days(calendar, first, last), 0)
    for begin, end in intervals:
        begin_day, begin_second = times.local(begin, calendar.zone_name)
        end_day, end_second = times.local(end, calendar.zone_name)
        for day in range(max(begin_day, first), min(end_day, last) + 1):
            if day in missing:
                opens, closes = calendars.hours_of(calendar, day)
                out_from = max(begin_second, opens) if day == begin_day else opens
                out_to = min(end_second, closes) if day == end_day else closes
                missing[day] += max(out_to - out_from, 0) * WHOLE_DAY // (closes - opens)
    return missing


def missing_days(
    stock: Ledger, out_since: Instant, *, calendar: Calendar, today: int
) -> tuple[Mapping[int, int], Instant]:
    """What was missing of today and of the days before that the row knows of, and since when the article is out.

    Of today only what is over counts: what still runs is counted when the day is over.
    """
    midnight = times.start_of_day(today, calendar.zone_name)
    intervals, since = out_intervals(stock, out_since, midnight)
    first = today - 1
    if out_since:
        first = min(first, max(times.local(out_since, calendar.zone_name)[0], today - DAYS_BACK_MAX))
    return missing_by_day(intervals, calendar, first, today), since
