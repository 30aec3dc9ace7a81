"""`freshmart evaluate`: daily series replayed through forecast and orders, beside simpler ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from freshmart_streams.cli.console import Bars, print_json, print_table, say
from freshmart_streams.cli.errors import CommandError, WrongUsageError, plain_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freshmart_streams.domain.calendars import Calendar
    from freshmart_streams.evaluation.report import Progress, Report
    from freshmart_streams.evaluation.series import DailySales
    from freshmart_streams.simulation.series import SeriesWorld

ACCURACY_COLUMNS: Final = (
    "forecast of", "by", "origins", "WAPE", "bias", "pinball .90", "pinball .98", "coverage .90", "coverage .98",
)  # fmt: skip
POLICY_COLUMNS: Final = ("orders by", "fill rate", "days served", "stock, days of sales", "wasted")

_WORLD_NAMES: Final = "perishable, seasonal, intermittent, promotion or censored"


def command(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="CSV, plain or gzip: date, series, quantity; optional price, promotion, stock_out, demand.",
            show_default=False,
        ),
    ] = None,
    world: Annotated[
        str | None, typer.Option(help=f"Instead of a file a generated world: {_WORLD_NAMES}.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another world of that kind.")] = 1,
    warm_up: Annotated[
        int, typer.Option(min=28, max=730, help="Days at the beginning of each series that are learned only.")
    ] = 56,
    lead_time: Annotated[
        int | None, typer.Option(min=0, max=60, help="Days from order to delivery; default: 1.", show_default=False)
    ] = None,
    pack_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1_000_000,
            help="Base units per pack; default: 1, or what the world says.",
            show_default=False,
        ),
    ] = None,
    shelf_life: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=3_650,
            help="Days on which a delivery can be sold, the first included; default: it keeps, or what the world says.",
            show_default=False,
        ),
    ] = None,
    delivery_weekdays: Annotated[str, typer.Option(help="For example mon,wed,fri or mon-sat.")] = "mon-sat",
    service_level: Annotated[
        float, typer.Option(min=0.5, max=0.9999, help="Chance of not running out between two deliveries.")
    ] = 0.98,
    unit: Annotated[str, typer.Option(help="Base unit of the quantities: piece or gram.")] = "piece",
    charts: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="Write pictures (PNG) to this folder; needs matplotlib.", show_default=False
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Say how good forecast and orders are: replay daily sales through both, and through simpler ones.

    Every day after the warm-up is forecast out of the days before it, as the worker does it, and by seasonal naive,
    the mean of four weeks, TSB, and AutoETS where statsforecast is installed. Then an inventory is replayed under the
    application's orders, and under a minimum and maximum that serves as well.

    No broker is needed. docs/evaluation.md says what the figures mean.

    For example:

    - `freshmart evaluate daily.csv --lead-time 2 --delivery-weekdays mon,wed,fri --pack-size 6`

    - `freshmart evaluate --world perishable --charts charts`
    """
    if (file is None) == (world is None):
        raise WrongUsageError(f"give either a FILE or --world NAME, which is {_WORLD_NAMES}")
    if charts is not None:
        _need_matplotlib()

    from freshmart_streams.cli.autoets import with_autoets
    from freshmart_streams.domain.units import GRAM, PIECE
    from freshmart_streams.evaluation.policy import Terms, longest_interval
    from freshmart_streams.evaluation.report import TooShortError, evaluate

    if unit not in {PIECE, GRAM}:
        raise WrongUsageError(f"--unit: {unit!r} is neither piece nor gram")
    sales, usual = _generated(world, seed) if world is not None else (_read(file or Path()), None)
    terms = Terms(
        calendar=_calendar(sales, delivery_weekdays),
        lead_time_days=lead_time if lead_time is not None else usual.lead_time_days if usual else 1,
        pack_size=pack_size if pack_size is not None else usual.pack_size if usual else 1,
        shelf_life_days=shelf_life if shelf_life is not None else usual.shelf_life_days if usual else None,
        service_level=service_level,
        unit=unit,
    )
    if not longest_interval(terms):
        raise WrongUsageError("--delivery-weekdays: the shop is closed on all of them (no series has a line on them)")
    bars = Bars("series")
    try:
        with bars.shown():
            report = evaluate(sales, terms, warm_up=warm_up, rivals=with_autoets, progress=_progress(bars))
    except TooShortError as error:
        raise WrongUsageError(f"{file or world}: {error}") from error
    if charts is not None:
        _draw(report, charts)
    _print(report, json=json)


