"""How soon a worker decides again: with its volume kept, and with an empty one that is filled from the changelog."""

import argparse
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.broker import Broker
from benchmarks.contestants import Run
from benchmarks.freshmart import Freshmart
from benchmarks.measuring import Running, say
from benchmarks.workload import Chain, messages, truth_of

TIMES = 3
PATIENCE_SECONDS = 600
_TAKEN_OVER = re.compile(r"took (\d+) records over from the changelog")


@dataclass(frozen=True)
class Restart:
    """From the start of the process to its first commit, and the records it read from the changelog."""

    seconds: float
    cpu: float
    records: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing but what all ask for."""


def measure(broker: Broker, folder: Path, chain: Chain, asked: argparse.Namespace) -> str:
    """Restart three times each way; a table of the middle ones."""
    worker, run = Freshmart(), Run(broker, folder, "recovery", "")
    say("a day is made ready")
    truth = truth_of(chain)
    worker.prepare(broker, chain, truth, run)
    process = Running(worker.command(), worker.environments(run), run.folder / "output")
    try:
        process.watch(lambda: broker.end(worker.changelogs(run)))
    finally:
        process.stop()
    rows = len(broker.latest(worker.changelogs(run)[0]))
    more = messages(Chain(100, chain.stores, chain.articles, chain.seed, chain.day + 1))

    def restarts(*, is_kept: bool) -> Restart:
        found = []
        for _ in range(TIMES):
            if not is_kept:
                shutil.rmtree(run.folder / "state")
            broker.send(Freshmart.topics(run).sales.name, [next(more)])
            found.append(_restart(worker, run))
            say(f"  {'kept' if is_kept else 'empty'}: {found[-1].seconds:.1f} s")
        return sorted(found, key=lambda each: each.seconds)[TIMES // 2]

    kept, empty = restarts(is_kept=True), restarts(is_kept=False)
    rate = empty.records / (empty.seconds - kept.seconds)
    per_cpu = empty.records / (empty.cpu - kept.cpu)
    return f"""\
| volume | seconds to the first commit | CPU seconds | records of the changelog | records/s | records per CPU s |
|---|---|---|---|---|---|
| kept | {kept.seconds:.1f} | {kept.cpu:.1f} | {kept.records:,} | – | – |
| empty | {empty.seconds:.1f} | {empty.cpu:.1f} | {empty.records:,}, {rows:,} rows | {rate:,.0f} | {per_cpu:,.0f} |"""


def _restart(worker: Freshmart, run: Run) -> Restart:
    output, changelogs = run.folder / f"output-{time.monotonic_ns()}", worker.changelogs(run)
    before, begin = run.broker.end(changelogs), time.perf_counter()
    process = Running(worker.command(), worker.environments(run), output)
    try:
        while run.broker.end(changelogs) == before:
            if time.perf_counter() - begin > PATIENCE_SECONDS:
                raise SystemExit(f"no commit within {PATIENCE_SECONDS} s: {process.last_words}")
            time.sleep(0.01)
        seconds, cpu = time.perf_counter() - begin, process.cpu_seconds()
    finally:
        process.stop()
    return Restart(seconds, cpu, sum(int(number) for number in _TAKEN_OVER.findall(output.read_text())))
