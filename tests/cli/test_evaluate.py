"""`evaluate` prints figures of a file or of a world, and one line about what it cannot read."""

import gzip
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from freshmart_streams.cli import autoets
from freshmart_streams.cli.autoets import AutoEts
from freshmart_streams.cli.evaluation_charts import NAMES
from freshmart_streams.simulation.series import WORLDS
from tests.cli.conftest import Freshmart

DAYS = 80


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "daily.csv"
    days = [date(2024, 1, 1) + timedelta(days=day) for day in range(DAYS)]
    lines = [f"{day},{name},{5 + day.weekday() + day.day % 3},0" for name in ("bread", "milk") for day in days]
    lines[DAYS - 3] = f"{days[DAYS - 3]},bread,1,0.5"
    path.write_text("\n".join(["date,series,quantity,stock_out", *lines, f"{days[-1]},new,1,0"]))
    return path


class TestGoodRuns:
    def test_print_tables_and_say_what_was_left_out(self, freshmart: Freshmart, file: Path) -> None:
        ended = freshmart("evaluate", str(file))
        assert ended.code == 0
        assert ended.out.startswith("2 series from 2024-01-01 to 2024-03-20")
        assert all(word in ended.out for word in ("freshmart", "seasonal naive", "mean of 4 weeks", "TSB", "min/max"))
        assert ended.err.splitlines() == [
            "1 series were too short and left out",
            "1 days with a stock-out were not measured: nobody knows their demand",
        ]

    def test_print_json(self, freshmart: Freshmart, file: Path) -> None:
        packed = file.with_suffix(".csv.gz")
        packed.write_bytes(gzip.compress(file.read_bytes()))
        ended = freshmart("evaluate", str(packed), "--json", "--warm-up", "56")
        assert (ended.code, ended.err) == (0, "")
        found = json.loads(ended.out)
        assert (found["series"], found["series_too_short"], found["days_hidden_by_stock_outs"]) == (2, 1, 1)
        first = found["accuracy"][0]
        assert (first["method"], first["horizon"], first["origins"]) == ("freshmart", "1 day", 2 * (DAYS - 56) - 1)
        assert [row["rule"] for row in found["policy"]] == ["freshmart", "min/max"]
        assert found["policy"][1]["fill_rate"] >= found["policy"][0]["fill_rate"] > 0.9

    def test_take_what_a_world_says_unless_told_otherwise(
        self, freshmart: Freshmart, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(WORLDS, "perishable", replace(WORLDS["perishable"], articles=2, days=120))
        spoils, keeps = (
            json.loads(freshmart("evaluate", "--world", "perishable", "--json", *more).out)["policy"][0]["waste_share"]
            for more in ((), ("--shelf-life", "300"))
        )
        assert spoils > 0 == keeps

    def test_say_when_no_level_of_min_max_serves_as_well(self, freshmart: Freshmart, file: Path) -> None:
        # Nothing is sold in the weeks that min/max looks back on: its first level is 0 times any factor.
        units = [0] * 42 + [5] * 60
        days = [date(2024, 1, 1) + timedelta(days=day) for day in range(len(units))]
        lines = [f"{day},a,{asked}" for day, asked in zip(days, units, strict=True)]
        file.write_text("\n".join(["date,series,quantity", *lines]))
        ended = freshmart("evaluate", str(file), "--warm-up", "28")
        assert ended.code == 0
        assert "min/max does not reach that fill rate" in ended.err

    def test_draw_pictures(self, freshmart: Freshmart, file: Path, tmp_path: Path) -> None:
        assert freshmart("evaluate", str(file), "--charts", str(tmp_path / "new" / "charts")).code == 0
        pictures = {path.name: path.read_bytes()[:4] for path in (tmp_path / "new" / "charts").iterdir()}
        assert pictures == {f"{name}.png": b"\x89PNG" for name in NAMES}


class TestBadRuns:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ([], "give either a FILE or --world NAME"),
            (["FILE", "--world", "seasonal"], "give either a FILE or --world NAME"),
            (["nowhere.csv"], "nowhere.csv: No such file or directory"),
            (["--world", "flat"], "--world: 'flat' is none; there are perishable, seasonal"),
            (["FILE", "--warm-up", "100"], "the longest series has 80 days; 121 are needed"),
            (["FILE", "--delivery-weekdays", "monday"], "--delivery-weekdays: 'monday' is not like"),
            (["FILE", "--unit", "litre"], "--unit: 'litre' is neither piece nor gram"),
        ],
    )
    def test_end_with_2_and_one_line(self, freshmart: Freshmart, file: Path, arguments: list[str], words: str) -> None:
        ended = freshmart("evaluate", *(str(file) if each == "FILE" else each for each in arguments))
        assert (ended.code, ended.out) == (2, "")
        assert words in ended.err
        assert ended.err.count("\n") == 1

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "daily.csv: line 1: the file is empty"),
            (b"date,series,quantity\n2024-01-01,a,many\n", "daily.csv: line 2, column quantity: 'many' is no number"),
            (b"date,series,quantity\n2024-01-01,\xff,1\n", "daily.csv: line 2 is not UTF-8"),
            (b"\x1f\x8b\x08damaged", "damaged or unreadable"),
            (b"date,series,quantity\n" + b"2024-01-01,a," + b"9" * 140_000, "daily.csv: line 2: no CSV"),
        ],
    )
    def test_of_a_file_name_line_and_column(self, freshmart: Freshmart, file: Path, content: bytes, words: str) -> None:
        file.write_bytes(content)
        ended = freshmart("evaluate", str(file))
        assert (ended.code, ended.out) == (2, "")
        assert words in ended.err
        assert ended.err.count("\n") == 1

    def test_of_a_shop_that_is_closed_when_it_is_delivered(self, freshmart: Freshmart, file: Path) -> None:
        mondays = [date(2024, 1, 1) + timedelta(days=7 * week) for week in range(20)]
        file.write_text("date,series,quantity\n" + "\n".join(f"{day},a,5" for day in mondays))
        ended = freshmart("evaluate", str(file), "--delivery-weekdays", "tue")
        assert (ended.code, ended.err.count("\n")) == (2, 1)
        assert "the shop is closed on all of them" in ended.err

    def test_without_matplotlib_draw_nothing(
        self, freshmart: Freshmart, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        ended = freshmart("evaluate", str(file), "--charts", str(tmp_path))
        assert (ended.code, ended.out) == (2, "")
        assert ended.err == "freshmart: --charts needs matplotlib, which is not installed: pip install matplotlib\n"

    def test_into_a_folder_that_cannot_be_made_end_with_1(self, freshmart: Freshmart, file: Path) -> None:
        ended = freshmart("evaluate", str(file), "--charts", str(file / "charts"))
        assert ended.code == 1
        assert ended.err.startswith("freshmart: --charts: ")


class Model:
    """As statsforecast's: it expects the last value that it was told of."""

    fits = 0

    def fit(self, y: Sequence[float]) -> "Model":
        type(self).fits += 1
        self._last = y[-1]
        return self

    def predict(self, h: int) -> dict[str, list[float]]:
        return {"mean": [float(self._last)] * h}

    def forward(self, y: Sequence[float], h: int) -> dict[str, list[float]]:
        return {"mean": [float(y[-1])] * h}


class TestAutoEts:
    def test_fits_once_a_week_and_goes_on_with_every_day(self) -> None:
        seasons: list[int] = []

        def make(season: int) -> Any:
            seasons.append(season)
            return Model()

        rival, found = AutoEts(make), []
        for day in range(28):
            if day >= 14:
                found.append(rival.expect([day, day + 1]))
            rival.learn(day, day)
        assert found == [[float(day - 1)] * 2 for day in range(14, 28)]
        assert (seasons, Model.fits) == ([7, 7], 2)

    def test_takes_part_only_where_statsforecast_is_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(autoets, "find_spec", lambda name: None)
        assert [rival.name for rival in autoets.with_autoets()] == ["seasonal naive", "mean of 4 weeks", "TSB"]
