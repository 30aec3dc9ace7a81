"""Rows of the products CSV become articles."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from freshmart_streams.connectors import products_csv
from freshmart_streams.connectors.items import Item
from freshmart_streams.connectors.source import Source
from freshmart_streams.events import codec

HEADER = "product_id,manufacturer_id,department,brand,product_category,product_type,package_size"


def read(path: Path) -> tuple[list[Item], list[str]]:
    reports: list[str] = []

    def refuse(store_id: str) -> Any:
        raise AssertionError(f"an article has no store, but {store_id} was asked for")

    with Source(path) as source:
        return list(products_csv.read(source, refuse, lambda _, reason: reports.append(reason))), reports


class TestRead:
    @pytest.mark.parametrize(
        ("row", "expected"),
        [
            (
                "29751,69,DRUG GM,Private,BABY HBC,BABY POWDERS,Q    15 OZ",
                {"name": "BABY POWDERS, Q 15 OZ", "category": "BABY HBC", "supplier_id": "69"},
            ),
            ("1,2,MEAT,National,,BEEF,", {"name": "BEEF", "category": "MEAT", "supplier_id": "2"}),
            ("1,,,,,,", {}),
        ],
    )
    def test_makes_an_article_of_a_row(self, file: Callable[..., Path], row: str, expected: dict[str, str]) -> None:
        (item,), reports = read(file(f"{HEADER}\n{row}\n"))
        sku = row.partition(",")[0]
        assert (item.topic, item.key, item.store_id, item.at, reports) == ("products", sku, None, None, [])
        assert json.loads(item.value) == {"sku": sku, **expected}

    def test_reports_an_article_without_a_number(self, file: Callable[..., Path]) -> None:
        assert read(file(f"{HEADER}\n,69,X,Y,Z,A,B\n")) == ([], ["no product_id, so it has no key"])

    def test_all_real_articles_are_what_the_application_reads(self, shared_data: Path) -> None:
        items, reports = read(shared_data / "receipts" / "products.csv.gz")
        assert (len(items), reports) == (16_376, [])
        for item in items:
            codec.read_product(item.key.encode(), item.value)
