"""Plain sums of receipts."""

import json

from freshmart_streams.audit.sums import DaySums, ReceiptSums, receipt_sums

ZONES = {"0042": "Europe/Berlin"}
DAY = ("0042", "2024-10-08")


def sale(receipt_id: str, at: str = "2024-10-08T09:00:00+02:00", **more: object) -> bytes:
    lines = [{"sku": "1", "quantity": 2, "unit_price": 119, "discount": 20}]
    return json.dumps({"receipt_id": receipt_id, "store_id": "0042", "sold_at": at, "lines": lines, **more}).encode()


def void(receipt_id: str, voids: str, at: str = "2024-10-08T10:00:00+02:00") -> bytes:
    return sale(receipt_id, at, kind="void", voids=voids)


class TestReceiptSums:
    def test_counts_each_receipt_once(self) -> None:
        assert receipt_sums([sale("a"), sale("b"), sale("a")], ZONES) == {DAY: DaySums(2, 2, 4, 476, 40)}

    def test_counts_no_voided_receipt_in_whatever_order(self) -> None:
        expected = {DAY: DaySums(1, 1, 2, 238, 20)}
        assert receipt_sums([sale("a"), sale("b"), void("v", "a"), void("w", "a"), sale("a")], ZONES) == expected
        assert receipt_sums([void("v", "a"), sale("a"), sale("b"), void("v", "a")], ZONES) == expected

    def test_counts_by_the_local_day(self) -> None:
        assert list(receipt_sums([sale("a", "2024-10-07T22:30:00Z")], ZONES)) == [DAY]

    def test_prices_articles_by_weight_per_kilogram_rounded_half_up(self) -> None:
        lines = [{"sku": "c", "quantity": quantity, "unit_price": 1001} for quantity in (500, -500)]
        sums = receipt_sums([sale("a", lines=lines[:1]), sale("b", lines=lines[1:])], ZONES, frozenset({"c"}))
        assert sums == {DAY: DaySums(2, 2, 0, 0, 0)}
        assert receipt_sums([sale("a", lines=lines[:1])], ZONES, frozenset({"c"}))[DAY].gross == 501

    def test_leaves_out_other_kinds_and_what_is_no_receipt(self) -> None:
        assert receipt_sums([sale("a", kind="training"), b"{", b"[]", sale("b", store_id="9")], ZONES) == {}

    def test_forgets_ids_behind_the_horizon_only(self) -> None:
        sums = ReceiptSums(ZONES, horizon_days=2)
        for value in (
            sale("a"),
            sale("b", "2024-10-10T08:00:00+02:00"),
            sale("a"),
            void("v", "a", "2024-10-10T08:00:00+02:00"),
        ):
            sums.add(value)
        assert sums.sums().keys() == {("0042", "2024-10-10")}
        sums.add(sale("c", "2024-10-20T08:00:00+02:00"))
        sums.add(sale("b", "2024-10-10T08:00:00+02:00"))
        assert sums.sums()["0042", "2024-10-10"].receipts == 2
