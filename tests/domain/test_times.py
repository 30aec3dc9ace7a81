"""Instants, wall clocks and days: exact, also where the clock jumps."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.domain import times

BERLIN = "Europe/Berlin"
SPRING = times.from_iso("2024-03-31")  # 02:00 -> 03:00 at 01:00 UTC
AUTUMN = times.from_iso("2024-10-27")  # 03:00 -> 02:00 at 01:00 UTC
# Zones with gaps at midnight (Beirut, Santiago), half-hour steps (Lord Howe), odd minutes (Newfoundland until 2011).
ZONES = [
    "UTC",
    BERLIN,
    "America/New_York",
    "Asia/Beirut",
    "America/Santiago",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Asia/Kathmandu",
]


def instant(text: str) -> times.Instant:
    return times.from_datetime(datetime.fromisoformat(text))


class TestInstants:
    def test_a_microsecond_is_kept_that_a_float_timestamp_would_lose(self) -> None:
        at = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
        assert times.from_datetime(at) == 253_402_300_799_999_999

    def test_the_offset_of_the_event_does_not_matter(self) -> None:
        assert instant("2024-10-08T09:13:05+02:00") == instant("2024-10-08T07:13:05Z")

    def test_a_naive_time_is_refused(self) -> None:
        with pytest.raises(times.TimeError, match="without an offset"):
            times.from_datetime(datetime(2024, 10, 8))  # noqa: DTZ001 - that is the point

    def test_the_first_and_the_last_minute_of_the_calendar_have_an_instant(self) -> None:
        east, west = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
        assert times.from_datetime(datetime.min.replace(tzinfo=east)) < 0
        assert times.from_datetime(datetime.max.replace(tzinfo=west)) > times.from_datetime(
            datetime.max.replace(tzinfo=UTC)
        )

    def test_a_time_that_no_datetime_can_hold_is_refused_on_the_way_out(self) -> None:
        with pytest.raises(times.TimeError, match="years 1 to 9999"):
            times.to_datetime(300_000_000_000_000_000, BERLIN)

    def test_kafka_counts_milliseconds(self) -> None:
        assert times.from_milliseconds(1_728_371_585_123) == 1_728_371_585_123_000
        assert times.to_milliseconds(1_728_371_585_123_999) == 1_728_371_585_123
        assert times.to_milliseconds(-1) == -1

    @given(st.datetimes(timezones=st.just(UTC)), st.sampled_from(ZONES))
    def test_there_and_back_again_is_the_same_instant(self, moment: datetime, zone: str) -> None:
        at = times.from_datetime(moment)
        try:
            there = times.to_datetime(at, zone)
        except times.TimeError:
            assert moment.year in (1, 9999)
            return
        assert times.from_datetime(there) == at


class TestZones:
    @pytest.mark.parametrize("name", ["Europe/Bonn", "", "Europe", "../etc/passwd", "/etc/localtime", "a\0b", "MEZ"])
    def test_a_name_that_is_no_zone_is_a_domain_error(self, name: str) -> None:
        with pytest.raises(times.UnknownZoneError):
            times.local(0, name)

    def test_an_unknown_zone_is_a_time_error_so_that_one_except_is_enough(self) -> None:
        assert issubclass(times.UnknownZoneError, times.TimeError)
        assert issubclass(times.TimeError, ValueError)


class TestLocal:
    def test_the_business_day_is_the_date_on_the_stores_wall_clock(self) -> None:
        day, second = times.local(instant("2024-10-08T22:30:00Z"), BERLIN)
        assert (times.to_iso(day), second) == ("2024-10-09", 1800)

    def test_fractions_of_a_second_belong_to_the_second_that_began(self) -> None:
        assert times.local(instant("2024-10-08T23:59:59.999999Z"), "UTC") == (times.from_iso("2024-10-08"), 86_399)

    def test_before_1970_too(self) -> None:
        assert times.local(-1, "UTC") == (times.from_iso("1969-12-31"), 86_399)

    @pytest.mark.parametrize(
        ("utc", "wall"),
        [
            ("2024-03-31T00:59:59Z", ("2024-03-31", 2 * 3600 - 1)),
            ("2024-03-31T01:00:00Z", ("2024-03-31", 3 * 3600)),
            ("2024-10-27T00:59:59Z", ("2024-10-27", 3 * 3600 - 1)),
            ("2024-10-27T01:00:00Z", ("2024-10-27", 2 * 3600)),
        ],
    )
    def test_the_wall_clock_jumps_at_its_second(self, utc: str, wall: tuple[str, int]) -> None:
        day, second = times.local(instant(utc), BERLIN)
        assert (times.to_iso(day), second) == wall

    def test_a_change_inside_a_quarter_of_an_hour_is_seen(self) -> None:
        # Newfoundland, 2006-04-02: 00:01 -> 01:01 local, at 03:31 UTC.
        before, after = (times.local(instant(f"2006-04-02T03:{t}Z"), "America/St_Johns") for t in ("30:59", "31:00"))
        assert (before[1], after[1]) == (59, 3660)

    @given(st.integers(-(10**16), 10**16), st.sampled_from(ZONES))
    def test_it_agrees_with_the_datetime_of_the_zone(self, at: int, zone: str) -> None:
        wall = times.to_datetime(at, zone)
        assert times.local(at, zone) == (wall.toordinal(), wall.hour * 3600 + wall.minute * 60 + wall.second)

    def test_a_time_beyond_the_calendar_still_has_a_day_after_every_other(self) -> None:
        assert times.local(instant("9999-12-31T23:59:59-12:00"), BERLIN)[0] > times.from_iso("9999-12-30")


class TestAtLocal:
    def test_a_plain_time(self) -> None:
        assert times.at_local(times.from_iso("2024-10-08"), "14:00", BERLIN) == instant("2024-10-08T12:00:00Z")

    def test_a_time_in_a_gap_is_the_moment_of_the_jump(self) -> None:
        jump = instant("2024-03-31T01:00:00Z")
        assert [times.at_local(SPRING, at, BERLIN) for at in ("02:00", "02:30", "02:59", "03:00")] == [jump] * 4

    def test_a_time_in_a_fold_is_its_first_coming(self) -> None:
        assert times.at_local(AUTUMN, "02:30", BERLIN) == instant("2024-10-27T00:30:00Z")
        assert times.at_local(AUTUMN, "03:00", BERLIN) == instant("2024-10-27T02:00:00Z")

    def test_the_end_of_a_day_is_the_start_of_the_next(self) -> None:
        assert times.at_local(AUTUMN, "24:00", BERLIN) == times.start_of_day(AUTUMN + 1, BERLIN)

    @pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (AUTUMN + 1, 24)])
    def test_a_day_has_as_many_hours_as_it_has(self, day: int, hours: int) -> None:
        assert times.start_of_day(day + 1, BERLIN) - times.start_of_day(day, BERLIN) == hours * times.HOUR

    def test_a_day_without_a_midnight_starts_when_the_clock_jumps_over_it(self) -> None:
        # Beirut, 2024-03-31: 00:00 -> 01:00 at 22:00 UTC of the day before.
        start = times.start_of_day(SPRING, "Asia/Beirut")
        assert start == instant("2024-03-30T22:00:00Z")
        assert times.local(start, "Asia/Beirut") == (SPRING, 3600)

    def test_a_jump_that_straddles_midnight_starts_the_day_at_the_jump(self) -> None:
        # Toronto, 1919-03-30: 23:30 -> 00:30 of the 31st.
        day = times.from_iso("1919-03-31")
        assert times.local(times.start_of_day(day, "America/Toronto"), "America/Toronto") == (day, 1800)

    def test_a_day_that_a_zone_skipped_begins_when_the_next_does(self) -> None:
        # Samoa went over the date line and had no 30 December 2011.
        day = times.from_iso("2011-12-30")
        assert times.start_of_day(day, "Pacific/Apia") == times.start_of_day(day + 1, "Pacific/Apia")

    @given(
        st.integers(times.from_iso("1995-01-01"), times.from_iso("2035-12-31")),
        st.integers(0, 24 * 60 - 1),
        st.sampled_from(ZONES),
    )
    def test_it_is_the_first_instant_at_which_the_clock_shows_that_time_or_later(
        self, day: int, minute: int, zone: str
    ) -> None:
        at = times.at_local(day, f"{minute // 60:02}:{minute % 60:02}", zone)
        assert times.local(at - times.SECOND, zone) < (day, minute * 60) <= times.local(at, zone)

    @given(st.integers(times.from_iso("1995-01-01"), times.from_iso("2035-12-31")), st.sampled_from(ZONES))
    def test_every_day_starts_after_the_one_before_it(self, day: int, zone: str) -> None:
        start, end = times.start_of_day(day, zone), times.start_of_day(day + 1, zone)
        assert 23 * times.HOUR <= end - start <= 25 * times.HOUR

    def test_a_day_that_is_none_is_refused(self) -> None:
        for day in (0, -5, 10**9):
            with pytest.raises(times.TimeError):
                times.start_of_day(day, BERLIN)


class TestTimesOfDay:
    def test_they_are_hours_and_minutes(self) -> None:
        assert [times.second_of_day(text) for text in ("00:00", "07:05", "24:00")] == [0, 25_500, 86_400]

    @pytest.mark.parametrize(
        "text",
        ["", "14", "14:0", "1:00", "14:60", "24:01", "25:00", "-1:00", "14:00:00", "14.00", " 4:00", "\uff11\uff14:00"],
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(times.TimeError, match="HH:MM"):
            times.second_of_day(text)


class TestDays:
    def test_monday_is_one_and_sunday_is_seven(self) -> None:
        monday = times.from_iso("2024-10-07")
        assert [times.weekday(monday + step) for step in range(8)] == [1, 2, 3, 4, 5, 6, 7, 1]

    @pytest.mark.parametrize("text", ["20241008", "2024-W41-2", "2024-10-8", "2024-02-30", "", "08.10.2024"])
    def test_only_one_spelling_of_a_day_is_read(self, text: str) -> None:
        with pytest.raises(times.TimeError, match="YYYY-MM-DD"):
            times.from_iso(text)

    @given(st.integers(1, 3_652_058))
    def test_a_day_written_and_read_is_the_same(self, day: int) -> None:
        assert times.from_iso(times.to_iso(day)) == day
