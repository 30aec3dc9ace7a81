"""A shelf gives its oldest lot first and never more than lies there."""

from datetime import date

from freshmart_streams.simulation.shelf import Shelf

MONDAY, TUESDAY, FRIDAY = date(2026, 6, 1), date(2026, 6, 2), date(2026, 6, 5)


def shelf(*lots: tuple[int, date]) -> Shelf:
    made = Shelf()
    for quantity, best_before in lots:
        made.add(quantity, best_before)
    return made


class TestShelf:
    def test_sells_the_oldest_lot_first_whenever_it_came(self) -> None:
        milk = shelf((5, FRIDAY), (3, TUESDAY))
        assert milk.first_best_before() == TUESDAY
        assert milk.take(4) == 4
        assert (milk.quantity, milk.first_best_before()) == (4, FRIDAY)

    def test_gives_what_is_there_when_more_is_wanted(self) -> None:
        milk = shelf((5, FRIDAY))
        assert milk.take(9) == 5
        assert (milk.quantity, milk.first_best_before()) == (0, None)

    def test_clears_what_may_not_be_sold_tomorrow(self) -> None:
        milk = shelf((5, FRIDAY), (3, MONDAY), (2, TUESDAY))
        assert milk.take_expired(MONDAY) == 3
        assert milk.quantity == 7
        assert milk.take_expired(FRIDAY) == 7
