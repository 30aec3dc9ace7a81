"""A day's figures (contracts.md section 4)."""

from freshmart_streams.domain import store_days, times
from freshmart_streams.domain.store_days import DayFigures, LineFigures
from freshmart_streams.events.reports import DayStatus

TUESDAY = times.from_iso("2024-10-08")
MILK = LineFigures("100234", 2, 398, 20, "dairy")
RETURNED = LineFigures("100701", -1, -99, 0, "dry-goods")


class TestApplyReceipt:
    def test_returns_are_absolute_gross_and_stay_inside_gross(self) -> None:
        figures = DayFigures()
        store_days.apply_receipt(figures, 9, [MILK, RETURNED])
        assert (figures.gross_sales, figures.discounts, figures.net_sales, figures.returns) == (299, 20, 279, 99)
        assert (figures.receipts, figures.lines) == (1, 2)

    def test_a_receipt_and_its_void_leave_no_trace_in_the_report(self) -> None:
        figures = DayFigures()
        before = store_days.report(figures, "0042", TUESDAY)
        store_days.apply_receipt(figures, 9, [MILK, RETURNED])
        store_days.apply_receipt(figures, 9, [MILK, RETURNED], sign=-1)
        assert store_days.report(figures, "0042", TUESDAY) == before

    def test_net_of_categories_and_of_hours_sum_up_to_the_net_of_the_day(self) -> None:
        figures = DayFigures()
        for hour in (9, 9, 21):
            store_days.apply_receipt(figures, hour, [MILK, RETURNED])
        assert sum(figures.by_category.values()) == sum(figures.hourly) == figures.net_sales


class TestPublish:
    def test_versions_count_up_and_the_status_goes_from_preliminary_to_final_to_corrected(self) -> None:
        figures = DayFigures()
        store_days.mark_changed(figures, 1)
        seen = [store_days.publish(figures, "0042", TUESDAY)]
        store_days.close(figures, 2)
        seen.append(store_days.publish(figures, "0042", TUESDAY))
        store_days.mark_changed(figures, 3)
        seen.append(store_days.publish(figures, "0042", TUESDAY))
        assert [(report.version, report.status) for report in seen] == [
            (0, DayStatus.PRELIMINARY),
            (1, DayStatus.FINAL),
            (2, DayStatus.CORRECTED),
        ]
        assert seen[2].ce_id == "0042/2024-10-08.2"


class TestClosesAt:
    def test_midnight_and_grace_are_local(self) -> None:
        closes = store_days.closes_at(TUESDAY, "Europe/Berlin", 3)
        assert times.to_datetime(closes, "Europe/Berlin").isoformat() == "2024-10-09T03:00:00+02:00"

    def test_on_the_night_the_clock_goes_back_grace_is_hours_not_wall_clock(self) -> None:
        closes = store_days.closes_at(times.from_iso("2024-10-26"), "Europe/Berlin", 3)
        assert times.to_datetime(closes, "Europe/Berlin").isoformat() == "2024-10-27T02:00:00+01:00"


class TestNextFullHour:
    def test_is_an_hour_of_the_wall_clock(self) -> None:
        at = times.at_local(TUESDAY, "09:13", "Asia/Kolkata")  # 03:43 UTC
        assert store_days.next_full_hour(at, times.local(at, "Asia/Kolkata")[1]) == times.at_local(
            TUESDAY, "10:00", "Asia/Kolkata"
        )

    def test_a_full_hour_is_followed_by_the_next(self) -> None:
        at = times.at_local(TUESDAY, "10:00", "Europe/Berlin")
        assert store_days.next_full_hour(at, times.local(at, "Europe/Berlin")[1]) == at + times.HOUR
