"""The power of the harness: for each planted bug a schedule in which it matters, and whether the checks find it.

A scenario says which faults come and under which conditions (`planted.CONDITIONS`). Its control run has the same faults
and conditions and no bug, and must find nothing. A bug is looked for with one seed after the other until it is found.

`python -m tests.faults --power` prints the table: each bug, the schedule that found it, and by which checks.
"""

import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from tests.faults import zombies
from tests.faults.ground import Ground
from tests.faults.planted import BUGS, named
from tests.faults.runs import Outcome, run
from tests.faults.schedules import SLOTS, Action, Fault, Kind, Schedule, Step

SCHEDULES: Final = 10
"""Within so many a bug has to be found."""
PATIENCE_SECONDS: Final = 15
"""A worker with a bug may never finish: nobody waits for it as long as for one without."""
INCIDENTAL: Final = frozenset({"progress", "workers", "substance", "audit"})
"""Checks that a slow machine can fail as well: what they find proves nothing."""
UNFINISHED: Final = frozenset({"journal", "volume", "sums", "stock", "dead letters"})
"""Checks that fail when not all was applied, whatever the reason."""


@dataclass(frozen=True)
class Scenario:
    """Faults and conditions in which some bugs matter.

    Attributes:
        name: of the scenario.
        conditions: names in `planted.CONDITIONS`; a bug is looked for under those that it needs.
        draw: the faults, by chance.
        receipts: of the load.
        standbys: of the workers.
    """

    name: str
    conditions: tuple[str, ...]
    draw: Callable[[random.Random], Iterator[Fault]]
    receipts: int = 300
    standbys: int = 0

    def schedule(self, seed: int) -> Schedule:
        """The schedule of a seed."""
        chance = random.Random(f"{self.name} {seed}")
        faults = tuple(self.draw(chance))
        return Schedule(seed=seed, faults=faults, receipts=self.receipts, standbys=self.standbys)

    def control(self, seed: int, folder: Path, ground: Ground) -> Outcome:
        """Run it without a bug, under all of its conditions; the checks must find nothing."""
        return run(self.schedule(seed), folder, planted=named(None, self.conditions), ground=ground)


def _nothing(_: random.Random) -> Iterator[Fault]:
    return iter(())


def _killed(chance: random.Random) -> Iterator[Fault]:
    """Two of three workers are told to end; the third, which has all partitions then, is killed, and all come back."""
    at = chance.uniform(2.0, 3.0)
    killed_at, back_at = at + chance.uniform(3.5, 4.0), at + 4.2
    for slot in (1, 2):
        yield Fault(Kind.STOP, at, (Step(at, Action.STOP, slot), Step(back_at, Action.START, slot)))
    yield Fault(Kind.KILL, killed_at, (Step(killed_at, Action.KILL, 0), Step(back_at, Action.START, 0)))


def _rebalances(chance: random.Random) -> Iterator[Fault]:
    """A worker leaves and comes back, twice; what the others have goes from them and comes back each time."""
    at = chance.uniform(2.0, 2.5)
    for _ in range(2):
        yield Fault(Kind.STOP, at, (Step(at, Action.STOP, 2), Step(at + 0.8, Action.START, 2)))
        at += chance.uniform(4.0, 4.5)


def _frozen_for(least: float, most: float) -> Callable[[random.Random], Iterator[Fault]]:
    """A worker stands still for so many seconds. After three the others begin to open its partitions."""

    def draw(chance: random.Random) -> Iterator[Fault]:
        at = chance.uniform(2.0, 3.0)
        thaw_at = at + chance.uniform(least, most)
        yield Fault(Kind.FREEZE, at, (Step(at, Action.FREEZE, 0), Step(thaw_at, Action.THAW, 0)))

    return draw


QUIET: Final = Scenario("quiet", ("refused-outputs",), _nothing, receipts=150)
KILLED: Final = Scenario(
    "killed", ("slow-sending", "slow-publishing", "slow-standbys"), _killed, receipts=500, standbys=1
)
REBALANCES: Final = Scenario("rebalances", ("slow-fetches",), _rebalances, receipts=500)
TOO_LATE: Final = Scenario("too late", ("slow-sending", "slow-revocation"), _frozen_for(8.0, 9.0))
"""The frozen worker thaws when others are at work on its partitions, and learns of it from the fence first."""
MEANWHILE: Final = Scenario("meanwhile", ("slow-sending", "slow-opening", "slow-revocation"), _frozen_for(6.2, 7.0))
"""The frozen worker thaws while others are opening its partitions."""
SCENARIOS: Final = (QUIET, KILLED, REBALANCES, TOO_LATE, MEANWHILE)

