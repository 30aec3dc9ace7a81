"""Runs with one long fault instead of many short ones, each for a figure of its own.

- `broker-away`: the broker is gone for two minutes; how long until the workers have caught up after its return?
- `storm`: a worker joins or leaves every second for five minutes.
- `failover`: one of three workers is killed, again and again; how long until every partition commits again?
- `poison-kills`: a slow message, a malformed one behind it, and a kill in between, two hundred times (`poison`).
- `restore`: how fast is an empty volume filled from the changelog (`restore`)?
"""

import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from freshmart_streams.engine.clock import now_ms
from tests.faults import poison
from tests.faults.cluster import Cluster
from tests.faults.evidence import Evidence
from tests.faults.load import Sender, plan
from tests.faults.progress import Progress
from tests.faults.restore import restore
from tests.faults.runs import Outcome, begin_load, finish, lines_of, run
from tests.faults.schedules import HOME, QUIET_SECONDS, Action, Fault, Kind, Schedule, Step, storm
from tests.support.kafka import Kafka
from tests.support.log import PARTITIONS

AWAY_SECONDS: Final = 120
CAUGHT_UP_WITHIN_SECONDS: Final = 60
STEADY_RECORDS: Final = 50
"""Records behind at which a worker counts as caught up while the load goes on."""
STORM_SECONDS: Final = 300
KILLS: Final = 50
FAILOVER_SESSION_SECONDS: Final = 6
FAILOVER_MARGIN_SECONDS: Final = 15
RECEIPTS_PER_SECOND: Final = 20
KILL_EVERY_SECONDS: Final = 25.0
"""For the length of the load only; a kill waits until the one before it is over."""
POISON_KILLS: Final = 200
RECOVERED_SECONDS_MAX: Final = 120
RESTORED_ROWS: Final = 1_000_000


@dataclass
class Measured:
    """What a scenario found: an outcome like any other run's, and its own figures by name."""

    outcome: Outcome
    figures: dict[str, str] = field(default_factory=dict)


def broker_away(seed: int, folder: Path) -> Measured:
    """The broker ends and comes back two minutes later, while the tills go on."""
    measured = Measured(Outcome(seed, Counter({Kind.BROKER_RESTART: 1})))

    def faults(cluster: Cluster, progress: Progress, sender: Sender) -> None:
        _wait(cluster, QUIET_SECONDS)
        cluster.do(Step(0.0, Action.BROKER_STOP))
        _wait(cluster, AWAY_SECONDS)
        cluster.do(Step(0.0, Action.BROKER_START))
        back = time.monotonic()
        while (left := progress.left(progress.ends())) > STEADY_RECORDS:
            if time.monotonic() - back > 4 * CAUGHT_UP_WITHIN_SECONDS:
                break
            progress.follow()
            cluster.watch()
        took = time.monotonic() - back
        measured.figures["broker away"] = f"{AWAY_SECONDS} s"
        measured.figures["caught up after its return in"] = f"{took:.1f} s (goal: {CAUGHT_UP_WITHIN_SECONDS})"
        if left > STEADY_RECORDS or took > CAUGHT_UP_WITHIN_SECONDS:
            measured.outcome.differences.append(
                f"progress: {left} records behind {took:.0f} s after the broker's return"
            )
        _wait(cluster, QUIET_SECONDS)

    _under_load(measured.outcome, folder, faults, seconds=AWAY_SECONDS + 20.0)
    return measured


def storm_of_members(seed: int, folder: Path) -> Measured:
    """Every second a worker joins or leaves, in order or killed."""
    chance = random.Random(f"storm {seed}")
    steps = tuple(storm(chance, QUIET_SECONDS, seconds=STORM_SECONDS, slots=(0, HOME)))
    fault = Fault(Kind.STORM, QUIET_SECONDS, steps)
    receipts = STORM_SECONDS * RECEIPTS_PER_SECOND
    outcome = run(Schedule(seed=seed, faults=(fault,), receipts=receipts), folder)
    return Measured(outcome, {"joins and leaves": str(len(steps)), "over": f"{STORM_SECONDS} s"})


def failover(seed: int, folder: Path) -> Measured:
    """One of three workers is killed; when all partitions have committed again it comes back, and the next one goes."""
    measured = Measured(Outcome(seed, Counter({Kind.KILL: KILLS})))
    chance = random.Random(f"failover {seed}")
    kills: list[_Kill] = []

    def faults(cluster: Cluster, progress: Progress, sender: Sender) -> None:
        home = cluster.slots[:HOME]
        for _ in range(KILLS):
            _wait(cluster, chance.uniform(1.0, 3.0))
            # Of three workers and four partitions the assignor may leave one without: what is moved is paused.
            slot, lost = chance.choice([(slot, had) for slot in home if (had := cluster.partitions_of(slot))])
            kills.append(_Kill(now_ms(), lost))
            killed = time.monotonic()
            cluster.kill(slot)
            while min(progress.committed_at[number] for number in range(PARTITIONS)) <= killed + 1.0:
                if time.monotonic() - killed > RECOVERED_SECONDS_MAX:
                    measured.outcome.differences.append(f"progress: no commit {RECOVERED_SECONDS_MAX} s after a kill")
                    return
                progress.follow()
                cluster.watch()
            cluster.start(slot)
            while not (cluster.are_ready() and sum(len(cluster.partitions_of(slot)) for slot in home) == PARTITIONS):
                progress.follow()
        sender.stop()

    evidence = _under_load(
        measured.outcome,
        folder,
        faults,
        seconds=KILLS * KILL_EVERY_SECONDS,
        standbys=1,
        session_seconds=FAILOVER_SESSION_SECONDS,
    )
    measured.figures |= _failover_figures(evidence, kills, measured.outcome)
    return measured


