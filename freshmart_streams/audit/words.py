"""Rows and messages as a person reads them: of two that differ only what differs.

What has no CloudEvents id, dead letters above all, may hold personal data: of those only sizes are shown.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec

from freshmart_streams.engine import Table, UnreadableRowError
from freshmart_streams.events import dead_letters

SHOWN: Final = 400
"""Characters of one text."""
_NOTHING: Final = "(none)"


class Message(Protocol):
    """A message."""

    @property
    def value(self) -> bytes | None:
        """Its body."""

    @property
    def headers(self) -> tuple[tuple[str, bytes | None], ...]:
        """Its headers."""


def row_text(table: Table[Any] | None, stored: bytes) -> str:
    """A row with its format byte."""
    return _line(_row_fields(table, stored))


def row_difference(table: Table[Any] | None, expected: bytes, found: bytes) -> tuple[str, str]:
    """Two rows with their format bytes."""
    return _both(_row_fields(table, expected), _row_fields(table, found))


def message_text(message: Message) -> str:
    """A message."""
    return _line(_message_fields(message))


def message_difference(expected: Message, found: Message) -> tuple[str, str]:
    """Two messages."""
    return _both(_message_fields(expected), _message_fields(found))


def _row_fields(table: Table[Any] | None, stored: bytes) -> dict[str, Any]:
    if table is None:
        return {"bytes": stored.hex()}
    try:
        fields: dict[str, Any] = msgspec.to_builtins(msgspec.structs.asdict(table.decode(stored)))
    except UnreadableRowError as error:
        return {"unreadable": str(error)}
    return fields


def _message_fields(message: Message) -> dict[str, Any]:
    headers = {name: None if value is None else value.decode("utf-8", "replace") for name, value in message.headers}
    fields: dict[str, Any] = {"bytes": None if message.value is None else len(message.value)}
    if "ce_id" in headers:
        fields |= _body(message.value)
    else:
        headers = {name: value for name, value in headers.items() if name.startswith(dead_letters.PREFIX)}
    return {**{f"header {name}": value for name, value in headers.items()}, **fields}


def _body(value: bytes | None) -> dict[str, Any]:
    try:
        body = json.loads(value or b"")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _both(expected: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, str]:
    names = [*expected, *(name for name in found if name not in expected)]
    differing = [name for name in names if expected.get(name, _NOTHING) != found.get(name, _NOTHING)]
    if not differing:
        return "the same fields in other bytes", "the same fields in other bytes"
    first, second = ({name: fields.get(name, _NOTHING) for name in differing} for fields in (expected, found))
    return _line(first), _line(second)


def _line(fields: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