ON_KAFKA: Final[Mapping[str, tuple[Scenario, tuple[str, ...]]]] = {
    "dedupe-off": (QUIET, ()),
    "wrong-key": (QUIET, ()),
    "decode-error-swallowed": (QUIET, ()),
    "row-not-stored-back": (QUIET, ()),
    "futures-not-awaited": (QUIET, ("refused-outputs",)),
    "marker-apart": (KILLED, ("slow-publishing",)),
    "outputs-before-the-commit": (KILLED, ("slow-sending",)),
    "agenda-lost": (KILLED, ()),
    "standby-taken-as-it-is": (KILLED, ("slow-standbys",)),
    "dropped-on-rebalance": (REBALANCES, ("slow-fetches",)),
    "seek-without-tag": (REBALANCES, ("slow-fetches",)),
    "offset-plus-one": (REBALANCES, ()),
    "changelog-before-fence": (MEANWHILE, MEANWHILE.conditions),
    "reopened-without-consent": (TOO_LATE, TOO_LATE.conditions),
}
"""In which scenario, and under which of its conditions, a bug matters."""
ON_EMBEDDED: Final = ("seq-not-checked",)
"""What cannot matter on Kafka: there a fenced worker cannot write a second commit of one number. See zombies.py."""


class Found(NamedTuple):
    """What a search came to."""

    bug: str
    scenario: str
    schedules: int
    """How many it took."""
    differences: list[str]
    """What the checks found in the last of them."""

    @property
    def checks(self) -> list[str]:
        """Names of the checks that found something, as they come."""
        return list(dict.fromkeys(line.partition(":")[0] for line in self.differences))

    @property
    def proofs(self) -> list[str]:
        """Those of them that a slow machine could not have failed."""
        doubtful = INCIDENTAL | UNFINISHED if "progress" in self.checks else INCIDENTAL
        return [name for name in self.checks if name not in doubtful]


def look_for(bug: str, seed: int, folder: Path, ground: Ground | None) -> Found:
    """Run one schedule with a bug."""
    if bug in ON_EMBEDDED:
        return Found(bug, "zombies", seed, zombies.differences(bug, seed, folder))
    scenario, conditions = ON_KAFKA[bug]
    planted = named(bug, conditions)
    outcome = run(scenario.schedule(seed), folder, planted=planted, ground=ground, patience_seconds=PATIENCE_SECONDS)
    return Found(bug, scenario.name, seed, outcome.differences)


def search(bug: str, folder: Path, ground: Ground | None) -> Found:
    """Look for a bug with one seed after the other, until there is a proof of it; the last run."""
    for seed in range(1, SCHEDULES + 1):
        found = look_for(bug, seed, folder / f"{bug}-{seed}", ground)
        shutil.rmtree(folder / f"{bug}-{seed}", ignore_errors=True)
        if found.proofs:
            break
    return found


def controls(folder: Path, ground: Ground, seed: int = 1) -> Iterator[tuple[str, list[str]]]:
    """The same without bugs: the scenario, and what the checks found, which has to be nothing."""
    for scenario in SCENARIOS:
        yield scenario.name, scenario.control(seed, folder / scenario.name, ground).differences
    yield "zombies", zombies.differences(None, seed, folder / "zombies")


def main() -> int:
    """Look for every bug and print the table; returns 0 when all were found and no control run found anything."""
    is_good = True
    print("| bug | scenario | found in schedule | by |\n|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="freshmart-faults-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        with Ground(folder / "kafka", SLOTS) as ground:
            for bug in BUGS:
                found = search(bug, folder, ground)
                is_good &= bool(found.proofs)
                number = f"{found.schedules} of {SCHEDULES}" if found.proofs else f"none of {SCHEDULES}"
                print(f"| {bug} | {found.scenario} | {number} | {', '.join(found.checks)} |", flush=True)
            for name, differences in controls(folder, ground):
                is_good &= not differences
                print(f"| none | {name} | {'found something' if differences else 'nothing to find'} | |", flush=True)
                print("\n".join(differences), file=sys.stderr, flush=True)
    return 0 if is_good else 1
