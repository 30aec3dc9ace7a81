"""One schedule from beginning to end: load, faults, catching up, the last worker, the checks."""

import json
import time
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from freshmart_streams.engine.clock import now_ms
from tests.acceptance.site import PROGRAM
from tests.faults import checks
from tests.faults.cluster import Cluster, Event, Slot, planted_program
from tests.faults.evidence import CHANGELOG, Evidence, collect
from tests.faults.ground import Ground
from tests.faults.load import Planned, Sender, What, plan
from tests.faults.progress import Progress
from tests.faults.schedules import Kind, Schedule
from tests.support.log import PARTITIONS

READY_SECONDS_MAX = 90
CATCH_UP_SECONDS_MAX = 240
STILL_SECONDS = 1.5
"""Without a commit for so long, a worker to whom nothing comes has nothing left to do."""
KNOWN_TROUBLE = (
    "Unclosed AIOKafkaConnection",  # aiokafka drops a connection that it was opening when it is told to stop
    "Thread keepalive is not responding",  # mode, of a worker that was frozen, when it wakes
)
"""Lines of a worker's log that are allowed."""


@dataclass
class Outcome:
    """What came of a run.

    Attributes:
        seed: of the schedule.
        faults: how many of each kind.
        differences: everything that is not as it must be; empty when all is well.
        timeline: what was done and seen.
        messages: the load, by what its messages are.
        lines: sale lines of the receipts that were sent, duplicates left out.
        gap_seconds: the longest time that a partition was without a commit while the load ran.
        gap_partition: which one.
        catch_up_seconds: from the end of the faults until everything was applied.
        seconds: the whole run with its checks.
        put_out: whom the broker took for dead.
    """

    seed: int
    faults: Counter[Kind]
    differences: list[str] = field(default_factory=list)
    timeline: list[Event] = field(default_factory=list)
    messages: Counter[What] = field(default_factory=Counter)
    lines: int = 0
    gap_seconds: float = 0.0
    gap_partition: int = 0
    catch_up_seconds: float = 0.0
    seconds: float = 0.0
    put_out: set[str] = field(default_factory=set)

    def story(self) -> str:
        """For a person who wants to know what went wrong: differences, timeline, and how to run it again."""
        events = "\n".join(f"  {event.at:7.1f} s  {event.clock}  {event.text}" for event in self.timeline)
        found = "\n".join(f"- {line}" for line in self.differences)
        again = f"python -m tests.faults --seed {self.seed} --schedules 1 --faults {self.faults.total()}"
        return (
            f"seed {self.seed}: {len(self.differences)} differences; again with: {again}\n{found}\ntimeline\n{events}"
        )


def run(
    schedule: Schedule,
    folder: Path,
    *,
    planted: str | None = None,
    ground: Ground | None = None,
    patience_seconds: float = CATCH_UP_SECONDS_MAX,
) -> Outcome:
    """Run a schedule.

    Args:
        schedule: what happens.
        folder: for everything that is written.
        planted: a bug that the workers are to have (`planted_worker`).
        ground: a broker to share with other runs; by default one of its own.
        patience_seconds: after the faults, until everything has to be applied.
    """
    began = time.monotonic()
    outcome = Outcome(schedule.seed, schedule.kinds)
    program = PROGRAM if planted is None else planted_program(planted)
    with Cluster(
        folder, standbys=schedule.standbys, session_seconds=schedule.session_seconds, program=program, ground=ground
    ) as cluster:
        try:
            _run(schedule, cluster, outcome, patience_seconds)
        finally:
            outcome.timeline = cluster.timeline
            outcome.seconds = time.monotonic() - began
    return outcome