def _read(file: Path) -> DailySales:
    from freshmart_streams.evaluation.series import SeriesError, read

    with plain_errors():
        try:
            return read(_lines(file))
        except SeriesError as error:
            raise WrongUsageError(f"{file}: {error}") from error


def _lines(file: Path) -> Iterator[str]:
    from freshmart_streams.connectors.source import Source

    with Source(file) as source:
        for line in source.lines():
            if line.content is None:
                raise WrongUsageError(f"{file}: line {line.number} is too long")
            try:
                yield line.content.decode()
            except UnicodeDecodeError as error:
                raise WrongUsageError(f"{file}: line {line.number} is not UTF-8") from error


def _generated(name: str, seed: int) -> tuple[DailySales, SeriesWorld]:
    from freshmart_streams.evaluation.series import read
    from freshmart_streams.simulation.series import WORLDS, lines

    if name not in WORLDS:
        raise WrongUsageError(f"--world: {name!r} is none; there are {', '.join(WORLDS)}")
    return read(lines(name, seed)), WORLDS[name]


def _calendar(sales: DailySales, delivery_weekdays: str) -> Calendar:
    from freshmart_streams.domain import calendars

    try:
        named = calendars.parse_opening(dict.fromkeys(delivery_weekdays.lower().split(","), "00:00-24:00"))
    except calendars.CalendarError as error:
        said = f"{delivery_weekdays!r} is not like mon,wed,fri or mon-sat"
        raise WrongUsageError(f"--delivery-weekdays: {said}") from error
    weekdays = [place for place, hours in enumerate(named, 1) if hours is not None]
    return calendars.calendar_of(opening=sales.opening, delivery_weekdays=weekdays)


def _progress(bars: Bars) -> Progress:
    advances = {step: bars.bar(step) for step in ("forecasts", "orders")}

    def progress(step: str, done: int, total: int) -> None:
        advances[step](done, total)

    return progress


def _need_matplotlib() -> None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise WrongUsageError("--charts needs matplotlib, which is not installed: pip install matplotlib")


def _draw(report: Report, folder: Path) -> None:
    from freshmart_streams.cli.evaluation_charts import draw

    try:
        draw(report, folder)
    except OSError as error:
        raise CommandError(f"--charts: {folder}: {error.strerror or error}") from error


def _print(report: Report, *, json: bool) -> None:
    figures = report.as_dict()
    if json:
        print_json(figures)
        return
    print(
        f"{report.measured} series from {figures['first_day']} to {figures['last_day']}, "
        f"of each the first {report.warm_up} days learned only"
    )
    rows = [
        (
            row["horizon"],
            row["method"],
            f"{row['origins']:,}",
            *(_percent(value) for value in (row["wape"], row["bias"], *row["pinball"].values())),
            *(_percent(value) for value in row["coverage"].values()),
        )
        for row in figures["accuracy"]
    ]
    print_table(ACCURACY_COLUMNS, rows, empty="no day could be measured")
    rules = [
        (
            row["rule"],
            _percent(row["fill_rate"], 2),
            _percent(row["service_level"], 2),
            "–" if row["stock_days"] is None else f"{row['stock_days']:.2f}",
            _percent(row["waste_share"], 2),
        )
        for row in figures["policy"]
    ]
    print_table(POLICY_COLUMNS, rules, empty="")
    if report.policy.min_max.sold < report.policy.ours.sold:
        say("min/max does not reach that fill rate, however high its level: stock and waste cannot be compared")
    if report.too_short:
        say(f"{report.too_short} series were too short and left out")
    if report.accuracy.left_out:
        say(f"{report.accuracy.left_out} days with a stock-out were not measured: nobody knows their demand")


def _percent(share: float | None, digits: int = 1) -> str:
    return "–" if share is None else f"{100 * share:.{digits}f} %"
