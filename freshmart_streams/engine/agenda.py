"""Due work: what must happen when a scope's clock (a store's) passes a time.

Entries are rows of the table `agenda`, ordered by scope, then due time, then key. They are handed over one by one
before the next input of the partition: scopes as their clocks passed, and of each scope whatever is due first by
then, so that nothing depends on how many were done between two commits. What is left after a crash is found again
from the rows and the scopes' clocks.
"""

from bisect import insort
from collections.abc import Callable

import msgspec

from freshmart_streams.engine.rows import Rows
from freshmart_streams.engine.tables import Table

NEVER = 1 << 62
AHEAD = 100
"""Due entries that are read at a time."""
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
        self._ahead: list[str] = []  # row keys of what is due next, as far as it was read, in order
        self._ahead_in: str | None = None  # whose they are
        self._is_all_ahead = False  # whether nothing else of it is due

    def schedule(self, scope: str, due: int, key: str) -> None:
        """Ask for `key` when the clock of `scope` passes `due`; the same again is the same entry.

        Raises:
            ValueError: `due` is negative or too large, or a name holds a NUL.
        """
        if not 0 <= due < NEVER or "\x00" in scope or "\x00" in key:
            raise ValueError("an agenda entry needs a due time in range and names without NUL")
        row_key = _row_key(scope, due, key)
        self._rows[row_key] = _ENTRY
        if scope == self._ahead_in and self._is_ahead(due, row_key) and row_key not in self._ahead:
            insort(self._ahead, row_key)
        if due < self._earliest.get(scope, NEVER):
            self._earliest[scope] = due
        at = self._clock(scope)
        if at is not None and due <= at:  # late already: as it would be found after a restart
            self.advance(scope, at)

    def _is_ahead(self, due: int, row_key: str) -> bool:
        """Whether an entry of the scope that was read ahead belongs to what was read."""
        if self._is_all_ahead:
            return due <= self._passed.get(self._ahead_in or "", -1)
        return bool(self._ahead) and row_key < self._ahead[-1]

    def cancel(self, scope: str, due: int, key: str) -> None:
        """Take an entry back; one that is not there is no error."""
        row_key = _row_key(scope, due, key)
        self._rows.delete(row_key)
        if row_key in self._ahead:
            self._ahead.remove(row_key)

    def advance(self, scope: str, at: int) -> None:
        """The clock of a scope passed `at`."""
        if self._earliest.get(scope, NEVER) <= at:
            before = self._passed.get(scope, -1)
            if at > before:
                self._passed[scope] = at
                self._is_all_ahead &= scope != self._ahead_in

    def advance_all(self, at: int) -> None:
        """The clock of every scope passed `at`."""
        for scope in sorted(scope for scope, due in self._earliest.items() if due <= at):
            self.advance(scope, at)

    @property
    def is_due(self) -> bool:
        """Whether there may be work to hand over."""
        return bool(self._passed)

    def take(self) -> tuple[str, int, str] | None:
        """The next due entry `(scope, due, key)`, removed from the agenda; None when nothing is due.

        One at a time, because what is done with it may ask for something that is due before the next one, or cancel it.
        """
        while self._passed:
            if not self._ahead:
                self._look_ahead()
            if self._ahead:
                row_key = self._ahead.pop(0)
                self._rows.delete(row_key)
                entry = _parse(row_key)
                self._earliest[entry[0]] = entry[1]
                return entry
        return None

    def _look_ahead(self) -> None:
        """Read what is due next in the first scope whose clock passed; when that was all, go on to the next scope."""
        scope, at = next(iter(self._passed.items()))
        stop = f"{scope}\x00{at + 1:019d}"
        if scope == self._ahead_in and self._is_all_ahead:
            del self._passed[scope]
            self._ahead_in = None
            self._find_earliest(scope, stop)
            return
        # From the earliest on: before it lie only the tombstones of what was done, and there may be many of them.
        start = f"{scope}\x00{self._earliest.get(scope, NEVER):019d}"
        found = self._rows.scan(f"{scope}\x00", after=start, before=stop, limit=AHEAD)
        self._ahead, self._ahead_in = [row_key for row_key, _ in found], scope
        self._is_all_ahead = len(found) < AHEAD

    def reload(self) -> None:
        """Read from the rows which scopes have entries, and which of these their clocks have passed already."""
        self._earliest, self._passed, self._ahead, self._ahead_in, after = {}, {}, [], None, ""
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
