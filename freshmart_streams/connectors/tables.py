"""Rows of a CSV file, streamed, with what is wrong with a row said instead of raised."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import NamedTuple

from freshmart_streams.connectors.items import Report
from freshmart_streams.connectors.source import Source


class Row(NamedTuple):
    """One row below the header."""

    place: str
    """`FILE:LINE` of its last line."""
    cells: dict[str, str]


def header(line: bytes) -> tuple[str, ...]:
    """Return the column names of a header line, or an empty tuple when it is not readable as one."""
    try:
        return tuple(next(csv.reader([line.decode()]), ()))
    except (UnicodeDecodeError, csv.Error):
        return ()


def rows(source: Source, report: Report) -> Iterator[Row]:
    """Yield the rows below the header; a row that is no UTF-8 or has another number of cells is reported."""
    text = _text_lines(source, report)
    reader = csv.reader(text)
    names: list[str] | None = None
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            report(f"{source.path}:{reader.line_num}", f"no CSV ({error})")
            continue
        place = f"{source.path}:{reader.line_num}"
        if names is None:
            names = cells
        elif len(cells) != len(names):
            if cells:
                report(place, f"{len(cells)} columns instead of {len(names)}")
        else:
            yield Row(place, dict(zip(names, cells, strict=True)))


def _text_lines(source: Source, report: Report) -> Iterator[str]:
    for number, content in source.lines():
        try:
            if content is None:
                raise ValueError("the line is too long")
            yield content.decode() + "\n"
        except ValueError as error:
            reason = "no UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            report(f"{source.path}:{number}", reason)
            yield "\n"  # keeps the reader's line numbers right
