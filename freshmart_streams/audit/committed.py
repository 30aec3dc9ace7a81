"""The rows of a partition at one commit, as a changelog or a worker's data folder holds them.

The format is read here anew: a row's key is its table's name, 0x01 and the row's own key; its value begins with one
byte for the row's format. Keys from 0x00 on are the engine's: the marker, the outputs of a commit on the embedded
broker, and what a data folder knows of its place.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import msgspec
import rocksdict

from freshmart_streams.audit.log import Reader, Source
from freshmart_streams.engine import Output, Table

CHANGELOG: Final = "the changelog"
AGENDA: Final = "agenda"
"""The engine's own table: what is due, and when."""
_SEPARATOR: Final = b"\x01"
_ENGINE: Final = b"\x00"
_MARKER: Final = b"\x00m"
_OUTBOX: Final = b"\x00o"
_LOCAL: Final = b"\x00local"


class Marker(msgspec.Struct):
    """What a commit says of itself: which log it belongs to, its number, and how far the inputs are applied."""

    id: str = ""
    seq: int = 0
    offsets: dict[str, dict[int, int]] = {}


class _Local(msgspec.Struct):
    marker: Marker
    outbox: bytes | None = None


_decode_marker = msgspec.json.Decoder(Marker).decode
_decode_local = msgspec.msgpack.Decoder(_Local).decode
_StoredOutput = tuple[str, bytes | None, bytes | None, list[tuple[bytes, bytes | None]]]
_decode_outbox = msgspec.msgpack.Decoder(list[_StoredOutput]).decode


class StoredRow(NamedTuple):
    """A row with its format byte, and the commit that wrote it; 0 where that is not known."""

    value: bytes
    sequence: int


@dataclass
class Committed:
    """The rows after a commit.

    Attributes:
        origin: where they are from, for people.
        marker: of the commit.
        tables: by table and key.
        agenda: the keys of the agenda's rows.
        outputs: of this commit, where they are kept until they are published (embedded broker).
        trouble: commits that do not follow each other as they must, one line each.
    """

    origin: str
    marker: Marker = field(default_factory=Marker)
    tables: dict[str, dict[str, StoredRow]] = field(default_factory=dict)
    agenda: set[str] = field(default_factory=set)
    outputs: list[Output] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    def put(self, stored_key: bytes, value: bytes | None) -> None:
        """Take over a row as the commit at hand wrote it."""
        name, _, rest = stored_key.partition(_SEPARATOR)
        key = rest.decode()
        if name == AGENDA.encode():
            (self.agenda.add if value is not None else self.agenda.discard)(key)
        elif value is None:
            self.tables.get(name.decode(), {}).pop(key, None)
        else:
            self.tables.setdefault(name.decode(), {})[key] = StoredRow(value, self.marker.seq)


def agenda_key(entry: tuple[str, int, str]) -> str:
    """The key of an agenda entry's row: its scope, when it is due, and its own key."""
    scope, due, key = entry
    return f"{scope}\x00{due:019d}\x00{key}"


def read_changelog(reader: Reader, source: Source, *, is_embedded: bool) -> Committed:
    """The rows at the last commit before the source's end.

    On the embedded broker a commit counts when its number follows that of the one before: of two writers the first.

    Raises:
        UnreadableLogError: the changelog cannot be read to its end.
    """
    found = Committed(CHANGELOG)
    pending: list[tuple[bytes, bytes | None]] = []
    outbox: bytes | None = None
    while (record := reader.head(source)) is not None:
        reader.take(source)
        key, value = record.key or b"", record.value
        if key.startswith(_OUTBOX):
            outbox = value
        elif not key.startswith(_MARKER):
            pending.append((key, value))
        else:
            marker = _decode_marker(value or b"")
            if _follows(marker, found, is_first=not found.marker.id, is_embedded=is_embedded):
                found.marker = marker
                found.outputs = [] if outbox is None else _outputs(outbox)
                for row in pending:
                    found.put(*row)
            pending, outbox = [], None
    return found


def _outputs(outbox: bytes) -> list[Output]:
    return [
        Output(topic, key, value, [(name.decode("utf-8", "surrogateescape"), content) for name, content in headers])
        for topic, key, value, headers in _decode_outbox(outbox)
    ]


def _follows(marker: Marker, found: Committed, *, is_first: bool, is_embedded: bool) -> bool:
    before = found.marker
    if is_first:
        return True
    if marker.id != before.id:
        found.trouble.append(f"commit {marker.seq} of another log follows commit {before.seq}")
        return True
    if is_embedded:
        return marker.seq == before.seq + 1
    if marker.seq <= before.seq:
        found.trouble.append(f"commit {marker.seq} follows commit {before.seq}")
    return True


def read_volume(folder: Path) -> Committed | None:
    """The rows in the data folder of one partition; None when there is none. It is opened for reading only.

    Raises:
        VolumeError: it cannot be read.
    """
    if not (folder / "CURRENT").exists():
        return None
    found = Committed(f"the data folder {folder}")
    try:
        database = rocksdict.Rdict(
            str(folder), rocksdict.Options(raw_mode=True), access_type=rocksdict.AccessType.read_only()
        )
    except Exception as error:  # rocksdict raises plain exceptions
        raise VolumeError(f"{folder} cannot be read: {' '.join(str(error).split())}") from error
    try:
        for key, value in cast(Iterator[tuple[bytes, bytes]], database.items()):
            if key == _LOCAL:
                found.marker = _decode_local(value).marker
            elif not key.startswith(_ENGINE):
                found.put(key, value)
    finally:
        database.close()
    return found


class VolumeError(Exception):
    """A data folder cannot be read; one line for a person."""


def is_same_row(table: Table[Any], stored: bytes, expected: bytes) -> bool:
    """Whether a stored row is the expected one, which has no format byte; older formats are read as the table reads."""
    if stored[0] == table.format and stored[1:] == expected:
        return True
    return stored[0] != table.format and table.encode(table.decode(stored))[1:] == expected


def unknown_tables(found: Committed, tables: Collection[str]) -> list[str]:
    """Names of tables with rows that are none of these."""
    return sorted(name for name, rows in found.tables.items() if rows and name not in tables)