class _Kill(NamedTuple):
    """A worker's end, and the partitions that it had."""

    at_ms: int
    partitions: frozenset[int]


def _failover_figures(evidence: Evidence, kills: list[_Kill], outcome: Outcome) -> dict[str, str]:
    """By the journal: per kill, the longest time that any partition was without a commit until the next kill."""
    commits = [[entry.at_ms for entry in entries] for entries in evidence.journal]
    gaps, pauses = list[float](), list[float]()
    for (begin, lost), end in zip(kills, [*(kill.at_ms for kill in kills[1:]), now_ms()], strict=True):
        gaps.append(_gap_after([commits[number] for number in lost], begin, end))
        others = [moments for number, moments in enumerate(commits) if number not in lost]
        pauses.append(_gap_after(others, begin, end))
    p95, limit = _p95(gaps), FAILOVER_SESSION_SECONDS + FAILOVER_MARGIN_SECONDS
    if p95 > limit:
        outcome.differences.append(f"progress: fail-over took {p95:.1f} s at p95, more than {limit}")
    return {
        "kills": str(len(gaps)),
        "session timeout": f"{FAILOVER_SESSION_SECONDS} s",
        "fail-over p50": f"{statistics.median(gaps):.1f} s",
        "fail-over p95": f"{p95:.1f} s (goal: {limit})",
        "fail-over max": f"{max(gaps):.1f} s",
        "pause of the other workers' partitions p50": f"{statistics.median(pauses):.1f} s",
        "pause of the other workers' partitions p95": f"{_p95(pauses):.1f} s",
    }


def _p95(seconds: list[float]) -> float:
    return sorted(seconds)[max(0, round(0.95 * len(seconds)) - 1)]


def _gap_after(commits: list[list[int]], begin: int, end: int) -> float:
    """The longest gap between two commits of one partition that reaches into the time between two kills, in seconds."""
    longest = 0
    for moments in commits:
        inside = [at for at in moments if begin < at <= end]
        before = max((at for at in moments if at <= begin), default=begin)
        longest = max(longest, *(later - max(earlier, begin) for earlier, later in pairwise([before, *inside])), 0)
    return longest / 1_000


def _under_load(
    outcome: Outcome,
    folder: Path,
    faults: Callable[[Cluster, Progress, Sender], None],
    *,
    seconds: float,
    standbys: int = 0,
    session_seconds: int = 3,
) -> Evidence:
    began = time.monotonic()
    with Cluster(folder, standbys=standbys, session_seconds=session_seconds) as cluster:
        site = cluster.site
        start = datetime.fromtimestamp(now_ms() // 1_000, UTC)
        receipts = int(seconds * RECEIPTS_PER_SECOND)
        planned = plan(outcome.seed, receipts=receipts, seconds=seconds, start=start, topics=site.topics)
        sender = Sender(site.bootstrap, planned, cluster.clock)
        sender.send_master_data()
        cluster.start_home()
        begin_load(cluster, sender)
        since_ms = now_ms()
        with Progress(site.bootstrap, site.group) as progress:
            faults(cluster, progress, sender)
        cluster.settle()
        sender.finish()
        evidence = finish(cluster, sender, outcome, since_ms)
        outcome.messages = Counter(one.what for one in evidence.planned)
        outcome.lines = lines_of(evidence.planned)
        outcome.timeline = cluster.timeline
        outcome.seconds = time.monotonic() - began
    return evidence


def _wait(cluster: Cluster, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        cluster.watch()
        time.sleep(min(left, 0.5))


def poison_kills(seed: int, folder: Path) -> Measured:
    """A worker dies around the commit of a slow message with a malformed one behind it."""
    began = time.monotonic()
    found = poison.run(POISON_KILLS, folder, seed)
    outcome = Outcome(seed, Counter({Kind.KILL: POISON_KILLS}), found)
    outcome.seconds = time.monotonic() - began
    return Measured(outcome, {"kills": str(POISON_KILLS)})


def restore_volume(seed: int, folder: Path) -> Measured:
    """A volume is lost, and filled again from the changelog."""
    with Kafka(folder / "kafka") as kafka:
        found = restore(kafka, RESTORED_ROWS, folder / "volume")
    wrong = [] if found.rows == RESTORED_ROWS else [f"volume: {found.rows} rows instead of {RESTORED_ROWS}"]
    outcome = Outcome(seed, Counter(), wrong)
    outcome.seconds = found.seconds
    return Measured(
        outcome, {"rows": f"{found.rows:,}", "seconds per million rows": f"{found.seconds_per_million:.1f}"}
    )


SCENARIOS: Final[Mapping[str, Callable[[int, Path], Measured]]] = {
    "broker-away": broker_away,
    "storm": storm_of_members,
    "failover": failover,
    "poison-kills": poison_kills,
    "restore": restore_volume,
}
