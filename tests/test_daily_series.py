"""The script that makes daily series of receipts: its lines are what `freshmart evaluate` reads."""

import gzip
import runpy
from pathlib import Path

import pytest

from freshmart_streams.evaluation.series import read

SCRIPT = runpy.run_path(str(Path(__file__).parent.parent / "scripts" / "daily_series.py"))
PRODUCTS = ["product_id,department,product_category", "1,PRODUCE,APPLES", "2,PRODUCE,CARROTS", "3,FUEL,FUEL"]
RECEIPTS = [
    "transaction_timestamp,store_id,product_id,quantity",
    "2017-01-01 12:30:27,7,1,2",
    "2017-01-01 18:00:00,8,2,1",
    "2017-01-03 09:00:00,7,1,5",
    "2017-01-04 09:00:00,7,2,-1",
    "2017-01-04 09:00:00,7,3,9000",
    "2017-01-04 09:00:00,7,9,1",
]


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "receipts"
    folder.mkdir()
    for name, lines in (("products", PRODUCTS), ("receipts_2017h1", RECEIPTS)):
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    monkeypatch.setenv("FRESHMART_SHARED_DATA", str(tmp_path))
    return tmp_path


class TestDailySeries:
    @pytest.mark.parametrize(
        ("by", "expected"),
        [
            ("department", {"PRODUCE": [3, 0, 5, 0]}),
            ("category", {"APPLES": [2, 0, 5, 0], "CARROTS": [1, 0, 0, 0]}),
            ("store-department", {"7/PRODUCE": [2, 0, 5, 0], "8/PRODUCE": [1, 0, 0, 0]}),
            ("sku", {"1": [2, 0, 5, 0], "2": [1, 0, 0, 0]}),
        ],
    )
    def test_add_up_the_units_of_each_day(
        self, shared: Path, capsys: pytest.CaptureFixture[str], by: str, expected: dict[str, list[int]]
    ) -> None:
        assert SCRIPT["main"]([by]) == 0
        sales = read(capsys.readouterr().out.splitlines())
        assert {series.name: [day.sold for day in series.days] for series in sales.series} == expected

    def test_of_the_top_are_those_that_sold_most(self, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert SCRIPT["main"](["sku", "--top", "1"]) == 0
        assert {line.split(",")[1] for line in capsys.readouterr().out.splitlines()[1:]} == {"1"}

    def test_without_receipts_say_so(
        self, shared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (shared / "receipts" / "products.csv.gz").unlink()
        assert SCRIPT["main"](["sku"]) == 2
        monkeypatch.delenv("FRESHMART_SHARED_DATA")
        assert SCRIPT["main"](["sku"]) == 2
        first, second = capsys.readouterr().err.splitlines()
        assert "products.csv.gz: No such file" in first
        assert second.startswith("FRESHMART_SHARED_DATA is not set")
