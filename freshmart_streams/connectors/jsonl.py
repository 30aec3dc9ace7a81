"""JSON lines: one event per line, its topic known by its fields.

| fields | topic |
|---|---|
| `receipt_id` | `sales` |
| `event_id`, `store_id` | `inventory` |
| `sku` and none of the above | `products` |
| `store_id` and none of the above | `stores` |

A line that is a JSON object of one of these kinds travels as it is, byte for byte, valid or not: the application is
the judge, and what it refuses is a dead letter that can be looked at and sent again. A line that is no JSON object,
fits none of the topics or names no key cannot travel: it is reported with its place.

One thing is changed on the way: an event time without an offset gets the offset that its store's zone has at that time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import msgspec

from freshmart_streams.connectors.items import Item, Report, ZoneOf
from freshmart_streams.connectors.source import Source
from freshmart_streams.domain import times

_TIME_FIELDS = {"sales": "sold_at", "inventory": "occurred_at"}


class _Event(msgspec.Struct):
    """The fields that tell what a line is; anything may be in them."""

    receipt_id: Any = None
    event_id: Any = None
    store_id: Any = None
    customer_id: Any = None
    sku: Any = None
    sold_at: Any = None
    occurred_at: Any = None
    timezone: Any = None
    lines: Any = None


class _Unknown(Exception):
    """A line that cannot travel; the message says why."""


_decoder = msgspec.json.Decoder(_Event)


def read(source: Source, zone_of: ZoneOf, report: Report) -> Iterator[Item]:
    """Yield the events of a file of JSON lines; empty lines are passed over."""
    for number, content in source.lines():
        place = f"{source.path}:{number}"
        if content is None:
            report(place, "the line is too long")
        elif content.strip():
            try:
                yield _item(content.strip(), place, zone_of)
            except _Unknown as error:
                report(place, str(error))


def _item(content: bytes, place: str, zone_of: ZoneOf) -> Item:
    try:
        event = _decoder.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _Unknown(f"no JSON object ({error})") from error
    topic, key = _topic_and_key(event)
    lines = len(event.lines) if isinstance(event.lines, list) else 0
    store_id = None if topic == "products" else key
    if topic not in _TIME_FIELDS:
        zone = event.timezone if isinstance(event.timezone, str) else None
        return Item(topic, key, content, place, store_id=store_id, zone=zone, lines=lines)
    written = event.sold_at if topic == "sales" else event.occurred_at
    at = _time(written)
    if at is not None and at.utcoffset() is None:
        at = at.replace(tzinfo=zone_of(key))
        content = _with_time(content, _TIME_FIELDS[topic], at)
    instant = None if at is None else times.from_datetime(at)
    return Item(topic, key, content, place, instant, store_id, lines=lines)


def _topic_and_key(event: _Event) -> tuple[str, str]:
    if event.receipt_id is not None:
        return "sales", _key("store_id", event.store_id)
    if event.event_id is not None:
        if event.store_id is None and event.customer_id is not None:
            raise _Unknown("a customer event: crm is not imported from files")
        return "inventory", _key("store_id", event.store_id)
    if event.sku is not None:
        if event.store_id is not None:
            raise _Unknown("a policy, or an event without its id: not imported from files")
        return "products", _key("sku", event.sku)
    if event.store_id is not None:
        return "stores", _key("store_id", event.store_id)
    raise _Unknown("no receipt_id, event_id, sku or store_id: fits no topic")


def _key(field: str, value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # invalid, but it can be placed: the application will say what is wrong with it
    raise _Unknown(f"no {field}, so it has no key")


def _time(written: Any) -> datetime | None:
    """Read an event time; None for what is none, which the application refuses."""
    if not isinstance(written, str):
        return None
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        return None
    # The first and the last days of the calendar have no time in every zone.
    return at if date.min.year < at.year < date.max.year else None


def _with_time(content: bytes, field: str, at: datetime) -> bytes:
    # The standard library's JSON keeps integers of any size, which msgspec would turn into floats.
    try:
        event = json.loads(content)
    except (ValueError, RecursionError):  # bad UTF-8 or nesting where msgspec did not look
        return content
    event[field] = at.isoformat()
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
