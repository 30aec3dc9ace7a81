"""Stock in event time (formulas.md 4.1 and 5.10 b)."""

import pytest

from freshmart_streams.domain import ledger, times
from freshmart_streams.domain.ledger import Ledger

NOON = times.from_datetime(times.to_datetime(1_728_381_600_000_000, "UTC"))  # 2024-10-08T10:00Z


@pytest.fixture
def counted() -> Ledger:
    """Ten on hand, counted at noon."""
    row = Ledger()
    ledger.apply_count(row, at=NOON, quantity=10, clock=NOON)
    return row


class TestApplyChange:
    def test_a_later_change_counts_on_top_of_the_count(self, counted: Ledger) -> None:
        ledger.apply_change(counted, NOON + 1, -3, NOON + 1)
        assert counted.on_hand == 7

    def test_a_change_at_the_time_of_the_count_is_part_of_it(self, counted: Ledger) -> None:
        ledger.apply_change(counted, NOON, -3, NOON + 1)
        assert counted.on_hand == 10

    def test_a_late_sale_from_before_the_count_does_not_change_stock(self, counted: Ledger) -> None:
        ledger.apply_change(counted, NOON - times.HOUR, -3, NOON + times.HOUR)
        assert counted.on_hand == 10

    def test_before_any_count_changes_sum_up_from_nothing_and_may_go_below_zero(self) -> None:
        row = Ledger()
        ledger.apply_change(row, NOON, -3, NOON)
        ledger.apply_change(row, NOON - 40 * times.DAY, +1, NOON)
        assert row.on_hand == -2

    def test_changes_are_forgotten_one_by_one_when_no_count_can_lie_before_them(self) -> None:
        row, day = Ledger(), 24 * times.HOUR
        for hour in range(0, 10 * 24):
            ledger.apply_change(row, NOON + hour * times.HOUR, -1, NOON + hour * times.HOUR)
        # 48 hours and at most the day of slack before they are dropped, 12 bytes each
        assert len(row.recent) <= (48 + 24) * 12
        assert row.on_hand == -240
        # The last event was at hour 239: exactly 48 hours before it is hour 191, and 48 changes are later.
        at = NOON + 191 * times.HOUR
        ledger.apply_count(row, at=at, quantity=100, clock=NOON + 10 * day - times.HOUR)
        assert row.on_hand == 100 - 48


class TestApplyCount:
    def test_a_late_count_keeps_what_happened_strictly_later(self) -> None:
        row = Ledger()
        for minutes, quantity in ((0, -1), (10, -2), (20, -4)):
            ledger.apply_change(row, NOON + minutes * times.MINUTE, quantity, NOON + minutes * times.MINUTE)
        ledger.apply_count(row, at=NOON + 10 * times.MINUTE, quantity=50, clock=NOON + times.HOUR)
        assert row.on_hand == 50 - 4

    def test_an_older_count_than_the_last_changes_nothing(self, counted: Ledger) -> None:
        ledger.apply_count(counted, at=NOON - 1, quantity=99, clock=NOON)
        assert counted.on_hand == 10

    def test_of_two_counts_at_one_time_the_later_applied_wins(self, counted: Ledger) -> None:
        ledger.apply_count(counted, at=NOON, quantity=11, clock=NOON)
        assert counted.on_hand == 11


class TestIsCountTooLate:
    def test_forty_eight_hours_are_just_in_time(self) -> None:
        assert not ledger.is_count_too_late(NOON - 48 * times.HOUR, NOON)

    def test_a_microsecond_more_is_too_late(self) -> None:
        assert ledger.is_count_too_late(NOON - 48 * times.HOUR - 1, NOON)
