"""Makes daily series for `freshmart evaluate` from the real receipts in the folder that FRESHMART_SHARED_DATA names.

    python scripts/daily_series.py category > daily.csv
    python scripts/daily_series.py sku --top 100 | gzip > daily.csv.gz

By `department`, `category`, `store-department` or `sku`: units sold per day, returns taken off, nothing below zero.
Fuel, coupons and miscellaneous charges are left out: their quantities are no pieces. With `--top` only the series that
sold most. Every day from the first to the last receipt has a line.
"""

import argparse
import csv
import gzip
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final, TextIO

Row = dict[str, str]

KEYS: Final[dict[str, Callable[[Row, Row], str]]] = {
    "department": lambda line, product: product["department"],
    "category": lambda line, product: product["product_category"],
    "store-department": lambda line, product: f"{line['store_id']}/{product['department']}",
    "sku": lambda line, product: line["product_id"],
}

NO_GOODS: Final = {"FUEL", "COUPON", "MISCELLANEOUS", "NA", ""}
"""Departments that are left out."""


def read(path: Path) -> Iterator[Row]:
    """Yield the lines of a compressed CSV."""
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def daily(folder: Path, by: str) -> dict[str, dict[date, int]]:
    """Units per series and day."""
    products = {row["product_id"]: row for row in read(folder / "products.csv.gz")}
    found: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for line in read(folder / "receipts_2017h1.csv.gz"):
        product = products.get(line["product_id"])
        if product is not None and product["department"] not in NO_GOODS:
            name = KEYS[by](line, product)
            found[name][date.fromisoformat(line["transaction_timestamp"][:10])] += int(line["quantity"])
    return found


def write(series: dict[str, dict[date, int]], top: int | None, out: TextIO) -> None:
    """Write CSV, the series that sold most first."""
    first, last = min(map(min, series.values())), max(map(max, series.values()))
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["date", "series", "quantity"])
    for name in sorted(series, key=lambda name: (-sum(series[name].values()), name))[:top]:
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            writer.writerow([day, name, max(series[name].get(day, 0), 0)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; returns the exit code."""
    parser = argparse.ArgumentParser(description="Daily series from the real receipts, as CSV on stdout.")
    parser.add_argument("by", choices=KEYS)
    parser.add_argument("--top", type=int, help="only so many series, those that sold most")
    options = parser.parse_args(arguments)
    shared = os.environ.get("FRESHMART_SHARED_DATA")
    if not shared:
        print("FRESHMART_SHARED_DATA is not set: it names the folder of the real receipts", file=sys.stderr)
        return 2
    try:
        series = daily(Path(shared) / "receipts", options.by)
    except OSError as error:
        print(f"{error.filename}: {error.strerror or error}", file=sys.stderr)
        return 2
    write(series, options.top, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
