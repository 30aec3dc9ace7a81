"""Which events come too late or too early (contracts.md section 1)."""

from freshmart_streams.domain import clocks, times

NOON = 1_728_381_600_000_000


class TestIsTooLate:
    def test_the_horizon_itself_is_in_time(self) -> None:
        assert not clocks.is_too_late(NOON - 14 * times.DAY, NOON, 14)
        assert clocks.is_too_late(NOON - 14 * times.DAY - 1, NOON, 14)


class TestIsFromTheFuture:
    def test_one_hour_after_the_message_is_allowed(self) -> None:
        assert not clocks.is_from_the_future(NOON + times.HOUR, NOON // 1_000)
        assert clocks.is_from_the_future(NOON + times.HOUR + 1, NOON // 1_000)


class TestForgottenAt:
    def test_when_a_day_is_forgotten_all_its_events_are_too_late(self) -> None:
        day = clocks.seen_day(NOON)
        forgotten = clocks.forgotten_at(day, 14)
        last_of_day = (day + 1) * times.DAY - 1
        assert clocks.is_too_late(last_of_day, forgotten, 14)
        assert not clocks.is_too_late(last_of_day, forgotten - 1, 14)
