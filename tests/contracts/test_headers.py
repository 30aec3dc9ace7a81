"""Headers: CloudEvents on what is published, KIP-1034 on dead letters."""

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from freshmart_streams.events import cloudevents, dead_letters
from freshmart_streams.events.codec import (
    decode_alert,
    decode_audit_entry,
    decode_offer,
    decode_payable,
    decode_price_change,
    decode_store_day,
)
from freshmart_streams.events.dead_letters import Code, Failure
from tests.contracts.examples import HERE

RECORD = SimpleNamespace(
    topic="freshmart.sales",
    partition=2,
    offset=4711,
    headers=[("traceparent", b"00-1"), ("x", b"\xff"), ("traceparent", b"00-2")],
)


class TestCloudEvents:
    def test_headers_are_those_of_the_kafka_binding_in_binary_mode(self) -> None:
        at = datetime(2024, 10, 8, 9, 13, 5, tzinfo=timezone(timedelta(hours=2)))
        assert cloudevents.headers(cloudevents.REORDER, "order.0", at) == [
            ("ce_specversion", b"1.0"),
            ("ce_id", b"order.0"),
            ("ce_source", b"/freshmart/streams"),
            ("ce_type", b"com.freshmart.reorder.v1"),
            ("ce_time", b"2024-10-08T09:13:05+02:00"),
            ("content-type", b"application/json"),
        ]

    def test_times_keep_their_microseconds_and_utc_is_z(self) -> None:
        headers = dict(cloudevents.headers(cloudevents.ALERT, "a.0", datetime(2024, 1, 2, 3, 4, 5, 60, tzinfo=UTC)))
        assert headers["ce_time"] == b"2024-01-02T03:04:05.000060Z"

    def test_each_type_is_named_once(self) -> None:
        types = [value for value in vars(cloudevents).values() if isinstance(value, str) and value.startswith("com.")]
        assert len(types) == len(set(types)) == 9

    def test_ids_are_those_of_the_contract(self) -> None:
        def read(name: str) -> bytes:
            return (HERE / "golden" / f"{name}.json").read_bytes()

        assert decode_price_change(read("price-change/reduced")).ce_id == "p-2"
        assert decode_offer(read("offer/personal")).ce_id == "o-17"
        assert decode_store_day(read("store-day/final")).ce_id == "0042/2024-10-08.7"
        assert decode_payable(read("payable/due")).ce_id == "y-2.1"
        assert decode_alert(read("alert/closed")).ce_id == "a-1.1"
        assert decode_audit_entry(read("audit-entry/access")).ce_id == "n-1"


class TestDeadLetters:
    def test_the_original_headers_stay_untouched_and_five_follow(self) -> None:
        assert dead_letters.headers(RECORD, Code.INVALID, "$.lines: expected at least one line") == [
            ("traceparent", b"00-1"),
            ("x", b"\xff"),
            ("traceparent", b"00-2"),
            ("__streams.errors.topic", b"freshmart.sales"),
            ("__streams.errors.partition", b"2"),
            ("__streams.errors.offset", b"4711"),
            ("__streams.errors.exception", b"invalid"),
            ("__streams.errors.message", b"$.lines: expected at least one line"),
        ]

    def test_resending_takes_off_exactly_what_was_added(self) -> None:
        letter = dead_letters.headers(RECORD, Code.TOO_LATE, "x")
        assert dead_letters.original_headers(letter) == RECORD.headers

    def test_a_letter_says_why_it_is_one(self) -> None:
        letter = dead_letters.headers(RECORD, Code.UNKNOWN_STORE, "store_id: no such store")
        assert dead_letters.failure(letter) == Failure(
            "freshmart.sales", 2, 4711, "unknown-store", "store_id: no such store"
        )

    def test_headers_that_the_sender_made_up_do_not_win(self) -> None:
        forged = SimpleNamespace(**{**vars(RECORD), "headers": [(dead_letters.EXCEPTION, b"forged")]})
        failure = dead_letters.failure(dead_letters.headers(forged, Code.NOT_JSON, "$"))
        assert failure is not None
        assert failure.code == "not-json"

    @pytest.mark.parametrize(
        "letter",
        [
            [],
            [("__streams.errors.topic", b"t"), ("__streams.errors.partition", b"0")],
            [
                ("__streams.errors.topic", b"t"),
                ("__streams.errors.partition", b"first"),
                ("__streams.errors.offset", b"1"),
                ("__streams.errors.exception", b"invalid"),
            ],
        ],
        ids=["none", "some", "no number"],
    )
    def test_headers_that_say_nothing_are_nothing(self, letter: list[tuple[str, bytes]]) -> None:
        assert dead_letters.failure(letter) is None

    def test_a_long_reason_is_cut_so_that_the_letter_fits_its_topic(self) -> None:
        letter = dead_letters.headers(RECORD, Code.DOMAIN_ERROR, "ü" * 100_000)
        added = letter[len(RECORD.headers) :]
        assert sum(len(name) + len(value or b"") for name, value in added) < 4_096
