"""Due work: what must happen when a scope's clock (a store's) passes a time.

Entries are rows of the table `agenda`, ordered by scope, then due time, then key. They are handed over before the next
input of the partition, a bounded number at a time, and what is left after a crash is found again from the rows and the
scopes' clocks.
"""

from collections.abc import Callable

import msgspec

from freshmart_streams.engine.rows import Rows
from freshmart_streams.engine.tables import Table

NEVER = 1 << 62
_AFTER_SEPARATOR = "\x01"


class Entry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An entry holds nothing: its key says it all."""


AGENDA: Table[Entry] = Table("agenda", Entry)
_ENTRY = Entry()


def _row_key(scope: str, due: int, key: str) -> str:
    return f"{scope}\x00{due:019d}\x00{key}"


def _parse(row_key: str) -> tuple[str, int, str]:
    scope, due, key = row_key.split("\x00", 2)
    return scope, int(due), key


class Agenda:
    """The due work of one partition."""

    def __init__(self, rows: Rows[Entry], clock: Callable[[str], int | None]) -> None:
        self._rows = rows
        self._clock = clock
        self._earliest: dict[str, int] = {}
        self._passed: dict[str, int] = {}  # scopes with due entries, in the order in which their clocks passed

    def schedule(self, scope: str, due: int, key: str) -> None:
        """Ask for `key` when the clock of `scope` passes `due`; the same again is the same entry.

        Raises:
            ValueError: `due` is negative or too large, or a name holds a NUL.
        """
        if not 0 <= due < NEVER or "\x00" in scope or "\x00" in key:
            raise ValueError("an agenda entry needs a due time in range and names without NUL")
        self._rows[_row_key(scope, due, key)] = _ENTRY
        if due < self._earliest.get(scope, NEVER):
            self._earliest[scope] = due
        at = self._clock(scope)
        if at is not None and due <= at:  # late already: as it would be found after a restart
            self.advance(scope, at)

    def cancel(self, scope: str, due: int, key: str) -> None:
        """Take an entry back; one that is not there is no error."""
        self._rows.delete(_row_key(scope, due, key))

    def advance(self, scope: str, at: int) -> None:
        """The clock of a scope passed `at`."""
        if self._earliest.get(scope, NEVER) <= at:
            self._passed[scope] = max(at, self._passed.get(scope, 0))

    def advance_all(self, at: int) -> None:
        """The clock of every scope passed `at`."""
        for scope in sorted(scope for scope, due in self._earliest.items() if due <= at):
            self.advance(scope, at)

    @property
    def is_due(self) -> bool:
        """Whether there may be work to hand over."""
        return bool(self._passed)

    def take(self, limit: int) -> list[tuple[str, int, str]]:
        """The next due entries `(scope, due, key)`, removed from the agenda; empty when nothing is due."""
        while self._passed:
            scope, at = next(iter(self._passed.items()))
            # From the earliest on: before it lie only the tombstones of what was done, and there may be many of them.
            start, stop = (f"{scope}\x00{due:019d}" for due in (self._earliest.get(scope, NEVER), at + 1))
            found = self._rows.scan(f"{scope}\x00", after=start, before=stop, limit=limit)
            taken = [_parse(row_key) for row_key, _ in found]
            for row_key, _ in found:
                self._rows.delete(row_key)
            if len(found) < limit:
                del self._passed[scope]
                self._find_earliest(scope, stop)
            if taken:
                return taken
        return []

    def reload(self) -> None:
        """Read from the rows which scopes have entries, and which of these their clocks have passed already."""
        self._earliest, self._passed, after = {}, {}, ""
        while found := self._rows.scan("", after=after, limit=1):
            scope, due, _ = _parse(found[0][0])
            self._earliest[scope] = due
            after = scope + _AFTER_SEPARATOR
            at = self._clock(scope)
            if at is not None:
                self.advance(scope, at)

    def _find_earliest(self, scope: str, after: str) -> None:
        found = self._rows.scan(f"{scope}\x00", after=after, limit=1)
        if found:
            self._earliest[scope] = _parse(found[0][0])[1]
        else:
            self._earliest.pop(scope, None)
