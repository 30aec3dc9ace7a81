"""Rows of the receipts CSV become receipts, exact to the cent."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from freshmart_streams.connectors import receipts_csv
from freshmart_streams.connectors.items import Item
from freshmart_streams.connectors.source import Source
from freshmart_streams.domain import times
from freshmart_streams.events import codec
from freshmart_streams.events.dead_letters import Invalid

Write = Callable[..., Path]

HEADER = (
    "transaction_timestamp,store_id,basket_id,line_no,household_id,product_id,quantity,"
    "sales_value,retail_disc,coupon_disc,coupon_match_disc"
)


def row(
    *,
    at: str = "2017-01-01 12:30:27",
    basket: str = "b1",
    quantity: str = "1",
    sales: str = "1.5",
    retail: str = "0.29",
    match: str = "0.0",
    sku: str = "1075313",
    store: str = "319",
) -> str:
    return f"{at},{store},{basket},1,906,{sku},{quantity},{sales},{retail},0.0,{match}"


def read(path: Path) -> tuple[list[Item], list[str]]:
    reports: list[str] = []

    def refuse(store_id: str) -> Any:
        raise AssertionError(f"the times are UTC: nobody asks for the zone of {store_id}")

    with Source(path) as source:
        items = list(
            receipts_csv.read(
                source, refuse, lambda place, reason: reports.append(f"{place.removeprefix(f'{path}:')}: {reason}")
            )
        )
    return items, reports


def receipts(*rows: str, write: Write) -> list[dict[str, Any]]:
    items, reports = read(write("\n".join([HEADER, *rows])))
    assert reports == []
    return [json.loads(item.value) for item in items]


class TestReceipt:
    def test_is_made_of_the_rows_of_a_basket(self, file: Write) -> None:
        rows = [row(), row(sku="2", quantity="2", sales="3.0", retail="0.5", match="0.5")]
        assert receipts(*rows, write=file) == [
            {
                "receipt_id": "b1",
                "store_id": "319",
                "sold_at": "2017-01-01T12:30:27Z",
                "customer_id": "906",
                "lines": [
                    {"sku": "1075313", "quantity": 1, "unit_price": 179, "discount": 29},
                    {"sku": "2", "quantity": 2, "unit_price": 200, "discount": 100},
                ],
            }
        ]

    def test_is_one_for_each_basket_and_store(self, file: Write) -> None:
        made = receipts(row(), row(basket="b2"), row(basket="b2", store="320"), write=file)
        assert [(one["store_id"], one["receipt_id"]) for one in made] == [("319", "b1"), ("319", "b2"), ("320", "b2")]

    def test_takes_mixed_rows_of_one_time_together(self, file: Write) -> None:
        made = receipts(row(), row(basket="b2"), row(sku="2"), write=file)
        assert [(one["receipt_id"], len(one["lines"])) for one in made] == [("b1", 2), ("b2", 1)]

    def test_carries_its_key_time_and_lines(self, file: Write) -> None:
        (item,), _ = read(file(f"{HEADER}\n{row()}\n"))
        assert (item.topic, item.key, item.store_id, item.lines) == ("sales", "319", "319", 1)
        assert times.to_datetime(item.at or 0, "UTC").isoformat() == "2017-01-01T12:30:27+00:00"

    def test_is_what_the_application_reads(self, file: Write) -> None:
        (item,), _ = read(file(f"{HEADER}\n{row()}\n"))
        receipt = codec.read_receipt(item.key.encode(), item.value)
        assert (receipt.receipt_id, receipt.lines[0].unit_price) == ("b1", 179)


class TestLine:
    @pytest.mark.parametrize(
        ("quantity", "sales", "expected"),
        [
            ("3", "1.00", {"quantity": 3, "unit_price": 33, "amount": 100}),  # 33.3 cents a piece
            ("3", "2.00", {"quantity": 3, "unit_price": 67, "amount": 200}),  # 66.7, rounded up
            ("2", "0.25", {"quantity": 2, "unit_price": 13, "amount": 25}),  # 12.5: half up
            ("3", "0.99", {"quantity": 3, "unit_price": 33}),
            ("30080", "75.17", {"quantity": 30080, "unit_price": 0, "amount": 7517}),  # fuel
            ("2", "0.0", {"quantity": 2, "unit_price": 0}),
            ("0", "0.0", {"quantity": 0, "unit_price": 0}),
            ("0", "4.440892e-16", {"quantity": 0, "unit_price": 0}),
            ("0", "0.50", {"quantity": 0, "unit_price": 50}),
            ("-2", "-3.00", {"quantity": -2, "unit_price": 150}),
            ("1", "0.29000000000000004", {"quantity": 1, "unit_price": 29}),  # a float that was written out
        ],
    )
    def test_keeps_every_cent(self, file: Write, quantity: str, sales: str, expected: dict[str, int]) -> None:
        (receipt,) = receipts(row(quantity=quantity, sales=sales, retail="0.0"), write=file)
        assert receipt["lines"] == [{"sku": "1075313", **expected}]

    def test_shelf_price_contains_both_discounts(self, file: Write) -> None:
        (receipt,) = receipts(row(quantity="1", sales="1.00", retail="0.10", match="0.05"), write=file)
        assert receipt["lines"] == [{"sku": "1075313", "quantity": 1, "unit_price": 115, "discount": 15}]


class TestTrouble:
    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            (row(quantity="1.5"), "2: basket b1 not sent: quantity is not whole: '1.5'"),
            (row(sales="much"), "2: basket b1 not sent: sales_value is no number: 'much'"),
            (row(sales="NaN"), "2: basket b1 not sent: sales_value is no number: 'NaN'"),
            (row(sales="1e999999"), "2: basket b1 not sent: sales_value is no number: '1e999999'"),
            (row(at="at noon"), "2: basket b1 not sent: transaction_timestamp is no time: 'at noon'"),
            (row(store=""), "2: basket b1 not sent: no store_id"),
        ],
    )
    def test_in_one_row_keeps_its_whole_basket_back(self, file: Write, bad: str, reason: str) -> None:
        items, reports = read(file("\n".join([HEADER, bad, row(basket="b2")])))
        assert [json.loads(item.value)["receipt_id"] for item in items] == ["b2"]
        assert reports == [reason]

    def test_counts_for_the_other_rows_of_the_basket_too(self, file: Write) -> None:
        items, reports = read(file("\n".join([HEADER, row(), row(quantity="x"), row()])))
        assert items == []
        assert reports == ["3: basket b1 not sent: quantity is no number: 'x'"]

    def test_with_columns_is_reported_by_line(self, file: Write) -> None:
        items, reports = read(file("\n".join([HEADER, "1,2,3", "", row()])))
        assert len(items) == 1
        assert reports == ["2: 3 columns instead of 11"]

    def test_with_the_encoding_is_reported_by_line(self, file: Write) -> None:
        items, reports = read(file(f"{HEADER}\n".encode() + b"\xff\xfe,x\n" + row().encode()))
        assert len(items) == 1
        assert reports == ["2: no UTF-8"]

    def test_of_a_basket_that_comes_again_is_told_and_never_taken_for_a_repetition(self, file: Write) -> None:
        items, reports = read(file("\n".join([HEADER, row(), row(at="2017-01-01 12:31:00", basket="b2"), row()])))
        assert [json.loads(item.value)["receipt_id"] for item in items] == ["b1", "b2"]
        assert reports == ["4: basket b1 comes again: the rows of a basket must share one time"]

    def test_forgets_baskets_of_long_ago_to_stay_small(self, file: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(receipts_csv, "_REMEMBERED_BASKETS", 2)
        rows = [row(at=f"2017-01-01 12:00:{number:02}", basket=f"b{number}") for number in range(4)]
        items, reports = read(file("\n".join([HEADER, *rows, row(at="2017-01-02 00:00:00", basket="b0")])))
        assert (len(items), reports) == (5, [])


class TestRealReceipts:
    """The first half of 2017, against a computation of its own with pandas."""

    def test_have_the_totals_of_the_rows(self, shared_data: Path) -> None:
        pandas = pytest.importorskip("pandas")
        path = shared_data / "receipts" / "receipts_2017h1.csv.gz"
        frame = pandas.read_csv(path)
        items, reports = read(path)
        assert reports == []
        assert len(items) == frame.basket_id.nunique()
        figures: dict[str, Counter[str]] = defaultdict(Counter)
        for item in items:
            for line in json.loads(item.value)["lines"]:
                if line["quantity"] == 0:  # no sale: the application refuses such a receipt
                    continue
                store = figures[item.key]
                store["lines"] += 1
                store["units"] += line["quantity"]
                store["gross"] += line.get("amount", line["quantity"] * line["unit_price"])
                store["discount"] += line.get("discount", 0)
        sold = frame[frame.quantity != 0]
        cents = sold.assign(
            store=sold.store_id.astype(str),
            gross=((sold.sales_value + sold.retail_disc + sold.coupon_match_disc) * 100).round().astype(int),
            discount=((sold.retail_disc + sold.coupon_match_disc) * 100).round().astype(int),
        )
        expected = cents.groupby("store").agg(
            lines=("quantity", "size"), units=("quantity", "sum"), gross=("gross", "sum"), discount=("discount", "sum")
        )
        assert {store: dict(found) for store, found in figures.items()} == expected.to_dict("index")

    def test_with_a_line_of_quantity_0_are_the_only_ones_the_application_refuses(self, shared_data: Path) -> None:
        items, _ = read(shared_data / "receipts" / "receipts_2017h1.csv.gz")
        refused = 0
        for item in items:
            try:
                codec.read_receipt(item.key.encode(), item.value)
            except Invalid:
                refused += 1
                assert any(line["quantity"] == 0 for line in json.loads(item.value)["lines"])
        assert refused == 271
