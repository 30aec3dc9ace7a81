"""The same job over more and more articles in stores: lines/s, CPU per line, bytes per article, memory."""

import argparse
from dataclasses import replace
from pathlib import Path

from benchmarks.broker import Broker
from benchmarks.contestants import Freshmart, Run
from benchmarks.measuring import say
from benchmarks.throughput import run_once
from benchmarks.workload import Chain, truth_of

STORES = (2, 20, 200)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which sizes."""
    parser.add_argument("--sizes", type=int, nargs="+", default=STORES, help="how many stores (2 20 200)")


def measure(broker: Broker, folder: Path, chain: Chain, asked: argparse.Namespace) -> str:
    """One run for each size; a table."""
    table = [
        "| stores | articles and rows | lines/s | CPU s per million lines | peak memory, MB | disk bytes per article |",
        "|---|---|---|---|---|---|",
    ]
    for stores in asked.sizes:
        own = replace(chain, stores=stores)
        say(f"{stores} stores")
        place = folder / f"growth-{stores}"
        place.mkdir()
        run, truth = Run(broker, place, place.name, ""), truth_of(own)
        figures = run_once(Freshmart(), run, own, truth)
        rows = len(broker.latest(f"{run.app}.streams-stores-changelog"))
        size = sum(file.stat().st_size for file in (place / "state").rglob("*") if file.is_file())
        table.append(
            f"| {stores} | {len(truth.sold):,}, {rows:,} | {figures.lines_per_second:,.0f} | "
            f"{figures.cpu_per_million:.1f} | {figures.peak_megabytes:,.0f} | {size / len(truth.sold):,.0f} |"
        )
    return "\n".join(table)
