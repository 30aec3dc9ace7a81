"""Messages that are no events: each is refused with its code, and the reason shows nothing of what was in it."""

import json
from pathlib import Path

import pytest

from freshmart_streams.events import codec
from freshmart_streams.events.dead_letters import Code, Invalid
from freshmart_streams.events.reading import VALUE_BYTES_MAX, Deleted
from tests.contracts.examples import DECODE, HERE, INPUTS, REFUSED, name

RECEIPT = (HERE / "golden/receipt/contract.json").read_bytes()
NO_RECEIPT = b'{"kind": "refund"'


def refusal(kind: str, value: bytes | None) -> Invalid:
    with pytest.raises(Invalid) as caught:
        DECODE[kind](value)
    return caught.value


@pytest.mark.parametrize("path", REFUSED, ids=name)
def test_a_bad_message_is_refused_with_the_code_of_its_folder(path: Path) -> None:
    error = refusal(path.parts[-3], path.read_bytes())
    assert error.code.value == path.parent.name
    assert error.message.startswith(("$", "key", "value"))
    assert "\n" not in error.message


class TestPrecedence:
    """One message may be wrong in many ways; the first reason of the table in `reading` counts."""

    def test_a_missing_key_comes_before_a_missing_value(self) -> None:
        with pytest.raises(Invalid, match="null-key"):
            codec.read_receipt(None, None)

    def test_a_missing_value_comes_next(self) -> None:
        with pytest.raises(Invalid, match="null-value"):
            codec.read_receipt(b"0042", None)

    def test_a_large_value_is_not_even_read(self) -> None:
        value = b"\xff" * (VALUE_BYTES_MAX + 1)
        with pytest.raises(Invalid, match="too-large"):
            codec.read_receipt(b"other", value)

    def test_broken_json_comes_before_its_unknown_kind(self) -> None:
        with pytest.raises(Invalid, match="not-json"):
            codec.read_receipt(b"other", NO_RECEIPT)

    def test_an_unknown_kind_comes_before_anything_else_that_is_invalid(self) -> None:
        with pytest.raises(Invalid, match="unknown-kind"):
            codec.read_receipt(b"other", NO_RECEIPT + b', "lines": 5}')

    def test_an_invalid_value_comes_before_the_wrong_key(self) -> None:
        with pytest.raises(Invalid, match="invalid"):
            codec.read_receipt(b"other", RECEIPT.replace(b'"quantity": 2', b'"quantity": 0'))

    def test_the_wrong_key_comes_last(self) -> None:
        with pytest.raises(Invalid, match="key-mismatch"):
            codec.read_receipt(b"other", RECEIPT)

    def test_the_codes_are_listed_in_this_order(self) -> None:
        assert list(Code)[:7] == [
            Code.NULL_KEY,
            Code.NULL_VALUE,
            Code.TOO_LARGE,
            Code.NOT_JSON,
            Code.UNKNOWN_KIND,
            Code.INVALID,
            Code.KEY_MISMATCH,
        ]


class TestSize:
    def test_a_million_bytes_are_taken(self) -> None:
        padded = RECEIPT.rstrip().ljust(VALUE_BYTES_MAX)
        assert codec.read_receipt(b"0042", padded).receipt_id == "3-20241008-000117"

    def test_one_byte_more_is_not(self) -> None:
        padded = RECEIPT.rstrip().ljust(VALUE_BYTES_MAX + 1)
        with pytest.raises(Invalid, match="too-large"):
            codec.read_receipt(b"0042", padded)

    def test_ten_megabytes_are_not(self) -> None:
        assert refusal("receipt", b"x" * 10_000_000).code is Code.TOO_LARGE


class TestKeys:
    @pytest.mark.parametrize("key", [b"", b"42", b"0042 ", b"\xff\xfe", b"0042/"])
    def test_a_receipt_under_another_key_is_refused(self, key: bytes) -> None:
        with pytest.raises(Invalid, match="key-mismatch"):
            codec.read_receipt(key, RECEIPT)

    def test_the_key_of_a_policy_has_both_ids(self) -> None:
        value = (HERE / "golden/policy/contract.json").read_bytes()
        row = codec.read_policy(b"0042/*", value)
        assert not isinstance(row, Deleted)
        assert (row.store_id, row.sku) == ("0042", "*")
        with pytest.raises(Invalid, match="key-mismatch"):
            codec.read_policy(b"0042", value)

    def test_a_rate_is_keyed_by_curve_and_tenor(self) -> None:
        value = (HERE / "golden/market-rate/contract.json").read_bytes()
        row = codec.read_market_rate(b"EUR-AAA/3M", value)
        assert not isinstance(row, Deleted)
        assert row.rate_percent == 2.913


