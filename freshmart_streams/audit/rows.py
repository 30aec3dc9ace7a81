"""The rows of the oracle against those of a commit."""

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

from freshmart_streams.audit.committed import (
    AGENDA,
    CHANGELOG,
    Committed,
    agenda_key,
    is_same_row,
    unknown_tables,
)
from freshmart_streams.audit.differences import Cause, Difference, Findings, Kind, What
from freshmart_streams.audit.fold import Fold
from freshmart_streams.audit.words import row_difference, row_text
from freshmart_streams.engine import Group


class _Unlike(NamedTuple):
    what: What
    table: str
    key: str


class RowCheck:
    """Compares the rows of one partition.

    Args:
        group: whose tables they are.
        fold: the oracle.
        findings: told of each difference.
    """

    def __init__(self, group: Group, fold: Fold, findings: Findings) -> None:
        self._tables = {table.name: table for table in group.tables}
        self._fold = fold
        self._findings = findings

    def compare(self, committed: Committed) -> None:
        """Compare with the rows of a commit; the oracle has applied its records, and due work as far as it likes."""
        for unlike in self._settle(committed):
            if self._findings.is_full:
                self._findings.count()
            else:
                self._findings.add(self._difference(committed, unlike))
        own = sum(len(self._fold.tables[name].stored) for name in self._tables)
        self._findings.partition.rows += own + sum(1 for _ in self._fold.agenda)
        for name in unknown_tables(committed, self._tables):
            self._findings.note(f"{committed.origin} has rows of a table {name}, which this version does not have")

    def _settle(self, committed: Committed) -> list[_Unlike]:
        """Let the oracle do as much of the due work as was done before the commit, and compare.

        What was not done by then is on the agenda that the commit wrote. An entry that puts itself there again is the
        exception: then only the rows tell how often it was done.
        """
        first: list[_Unlike] = []
        while (due := self._fold.due) is not None:
            if agenda_key(due) not in committed.agenda:
                self._fold.work()
                continue
            unlike = list(self._unlike(committed))
            first = first or unlike
            if not unlike:
                return []
            self._fold.work()
            if self._fold.due != due:
                return first
        unlike = list(self._unlike(committed))
        return first or unlike if unlike else []

    def _unlike(self, committed: Committed) -> Iterator[_Unlike]:
        for name, table in self._tables.items():
            rows, found = self._fold.tables[name], committed.tables.get(name, {})
            for key, row in rows.stored.items():
                if key not in found:
                    yield _Unlike(What.MISSING, name, key)
                elif not is_same_row(table, found[key].value, rows.as_stored(row)):
                    yield _Unlike(What.CHANGED, name, key)
            for key in found.keys() - rows.stored.keys():
                yield _Unlike(What.UNEXPECTED, name, key)
        planned = {agenda_key(entry) for entry in self._fold.agenda}
        for key in planned ^ committed.agenda:
            yield _Unlike(What.MISSING if key in planned else What.UNEXPECTED, AGENDA, key)

    def _difference(self, committed: Committed, unlike: _Unlike) -> Difference:
        what, name, key = unlike
        where = name if committed.origin == CHANGELOG else f"{name} in {committed.origin}"
        difference = Difference(
            kind=Kind.TABLE, what=what, partition=self._findings.partition.partition, where=where, key=_readable(key)
        )
        if name == AGENDA:
            return difference
        table, rows = self._tables[name], self._fold.tables[name]
        row, found = rows.stored.get(key), committed.tables.get(name, {}).get(key)
        stored = None if row is None else bytes([table.format]) + rows.as_stored(row)
        cause = rows.causes.get(key)
        expected_text, found_text = None, None
        if stored is not None and found is not None:
            expected_text, found_text = row_difference(table, stored, found.value)
        elif stored is not None:
            expected_text = row_text(table, stored)
        elif found is not None:
            found_text = row_text(table, found.value)
        return dataclasses.replace(
            difference,
            expected=expected_text,
            found=found_text,
            cause=cause if isinstance(cause, Cause) else None,
            found_in=found.sequence if found is not None and committed.origin == CHANGELOG else None,
        )


def _readable(key: str) -> str:
    return key.replace("\x00", " ")
