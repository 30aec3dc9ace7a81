"""Instants, days and wall clocks, in exact integers.

An `Instant` is microseconds since 1970-01-01T00:00Z. A day is its proleptic ordinal (`date.toordinal()`), and a
business day is the calendar date that the wall clock of the store's zone shows. Where the wall clock jumps:

- forward (a gap): a time that does not exist is reached when the clock jumps over it;
- backward (a fold): a time that happens twice is reached the first time.

So `at_local` always is the first instant at which the wall clock of that day shows that time or a later one.

Results depend on the zone data: the package has `zoneinfo` read those of `tzdata`, never the machine's own.
"""

import bisect
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

Instant: TypeAlias = int

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
"""Spans in microseconds. `DAY` is 24 hours; a business day may have 23 or 25: use `start_of_day`."""

SECONDS_PER_HOUR: Final = 3600
SECONDS_PER_DAY: Final = 86_400

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL: Final = _EPOCH.toordinal()
_MICROSECOND: Final = timedelta(microseconds=1)
_QUARTER: Final = 900
# Offsets are asked for inside these years only, so that no conversion leaves what `datetime` can hold.
_FIRST_SECOND: Final = (date(2, 1, 1).toordinal() - _EPOCH_ORDINAL) * SECONDS_PER_DAY
_LAST_SECOND: Final = (date(9998, 12, 31).toordinal() - _EPOCH_ORDINAL) * SECONDS_PER_DAY


class TimeError(ValueError):
    """A time, a day or a zone that is no such thing; whoever read it calls its source `invalid`."""


class UnknownZoneError(TimeError):
    """A name that is no time zone."""


