"""Which reader reads a file: by its content, never by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from freshmart_streams.connectors import jsonl, products_csv, receipts_csv, tables
from freshmart_streams.connectors.items import Reader
from freshmart_streams.connectors.source import InputError, Source

_CSV_READERS: Final[tuple[tuple[frozenset[str], Reader], ...]] = (
    (receipts_csv.COLUMNS, receipts_csv.read),
    (products_csv.COLUMNS, products_csv.read),
)


def reader_of(path: Path) -> Reader:
    """Find the reader of a file.

    Raises:
        InputError: the file is missing, unreadable, empty or of a kind that nobody here reads.
    """
    with Source(path) as source:
        first = next((line.content for line in source.lines() if line.content is None or line.content.strip()), b"")
    if not first:
        raise InputError(
            f"{path}: the file is empty" if first == b"" else f"{path}: no text: the first line never ends"
        )
    if first.lstrip().startswith(b"{"):
        return jsonl.read
    columns = frozenset(tables.header(first))
    for known, reader in _CSV_READERS:
        if known <= columns:
            return reader
    raise InputError(f"{path}: {_why_unknown(first.lstrip())}")


def _why_unknown(first: bytes) -> str:
    if first.startswith(b"["):
        return "one JSON array; write one event per line instead (for example: jq -c '.[]')"
    if first.startswith(b"<"):
        return "XML is not read yet; JSON lines and the known CSV files are"
    if first.startswith((b"UNA", b"UNB")):
        return "EDIFACT is not read yet; JSON lines and the known CSV files are"
    return "neither JSON lines nor a CSV file with a known header line; other CSV (--mapping) is not read yet"
