"""`python -m benchmarks`: this application and three others do the same job, in turns, on one real Apache Kafka."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.broker import Broker
from benchmarks.contestants import Contestant, Freshmart, KafkaStreams, PlainFaust, Profiled, QuixStreams, Run
from benchmarks.measuring import Running
from benchmarks.report import Figures, table, write
from benchmarks.workload import Chain, Truth, messages
from tests.support.kafka import Kafka


def main(words: Sequence[str] | None = None) -> int:
    """Run the benchmark; exit 0 when every result was right."""
    asked = _parser().parse_args(words)
    chain = Chain(asked.receipts, asked.stores, asked.articles, asked.seed)
    with tempfile.TemporaryDirectory(prefix="freshmart-benchmark-") as name:
        folder = Path(name)
        contestants = [one for one in _contestants(folder) if one.name in asked.contestants]
        if asked.profile is not None:
            contestants = [Profiled(asked.profile.absolute())]
        with Kafka(folder / "kafka", options={"log.cleaner.enable": "false"}) as kafka:
            runs = _contest(Broker(kafka.address), folder, contestants, chain, 1 if asked.profile else asked.runs)
    print(table(runs))
    if asked.report is not None:
        write(runs, asked.report)
    return 0


def _contest(
    broker: Broker, folder: Path, contestants: Sequence[Contestant], chain: Chain, rounds: int
) -> list[Figures]:
    runs: list[Figures] = []
    topics: dict[Chain, str] = {}
    for turn in range(rounds):
        for contestant in contestants:
            _say(f"round {turn + 1} of {rounds}: {contestant.name}")
            own = replace(chain, receipts=min(chain.receipts, contestant.receipts_max or chain.receipts))
            if own not in topics:
                topics[own] = f"sales-{own.receipts}"
                broker.create(topics[own])
                broker.send(topics[own], messages(own))
            truth = Truth()
            for _ in messages(own, truth):
                pass
            app = f"{contestant.name.lower().replace(' ', '-')}-{turn}"
            place = folder / app
            place.mkdir(exist_ok=True)
            run = Run(broker, place, app, topics[own])
            broker.create(run.output)
            runs.append(_run(contestant, run, own, truth))
            shutil.rmtree(place / "state", ignore_errors=True)
    return runs


def _run(contestant: Contestant, run: Run, chain: Chain, truth: Truth) -> Figures:
    contestant.prepare(run.broker, chain, truth, run)
    process = Running(contestant.command(), contestant.environment(run), run.folder / "output")
    try:
        course = process.watch(lambda: run.broker.end(contestant.changelogs(run)))
    finally:
        process.stop()
    differences = contestant.result(run, chain, truth).differences(truth)
    if differences:
        raise SystemExit(f"{contestant.name}: the result is wrong: {'; '.join(differences)}")
    lines = truth.messages * truth.lines // truth.receipts  # duplicates have to be read too
    other = course.machine_cores - course.cpu_seconds / course.seconds
    figures = Figures(
        contestant.name,
        lines,
        course.seconds,
        course.cpu_seconds,
        course.cpu_seconds_in_all,
        course.peak_resident / 1e6,
        other,
    )
    _say(f"  {figures.lines_per_second:,.0f} lines/s, {figures.cpu_per_million:.1f} CPU s per million lines")
    return figures


def _contestants(folder: Path) -> list[Contestant]:
    streams, quix = folder / "kafka-streams", folder / "quix"
    streams.mkdir()
    quix.mkdir()
    return [Freshmart(), KafkaStreams(streams), QuixStreams(quix), PlainFaust()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--receipts", type=int, default=200_000, help="messages of ten lines each (%(default)s)")
    parser.add_argument("--stores", type=int, default=200, help="stores (%(default)s)")
    parser.add_argument("--articles", type=int, default=20_000, help="articles (%(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="of the receipts (%(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="of each contestant, in turns (%(default)s)")
    names = [Freshmart.name, KafkaStreams.name, QuixStreams.name, PlainFaust.name]
    parser.add_argument("--contestants", nargs="+", choices=names, default=names, help="which (all)")
    parser.add_argument("--profile", type=Path, metavar="SVG", help="only this application, once, with a flame graph")
    parser.add_argument("--report", type=Path, help="folder for throughput.json, .md and .png")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
