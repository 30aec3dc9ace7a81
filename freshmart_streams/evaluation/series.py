"""Daily sales of articles out of CSV: `date`, `series`, `quantity`, and what else is known of the day.

One line per series and day. A day without a line, from the first line of its series to the last day of all, sold
nothing. A weekday of which no series has a line is one on which the shop is closed.
"""

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from freshmart_streams.domain import calendars, times
from freshmart_streams.domain.availability import WHOLE_DAY
from freshmart_streams.domain.promotions import Promotions

NEEDED: Final = ("date", "series", "quantity")
OPTIONAL: Final = ("price", "promotion", "stock_out", "demand")

SPAN_DAYS_MAX: Final = 3_660
"""From the first day to the last: ten years. More is a mistyped date."""

FIRST_DAY: Final = times.from_iso("1900-01-01")
LAST_DAY: Final = times.from_iso("2200-12-31")

QUANTITY_MAX: Final = 10**9
"""Base units of a day."""

_SAID: Final = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0, "": 0.0}

_Value = TypeVar("_Value")


class SeriesError(ValueError):
    """Daily series that cannot be read; the message is one line that names line and column."""


class Day(NamedTuple):
    """What is known of a series on a day."""

    sold: int = 0
    """Base units."""
    missing: int = 0
    """Thousandths of the opening time during which it was out of stock."""
    demand: int | None = None
    """Base units that were asked for, where the file says so."""
    is_promoted: bool = False

    @property
    def truth(self) -> int | None:
        """Base units that were asked for; None where a stock-out hides it."""
        if self.demand is not None:
            return self.demand
        return None if self.missing else self.sold

    @property
    def replayed(self) -> int:
        """Base units that a replay asks for: what was sold, where nothing better is known."""
        return self.sold if self.demand is None else self.demand


@dataclass(frozen=True, slots=True)
class Series:
    """Consecutive days of one article."""

    name: str
    first_day: int
    """Ordinal of `days[0]`."""
    days: tuple[Day, ...]

    @property
    def promotions(self) -> Promotions:
        """First and last day of each run of promoted days."""
        found: list[tuple[int, int]] = []
        for day, known in enumerate(self.days, self.first_day):
            if known.is_promoted:
                goes_on = bool(found) and found[-1][1] == day - 1
                found.append((found.pop()[0] if goes_on else day, day))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class DailySales:
    """A whole file."""

    series: tuple[Series, ...]
    """In the order of their names."""
    open_weekdays: frozenset[int]
    """ISO weekdays, 1 is Monday."""
    last_day: int

    @property
    def opening(self) -> dict[str, str] | None:
        """The opening hours that `calendars.calendar_of` takes; None when the shop is open every day."""
        if len(self.open_weekdays) == len(calendars.WEEKDAYS):
            return None
        return {calendars.WEEKDAYS[weekday - 1]: "00:00-24:00" for weekday in sorted(self.open_weekdays)}


def read(lines: Iterable[str]) -> DailySales:
    """Read CSV with a header line.

    Raises:
        SeriesError: with the line and the column that are wrong.
    """
    found: dict[str, dict[int, Day]] = {}
    for number, name, day, values in _rows(lines):
        days = found.setdefault(name, {})
        if day in days:
            raise SeriesError(f"line {number}, column date: {times.to_iso(day)} is there twice for series {name!r}")
        days[day] = values
    if not found:
        raise SeriesError("line 2: there is no day, only a header line")
    first, last = min(min(days) for days in found.values()), max(max(days) for days in found.values())
    if last - first >= SPAN_DAYS_MAX:
        raise SeriesError(
            f"column date: from {times.to_iso(first)} to {times.to_iso(last)} are more than {SPAN_DAYS_MAX} days"
        )
    nothing = Day()
    series = tuple(
        Series(name, start := min(days), tuple(days.get(day, nothing) for day in range(start, last + 1)))
        for name, days in sorted(found.items())
    )
    return DailySales(series, frozenset(times.weekday(day) for days in found.values() for day in days), last)


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, str, int, Day]]:
    """Line number, name of the series, day, and what is known of it."""
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise SeriesError("line 1: the file is empty; a header line was expected")
        columns = _columns(header)
        for cells in reader:
            if cells:
                yield _row(reader.line_num, columns, cells)
    except csv.Error as error:
        raise SeriesError(f"line {reader.line_num}: no CSV ({error})") from error


def _columns(header: Sequence[str]) -> list[str]:
    columns = [name.strip().lower().replace("-", "_").replace(" ", "_") for name in header]
    for place, name in enumerate(columns):
        if name not in NEEDED + OPTIONAL:
            known = ", ".join(NEEDED + OPTIONAL)
            raise SeriesError(f"line 1, column {place + 1}: {header[place]!r} is not known; known are {known}")
        if name in columns[:place]:
            raise SeriesError(f"line 1, column {place + 1}: {name} is there twice")
    if missing := [name for name in NEEDED if name not in columns]:
        raise SeriesError(f"line 1: the column {missing[0]} is missing")
    return columns


def _row(number: int, columns: Sequence[str], cells: Sequence[str]) -> tuple[int, str, int, Day]:
    if len(cells) != len(columns):
        raise SeriesError(f"line {number}: {len(cells)} cells, but the header line has {len(columns)} columns")
    texts = {column: cell.strip() for column, cell in zip(columns, cells, strict=True)}

    def cell(column: str, parse: Callable[[str], _Value]) -> _Value:
        try:
            return parse(texts.get(column, ""))
        except ValueError as error:
            raise SeriesError(f"line {number}, column {column}: {error}") from error

    day, name = cell("date", _day), cell("series", _name)
    sold, missing = cell("quantity", _units), round(cell("stock_out", _share) * WHOLE_DAY)
    demand = cell("demand", _units) if texts.get("demand") else None
    if demand is not None and demand < sold:
        raise SeriesError(f"line {number}, column demand: {demand} is less than what was sold, {sold}")
    cell("price", _price)
    return number, name, day, Day(sold, missing, demand, bool(cell("promotion", _flag)))


def _day(text: str) -> int:
    try:
        day = times.from_iso(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no date such as 2024-10-07") from error
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"{text} does not lie in the years 1900 to 2200")
    return day


def _name(text: str) -> str:
    if not text:
        raise ValueError("it is empty")
    return text


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(f"{text!r} is no number from 0 on")
    return number


def _units(text: str) -> int:
    number = _number(text)
    if number != int(number) or number > QUANTITY_MAX:
        raise ValueError(f"{text!r} is no whole number of base units (pieces or grams) up to {QUANTITY_MAX}")
    return int(number)


def _price(text: str) -> float:
    return _number(text) if text else 0.0


def _share(text: str) -> float:
    said = _SAID.get(text.lower())
    number = _number(text) if said is None else said
    if number > 1:
        raise ValueError(f"{text!r} is no share from 0 to 1, nor true or false")
    return number


def _flag(text: str) -> float:
    number = _share(text)
    if number not in {0.0, 1.0}:
        raise ValueError(f"{text!r} is neither true nor false")
    return number
