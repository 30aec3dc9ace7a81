"""After a fetch that raised: each input is fetched by itself for a while.

One input that cannot be read must not hold up the others, and aiokafka does not say which one it was when several are
fetched at once; with the error it also forgets what it took of the others out of the fetch before.
"""

from collections.abc import Iterable

from freshmart_streams.engine.clock import monotonic
from freshmart_streams.engine.records import Position

CAREFUL_SECONDS = 10.0
FETCH_AGAIN_SECONDS = 1.0


class Care:
    """Which inputs may be fetched, and whether together."""

    def __init__(self) -> None:
        self._careful_until = 0.0
        self._resting: dict[Position, float] = {}

    @property
    def is_needed(self) -> bool:
        """Whether to fetch each input by itself."""
        return monotonic() < self._careful_until

    def failed(self, positions: Iterable[Position]) -> Position | None:
        """A fetch of these inputs raised: be careful for a while.

        Returns:
            The input at fault, which rests a little; None where it could be any of them.
        """
        self._careful_until = monotonic() + CAREFUL_SECONDS
        first, *others = positions
        if others:
            return None
        self._resting[first] = monotonic() + FETCH_AGAIN_SECONDS
        return first

    def rests(self, position: Position) -> bool:
        """Whether an input could not be read just now."""
        return monotonic() < self._resting.get(position, 0)
