"""Deep nesting: refused at a depth that depends on the message only, never on the stack of whoever reads it."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.events.codec import decode_receipt
from freshmart_streams.events.dead_letters import Code, Invalid
from freshmart_streams.events.nesting import DEPTH_MAX, is_too_deep
from tests.contracts.examples import HERE

RECEIPT = (HERE / "golden/receipt/contract.json").read_bytes()


def depth(value: Any) -> int:
    """Levels of arrays and objects, by recursion: the oracle."""
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth, parts), default=0)
    return 0


def nested(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value, "]}", 2] if level % 2 else {'a\\"[': value, "b": "{["}
    return value


@pytest.mark.parametrize("levels", [0, 1, DEPTH_MAX - 1, DEPTH_MAX, DEPTH_MAX + 1, DEPTH_MAX + 2, 200])
def test_the_limit_is_exact_also_with_brackets_and_quotes_in_texts(levels: int) -> None:
    assert is_too_deep(json.dumps(nested(levels)).encode()) is (levels > DEPTH_MAX)


texts = st.text(alphabet='[]{}"\\ax', max_size=4)
documents = st.recursive(
    st.one_of(st.integers(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=12,
)


@given(documents, st.integers(0, DEPTH_MAX + 4), st.integers(0, 60))
def test_agrees_with_the_recursive_oracle(document: Any, levels: int, siblings: int) -> None:
    for _ in range(levels):
        document = [document]
    value: list[Any] = [[] for _ in range(siblings)]
    whole = [*value, document]
    assert is_too_deep(json.dumps(whole).encode()) is (depth(whole) > DEPTH_MAX)


@pytest.mark.parametrize(
    "value",
    [
        b"[" * 500_000,
        b"[" * 250_000 + b"]" * 250_000,
        b'{"a":' * 100_000,
        b'{"x":' + b'[{"a":' * 50_000 + b"1" + b"}]" * 50_000 + b"}",
        b'{"a":"' + b'\\"' * 400_000,
        b'["\\' * 200_000,
    ],
    ids=["open", "closed", "objects", "mixed", "quotes", "backslashes"],
)
@pytest.mark.timeout(5)  # no input may cost more than its length
def test_a_deep_or_endless_document_is_no_json(value: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        decode_receipt(value)
    assert caught.value.code is Code.NOT_JSON


def in_an_unknown_field(levels: int) -> bytes:
    return RECEIPT.replace(b'"store_id"', b'"note": ' + b"[" * levels + b"]" * levels + b', "store_id"')


def test_the_same_message_is_refused_with_much_stack_left_and_with_little() -> None:
    assert decode_receipt(in_an_unknown_field(DEPTH_MAX - 1)).store_id == "0042"

    def deeper(frames: int) -> str:
        return deeper(frames - 1) if frames else decode_receipt(in_an_unknown_field(DEPTH_MAX - 1)).store_id

    def code_at(frames: int) -> Code:
        if frames:
            return code_at(frames - 1)
        with pytest.raises(Invalid) as caught:
            decode_receipt(in_an_unknown_field(DEPTH_MAX))
        return caught.value.code

    many = sys.getrecursionlimit() // 2
    assert deeper(many) == "0042"
    assert code_at(0) is code_at(many) is Code.NOT_JSON
