"""The pictures of `freshmart evaluate`. Imported only where matplotlib is installed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from matplotlib.figure import Figure

from freshmart_streams.evaluation.accuracy import LEVELS, OWN

if TYPE_CHECKING:
    from freshmart_streams.evaluation.report import Report

OWN_COLOUR: Final = "#2f7d4f"
OTHER_COLOUR: Final = "#b8c4bc"

NAMES: Final = ("wape", "coverage", "stock", "forecast")

_SHOWN_DAYS: Final = 112


def draw(report: Report, folder: Path) -> None:
    """Write `wape.png`, `coverage.png`, `stock.png` and `forecast.png`; the folder is made. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in zip(NAMES, (_wape(report), _coverage(report), _stock(report), _forecast(report)), strict=True):
        figure.savefig(folder / f"{name}.png", dpi=120)


def _wape(report: Report) -> Figure:
    """Bars of the error, a panel for each horizon."""
    rows = report.as_dict()["accuracy"]
    horizons = list(dict.fromkeys(row["horizon"] for row in rows))
    figure = Figure(figsize=(4 * len(horizons), 3), layout="constrained")
    for place, horizon in enumerate(horizons, 1):
        axes = figure.add_subplot(1, len(horizons), place)
        shown = [row for row in reversed(rows) if row["horizon"] == horizon]
        values = [100 * (row["wape"] or 0.0) for row in shown]
        names = [row["method"] for row in shown]
        bars = axes.barh(names, values, color=[_colour(name) for name in names])
        axes.bar_label(bars, fmt="%.1f", padding=2)
        axes.set_title(f"WAPE of {horizon}, %")
        axes.margins(x=0.2)
    return figure


def _coverage(report: Report) -> Figure:
    """How much of the demand the quantiles covered, beside what they should."""
    rows = report.as_dict()["accuracy"]
    figure = Figure(figsize=(4 * len(LEVELS), 0.4 * len(rows) + 1), layout="constrained")
    for place, level in enumerate(LEVELS, 1):
        axes = figure.add_subplot(1, len(LEVELS), place)
        names = [f"{row['method']}, {row['horizon']}" for row in reversed(rows)]
        values = [100 * (row["coverage"][f"{level:.2f}"] or 0.0) for row in reversed(rows)]
        axes.scatter(values, names, color=[_colour(row["method"]) for row in reversed(rows)])
        axes.axvline(100 * level, color="#888888", linewidth=1)
        axes.set_title(f"coverage at {level:.2f}, %")
        if place > 1:
            axes.set_yticklabels([])
    return figure


def _stock(report: Report) -> Figure:
    """Average stock and waste of both rules, which serve alike."""
    rows = report.as_dict()["policy"]
    figure = Figure(figsize=(8, 2.4), layout="constrained")
    names = [row["rule"] for row in reversed(rows)]
    for place, (key, title, factor) in enumerate(
        (("stock_days", "average stock, days of sales", 1), ("waste_share", "wasted, %", 100)), 1
    ):
        axes = figure.add_subplot(1, 2, place)
        values = [factor * (row[key] or 0.0) for row in reversed(rows)]
        axes.bar_label(axes.barh(names, values, color=[_colour(name) for name in names]), fmt="%.2f", padding=2)
        axes.set_title(title)
        axes.margins(x=0.2)
    return figure


def _forecast(report: Report) -> Figure:
    """The last days of the series that sold most: demand, what was expected, and the quantiles."""
    traced = report.traced[-_SHOWN_DAYS:]
    days: list[Any] = [date.fromordinal(each.day) for each in traced]  # matplotlib takes dates, its types do not
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(days, [each.mean for each in traced], color=OWN_COLOUR, label="expected")
    for place, level in enumerate(LEVELS):
        quantiles = [each.quantiles[place] for each in traced]
        label = f"enough with {level:.0%}"
        axes.plot(days, quantiles, color=OWN_COLOUR, linewidth=0.7, alpha=1 - 0.35 * place, label=label)
    known = [(day, each.actual) for day, each in zip(days, traced, strict=True) if each.actual is not None]
    axes.scatter([day for day, _ in known], [actual for _, actual in known], s=8, color="#333333", label="demand")
    axes.set_ylim(bottom=0)
    axes.set_title(f"{report.traced_series}: one day ahead")
    axes.legend(ncols=4, fontsize=8)
    return figure


def _colour(method: str) -> str:
    return OWN_COLOUR if method == OWN else OTHER_COLOUR
