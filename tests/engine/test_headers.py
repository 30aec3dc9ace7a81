"""Headers whose names are not UTF-8: read, kept and written byte by byte."""

import io

import pytest
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder, _DefaultRecordBatchBuilderPy

from freshmart_streams.engine import Output
from freshmart_streams.engine.changelog import decode_outbox, encode_outbox
from freshmart_streams.engine.headers import TolerantBuilder, TolerantRecords, are_plain, name_bytes, name_text

RAW = b"a\xff\xfeb\xc3"
"""A name that is no UTF-8: two bytes that never are, and one that begins a letter which does not come."""


def written(*headers: tuple[str, bytes | None]) -> bytes:
    """A batch of three records, of which the one in the middle has these headers."""
    builder = TolerantBuilder(is_transactional=False)
    for number, found in enumerate([(), headers, [("tenth", b"1")]]):
        builder.append(timestamp=1_000 + number, key=b"k%d" % number, value=b"v%d" % number, headers=found)
    builder._set_producer_state(1, 2, 3)
    return bytes(builder._build())


def read(data: bytes) -> list[tuple[int, int, bytes, bytes, list[tuple[str, bytes | None]]]]:
    """All records of a fetch."""
    records, found = TolerantRecords(data), []
    while records.has_next():
        batch = records.next_batch()
        assert batch.validate_crc()
        found += [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in batch]
    return found


def expected(headers: list[tuple[str, bytes | None]]) -> list[object]:
    """What `written` wrote."""
    return [
        (0, 1_000, b"k0", b"v0", []),
        (1, 1_001, b"k1", b"v1", headers),
        (2, 1_002, b"k2", b"v2", [("tenth", b"1")]),
    ]


@pytest.mark.parametrize("name", [RAW, "grün".encode(), b"plain", b"", bytes(range(256))])
@pytest.mark.parametrize("value", [b"\xff", b"", None])
def test_a_name_comes_back_byte_by_byte_and_its_neighbours_too(name: bytes, value: bytes | None) -> None:
    headers = [(name_text(name), value), ("after", b"x")]
    found = read(written(*headers))
    assert found == expected(headers)
    assert name_bytes(found[1][4][0][0]) == name


def test_aiokafka_alone_cannot_read_such_a_batch() -> None:
    """The reason for all this; if it fails, the module may go."""
    with pytest.raises(UnicodeDecodeError):
        list(DefaultRecordBatch(written((name_text(RAW), b"1"))))


def test_what_the_tolerant_builder_writes_is_what_aiokafka_writes() -> None:
    headers = [("one", b"1"), ("zwei ü", None)]
    compiled = DefaultRecordBatchBuilder(2, 0, 0, 1, 2, 3, 1 << 20)
    for number, found in enumerate([[], headers, [("tenth", b"1")]]):
        compiled.append(number, 1_000 + number, b"k%d" % number, b"v%d" % number, headers=found)
    assert written(*headers) == bytes(compiled.build())


def test_compressed_batches_are_read_too() -> None:
    plain = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, -1, 1 << 20)
    packed = _DefaultRecordBatchBuilderPy(2, _DefaultRecordBatchBuilderPy.CODEC_GZIP, 0, -1, -1, -1, 1 << 20)
    for builder in (plain, packed):
        names = [(type("Name", (str,), {"encode": lambda *_: RAW})("x"), b"1")]
        for number in range(50):
            builder.append(number, 1, b"key", b"value" * 20, headers=names)
    few, many = bytes(packed.build()), bytes(plain.build())
    assert len(few) < len(many)
    assert read(few) == read(many)
    assert read(few)[49][4] == [(name_text(RAW), b"1")]


def test_several_batches_of_one_fetch_and_one_that_is_cut_off() -> None:
    stream = io.BytesIO()
    stream.write(written((name_text(RAW), b"1")))
    stream.write(written(("fine", b"2")))
    stream.write(written(("cut", b"3"))[:-5])
    assert [headers for *_, headers in read(stream.getvalue())] == [
        [],
        [(name_text(RAW), b"1")],
        [("tenth", b"1")],
        [],
        [("fine", b"2")],
        [("tenth", b"1")],
    ]


def test_which_headers_aiokafka_can_write() -> None:
    assert are_plain([("one", b"1"), ("grün", None), ("🍎", b"")])
    assert not are_plain([("one", b"1"), (name_text(RAW), None)])


def test_an_outbox_keeps_them() -> None:
    outputs = [Output("letters", b"k", None, [(name_text(RAW), b"1"), ("two", None)]), Output("o", None, b"v", [])]
    assert decode_outbox(encode_outbox(outputs)) == outputs
