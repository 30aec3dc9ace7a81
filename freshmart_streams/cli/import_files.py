"""`freshmart import`: files into the topics sales, inventory, products and stores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from freshmart_streams.cli.console import Bars, print_json, print_table
from freshmart_streams.cli.context import cluster_of, need_topics, reach, read_settings, topics_of
from freshmart_streams.cli.errors import CommandError, WrongUsageError, plain_errors

if TYPE_CHECKING:
    from freshmart_streams.connectors.loading import Summary

_REPORTED_MAX: Final = 20


def command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Files, plain or gzip; told by their content.")],
    timezone: Annotated[
        str | None,
        typer.Option(help="Time zone of stores that are not registered yet, for example Europe/Berlin."),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="How the columns of another CSV are to be read. Not available yet.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Send files to the topics sales, inventory, products and stores.

    Read are JSON lines (one event per line, its topic known by its fields) and the CSV of receipts and products that
    are known by their header lines. Stores that a file names and nobody has registered are registered first.

    Events travel as they are, bad ones too: the application turns them into dead letters. Lines that are no event at
    all are reported with file and line, the rest is sent, and the exit code is 1. Importing twice changes no figure.

    For example:

    - `freshmart import receipts.csv.gz products.csv.gz --timezone America/New_York`

    - `freshmart import monday.jsonl tuesday.jsonl`
    """
    if mapping is not None:
        raise WrongUsageError("--mapping is not available yet: only CSV files with a known header line are read")
    settings = read_settings()
    cluster = cluster_of(settings)

    from freshmart_streams.connectors.loading import Loading, TooOldError

    topics = topics_of(settings)
    reach(cluster)
    need_topics(cluster, [topics.stores.name, topics.products.name, topics.sales.name, topics.inventory.name])
    bars = Bars()
    reports = _Reports(bars)
    with plain_errors(), bars.shown():
        loading = Loading(
            cluster=cluster,
            paths=files,
            timezone=timezone,
            dedupe_days=settings.dedupe_days,
            report=reports,
            on_trouble=bars.say,
            on_survey=bars.bar("checking"),
            on_send=bars.bar("sending"),
        )
        try:
            summary = loading.run()
        except TooOldError as error:
            raise CommandError(str(error)) from error
    reports.finish()
    _print(summary, json=json)
    if summary.refused:
        raise CommandError(f"{summary.refused} messages were refused by the broker")
    if summary.skipped:
        raise CommandError(f"{summary.skipped} lines could not be sent; everything else was")


class _Reports:
    """Writes the first lines that were no event to stderr, and counts the others."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._count = 0

    def __call__(self, place: str, reason: str) -> None:
        self._count += 1
        if self._count <= _REPORTED_MAX:
            self._bars.say(f"{place}: {reason}")

    def finish(self) -> None:
        """Say how many reports were not shown."""
        if self._count > _REPORTED_MAX:
            self._bars.say(f"… and {self._count - _REPORTED_MAX} more")


def _print(summary: Summary, *, json: bool) -> None:
    from dataclasses import asdict

    figures = asdict(summary)
    if json:
        print_json(figures)
    else:
        print_table(["", ""], [(name.replace("_", " "), f"{value:,}") for name, value in figures.items()], empty="")
