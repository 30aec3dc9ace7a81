"""The same job over more articles in stores, workers and partitions: lines/s, CPU and disk per line and row, memory."""

import argparse
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from benchmarks.broker import Broker
from benchmarks.contestants import Run
from benchmarks.freshmart import Freshmart
from benchmarks.measuring import say
from benchmarks.workload import Chain, messages, truth_of

SIZES, WORKERS, PARTITIONS = (10_000, 100_000, 1_000_000), (1, 2, 4), (4, 64)


@dataclass(frozen=True)
class Setup:
    """What one row of the table is about."""

    chain: Chain
    workers: int
    partitions: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which sizes, each with so many workers and partitions."""
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="articles in stores (10000 100000 1000000)")
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS, help="processes (1 2 4)")
    parser.add_argument("--partitions", type=int, nargs="+", default=PARTITIONS, help="of each topic (4 64)")


def setups(chain: Chain, asked: argparse.Namespace) -> list[Setup]:
    """Every combination that was asked for; as many stores as it takes, with the chain's articles at most."""
    found = []
    for keys, workers, partitions in product(asked.sizes, asked.workers, asked.partitions):
        articles = min(chain.articles, keys)
        found.append(Setup(replace(chain, articles=articles, stores=keys // articles), workers, partitions))
    return found


def measure(broker: Broker, folder: Path, chain: Chain, asked: argparse.Namespace) -> str:
    """One run for each setup; a table."""
    table = [
        "| articles in stores | workers | partitions | lines/s | CPU s per million lines | peak memory, MB "
        "| disk bytes per article in a store |",
        "|---|---|---|---|---|---|---|",
    ]
    for number, setup in enumerate(setups(chain, asked)):
        place = folder / f"growth-{number}"
        place.mkdir()
        table.append(_row(setup, Run(Broker(broker.bootstrap, setup.partitions), place, place.name, "")))
        say(table[-1])
    return "\n".join(table)


def _row(setup: Setup, run: Run) -> str:
    chain, contestant = setup.chain, Freshmart(setup.workers, counts_all=True)
    keys, truth = chain.stores * chain.articles, truth_of(chain)
    say(f"{keys:,} articles in {chain.stores} stores, {setup.workers} workers, {setup.partitions} partitions")
    contestant.set_up(run, chain)
    process = contestant.start(run)
    try:
        contestant.open_day(process, chain, truth, run)
        release = run.broker.hold(Freshmart.topics(run).sales.name, messages(chain))
        course = process.watch(lambda: run.broker.end(contestant.changelogs(run)), release)
    finally:
        process.stop()
    contestant.check(run, chain, truth)
    size = sum(file.stat().st_size for file in (run.folder / "state").rglob("*") if file.is_file())
    lines = truth.lines_read
    return (
        f"| {keys:,} | {setup.workers} | {setup.partitions} | {lines / course.seconds:,.0f} | "
        f"{course.cpu_seconds / lines * 1e6:.1f} | {course.peak_resident / 1e6:,.0f} | {size / keys:,.0f} |"
    )