def _run(schedule: Schedule, cluster: Cluster, outcome: Outcome, patience_seconds: float) -> None:
    site = cluster.site
    start = datetime.fromtimestamp(now_ms() // 1_000, UTC)
    planned = plan(schedule.seed, receipts=schedule.receipts, seconds=schedule.seconds, start=start, topics=site.topics)
    outcome.messages = Counter(one.what for one in planned)
    outcome.lines = lines_of(planned)
    sender = Sender(site.bootstrap, planned, cluster.clock)
    sender.send_master_data()
    cluster.start_home()
    begin_load(cluster, sender)
    since_ms = now_ms()
    for step in schedule.steps:
        sleep_until(cluster, step.at)
        cluster.do(step)
    cluster.settle()
    sender.finish()
    finish(cluster, sender, outcome, since_ms, patience_seconds)
    outcome.put_out = cluster.put_out()
    outcome.differences += fenced(cluster, schedule, outcome.put_out)


def lines_of(planned: Iterable[Planned]) -> int:
    """Sale lines, those of duplicates and of what must become a dead letter left out."""
    return sum(len(one.counts.lines) for one in planned if one.counts is not None)


def begin_load(cluster: Cluster, sender: Sender) -> None:
    """Wait until the workers take part, then let the load begin."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while not cluster.are_ready() and time.monotonic() < deadline:
        time.sleep(0.2)
    cluster.clock.start()
    cluster.note("the load begins")
    sender.start()


def sleep_until(cluster: Cluster, at: float) -> None:
    """Wait until so many seconds after the start of the load, with an eye on the workers."""
    while (left := at - cluster.clock.now) > 0:
        cluster.watch()
        time.sleep(min(left, 0.5))


def finish(
    cluster: Cluster,
    sender: Sender,
    outcome: Outcome,
    since_ms: int,
    patience_seconds: float = CATCH_UP_SECONDS_MAX,
) -> Evidence:
    """After the faults: everything is applied, one worker is left, then none; then everything is checked."""
    site, settled = cluster.site, cluster.clock.now
    cluster.note("all faults are over, all is sent")
    with Progress(site.bootstrap, site.group) as progress:
        trouble = wait_until_applied(cluster, progress, patience_seconds)
        until_ms = now_ms()
        outcome.catch_up_seconds = cluster.clock.now - settled
        survivor = cluster.keep_one()
        cluster.note(f"only {survivor.name} is left")
        trouble = trouble or wait_until_applied(cluster, progress, patience_seconds)
        trouble = trouble or wait_until_it_has_all(cluster, survivor, patience_seconds)
        cluster.silence(survivor)
        trouble = trouble or wait_until_applied(cluster, progress, patience_seconds)
        trouble = trouble or wait_until_it_has_all(cluster, survivor, patience_seconds)
        trouble = trouble or wait_until_quiet(cluster, progress, patience_seconds)
    cluster.end(survivor)
    evidence = collect(site, survivor.name, sender)
    outcome.gap_seconds, outcome.gap_partition = checks.gap(evidence, since_ms, until_ms)
    outcome.differences += [*cluster.findings, *tracebacks(cluster), *trouble]
    outcome.differences += checks.differences(evidence)
    outcome.differences += [*checks.check_transactions(site, evidence), *checks.check_audit(site, survivor.name)]
    return evidence


def wait_until_applied(cluster: Cluster, progress: Progress, seconds: float) -> list[str]:
    """Wait until every input that is in the log now is in a commit; what is left if it takes too long."""
    ends, deadline = progress.ends(), time.monotonic() + seconds
    while (left := progress.left(ends)) and time.monotonic() < deadline:
        progress.follow()
        cluster.watch()
    cluster.note(f"{left} records are left to be applied" if left else "everything is applied")
    return [f"progress: {left} records were not applied within {seconds:g} s"] if left else []


def wait_until_it_has_all(cluster: Cluster, survivor: Slot, seconds: float) -> list[str]:
    """Wait until the last worker is at work on every partition; one that has only some of them is ready as well."""
    deadline = time.monotonic() + seconds
    while _partitions_of(survivor) < PARTITIONS:
        if time.monotonic() > deadline:
            return [f"progress: {survivor.name} did not have all partitions within {seconds:g} s"]
        cluster.watch()
        time.sleep(0.2)
    return []


def wait_until_quiet(cluster: Cluster, progress: Progress, seconds: float) -> list[str]:
    """Wait until nothing was committed for a while.

    What a tick makes due may be in a later commit than the tick; whoever is told to end in between leaves it to the
    next worker, and there will be none.
    """
    changelog, deadline = cluster.site.topics.prefix + CHANGELOG, time.monotonic() + seconds
    before, since = progress.written(changelog), time.monotonic()
    while time.monotonic() - since < STILL_SECONDS:
        if time.monotonic() > deadline:
            return [f"progress: the last worker still commits after {seconds:g} s"]
        time.sleep(0.1)
        if (now := progress.written(changelog)) != before:
            before, since = now, time.monotonic()
    return []


def _partitions_of(slot: Slot) -> int:
    try:
        return 0 if slot.running is None else int(slot.running.metric("freshmart_partition_live"))
    except OSError:
        return 0


def tracebacks(cluster: Cluster) -> Iterator[str]:
    """What workers logged that no worker should ever log."""
    for slot in cluster.slots:
        log = cluster.folder / f"{slot.name}.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        for line in lines:
            if not _is_fine(line):
                yield f"workers: {slot.name} logged {line[:2_000]}"


def fenced(cluster: Cluster, schedule: Schedule, put_out: Container[str]) -> Iterator[str]:
    """Who was fenced although nothing had happened to it: somebody took partitions that were not his.

    On a busy machine a worker may stand still for longer than its session lasts, without anybody freezing it. The
    broker's log tells: from whomever it put out of the group, the others were to take over.
    """
    touched = {step.slot for step in schedule.steps}
    for slot in cluster.slots:
        log = cluster.folder / f"{slot.name}.log"
        times = log.read_text(errors="replace").count("ProducerFenced") if log.exists() else 0
        if times and touched.isdisjoint({slot.number, None}) and slot.name not in put_out:
            yield f"fencing: {slot.name} was fenced {times} times, and nothing had happened to it"


def _is_fine(line: str) -> bool:
    if any(known in line for known in KNOWN_TROUBLE):
        return True
    try:
        entry = json.loads(line)
    except ValueError:
        return not line.strip()
    return entry.get("level") not in {"error", "critical"} and "exception" not in entry
