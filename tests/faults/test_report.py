"""The report can be interrupted: what was written is read again, and nothing of it changes."""

from collections import Counter
from pathlib import Path

from tests.faults.cluster import Event
from tests.faults.load import What
from tests.faults.report import Report
from tests.faults.runs import Outcome
from tests.faults.scenarios import Measured
from tests.faults.schedules import Kind


def outcome(seed: int, *differences: str) -> Outcome:
    return Outcome(
        seed,
        Counter({Kind.KILL: 12, Kind.BROKER_KILL: 8}),
        list(differences),
        [Event(4.0, "09:13:05.250", "kill b")],
        Counter({What.RECEIPT: 2_100, What.DUPLICATE: 105, What.LATE: 42, What.MALFORMED: 10}),
        20_000,
        7.25,
        2,
        3.5,
        104.25,
    )


def test_a_report_that_is_read_and_written_again_is_the_same(tmp_path: Path) -> None:
    file = tmp_path / "report.md"
    first = Report(file)
    first.add(outcome(2, "tables: one row"))
    first.add(outcome(1))
    first.add_scenario("failover", Measured(outcome(1), {"fail-over p95": "4.2 s"}))
    written = file.read_text()
    again = Report(file)
    assert again.rows == first.rows
    again.write()
    assert file.read_text() == written


def test_it_sums_up_what_was_run(tmp_path: Path) -> None:
    report = Report(tmp_path / "report.md")
    for seed in (1, 2, 3):
        report.add(outcome(seed))
    text = (tmp_path / "report.md").read_text()
    assert "3 schedules, 60 faults, 60,000 sale lines, 315 duplicates" in text
    assert "**0 differences**; worst gap 7.2 s" in text


def test_a_failed_seed_tells_its_story_until_it_is_run_again_without(tmp_path: Path) -> None:
    file = tmp_path / "report.md"
    Report(file).add(outcome(17, "tables: partition 2, stock 0042/a0001: 3 is not the oracle's 2"))
    assert "## Seed 17" in file.read_text()
    assert "09:13:05.250  kill b" in file.read_text()
    Report(file).add(outcome(17))
    assert "## Seed 17" not in file.read_text()
