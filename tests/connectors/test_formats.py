"""A file's format is known by its content."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from freshmart_streams.connectors import formats, jsonl, products_csv, receipts_csv
from freshmart_streams.connectors.items import Reader
from freshmart_streams.connectors.source import InputError

RECEIPTS = (
    b"week,transaction_timestamp,store_id,basket_id,household_id,product_id,quantity,sales_value,retail_disc,"
    b"coupon_match_disc\n"
)
PRODUCTS = b"product_id,manufacturer_id,department,brand,product_category,product_type,package_size\r\n"


class TestReaderOf:
    @pytest.mark.parametrize(
        ("content", "reader"),
        [
            (b'{"sku": "1"}\n', jsonl.read),
            (b'\n\n  {"sku": "1"}', jsonl.read),
            (RECEIPTS, receipts_csv.read),
            (b"\xef\xbb\xbf" + PRODUCTS, products_csv.read),
        ],
    )
    @pytest.mark.parametrize("compress", [bytes, gzip.compress])
    def test_knows_a_file_by_its_first_line(
        self, file: Callable[..., Path], content: bytes, reader: Reader, compress: Callable[[bytes], bytes]
    ) -> None:
        assert formats.reader_of(file(compress(content))) is reader

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "the file is empty"),
            (b"\n \n", "the file is empty"),
            (b"[{}]", "one JSON array"),
            (b"<?xml version='1.0'?>", "XML is not read yet"),
            (b"UNB+UNOC:3", "EDIFACT is not read yet"),
            (b"date;store;amount\n", "neither JSON lines nor a CSV file with a known header line"),
            (b"\xff\xfe\x00", "neither JSON lines nor a CSV file with a known header line"),
        ],
    )
    def test_says_why_it_reads_no_other(self, file: Callable[..., Path], content: bytes, reason: str) -> None:
        path = file(content)
        with pytest.raises(InputError, match=reason) as error:
            formats.reader_of(path)
        assert str(error.value).startswith(f"{path}: ")
        assert "\n" not in str(error.value)
