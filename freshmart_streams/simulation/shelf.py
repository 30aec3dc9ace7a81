"""What really lies on a simulated shelf: lots with their best-before days, sold oldest first.

This is the world's truth, not the books: what is stolen leaves the shelf and no event tells of it, until a count does.
"""

from __future__ import annotations

from datetime import date


class Shelf:
    """The lots of one article in one store, in order of their best-before day."""

    __slots__ = ("_lots",)

    def __init__(self) -> None:
        self._lots: list[tuple[date, int]] = []

    @property
    def quantity(self) -> int:
        """Base units on the shelf."""
        return sum(quantity for _, quantity in self._lots)

    def add(self, quantity: int, best_before: date) -> None:
        """Put a delivered lot onto the shelf."""
        self._lots.append((best_before, quantity))
        self._lots.sort()

    def first_best_before(self) -> date | None:
        """Return the best-before day of the lot that is sold next; None on an empty shelf."""
        return self._lots[0][0] if self._lots else None

    def take(self, quantity: int) -> int:
        """Take up to `quantity` base units, oldest lot first, and return how many there were to take."""
        wanted = quantity
        while wanted and self._lots:
            best_before, there = self._lots[0]
            taken = min(wanted, there)
            wanted -= taken
            if taken == there:
                self._lots.pop(0)
            else:
                self._lots[0] = (best_before, there - taken)
        return quantity - wanted

    def take_expired(self, today: date) -> int:
        """Take off what may not be sold after `today` and return its base units."""
        expired = sum(quantity for best_before, quantity in self._lots if best_before <= today)
        self._lots = [lot for lot in self._lots if lot[0] > today]
        return expired