class TestDeletion:
    """In master data a null value deletes; anywhere else it is invalid."""

    def test_a_null_value_deletes_a_row_of_master_data(self) -> None:
        assert codec.read_product(b"100234", None) == Deleted(("100234",))
        assert codec.read_policy(b"*/100234", None) == Deleted(("*", "100234"))

    @pytest.mark.parametrize("key", [b"", b"a/b/c", b"a b/1", b"\xff/1", b"a/", b"x" * 65 + b"/1"])
    def test_a_key_that_no_row_can_have_deletes_nothing(self, key: bytes) -> None:
        with pytest.raises(Invalid, match="key-mismatch"):
            codec.read_policy(key, None)

    def test_a_deletion_without_a_key_is_refused(self) -> None:
        with pytest.raises(Invalid, match="null-key"):
            codec.read_product(None, None)

    @pytest.mark.parametrize("kind", INPUTS)
    def test_a_null_value_alone_is_no_event(self, kind: str) -> None:
        assert refusal(kind, None).code is Code.NULL_VALUE


class TestPrivacy:
    """What a message held must not get into the reason: letters are read by people who may not see customers."""

    CANARY = "Kanarienvogel"

    @pytest.mark.parametrize(
        "fields",
        [
            {"kind": CANARY},
            {"kind": "profile", "name": [CANARY]},
            {"kind": "profile", "birth_year": CANARY},
            {"kind": "consent", "purposes": {CANARY + "ü": True}},
            {"kind": "consent", "purposes": {CANARY: CANARY}},
            {"kind": "access", "customer_id": CANARY + "ü"},
            {"kind": "access", "occurred_at": CANARY},
            {"kind": {"kind": CANARY}},
        ],
        ids=str,
    )
    def test_a_refused_customer_event_is_not_quoted(self, fields: dict[str, object]) -> None:
        event = {"event_id": "e-1", "customer_id": "c-1", "occurred_at": "2024-10-08T09:13:05Z", **fields}
        assert self.CANARY not in str(refusal("customer-event", json.dumps(event).encode()))

    def test_an_enumeration_is_not_quoted_even_where_it_looks_like_a_place(self) -> None:
        value = json.dumps({"sku": "1", "unit": f"{self.CANARY} - at `$.x`"}).encode()
        assert str(refusal("product", value)) == "invalid: $.unit: expected one of its documented values"

    def test_a_customer_event_does_not_print_its_customer(self) -> None:
        event = codec.decode_customer((HERE / "golden/customer-event/registered.json").read_bytes())
        assert repr(event) == "CustomerEvent(kind='registered', occurred_at='2024-10-08T09:13:05+02:00')"


class TestPlaces:
    """A reason names the place where something else was expected."""

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            (b'"quantity": 2', b'"quantity": 0', "$.lines[0].quantity: expected another quantity than 0"),
            (b'"quantity": 2', b'"quantity": 2.5', "$.lines[0].quantity: expected `int`, got `float`"),
            (b'"sku": "100234"', b'"sku": "10/4"', "$.lines[0].sku: expected an id: A-Z a-z 0-9 . _ - only"),
            (b'"discount": 20', b'"discount": -20', "$.lines[0].discount: expected 0 or the sign of `quantity`"),
            (b"+02:00", b"", "$.sold_at: expected `datetime` with a timezone component"),
            (b'"sku": "100234", ', b"", "$.lines[0]: object missing required field `sku`"),
        ],
    )
    def test_the_place_of_a_fault_in_a_receipt_is_named(self, old: bytes, new: bytes, message: str) -> None:
        assert RECEIPT.count(old) == 1
        assert refusal("receipt", RECEIPT.replace(old, new)).message == message
