"""The figures of all runs as a table, as JSON and as a picture."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

OURS = "freshmart"


@dataclass(frozen=True)
class Figures:
    """One run of one contestant."""

    contestant: str
    lines: int
    seconds: float
    cpu_seconds: float
    cpu_seconds_in_all: float
    peak_megabytes: float
    other_cores: float
    """Kept busy by others than the contestant while it was at work: the broker, and what else ran."""

    @property
    def lines_per_second(self) -> float:
        """From the first to the last write."""
        return self.lines / self.seconds

    @property
    def cpu_per_million(self) -> float:
        """CPU seconds per million lines while at work."""
        return self.cpu_seconds / self.lines * 1e6


def middle(runs: Sequence[Figures], name: str) -> dict[str, float]:
    """The median of a figure over the runs of each contestant."""
    found: dict[str, list[float]] = {}
    for run in runs:
        found.setdefault(run.contestant, []).append(getattr(run, name))
    return {contestant: median(values) for contestant, values in found.items()}


def table(runs: Sequence[Figures]) -> str:
    """Markdown: medians; lines per CPU second as a share of this application's."""
    cpu, rate = middle(runs, "cpu_per_million"), middle(runs, "lines_per_second")
    memory, other = middle(runs, "peak_megabytes"), middle(runs, "other_cores")
    rows = [
        "| | runs | lines/s | CPU s per million lines | peak memory, MB | other cores busy | lines per CPU s |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in sorted(cpu, key=lambda name: cpu[name]):
        count = sum(run.contestant == name for run in runs)
        ratio = cpu[OURS] / cpu[name] if OURS in cpu else float("nan")
        figures = f"{rate[name]:,.0f} | {cpu[name]:.1f} | {memory[name]:,.0f} | {other[name]:.2f} | {ratio:.3f}"
        rows.append(f"| {name} | {count} | {figures} |")
    return "\n".join(rows)


def write(runs: Sequence[Figures], folder: Path) -> None:
    """Write `throughput.json`, `throughput.md` and `throughput.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "throughput.json").write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n")
    (folder / "throughput.md").write_text(table(runs) + "\n")
    cpu, rate = middle(runs, "cpu_per_million"), middle(runs, "lines_per_second")
    names = sorted(rate, key=lambda name: rate[name])
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 0.6 + 0.5 * len(names)), sharey=True)
    for axes, values, title in (
        (left, rate, "receipt lines per second, one process"),
        (right, {name: 1e6 / value for name, value in cpu.items()}, "receipt lines per CPU second"),
    ):
        bars = axes.barh(
            names, [values[name] for name in names], color=["#2f7d4f" if n == OURS else "#b8c4bc" for n in names]
        )
        axes.bar_label(bars, labels=[f"{values[name]:,.0f}" for name in names], padding=3, fontsize=9)
        axes.set_title(title, fontsize=10, loc="left")
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        axes.set_xticks([])
        axes.set_xlim(0, max(values.values()) * 1.2)
    figure.tight_layout()
    figure.savefig(folder / "throughput.png", dpi=150)
    plt.close(figure)
