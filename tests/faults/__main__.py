"""The full set of faults, on demand; progress on stderr, results in the report.

python -m tests.faults --schedules 50 --faults 20 --report docs/reliability-report.md
python -m tests.faults --scenario failover --report docs/reliability-report.md
python -m tests.faults --seed 17 --schedules 1 --faults 20       run one schedule again and print its story
python -m tests.faults --power                                   look for the planted bugs; prints a table

A report that is there is gone on with: seeds that it has are skipped.
"""

import argparse
import multiprocessing
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.faults import power
from tests.faults.jobs import folder_for, run_seed
from tests.faults.report import Report
from tests.faults.runs import Outcome
from tests.faults.scenarios import SCENARIOS
from tests.support.kafka import install, missing


def main() -> int:
    """Run the command line; returns the exit code: 0 nothing differs, 1 something does, 2 it cannot run here."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--schedules", type=int, default=1, help="how many, with seeds from --seed on (default 1)")
    parser.add_argument("--faults", type=int, default=20, help="of each schedule (default 20)")
    parser.add_argument("--receipts", type=int, default=2_100, help="of each schedule (default 2100, 20,000 lines)")
    parser.add_argument("--seed", type=int, default=1, help="the first one (default 1)")
    parser.add_argument("--jobs", type=int, default=1, help="schedules at a time (default 1)")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), help="one long fault instead of schedules")
    parser.add_argument("--power", action="store_true", help="look for the planted bugs instead")
    parser.add_argument("--report", type=Path, help="the file to write and to go on with (default: none)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where broker, volumes and logs stay")
    chosen = parser.parse_args()
    if (reason := missing()) is not None:
        print(reason, file=sys.stderr)
        return 2
    install()
    if chosen.power:
        return power.main()
    with tempfile.TemporaryDirectory(prefix="freshmart-faults-") as scratch:
        report = Report(chosen.report or Path(scratch) / "report.md")
        if chosen.scenario is not None:
            return _scenario(chosen.scenario, chosen.seed, report, chosen.keep)
        return _schedules(chosen, report)


def _scenario(name: str, seed: int, report: Report, keep: Path | None) -> int:
    _say(f"scenario {name}, seed {seed}")
    with folder_for(keep, name) as folder:
        measured = SCENARIOS[name](seed, folder)
    report.add_scenario(name, measured)
    for title, figure in measured.figures.items():
        _say(f"  {title}: {figure}")
    _tell(measured.outcome)
    return 1 if measured.outcome.differences else 0


def _schedules(chosen: argparse.Namespace, report: Report) -> int:
    seeds = [seed for seed in range(chosen.seed, chosen.seed + chosen.schedules) if seed not in report.rows]
    if len(seeds) < chosen.schedules:
        _say(f"{chosen.schedules - len(seeds)} schedules are in the report already")
    failed = 0
    # Processes of their own, started afresh: a broker's client does not survive a fork.
    with ProcessPoolExecutor(chosen.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = [pool.submit(run_seed, seed, chosen.faults, chosen.receipts, chosen.keep) for seed in seeds]
        for done, future in enumerate(as_completed(running), start=1):
            outcome = future.result()
            report.add(outcome)
            failed += bool(outcome.differences)
            _say(f"{done} of {len(seeds)}")
            _tell(outcome)
    return 1 if failed else 0


def _tell(outcome: Outcome) -> None:
    _say(
        f"seed {outcome.seed}: {outcome.faults.total()} faults, {outcome.lines} lines, "
        f"{len(outcome.differences)} differences, worst gap {outcome.gap_seconds:.1f} s, {outcome.seconds:.0f} s"
    )
    if outcome.differences:
        _say(outcome.story())


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
