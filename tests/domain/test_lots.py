"""Goods by their last day."""

from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.domain import lots
from freshmart_streams.domain.lots import Lots

MONDAY = 739_000
LOTS = st.dictionaries(st.integers(-2, 9), st.integers(1, 30), max_size=5).map(
    lambda known: tuple(each for day in sorted(known) for each in (MONDAY + day, known[day]))
)


def thrown_away(known: Lots, on_hand: int, demand: list[int]) -> int:
    """Day by day from Monday on: what was good until yesterday goes, then what expires first is sold."""
    shelf, wasted = dict(lots.left(known, on_hand)), 0
    for today, to_sell in enumerate(demand, MONDAY):
        asked = to_sell
        for last_day in sorted(shelf):
            if last_day < today:
                wasted += shelf.pop(last_day)
        for last_day in sorted(shelf):
            sold = min(shelf[last_day], asked)
            shelf[last_day] -= sold
            asked -= sold
    return wasted


class TestLeft:
    def test_what_keeps_longest_is_left(self) -> None:
        assert lots.left((10, 6, 12, 6, 14, 6), on_hand=9) == [(14, 6), (12, 3)]

    def test_what_nobody_knows_the_date_of_is_left_aside(self) -> None:
        assert lots.left((10, 6), on_hand=40) == [(10, 6)]

    def test_nothing_is_left_of_nothing(self) -> None:
        assert lots.left((10, 6), on_hand=-3) == lots.left((), on_hand=3) == []


class TestReceived:
    def test_deliveries_of_one_day_are_one_lot(self) -> None:
        assert lots.received((10, 6), last_day=10, units=4, on_hand=10) == (10, 10)

    def test_an_older_lot_that_comes_later_is_put_before(self) -> None:
        assert lots.received((10, 6), last_day=8, units=4, on_hand=10) == (8, 4, 10, 6)

    def test_lots_that_must_be_gone_are_forgotten(self) -> None:
        assert lots.received((10, 6, 12, 6), last_day=14, units=20, on_hand=20) == (14, 20)

    @given(LOTS, st.integers(0, 60))
    def test_forgetting_changes_nothing(self, known: Lots, on_hand: int) -> None:
        kept = lots.received(known, last_day=MONDAY + 20, units=5, on_hand=on_hand)
        everything = (*known, MONDAY + 20, 5)
        assert lots.left(kept, on_hand) == lots.left(everything, on_hand)
        assert lots.kept(kept, on_hand) == kept


class TestSold:
    def test_a_receipt_that_names_its_lot_leaves_the_older_one(self) -> None:
        known = lots.sold((10, 6, 12, 6), last_day=12, units=2)
        assert lots.left(known, on_hand=10) == [(12, 4), (10, 6)]

    def test_a_lot_that_nobody_knows_changes_nothing(self) -> None:
        assert lots.sold((10, 6), last_day=11, units=2) == (10, 6)

    def test_more_than_was_received_is_all_of_it(self) -> None:
        assert lots.left(lots.sold((10, 6, 12, 6), last_day=12, units=9), on_hand=3) == [(10, 3)]


class TestExpectedWaste:
    @given(LOTS, st.integers(0, 90), st.lists(st.integers(0, 12), min_size=1, max_size=8))
    def test_is_what_selling_the_oldest_first_leaves_over(self, known: Lots, on_hand: int, demand: list[int]) -> None:
        days = range(MONDAY, MONDAY + len(demand))
        found = lots.expected_waste(known, on_hand, days=days, demand=[float(each) for each in demand])
        assert found == thrown_away(known, on_hand, demand)

    def test_a_closed_day_ages_and_sells_nothing(self) -> None:
        """Good until Sunday, and the store opens on Saturday and Monday only."""
        assert lots.expected_waste((107, 9), 9, days=(106, 108), demand=(4.0, 4.0)) == 5

    def test_part_of_a_unit_is_none(self) -> None:
        assert lots.expected_waste((101, 9), 9, days=(101, 102), demand=(4.3, 4.0)) == 4

    def test_what_keeps_to_the_end_of_the_interval_is_no_waste_yet(self) -> None:
        assert lots.expected_waste((102, 90), 90, days=(101, 102), demand=(1.0, 1.0)) == 0
        assert not lots.may_spoil((102, 90), 90, before=102)
        assert lots.may_spoil((102, 90), 90, before=103)
