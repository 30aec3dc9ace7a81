"""Where output goes: results to stdout, everything else to stderr, progress only where a person watches."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.table import Table


def say(line: str) -> None:
    """Write one line for a person to stderr."""
    print(line, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Write a result to stdout as JSON."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Write a result to stdout as a table; `empty` is the line that stands for no rows.

    Where stdout is no terminal the table is as wide as its rows, so that a pipe sees every cell whole.
    """
    if not rows:
        print(empty)
        return
    from rich.console import Console

    table = _table(columns, rows)
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(80, Console(width=10_000).measure(table).maximum))
    console.print(table)


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE, pad_edge=False)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))  # Text: a cell is never markup
    return table


class Advance(Protocol):
    """Moves a progress bar."""

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` bytes (or what else is counted) are read."""


class Bars:
    """Progress bars on stderr, by bytes or by what `counted` names; without a terminal there are none."""

    def __init__(self, counted: str | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        amount = (
            DownloadColumn()
            if counted is None
            else TextColumn(f"{{task.completed:,.0f}}/{{task.total:,.0f}} {counted}")
        )

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            amount,
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )

    def bar(self, description: str) -> Advance:
        """Add a bar that appears with its first movement."""
        tasks: list[Any] = []

        def advance(done: int, total: int) -> None:
            if not tasks:
                tasks.append(self._progress.add_task(description))
            self._progress.update(tasks[0], completed=done, total=total)

        return advance

    def say(self, line: str) -> None:
        """Write one line to stderr, above the bars."""
        if self._progress.disable:
            say(line)
        else:
            self._progress.console.print(line, markup=False, highlight=False)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the bars while the block runs."""
        with self._progress:
            yield
