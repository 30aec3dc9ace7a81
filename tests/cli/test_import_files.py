"""`import` says what it did and ends with the exit code that fits."""

import json
from pathlib import Path

import pytest

from freshmart_streams.cli import import_files
from freshmart_streams.connectors.kafka import Cluster, Sender, read_to_end
from tests.cli.conftest import Freshmart

RECEIPT = '{"receipt_id": "r%d", "store_id": "0042", "sold_at": "2024-10-08T09:13:05Z", "lines": [{}, {}]}'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "receipts.jsonl"
    path.write_text("\n".join(RECEIPT % number for number in range(3)))
    return path


class TestImport:
    def test_prints_a_summary_and_no_progress_without_a_terminal(
        self, freshmart: Freshmart, broker: Cluster, file: Path
    ) -> None:
        ended = freshmart("import", str(file), "--timezone", "Europe/Berlin", "--json")
        assert (ended.code, ended.err) == (0, "")
        assert json.loads(ended.out) == {
            "receipts": 3,
            "movements": 0,
            "lines": 6,
            "products": 0,
            "stores": 0,
            "stores_registered": 1,
            "skipped": 0,
            "acknowledged": 4,
            "refused": 0,
        }
        assert len(list(read_to_end(broker, "freshmart.sales"))) == 3

    def test_prints_a_table_for_a_person(self, freshmart: Freshmart, broker: Cluster, file: Path) -> None:
        del broker
        ended = freshmart("import", str(file), "--timezone", "Europe/Berlin")
        assert "stores registered" in ended.out
        assert ended.code == 0

    def test_without_the_zone_of_new_stores_is_wrong_usage(
        self, freshmart: Freshmart, broker: Cluster, file: Path
    ) -> None:
        ended = freshmart("import", str(file))
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
        assert "1 stores in the files are not registered (0042)" in ended.err
        assert list(read_to_end(broker, "freshmart.stores")) == []

    def test_of_a_file_that_nobody_reads_is_wrong_usage(
        self, freshmart: Freshmart, broker: Cluster, tmp_path: Path
    ) -> None:
        del broker
        path = tmp_path / "sales.csv"
        path.write_text("date;amount\n")
        for arguments in ((str(path),), (str(tmp_path / "missing"),), (str(tmp_path),)):
            ended = freshmart("import", *arguments)
            assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)

    def test_with_a_mapping_says_that_there_is_none_yet(self, freshmart: Freshmart, file: Path) -> None:
        ended = freshmart("import", str(file), "--mapping", "columns.toml")
        assert ended.code == 2
        assert "--mapping is not available yet" in ended.err

    def test_reports_bad_lines_sends_the_rest_and_fails(
        self, freshmart: Freshmart, broker: Cluster, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(import_files, "_REPORTED_MAX", 2)
        file.write_text("\n".join([RECEIPT % 1, *["{broken"] * 5, RECEIPT % 2]))
        ended = freshmart("import", str(file), "--timezone", "UTC", "--json")
        assert (ended.code, json.loads(ended.out)["skipped"], json.loads(ended.out)["receipts"]) == (1, 5, 2)
        lines = ended.err.splitlines()
        assert [line.partition(": ")[0] for line in lines[:2]] == [f"{file}:2", f"{file}:3"]
        assert lines[2:] == ["… and 3 more", "freshmart: 5 lines could not be sent; everything else was"]
        assert len(list(read_to_end(broker, "freshmart.sales"))) == 2

    def test_of_history_into_a_live_application_fails_in_one_line(
        self, freshmart: Freshmart, broker: Cluster, file: Path
    ) -> None:
        sender = Sender(broker, on_trouble=print)
        sender.send("freshmart.ticks", key=None, value=b'{"at": "2026-01-01T00:00:00Z"}')
        sender.flush()
        ended = freshmart("import", str(file), "--timezone", "UTC")
        assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
        assert "FRESHMART_CLOCK=events" in ended.err
