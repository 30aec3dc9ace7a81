"""Opening hours, holidays, delivery days and order opportunities."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.domain import calendars, times
from freshmart_streams.domain.calendars import Calendar, Opportunity, calendar_of

BERLIN = "Europe/Berlin"
MONDAY = times.from_iso("2024-10-07")
TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(MONDAY + 1, MONDAY + 7)
STATES = {"BB", "BE", "BW", "BY", "HB", "HE", "HH", "MV", "NI", "NW", "RP", "SH", "SL", "SN", "ST", "TH"}
BONN = calendar_of(
    timezone=BERLIN,
    opening={"mon-sat": "07:00-22:00"},
    state="NW",
    delivery_weekdays=[1, 3, 5],
    order_cutoff="14:00",
)


def at(day: int, time_of_day: str, calendar: Calendar = BONN) -> times.Instant:
    return times.at_local(day, time_of_day, calendar.zone_name)


def hours(opens: int, closes: int) -> tuple[int, int]:
    return opens * 3600, closes * 3600


class TestOpening:
    def test_without_opening_every_day_is_open_from_midnight_to_midnight(self) -> None:
        assert calendar_of().opening == (hours(0, 24),) * 7

    def test_a_day_that_is_not_named_is_closed(self) -> None:
        week = calendars.parse_opening({"mon-wed": "07:00-22:00", "fri": "08:00-20:00"})
        assert week == (hours(7, 22), hours(7, 22), hours(7, 22), None, hours(8, 20), None, None)

    def test_an_opening_that_names_no_day_closes_the_store(self) -> None:
        assert calendar_of(opening={}).opening == (None,) * 7

    def test_a_range_may_go_over_the_weekend(self) -> None:
        week = calendars.parse_opening({"sat-mon": "09:00-12:00"})
        assert [day is not None for day in week] == [True, False, False, False, False, True, True]

    def test_the_key_that_names_fewer_days_wins_wherever_it_stands(self) -> None:
        for opening in (
            {"mon-sat": "07:00-22:00", "thu-fri": "07:00-23:00", "fri": "07:00-24:00"},
            {"fri": "07:00-24:00", "thu-fri": "07:00-23:00", "mon-sat": "07:00-22:00"},
        ):
            week = calendars.parse_opening(opening)
            assert week[2:6] == (hours(7, 22), hours(7, 23), hours(7, 24), hours(7, 22))

    @pytest.mark.parametrize(
        "opening",
        [
            {"monday": "07:00-22:00"},
            {"Mon": "07:00-22:00"},
            {"mon-": "07:00-22:00"},
            {"": "07:00-22:00"},
            {"mon-tue-wed": "07:00-22:00"},
            {"mon": "22:00-07:00"},
            {"mon": "07:00-07:00"},
            {"mon": "07:00"},
            {"mon": "closed"},
            {"mon": "07:00-25:00"},
        ],
    )
    def test_what_cannot_be_read_is_refused(self, opening: dict[str, str]) -> None:
        with pytest.raises(times.TimeError):
            calendar_of(opening=opening)

    def test_a_wrong_zone_or_cut_off_is_refused_before_it_is_used(self) -> None:
        with pytest.raises(times.UnknownZoneError):
            calendar_of(timezone="Europe/Bonn")
        with pytest.raises(times.TimeError, match="HH:MM"):
            calendar_of(order_cutoff="2 pm")

    @pytest.mark.parametrize("weekday", [0, 8, -1])
    def test_a_delivery_weekday_is_one_of_seven(self, weekday: int) -> None:
        with pytest.raises(calendars.CalendarError):
            calendar_of(delivery_weekdays=[1, weekday])

    def test_the_same_master_data_give_the_same_calendar(self) -> None:
        assert calendar_of(opening={"mon": "07:00-22:00"}) is calendar_of(opening={"mon": "07:00-22:00"})


class TestHolidays:
    @pytest.mark.parametrize(
        ("day", "states"),
        [
            # Published dates of 2024: Corpus Christi, Reformation Day, All Saints' Day, Women's Day, Unity Day.
            ("2024-05-30", {"BW", "BY", "HE", "NW", "RP", "SL"}),
            ("2024-10-31", {"BB", "HB", "HH", "MV", "NI", "SN", "ST", "SH", "TH"}),
            ("2024-11-01", {"BW", "BY", "NW", "RP", "SL"}),
            ("2024-03-08", {"BE", "MV"}),
            ("2024-10-03", STATES),
            ("2024-10-08", set()),
        ],
    )
    def test_each_state_keeps_its_own(self, day: str, states: set[str]) -> None:
        closed = {state for state in STATES if calendars.is_holiday(calendar_of(state=state), times.from_iso(day))}
        assert closed == states

    @pytest.mark.parametrize("state", [None, "", "NRW", "ZH", "nw"])
    def test_a_state_that_is_not_known_keeps_none(self, state: str | None) -> None:
        calendar = calendar_of(state=state)
        assert not calendars.is_known_state(state or "")
        assert not any(calendars.is_holiday(calendar, date(2024, 1, 1).toordinal() + n) for n in range(366))

    def test_a_holiday_is_no_day_to_sell_nor_to_be_delivered(self) -> None:
        all_saints = times.from_iso("2024-11-01")  # a Friday
        assert not calendars.is_open(BONN, all_saints)
        assert not calendars.is_delivery_day(BONN, all_saints)
        assert calendars.is_delivery_day(BONN, all_saints - 7)


class TestShareOfToday:
    @pytest.mark.parametrize(
        ("time", "left", "passed"),
        [
            ("00:00", 1.0, 0.0),
            ("07:59", 1.0, 59 / 900),
            ("08:00", 14 / 15, 1 / 15),
            ("14:30", 8 / 15, 0.5),
            ("21:59", 1 / 15, 899 / 900),
            ("22:00", 0.0, 1.0),
            ("23:59", 0.0, 1.0),
        ],
    )
    def test_the_running_hour_counts_whole_in_what_is_left(self, time: str, left: float, passed: float) -> None:
        assert calendars.share_of_today(BONN, at(TUESDAY, time)) == pytest.approx(left)
        assert calendars.elapsed_today(BONN, at(TUESDAY, time)) == pytest.approx(passed)

    def test_hours_that_begin_at_half_past(self) -> None:
        kiosk = calendar_of(opening={"tue": "07:30-17:30"})
        assert calendars.share_of_today(kiosk, at(TUESDAY, "07:45", kiosk)) == 1.0
        assert calendars.share_of_today(kiosk, at(TUESDAY, "17:15", kiosk)) == pytest.approx(0.05)

    def test_a_closed_day_has_nothing_left_and_nothing_behind(self) -> None:
        assert calendars.share_of_today(BONN, at(SUNDAY, "12:00")) == 0.0
        assert calendars.elapsed_today(BONN, at(SUNDAY, "12:00")) == 0.0


def found(calendar: Calendar, instant: times.Instant, lead_time_days: int = 1) -> Opportunity:
    opportunity = calendars.opportunity(calendar, instant, lead_time_days)
    assert opportunity is not None
    return opportunity


class TestOpportunity:
    def test_the_example_of_the_contract(self) -> None:
        """contracts.md section 4: Tuesday 09:13, delivered on Wednesday, three figures until Friday's delivery."""
        assert found(BONN, at(TUESDAY, "09:13")) == Opportunity(
            deliver_by=WEDNESDAY,
            cut_off_at=at(TUESDAY, "14:00"),
            next_delivery=FRIDAY,
            selling_days=(TUESDAY, WEDNESDAY, THURSDAY),
        )

    def test_exactly_at_the_cut_off_it_is_too_late_for_the_day(self) -> None:
        cut_off = at(TUESDAY, "14:00")
        assert found(BONN, cut_off - 1).deliver_by == WEDNESDAY
        assert found(BONN, cut_off).deliver_by == FRIDAY

    def test_the_cut_off_is_the_last_order_day_for_the_delivery_day_not_the_next_one(self) -> None:
        # From Tuesday 14:00 on Friday is next, and Friday can be ordered for until Thursday 14:00.
        after = found(BONN, at(TUESDAY, "14:00"))
        assert after.cut_off_at == at(THURSDAY, "14:00")
        assert found(BONN, at(WEDNESDAY, "15:00")).deliver_by == FRIDAY

    def test_a_closed_day_in_the_interval_sells_nothing(self) -> None:
        friday_for_monday = found(BONN, at(FRIDAY, "09:00"))
        assert friday_for_monday.deliver_by == MONDAY + 7
        assert friday_for_monday.selling_days == (FRIDAY, SATURDAY, MONDAY + 7, TUESDAY + 7)

    def test_today_counts_as_a_selling_day_however_little_is_left_of_it(self) -> None:
        assert found(BONN, at(TUESDAY, "23:00")).selling_days[0] == TUESDAY

    def test_a_delivery_day_that_is_a_holiday_is_passed_over(self) -> None:
        # All Saints' Day 2024 is a Friday: deliveries on Wednesday 30 October and Monday 4 November.
        thursday = times.from_iso("2024-10-31")
        before = found(BONN, at(thursday, "09:00"))
        assert times.to_iso(before.deliver_by) == "2024-11-04"
        assert before.cut_off_at == at(times.from_iso("2024-11-03"), "14:00")

    def test_lead_time_counts_calendar_days(self) -> None:
        # Friday and three days is Monday, over a Sunday on which nobody works.
        assert found(BONN, at(FRIDAY, "09:00"), lead_time_days=3).deliver_by == MONDAY + 7

    def test_without_lead_time_today_can_be_reached(self) -> None:
        today = found(BONN, at(WEDNESDAY, "09:00"), lead_time_days=0)
        assert (today.deliver_by, today.cut_off_at) == (WEDNESDAY, at(WEDNESDAY, "14:00"))

    def test_the_day_is_the_stores_not_that_of_utc(self) -> None:
        # 23:30 UTC on Monday is Tuesday 01:30 in Bonn: Wednesday can be reached, and Monday's cut-off is past.
        assert found(BONN, times.start_of_day(TUESDAY, "UTC") - 30 * times.MINUTE).deliver_by == WEDNESDAY

    def test_a_cut_off_at_midnight_leaves_no_order_day_today(self) -> None:
        early = calendar_of(order_cutoff="00:00", delivery_weekdays=range(1, 8))
        assert found(early, at(TUESDAY, "09:00", early)).deliver_by == THURSDAY

    def test_a_cut_off_in_the_hour_that_summer_time_skips_is_the_moment_of_the_jump(self) -> None:
        night = calendar_of(timezone=BERLIN, order_cutoff="02:30", delivery_weekdays=range(1, 8))
        sunday = times.from_iso("2024-03-31")
        jump = at(sunday, "03:00", night)
        assert found(night, jump - 1).cut_off_at == jump
        assert found(night, jump).deliver_by == sunday + 2

    def test_a_cut_off_in_the_hour_that_comes_twice_is_its_first_coming_for_good(self) -> None:
        night = calendar_of(timezone=BERLIN, order_cutoff="02:30", delivery_weekdays=range(1, 8))
        sunday = times.from_iso("2024-10-27")
        first = at(sunday, "02:30", night)
        assert found(night, first - 1).deliver_by == sunday + 1
        # Three quarters of an hour later the clock shows 02:15 again.
        assert found(night, first + 45 * times.MINUTE).deliver_by == sunday + 2

    @pytest.mark.parametrize(
        "calendar",
        [
            calendar_of(delivery_weekdays=[]),
            calendar_of(opening={}),
            calendar_of(opening={"mon-sat": "07:00-22:00"}, delivery_weekdays=[7]),
        ],
    )
    def test_a_store_that_can_never_be_delivered_has_none(self, calendar: Calendar) -> None:
        assert calendars.opportunity(calendar, at(TUESDAY, "09:00"), 1) is None

    def test_a_lead_time_beyond_every_plan_has_none(self) -> None:
        assert calendars.opportunity(BONN, at(TUESDAY, "09:00"), 10**12) is None


