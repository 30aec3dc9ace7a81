"""Any bytes at all are an event or `Invalid`; every event survives being written and read."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from freshmart_streams.events import codec
from freshmart_streams.events.dead_letters import Invalid
from freshmart_streams.events.receipts import Receipt, ReceiptKind, ReceiptLine
from freshmart_streams.events.values import AMOUNT_MAX, GROSS_MAX, PRICE_MAX, QUANTITY_MAX
from tests.contracts.examples import DECODE, GOLDEN, INPUTS

EXAMPLES = {kind: [path.read_bytes() for path in GOLDEN if path.parent.name == kind] for kind in INPUTS}

ids = st.text(alphabet="ABCxyz019._-", min_size=1, max_size=64)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(datetime(2000, 1, 2), datetime(2100, 12, 30), timezones=offsets)  # noqa: DTZ001 - hypothesis adds it


@st.composite
def lines(draw: st.DrawFn) -> ReceiptLine:
    quantity = draw(st.integers(-QUANTITY_MAX, QUANTITY_MAX).filter(bool))
    sign = 1 if quantity > 0 else -1
    return ReceiptLine(
        sku=draw(ids),
        quantity=quantity,
        unit_price=draw(st.integers(0, min(PRICE_MAX, GROSS_MAX // abs(quantity)))),
        discount=sign * draw(st.integers(0, AMOUNT_MAX)),
        amount=draw(st.none() | st.integers(0, AMOUNT_MAX).map(lambda cents: sign * cents)),
        expires_on=draw(st.none() | st.dates()),
        lot=draw(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)),
        offer_id=draw(st.none() | ids),
    )


@st.composite
def receipts(draw: st.DrawFn) -> Receipt:
    receipt_id = draw(ids)
    kind = draw(st.sampled_from(ReceiptKind))
    is_void = kind is ReceiptKind.VOID
    return Receipt(
        receipt_id=receipt_id,
        store_id=draw(ids),
        till_id=draw(st.none() | ids),
        kind=kind,
        voids=draw(ids.filter(lambda other: other != receipt_id)) if is_void else None,
        sold_at=draw(times),
        customer_id=draw(st.none() | ids),
        lines=tuple(draw(st.lists(lines(), min_size=0 if is_void else 1, max_size=5))),
    )


@given(receipts())
def test_every_receipt_survives_being_written_and_read(receipt: Receipt) -> None:
    assert codec.read_receipt(receipt.store_id.encode(), codec.encode(receipt)) == receipt


@given(receipts())
def test_the_time_of_a_receipt_stays_the_same_instant(receipt: Receipt) -> None:
    read = codec.decode_receipt(codec.encode(receipt))
    assert read.sold_at.astimezone(UTC) == receipt.sold_at.astimezone(UTC)


def event_or_none(kind: str, value: bytes) -> Struct | None:
    """Return the event, or None where it is refused; whatever else is raised fails the test."""
    try:
        return DECODE[kind](value)
    except Invalid:
        return None


@pytest.mark.parametrize("kind", INPUTS)
@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(kind: str, value: bytes) -> None:
    event = event_or_none(kind, value)
    assert event is None or codec.encode(event)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["sale", "void", "count", "consent", "2024-10-08T09:13:05Z", "*"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("kind", INPUTS)
@settings(max_examples=200)
@given(st.data())
def test_an_event_with_one_field_changed_to_anything_is_refused_or_read(kind: str, data: st.DataObject) -> None:
    event = json.loads(data.draw(st.sampled_from(EXAMPLES[kind])))
    place = event["lines"][0] if event.get("lines") and data.draw(st.booleans()) else event
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(json_values)
    read = event_or_none(kind, json.dumps(event).encode())
    assert read is None or DECODE[kind](codec.encode(read)) == read


@pytest.mark.parametrize("kind", INPUTS)
@settings(max_examples=200)
@given(st.data())
def test_an_event_with_bytes_cut_out_or_put_in_is_refused_or_read(kind: str, data: st.DataObject) -> None:
    value = bytearray(data.draw(st.sampled_from(EXAMPLES[kind])))
    start = data.draw(st.integers(0, len(value)))
    value[start : start + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    read = event_or_none(kind, bytes(value))
    assert read is None or DECODE[kind](codec.encode(read)) == read
