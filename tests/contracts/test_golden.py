"""Golden events: what is read is what is meant, and what is written is what was read."""

import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from freshmart_streams.events.codec import decode_movement, decode_receipt, decode_reorder, encode
from freshmart_streams.events.decisions import Binding, Reorder, ReorderReason, Source
from freshmart_streams.events.movements import Movement, MovementKind, MovementLine
from freshmart_streams.events.receipts import Receipt, ReceiptKind, ReceiptLine
from freshmart_streams.events.values import Mode
from tests.contracts.examples import DECODE, GOLDEN, HERE, name

# What a writer may leave out, because its absence means just this.
DEFAULTS: dict[str, Any] = {
    "kind": "sale",
    "discount": 0,
    "final": True,
    "unit": "piece",
    "lead_time_days": 1,
    "order_cutoff": "14:00",
    "reorder": "auto",
    "offers": "off",
}
BERLIN_SUMMER = timezone(timedelta(hours=2))


def without_defaults(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: without_defaults(part) for key, part in value.items()}
        return {key: part for key, part in kept.items() if not (key in DEFAULTS and part == DEFAULTS[key])}
    return [without_defaults(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", GOLDEN, ids=name)
def test_a_golden_event_is_written_as_it_was_read(path: Path) -> None:
    original = path.read_bytes()
    written = encode(DECODE[path.parent.name](original))
    assert without_defaults(json.loads(written)) == without_defaults(json.loads(original))


@pytest.mark.parametrize("path", GOLDEN, ids=name)
def test_a_written_event_is_read_as_the_same_event(path: Path) -> None:
    decode = DECODE[path.parent.name]
    event = decode(path.read_bytes())
    assert decode(encode(event)) == event


@pytest.mark.parametrize("kind", DECODE)
def test_every_type_has_the_example_of_the_contract_or_its_own(kind: str) -> None:
    assert any(path.parent.name == kind for path in GOLDEN)


def golden(kind: str, example: str) -> bytes:
    return (HERE / "golden" / kind / f"{example}.json").read_bytes()


def test_the_receipt_of_the_contract_is_this_struct() -> None:
    assert decode_receipt(golden("receipt", "contract")) == Receipt(
        receipt_id="3-20241008-000117",
        store_id="0042",
        till_id="3",
        kind=ReceiptKind.SALE,
        sold_at=datetime(2024, 10, 8, 9, 13, 5, tzinfo=BERLIN_SUMMER),
        customer_id="c-81f3",
        lines=(ReceiptLine(sku="100234", quantity=2, unit_price=199, discount=20, offer_id="o-17"),),
    )


def test_the_movement_of_the_contract_is_this_struct() -> None:
    assert decode_movement(golden("movement", "contract")) == Movement(
        event_id="wms-991",
        store_id="0042",
        occurred_at=datetime(2024, 10, 8, 5, 40, tzinfo=BERLIN_SUMMER),
        kind=MovementKind.DELIVERY,
        order_id="2b0f7bb4-9d3c-5f0a-8a52-2f6f1f1c8e71",
        final=True,
        lines=(MovementLine(sku="100234", quantity=48, expires_on=date(2024, 10, 20)),),
    )


def test_the_reorder_of_the_contract_is_this_struct_and_its_bytes_are_fixed() -> None:
    reorder = Reorder(
        order_id="2b0f7bb4-9d3c-5f0a-8a52-2f6f1f1c8e71",
        revision=0,
        store_id="0042",
        sku="100234",
        supplier_id="molkerei-nord",
        packs=2,
        quantity=24,
        ordered_at=datetime(2024, 10, 8, 9, 13, 5, tzinfo=BERLIN_SUMMER),
        cut_off_at=datetime(2024, 10, 8, 14, tzinfo=BERLIN_SUMMER),
        deliver_by=date(2024, 10, 9),
        mode=Mode.AUTO,
        reason=ReorderReason(
            trigger="sale",
            on_hand=7,
            on_order=0,
            in_transit=0,
            expected_waste=0,
            inventory_position=7,
            forecast=(5.5, 6.0, 5.5),
            safety_stock=9.0,
            reorder_point=26,
            order_up_to_level=26,
            service_level=0.98,
            binding=Binding.PACK_SIZE,
        ),
        source=Source(topic="freshmart.sales", partition=2, offset=4711),
    )
    assert decode_reorder(golden("reorder", "contract")) == reorder
    assert encode(reorder) == (
        b'{"order_id":"2b0f7bb4-9d3c-5f0a-8a52-2f6f1f1c8e71","revision":0,"store_id":"0042","sku":"100234",'
        b'"supplier_id":"molkerei-nord","packs":2,"quantity":24,"ordered_at":"2024-10-08T09:13:05+02:00",'
        b'"cut_off_at":"2024-10-08T14:00:00+02:00","deliver_by":"2024-10-09","mode":"auto","reason":{"trigger":"sale",'
        b'"on_hand":7,"on_order":0,"in_transit":0,"expected_waste":0,"inventory_position":7,"forecast":[5.5,6.0,5.5],'
        b'"safety_stock":9.0,"reorder_point":26,"order_up_to_level":26,"service_level":0.98,"binding":"pack_size"},'
        b'"source":{"topic":"freshmart.sales","partition":2,"offset":4711}}'
    )
    assert reorder.ce_id == "2b0f7bb4-9d3c-5f0a-8a52-2f6f1f1c8e71.0"
