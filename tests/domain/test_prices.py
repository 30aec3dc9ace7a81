"""A store's prices: what is in force, what waits for its label, and what a reduction is measured against."""

import pytest

from freshmart_streams.domain import prices, times
from freshmart_streams.domain.prices import AwaitedPrice, Prices, RegularPrices

DAY = times.DAY
NOW = 100 * DAY


def steps(*changes: tuple[int, int | None]) -> Prices:
    """Prices that changed on these days."""
    return Prices([(day * DAY, price) for day, price in changes])


def confirmed(row: Prices, price: int, at: int, *, prior_price: int | None = None, clock: int = NOW) -> Prices:
    """The row after a decision whose label shows it since day `at`."""
    row.awaited = AwaitedPrice(f"change-{at}", price, at * DAY, prior_price)
    prices.confirm_label(row, at * DAY, clock)
    return row


class TestRegularPrices:
    def test_the_same_price_again_is_no_change(self) -> None:
        regular = RegularPrices()
        assert [prices.apply_price(regular, at, 119) for at in (5, 6)] == [True, False]

    def test_an_article_without_a_price_has_no_history(self) -> None:
        regular = RegularPrices()
        assert not prices.apply_price(regular, 5, None)
        assert regular.changed_at == 0

    def test_two_changes_at_one_time_can_be_told_apart(self) -> None:
        regular = RegularPrices()
        for price in (119, 109, 99):
            prices.apply_price(regular, 5, price)
        assert regular.changes == [(5, 119), (6, 109), (7, 99)]

    def test_what_ended_more_than_30_days_ago_is_forgotten(self) -> None:
        regular = RegularPrices()
        for day, price in ((1, 119), (10, 109), (40, 99)):
            prices.apply_price(regular, day * DAY, price)
        assert regular.changes == [(10 * DAY, 109), (40 * DAY, 99)]

    def test_a_history_is_bounded_and_never_names_a_price_that_is_too_high(self) -> None:
        regular = RegularPrices()
        for minute in range(1_000):
            prices.apply_price(regular, NOW + minute, 50 if minute == 3 else 100 + minute)
        assert len(regular.changes) == prices.CHANGES_MAX
        assert regular.changes[0] == (NOW, 50)
        assert regular.changes[-1] == (NOW + 999, 1_099)


class TestTakeRegular:
    def test_the_first_price_counts_as_if_it_had_always_been_there(self) -> None:
        row = Prices()
        assert prices.take_regular(row, RegularPrices([(NOW, 119)]), NOW)
        assert row.changes == [(0, 119)]

    def test_takes_in_only_what_is_new(self) -> None:
        row, regular = Prices(), RegularPrices([(NOW, 119)])
        prices.take_regular(row, regular, NOW)
        assert not prices.take_regular(row, regular, NOW + 5)
        prices.apply_price(regular, NOW + 9, 109)
        assert prices.take_regular(row, regular, NOW + 20)
        assert row.changes == [(0, 119), (NOW + 9, 109)]

    def test_a_message_younger_than_the_stores_clock_counts_from_that_clock(self) -> None:
        row = Prices([(0, 119)], regular_at=5)
        prices.take_regular(row, RegularPrices([(5, 119), (NOW, 109)]), clock=DAY)
        assert row.changes == [(0, 119), (DAY, 109)]
        assert row.regular_at == NOW

    def test_ends_a_decided_price_and_its_reduction(self) -> None:
        row = confirmed(steps((0, 119)), 99, 90, prior_price=119)
        prices.take_regular(row, RegularPrices([(95 * DAY, 129)]), NOW)
        assert (row.price, row.price_change_id, row.reduced_from) == (129, "", None)


class TestConfirmLabel:
    def test_the_new_price_holds_from_the_time_of_its_label(self) -> None:
        row = confirmed(steps((0, 119)), 99, 90, prior_price=119)
        assert row.changes == [(0, 119), (90 * DAY, 99)]
        assert (row.price, row.awaited, row.price_change_id, row.reduced_from) == (99, None, "change-90", 119)

    def test_a_label_that_comes_late_does_not_undo_a_newer_price(self) -> None:
        row = confirmed(steps((0, 119), (95, 129)), 99, 90, prior_price=119)
        assert (row.price, row.price_change_id, row.reduced_from) == (129, "", None)
        assert prices.prior_price(row, NOW) == 99

    def test_what_ended_before_the_horizon_is_forgotten(self) -> None:
        assert confirmed(steps((0, 119), (20, 89), (69, 109)), 99, 90).changes == [(69 * DAY, 109), (90 * DAY, 99)]


class TestPriorPrice:
    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ([(0, 129), (79, 169)], 129),  # bananas, C-330/23: 1.29 was charged three weeks before
            ([(0, 10_000), (93, 8_000)], 8_000),  # shoes: sold at 80 last week
            ([(0, 80), (75, 100), (85, 90)], 80),  # 80, 100, 90 within 30 days
            ([(0, 80), (70, 100)], 100),  # the cheap days ended exactly 30 days ago
            ([(0, 80), (71, 100)], 80),
            ([(0, None), (90, 119)], 119),
            ([(0, None)], None),
            ([], None),
        ],
    )
    def test_is_the_lowest_of_30_days(self, changes: list[tuple[int, int | None]], expected: int | None) -> None:
        assert prices.prior_price(steps(*changes), NOW) == expected

    def test_stays_that_of_the_first_step_while_a_reduction_goes_on(self) -> None:
        row = confirmed(steps((0, 119)), 99, 60, prior_price=119)
        row = confirmed(row, 89, 95, prior_price=99)
        assert prices.prior_price(row, NOW) == 119

    def test_a_rise_ends_the_reduction(self) -> None:
        row = confirmed(confirmed(steps((0, 119)), 99, 80, prior_price=119), 109, 90)
        assert row.reduced_from is None
        assert prices.prior_price(row, NOW) == 99
