"""Rows as bytes, taken from where the engine leaves them, in the form that `audit.fold` yields: by table and key."""

import json
from collections.abc import Iterable
from pathlib import Path

from confluent_kafka import Message

from freshmart_streams.engine import Output
from freshmart_streams.engine.changelog import MARKER, OUTBOX, decode_outbox
from freshmart_streams.engine.journal import decode_local
from freshmart_streams.engine.stores import LOCAL, RocksStore, StoreMemory

AGENDA = "agenda"
"""The engine's own table, which a fold keeps in another form."""

Tables = dict[tuple[str, str], bytes]


def changelog_tables(messages: Iterable[Message]) -> Tables:
    """One partition's rows as its changelog has them, without the format byte.

    Whole commits in the order of their sequence; of two with one sequence the first counts.
    """
    rows: Tables = {}
    _take_in(rows, messages, 0)
    return rows


def caught_up_tables(folder: Path, messages: Iterable[Message]) -> Tables:
    """The rows of a volume with those commits of its changelog that it has not taken in yet: nothing else is done."""
    rows, (sequence, following) = volume_tables(folder), volume_position(folder)
    _take_in(rows, (message for message in messages if (message.offset() or 0) >= following), sequence)
    return rows


def outbox(messages: Iterable[Message]) -> list[Output]:
    """What the next owner publishes when it opens: without transactions, the outputs of the last commit that counts."""
    last: list[Output] = []
    sequence, found = 0, b""
    for message in messages:
        key, value = message.key() or b"", message.value() or b""
        if key == OUTBOX:
            found = value
        elif key.startswith(MARKER):
            committed = json.loads(value)["seq"]
            if committed > sequence:
                sequence, last = committed, decode_outbox(found) if found else []
            found = b""
    return last


def _take_in(rows: Tables, messages: Iterable[Message], sequence: int) -> None:
    pending: dict[bytes, bytes | None] = {}
    for message in messages:
        key, value = message.key() or b"", message.value()
        if not key.startswith(MARKER):
            pending[key] = value
            continue
        committed = json.loads(value or b"")["seq"]
        if committed > sequence:
            sequence = committed
            for stored_key, stored in pending.items():
                _put(rows, stored_key, stored)
        pending = {}


def volume_tables(folder: Path) -> Tables:
    """The same from the folder of one partition of a worker that has ended."""
    rows: Tables = {}
    store = RocksStore(folder, StoreMemory(16))
    try:
        for key, value in store.scan(b"\x01", b"\xff", 1 << 60):
            _put(rows, key, value)
    finally:
        store.close()
    return rows


def volume_position(folder: Path) -> tuple[int, int]:
    """The sequence of a volume's last commit, and the offset of the changelog behind it."""
    store = RocksStore(folder, StoreMemory(16))
    try:
        stored = store.get(LOCAL)
    finally:
        store.close()
    if stored is None:
        return 0, 0
    local = decode_local(stored)
    return local.marker.seq, local.changelog_next


def _put(rows: Tables, stored_key: bytes, value: bytes | None) -> None:
    table, _, key = stored_key.partition(b"\x01")
    if stored_key.startswith(b"\x00") or table == AGENDA.encode():
        return
    if value is None:
        rows.pop((table.decode(), key.decode()), None)
    else:
        rows[table.decode(), key.decode()] = value[1:]