@lru_cache(maxsize=512)
def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name; `UnknownZoneError` when there is none."""
    try:
        return ZoneInfo(name)
    except (ValueError, LookupError, OSError) as error:  # OSError: a name that is a folder of the zone files
        raise UnknownZoneError(f"no such time zone: {name!r}") from error


def from_datetime(moment: datetime) -> Instant:
    """The instant of an aware datetime, to the microsecond; `TimeError` when it is naive.

    >>> from_datetime(datetime(1970, 1, 2, 1, 0, 0, 5, tzinfo=zone("Europe/Berlin"))) == DAY + 5
    True
    """
    if moment.utcoffset() is None:
        raise TimeError("a time without an offset")
    return (moment - _EPOCH) // _MICROSECOND


def to_datetime(at: Instant, zone_name: str) -> datetime:
    """The aware datetime of `at` on the wall clock of a zone; `TimeError` beyond the years 1 to 9999.

    >>> to_datetime(1728371585_000_000, "Europe/Berlin").isoformat()
    '2024-10-08T09:13:05+02:00'
    """
    try:
        return (_EPOCH + timedelta(microseconds=at)).astimezone(zone(zone_name))
    except OverflowError as error:
        raise TimeError(f"a time beyond the years 1 to 9999: {at}") from error


def from_milliseconds(milliseconds: int) -> Instant:
    """The instant of a Kafka timestamp."""
    return milliseconds * 1_000


def to_milliseconds(at: Instant) -> int:
    """The Kafka timestamp of an instant, rounded down."""
    return at // 1_000


def local(at: Instant, zone_name: str) -> tuple[int, int]:
    """Day and second of the day that the wall clock of a zone shows at `at`.

    >>> day, second = local(1728371585_000_000, "Europe/Berlin")  # 2024-10-08T07:13:05Z
    >>> to_iso(day), second == 9 * 3600 + 13 * 60 + 5
    ('2024-10-08', True)
    """
    days, second = divmod(_local_seconds(at, zone_name), SECONDS_PER_DAY)
    return days + _EPOCH_ORDINAL, second


def start_of_day(day: int, zone_name: str) -> Instant:
    """The first instant of a business day; where the clock jumps over midnight, the instant of the jump."""
    return at_local(day, "00:00", zone_name)


@lru_cache(maxsize=8_192)
def at_local(day: int, time_of_day: str, zone_name: str) -> Instant:
    """The first instant at which the wall clock shows `time_of_day` (`HH:MM`, up to `24:00`) or later on `day`.

    On the day that summer time begins, 02:30 is the moment the clock jumps from 02:00 to 03:00:

    >>> at = at_local(from_iso("2024-03-31"), "02:30", "Europe/Berlin")
    >>> to_datetime(at, "Europe/Berlin").isoformat()
    '2024-03-31T03:00:00+02:00'
    """
    second = second_of_day(time_of_day)
    wall = datetime.fromordinal(_checked(day)) + timedelta(seconds=second)
    seconds = (day - _EPOCH_ORDINAL) * SECONDS_PER_DAY + second
    here = zone(zone_name)
    before, after = (_seconds(wall.replace(tzinfo=here, fold=fold).utcoffset()) for fold in (0, 1))
    if before >= after:  # once, or twice: then the first time
        return (seconds - before) * SECOND
    # In a gap the zone's clock changes its offset in (seconds - after, seconds - before]: find that second.
    span = range(seconds - after, seconds - before + 1)
    return span[bisect.bisect_left(span, after, key=lambda second: _offset_at(second, zone_name))] * SECOND


def at_second(day: int, second: int, zone_name: str) -> Instant:
    """The first instant at which the wall clock shows a full minute of `day` or later, given in seconds of the day.

    >>> to_datetime(at_second(from_iso("2024-10-08"), 34_200, "Europe/Berlin"), "UTC").isoformat()
    '2024-10-08T07:30:00+00:00'
    """
    return at_local(day, f"{second // SECONDS_PER_HOUR:02d}:{second % SECONDS_PER_HOUR // 60:02d}", zone_name)


@lru_cache(maxsize=4_096)
def second_of_day(time_of_day: str) -> int:
    """Seconds from midnight to `HH:MM`; `24:00` is the day's end. `TimeError` for anything else.

    >>> second_of_day("14:00")
    50400
    """
    hours, colon, minutes = time_of_day.partition(":")
    if colon and all(len(part) == 2 and part.isascii() and part.isdigit() for part in (hours, minutes)):  # noqa: PLR2004
        seconds = int(hours) * SECONDS_PER_HOUR + int(minutes) * 60
        if int(minutes) < 60 and seconds <= SECONDS_PER_DAY:  # noqa: PLR2004 - minutes in an hour
            return seconds
    raise TimeError(f"no time of day as HH:MM: {time_of_day!r}")


def weekday(day: int) -> int:
    """The ISO weekday of a day: 1 is Monday, 7 is Sunday.

    >>> weekday(from_iso("2024-10-08"))
    2
    """
    return (day - 1) % 7 + 1


@lru_cache(maxsize=4_096)
def to_iso(day: int) -> str:
    """A day as `YYYY-MM-DD`; `TimeError` beyond the years 1 to 9999."""
    return date.fromordinal(_checked(day)).isoformat()


def from_iso(text: str) -> int:
    """The day of `YYYY-MM-DD`; `TimeError` for anything else."""
    try:
        parsed = date.fromisoformat(text)
    except ValueError as error:
        raise TimeError(f"no day as YYYY-MM-DD: {text!r}") from error
    if parsed.isoformat() != text:  # `fromisoformat` also takes 20241008 and week dates
        raise TimeError(f"no day as YYYY-MM-DD: {text!r}")
    return parsed.toordinal()


def _checked(day: int) -> int:
    if not 0 < day <= date.max.toordinal() - 1:  # the day after it must exist too: 24:00
        raise TimeError(f"a day beyond the years 1 to 9999: {day}")
    return day


def _local_seconds(at: Instant, zone_name: str) -> int:
    second = at // SECOND
    offset = _quarter_offset(second // _QUARTER, zone_name)
    if offset is None:  # the clock changes inside this quarter of an hour
        offset = _offset_at(second, zone_name)
    return second + offset


@lru_cache(maxsize=16_384)
def _quarter_offset(quarter: int, zone_name: str) -> int | None:
    """The zone's offset all through a quarter of an hour, or None when it changes inside.

    Almost every change falls on a full quarter, but not all: Newfoundland changed at 00:01 until 2011.
    """
    first = _offset_at(quarter * _QUARTER, zone_name)
    return first if first == _offset_at(quarter * _QUARTER + _QUARTER - 1, zone_name) else None


def _offset_at(second: int, zone_name: str) -> int:
    """Seconds that a zone's wall clock is ahead of UTC at a second since 1970."""
    moment = _EPOCH + timedelta(seconds=min(max(second, _FIRST_SECOND), _LAST_SECOND))
    return _seconds(moment.astimezone(zone(zone_name)).utcoffset())


def _seconds(offset: timedelta | None) -> int:
    return 0 if offset is None else offset // timedelta(seconds=1)
