"""A line of JSON finds its topic by its fields and travels as it is."""

import json
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from freshmart_streams.connectors import jsonl
from freshmart_streams.connectors.items import Item
from freshmart_streams.connectors.source import Source
from freshmart_streams.domain import times

Write = Callable[..., Path]
BERLIN = ZoneInfo("Europe/Berlin")


def read(path: Path) -> tuple[list[Item], list[tuple[str, str]]]:
    reports: list[tuple[str, str]] = []
    with Source(path) as source:
        items = list(jsonl.read(source, lambda _: BERLIN, lambda place, reason: reports.append((place, reason))))
    return items, [(place.removeprefix(f"{path}:"), reason) for place, reason in reports]


RECEIPT = '{"receipt_id": "r1", "store_id": "0042", "sold_at": "2024-10-08T09:13:05+02:00", "lines": [{"sku": "1"}]}'
COUNT = '{"event_id": "e1", "store_id": "0042", "occurred_at": "2024-10-08T05:40:00Z", "kind": "count", "lines": []}'


class TestRead:
    @pytest.mark.parametrize(
        ("line", "topic", "key", "lines"),
        [
            (RECEIPT, "sales", "0042", 1),
            (COUNT, "inventory", "0042", 0),
            ('{"sku": "100234", "name": "Milch"}', "products", "100234", 0),
            ('{"store_id": "0042", "timezone": "Europe/Berlin"}', "stores", "0042", 0),
        ],
    )
    def test_knows_the_topic_by_the_fields(self, file: Write, line: str, topic: str, key: str, lines: int) -> None:
        (item,), reports = read(file(line))
        assert (item.topic, item.key, item.lines, reports) == (topic, key, lines, [])

    @pytest.mark.parametrize(
        "line",
        [
            '{"receipt_id":  "r1", "store_id": "0042", "lines": [{"sku": "1", "quantity": 0}]}',
            '{"receipt_id": "r1", "store_id": "0042", "kind": "void", "voids": "r0"}',
            '{"receipt_id": "r1", "store_id": "0042", "sold_at": 17, "lines": "none", "unknown": 1.50}',
            '{"receipt_id": "r1", "store_id": "0042", "sold_at": "2024-10-08T09:13:05+02:00", "ä": "\\u00e4"}',
            '{"event_id": "e1", "store_id": "0042", "kind": "no such kind"}',
        ],
    )
    def test_leaves_the_judgement_to_the_application_byte_for_byte(self, file: Write, line: str) -> None:
        (item,), reports = read(file(f"  {line} \n"))
        assert (item.value, reports) == (line.encode(), [])

    def test_places_an_event_whose_key_is_a_number(self, file: Write) -> None:
        (item,), _ = read(file('{"receipt_id": "r1", "store_id": 42}'))
        assert (item.key, item.value) == ("42", b'{"receipt_id": "r1", "store_id": 42}')

    def test_names_the_event_time(self, file: Write) -> None:
        (receipt, count), _ = read(file(f"{RECEIPT}\n\n{COUNT}\n"))
        assert times.to_datetime(receipt.at or 0, "UTC").isoformat() == "2024-10-08T07:13:05+00:00"
        assert times.to_datetime(count.at or 0, "UTC").isoformat() == "2024-10-08T05:40:00+00:00"

    def test_gives_a_time_without_an_offset_the_one_of_its_store(self, file: Write) -> None:
        line = (
            '{"receipt_id":"r1","store_id":"0042","sold_at":"2024-07-01T09:00:00","big":123456789012345678901234567890}'
        )
        (item,), _ = read(file(line))
        assert item.value == line.replace("09:00:00", "09:00:00+02:00").encode()
        assert times.to_datetime(item.at or 0, "UTC").hour == 7

    def test_gives_every_naive_time_the_offset_of_its_own_day(self, file: Write) -> None:
        line = '{"event_id": "e", "store_id": "0042", "occurred_at": "2024-01-01T09:00:00"}'
        (item,), _ = read(file(line))
        assert json.loads(item.value)["occurred_at"] == "2024-01-01T09:00:00+01:00"

    @pytest.mark.parametrize("written", ["yesterday", "0001-01-01T00:00:00+14:00", "2024-13-01T00:00:00Z", ""])
    def test_leaves_a_time_that_is_none_to_the_application(self, file: Write, written: str) -> None:
        line = json.dumps({"receipt_id": "r1", "store_id": "0042", "sold_at": written})
        (item,), reports = read(file(line))
        assert (item.at, item.value, reports) == (None, line.encode(), [])

    def test_names_the_zone_of_a_stores_row(self, file: Write) -> None:
        (with_zone, without), _ = read(file('{"store_id": "a", "timezone": "Asia/Tokyo"}\n{"store_id": "b"}'))
        assert (with_zone.zone, without.zone) == ("Asia/Tokyo", None)

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (b'{"receipt_id": "r1"', "no JSON object"),
            (b'{"receipt_id": "r1", "store_id": "0042", "lines": [{"quantity": NaN}]}', "no JSON object"),
            (b"[1, 2]", "no JSON object"),
            (b"seven", "no JSON object"),
            (b'{"receipt_id": "\xff", "store_id": "0042"}', "no JSON object"),
            (b'{"receipt_id": ' + b"[" * 100_000, "no JSON object"),
            (b'{"receipt_id": "r1"}', "no store_id, so it has no key"),
            (b'{"receipt_id": "r1", "store_id": ""}', "no store_id, so it has no key"),
            (b'{"receipt_id": "r1", "store_id": true}', "no store_id, so it has no key"),
            (b'{"event_id": "e1", "customer_id": "c1"}', "a customer event"),
            (b'{"store_id": "*", "sku": "*", "min_stock": 3}', "a policy"),
            (b'{"curve": "EUR", "tenor": "3M"}', "fits no topic"),
        ],
    )
    def test_reports_with_its_line_what_cannot_travel_and_goes_on(self, file: Write, line: bytes, reason: str) -> None:
        items, reports = read(file(b"\n" + line + b"\n" + RECEIPT.encode()))
        assert len(items) == 1
        assert [place for place, _ in reports] == ["2"]
        assert reason in reports[0][1]
