"""The goods of one article, by the day on which they can be sold for the last time: the oldest are sold first."""

from collections import deque
from typing import Final

from freshmart_streams.domain.lots import Lots

KEEPS: Final = 10**9
"""The last day of goods that do not spoil."""


class Shelf:
    """Base units on hand, and all that came and went: `received = sold + wasted + on_hand` at any time.

    >>> shelf = Shelf()
    >>> shelf.receive(5, last_day=2); shelf.receive(4, last_day=3)
    >>> shelf.sell(3), shelf.spoil(today=3), shelf.sell(9), shelf.on_hand
    (3, 2, 4, 0)
    """

    def __init__(self) -> None:
        self.on_hand = self.received = self.sold = self.wasted = 0
        self._lots: deque[list[int]] = deque()

    @property
    def lots(self) -> Lots:
        """What is there, as `domain.lots` has it."""
        return tuple(each for last_day, units in self._lots for each in (last_day, units))

    def receive(self, units: int, last_day: int = KEEPS) -> None:
        """Put goods behind those that are there; none of them can be sold for longer."""
        if units:
            self._lots.append([last_day, units])
            self.on_hand += units
            self.received += units

    def spoil(self, today: int) -> int:
        """Throw away what could be sold until yesterday; returns how much that is."""
        wasted = 0
        while self._lots and self._lots[0][0] < today:
            wasted += self._lots.popleft()[1]
        self.on_hand -= wasted
        self.wasted += wasted
        return wasted

    def sell(self, asked: int) -> int:
        """Sell what is asked for, as far as it is there; returns how much that is."""
        left = asked
        while left and self._lots:
            lot = self._lots[0]
            taken = min(lot[1], left)
            lot[1] -= taken
            left -= taken
            if not lot[1]:
                self._lots.popleft()
        sold = asked - left
        self.on_hand -= sold
        self.sold += sold
        return sold
