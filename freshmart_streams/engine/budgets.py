"""How many errors of handlers a partition may turn into dead letters before it stops and asks for a person.

A handler that raises is a mistake in the program: bad input it answers with a dead letter of its own and never counts
here. One article that no rule can take must not stop its partition, so its messages become dead letters `domain-error`.
But a bad deploy, of which every message raises, must not turn a whole topic into dead letters: above the limit the
partition pauses instead. Nothing is lost by pausing, and nothing is decided by it: a version without the mistake folds
the same records as if there had been no pause.
"""

from collections import deque

ERRORS_MAX = 20
RECORDS = 1_000
"""The limit: more than so many errors within so many records that were folded, 2 %."""


class ErrorBudget:
    """The errors of one partition in this process; starting again begins with none.

    Args:
        errors_max: how many are forgiven within `records`; None forgives all.
        records: the length of the stretch that is looked at.
    """

    def __init__(self, errors_max: int | None, records: int = RECORDS) -> None:
        self.errors_max = errors_max
        self.records = records
        self._folded = 0
        self._errors: deque[int] = deque()

    def folded(self, records: int) -> None:
        """So many records more were folded."""
        self._folded += records

    @property
    def is_spent(self) -> bool:
        """Whether one more error would be too many."""
        while self._errors and self._errors[0] <= self._folded - self.records:
            self._errors.popleft()
        return self.errors_max is not None and len(self._errors) >= self.errors_max

    def spend(self) -> None:
        """One error is forgiven."""
        self._errors.append(self._folded)
