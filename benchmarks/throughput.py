"""This application and three others do the same job, in turns, on one real Apache Kafka."""

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.broker import Broker
from benchmarks.contestants import Contestant, KafkaStreams, PlainFaust, QuixStreams, Run
from benchmarks.freshmart import Freshmart, Profiled
from benchmarks.measuring import Running, say
from benchmarks.report import Figures, table, write
from benchmarks.workload import Chain, Truth, messages, truth_of

NAMES = [Freshmart.name, KafkaStreams.name, QuixStreams.name, PlainFaust.name]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What only this one asks for."""
    parser.add_argument("--runs", type=int, default=3, help="of each contestant, in turns (%(default)s)")
    parser.add_argument("--contestants", nargs="+", choices=NAMES, default=NAMES, help="which (all)")
    parser.add_argument("--report", type=Path, help="folder for throughput.json, .md and .png")
    parser.add_argument("--profile", type=Path, metavar="SVG", help="only this application, once, with a flame graph")


def measure(broker: Broker, folder: Path, chain: Chain, asked: argparse.Namespace) -> str:
    """Run all contestants; the table of their medians."""
    contestants = [one for one in _contestants(folder) if one.name in asked.contestants]
    if asked.profile is not None:
        contestants = [Profiled(asked.profile.absolute())]
    runs = _contest(broker, folder, contestants, chain, 1 if asked.profile else asked.runs)
    if asked.report is not None:
        write(runs, asked.report)
    return table(runs)


def _contest(
    broker: Broker, folder: Path, contestants: Sequence[Contestant], chain: Chain, rounds: int
) -> list[Figures]:
    runs: list[Figures] = []
    topics: dict[Chain, str] = {}
    for turn in range(rounds):
        for contestant in contestants:
            say(f"round {turn + 1} of {rounds}: {contestant.name}")
            own = replace(chain, receipts=min(chain.receipts, contestant.receipts_max or chain.receipts))
            if own not in topics:
                topics[own] = f"sales-{own.receipts}"
                broker.create(topics[own])
                broker.send(topics[own], messages(own))
            truth = truth_of(own)
            app = f"{contestant.name.lower().replace(' ', '-')}-{turn}"
            place = folder / app
            place.mkdir(exist_ok=True)
            run = Run(broker, place, app, topics[own])
            broker.create(run.output)
            runs.append(run_once(contestant, run, own, truth))
            shutil.rmtree(place / "state", ignore_errors=True)
    return runs


def run_once(contestant: Contestant, run: Run, chain: Chain, truth: Truth) -> Figures:
    """One run of one contestant, whose result must be right."""
    contestant.prepare(run.broker, chain, truth, run)
    process = Running(contestant.command(), contestant.environments(run), run.folder / "output")
    try:
        course = process.watch(lambda: run.broker.end(contestant.changelogs(run)))
    finally:
        process.stop()
    contestant.check(run, chain, truth)
    other = course.machine_cores - course.cpu_seconds / course.seconds
    figures = Figures(
        contestant.name,
        truth.lines_read,
        course.seconds,
        course.cpu_seconds,
        course.cpu_seconds_in_all,
        course.peak_resident / 1e6,
        other,
    )
    say(f"  {figures.lines_per_second:,.0f} lines/s, {figures.cpu_per_million:.1f} CPU s per million lines")
    return figures


def _contestants(folder: Path) -> list[Contestant]:
    streams, quix = folder / "kafka-streams", folder / "quix"
    streams.mkdir()
    quix.mkdir()
    return [Freshmart(), KafkaStreams(streams), QuixStreams(quix), PlainFaust()]
