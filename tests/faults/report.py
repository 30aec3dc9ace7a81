"""The report of the full set, in Markdown: written anew after every run, and read again to go on with it."""

import re
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

from tests.faults.load import What
from tests.faults.runs import Outcome
from tests.faults.scenarios import Measured

TITLE = "# Reliability report"
INTRODUCTION = """\
Written by `python -m tests.faults`; what is promised and how it is checked is in [reliability.md](reliability.md).
The same seed gives the same faults and the same load. Gaps and times were taken on the machine of this run, which
workers, broker and harness share."""
SCHEDULES = "Schedules"
HEADINGS = (
    "seed",
    "faults",
    "by kind",
    "messages",
    "sale lines",
    "duplicates",
    "late",
    "malformed",
    "differences",
    "worst gap s",
    "caught up in s",
    "duration s",
)


@dataclass(frozen=True)
class Row:
    """One schedule in the report, as it is printed."""

    seed: int
    faults: int
    kinds: str
    messages: int
    lines: int
    duplicates: int
    late: int
    malformed: int
    differences: int
    gap: float
    caught_up: float
    seconds: float

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """The row of an outcome."""
        kinds = ", ".join(f"{kind.value} {count}" for kind, count in sorted(outcome.faults.items()))
        messages: Counter[What] = outcome.messages
        return cls(
            outcome.seed,
            outcome.faults.total(),
            kinds,
            messages.total(),
            outcome.lines,
            messages[What.DUPLICATE],
            messages[What.LATE],
            messages[What.MALFORMED],
            len(outcome.differences),
            round(outcome.gap_seconds, 1),
            round(outcome.catch_up_seconds, 1),
            round(outcome.seconds, 1),
        )

    @classmethod
    def parse(cls, line: str) -> Self:
        """The row that `__str__` wrote."""
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        types: list[type[int] | type[str] | type[float]] = [int, int, str, *[int] * 6, *[float] * 3]
        return cls(*(read(cell) for read, cell in zip(types, cells, strict=True)))  # type: ignore[arg-type]  # by position

    def __str__(self) -> str:
        """One line of the table."""
        return "| " + " | ".join(str(getattr(self, one.name)) for one in fields(self)) + " |"


class Report:
    """What the file holds; missing, it begins empty."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.rows: dict[int, Row] = {}
        self.sections: dict[str, str] = {}
        if file.exists():
            for section in file.read_text().split("\n## ")[1:]:
                title, _, body = section.partition("\n")
                if title == SCHEDULES:
                    rows = [Row.parse(line) for line in body.splitlines() if re.match(r"\| \d", line)]
                    self.rows = {row.seed: row for row in rows}
                else:
                    self.sections[title] = body.strip()

    def add(self, outcome: Outcome) -> None:
        """Take a schedule in and write the file."""
        self.rows[outcome.seed] = Row.of(outcome)
        self._keep_story(f"Seed {outcome.seed}", outcome)
        self.write()

    def add_scenario(self, name: str, measured: Measured) -> None:
        """Take a scenario in and write the file."""
        row = Row.of(measured.outcome)
        figures = {
            **measured.figures,
            "sale lines": str(row.lines),
            "differences": str(row.differences),
            "worst gap": f"{row.gap} s",
            "duration": f"{row.seconds} s",
        }
        lines = [f"| {title} | {figure} |" for title, figure in figures.items()]
        self.sections[f"Scenario {name}"] = "\n".join(["| | |", "|---|---|", *lines])
        self._keep_story(f"Scenario {name}: what differs", measured.outcome)
        self.write()

    def write(self) -> None:
        """Write the file, by way of another one: an interruption leaves the old or the new."""
        parts = [TITLE, "", INTRODUCTION, ""]
        if self.rows:
            parts += [f"## {SCHEDULES}", "", self._totals(), "", "| " + " | ".join(HEADINGS) + " |"]
            parts += ["|---" * len(HEADINGS) + "|", *(str(self.rows[seed]) for seed in sorted(self.rows)), ""]
        for title, body in self.sections.items():
            parts += [f"## {title}", "", body, ""]
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".part")
        draft.write_text("\n".join(parts))
        draft.replace(self._file)

    def _keep_story(self, title: str, outcome: Outcome) -> None:
        if outcome.differences:
            self.sections[title] = f"```text\n{outcome.story()}\n```"
        else:
            self.sections.pop(title, None)

    def _totals(self) -> str:
        rows = list(self.rows.values())
        return (
            f"{len(rows)} schedules, {sum(row.faults for row in rows):,} faults, "
            f"{sum(row.lines for row in rows):,} sale lines, {sum(row.duplicates for row in rows):,} duplicates, "
            f"{sum(row.late for row in rows):,} late, {sum(row.malformed for row in rows):,} malformed; "
            f"**{sum(row.differences for row in rows)} differences**; worst gap {max(row.gap for row in rows)} s."
        )