CALENDARS = st.builds(
    calendar_of,
    timezone=st.sampled_from(["UTC", BERLIN, "America/New_York", "Asia/Beirut", "Australia/Lord_Howe"]),
    opening=st.sampled_from([None, {"mon-sat": "07:00-22:00"}, {"sun-wed": "08:00-20:30", "sat": "10:00-14:00"}]),
    state=st.sampled_from([None, "NW", "BY"]),
    delivery_weekdays=st.sets(st.integers(1, 7), min_size=1),
    order_cutoff=st.sampled_from(["00:00", "02:30", "14:00", "23:59"]),
)
INSTANTS = st.integers(times.start_of_day(times.from_iso("2023-12-15"), "UTC"), times.start_of_day(MONDAY + 90, "UTC"))
LEAD_TIMES = st.integers(0, 9)


class TestOpportunityAlways:
    @given(CALENDARS, INSTANTS, LEAD_TIMES)
    def test_it_holds_until_exactly_its_cut_off(self, calendar: Calendar, instant: int, lead: int) -> None:
        opportunity = calendars.opportunity(calendar, instant, lead)
        if opportunity is None:
            return
        assert instant < opportunity.cut_off_at
        assert found(calendar, opportunity.cut_off_at - 1, lead).deliver_by == opportunity.deliver_by
        assert found(calendar, opportunity.cut_off_at, lead).deliver_by == opportunity.next_delivery

    @given(CALENDARS, INSTANTS, INSTANTS, LEAD_TIMES)
    def test_it_never_goes_back(self, calendar: Calendar, one: int, other: int, lead: int) -> None:
        first, second = (calendars.opportunity(calendar, each, lead) for each in sorted((one, other)))
        if first and second:
            assert first.deliver_by <= second.deliver_by

    @given(CALENDARS, INSTANTS, LEAD_TIMES)
    def test_it_is_what_the_contract_says_in_words(self, calendar: Calendar, instant: int, lead: int) -> None:
        opportunity = calendars.opportunity(calendar, instant, lead)
        day, second = times.local(instant, calendar.zone_name)
        if opportunity is None or second // 3600 in (
            1,
            2,
            3,
        ):  # the hours of the clock's changes have tests of their own
            return
        order_day = day + (second >= times.second_of_day(calendar.order_cutoff))
        first, then = [d for d in range(order_day + lead, order_day + 60) if calendars.is_delivery_day(calendar, d)][:2]
        assert (opportunity.deliver_by, opportunity.next_delivery) == (first, then)
        assert opportunity.selling_days == tuple(d for d in range(day, then) if calendars.is_open(calendar, d))

    @given(CALENDARS, st.integers(MONDAY, MONDAY + 30), st.integers(0, 40))
    def test_selling_weekdays_count_the_selling_days(self, calendar: Calendar, first: int, length: int) -> None:
        days = calendars.selling_days(calendar, first, first + length)
        counts = calendars.selling_weekdays(calendar, first, first + length)
        assert counts == tuple(sum(times.weekday(day) == weekday for day in days) for weekday in range(1, 8))
