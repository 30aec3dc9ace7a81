"""Which of the goods on hand spoil before they are sold: lots by the last day on which they can be.

What expires first is sold first, unless a receipt names the lot it sold (2D codes). So of what is on hand the lots that
keep longest are taken to be left, and no sale need be written down by lot. Goods of which no date is known, because
they were counted or came before dates were told, are left aside: they are neither sold before the others nor spoil.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

Lots: TypeAlias = tuple[int, ...]
"""Last day (an ordinal) and base units received by turns, in the order of the days."""

DAYS_MAX: Final = 60
"""What keeps longer is sold before; `9999-12-31` are goods that do not expire."""

_TOLERANCE: Final = 1e-9
"""A sum of floats this much below an integer is that integer."""


def received(lots: Lots, *, last_day: int, units: int, on_hand: int) -> Lots:
    """Add a lot, and forget what cannot be left of so many on hand.

    >>> received((10, 6, 12, 6), last_day=14, units=12, on_hand=17)
    (12, 5, 14, 12)
    """
    by_day = dict(zip(lots[::2], lots[1::2], strict=True))
    by_day[last_day] = by_day.get(last_day, 0) + units
    return kept(tuple(each for day in sorted(by_day) for each in (day, by_day[day])), on_hand)


def kept(lots: Lots, on_hand: int) -> Lots:
    """What is left of the lots (`left`): what went otherwise than by a sale is forgotten, too."""
    return tuple(each for lot in reversed(left(lots, on_hand)) for each in lot)


def sold(lots: Lots, *, last_day: int, units: int) -> Lots:
    """Take what a receipt sold out of the lot that it names, as far as that is known."""
    if last_day not in lots[::2]:
        return lots
    place = 2 * lots[::2].index(last_day) + 1
    return (*lots[:place], max(lots[place] - units, 0), *lots[place + 1 :])


def left(lots: Lots, on_hand: int) -> list[tuple[int, int]]:
    """Last day and units of the lots that so many on hand consist of, the newest first.

    >>> left((10, 6, 12, 6), on_hand=8)
    [(12, 6), (10, 2)]
    """
    found = []
    for place in range(len(lots) - 2, -1, -2):
        if on_hand <= 0:
            break
        if units := min(lots[place + 1], on_hand):
            found.append((lots[place], units))
            on_hand -= units
    return found


def expected_waste(lots: Lots, on_hand: int, *, days: Sequence[int], demand: Sequence[float]) -> int:
    """Of what is on hand, base units that are expected to spoil before the last of some days.

    Up to any lot's last day no more can be sold than is asked for; what is left of it and of those before spoils:
    `max over lots of (units that expire by its last day − demand up to then)`, with the mean demand.

    Args:
        lots: of the article.
        on_hand: base units.
        days: selling days from today on, in their order.
        demand: base units expected on each of them, of today what is left of it.

    Ten can be sold until tomorrow only, and six will be:

    >>> expected_waste((102, 10, 105, 12), on_hand=22, days=(101, 102, 103), demand=(2.0, 4.0, 4.0))
    4
    """
    if not lots or not days:
        return 0
    waste, stock = 0.0, 0
    asked, place = 0.0, 0
    for last_day, units in reversed(left(lots, on_hand)):
        if last_day >= days[-1]:
            break
        while place < len(days) and days[place] <= last_day:
            asked += demand[place]
            place += 1
        stock += units
        waste = max(waste, stock - asked)
    return int(waste + _TOLERANCE)


def may_spoil(lots: Lots, on_hand: int, *, before: int) -> bool:
    """Whether anything on hand has to be sold before a day."""
    return any(last_day < before for last_day, _ in left(lots, on_hand))
