"""The harness cannot pass with nothing in its hands: two empty things are equal, and that is not what it is to say."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Message

from freshmart_streams.agents import stores_group
from freshmart_streams.topics import Topics
from tests.acceptance.site import Place
from tests.faults import checks, runs
from tests.faults.evidence import Evidence
from tests.faults.ground import Ground
from tests.faults.load import Planned, plan
from tests.faults.planted import IDLE
from tests.faults.schedules import SLOTS, Schedule
from tests.faults.substance import check_substance
from tests.support.log import PARTITIONS

TOPICS = Topics("vacuity.")
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def evidence_of(planned: list[Planned], places: list[Place]) -> Evidence:
    """What is left of a run in which no worker did anything."""
    messages: dict[str, dict[int, list[Message]]] = defaultdict(lambda: defaultdict(list))
    return Evidence(TOPICS, stores_group(TOPICS), planned, places, messages, [{} for _ in range(PARTITIONS)])


def test_an_empty_log_is_not_a_good_one() -> None:
    found = checks.differences(evidence_of([], []))
    assert "substance: the load has no receipt" in found
    found = list(check_substance(evidence_of([], [])))
    assert "partition 0: not one commit" in found
    assert "partition 3: the last worker's disk has no rows" in found
    assert f"{TOPICS.reorders.name}: the oracle publishes nothing" in found


def test_a_load_that_is_not_in_the_log_is_missed() -> None:
    planned = plan(1, receipts=50, seconds=10, start=START, topics=TOPICS)
    nowhere = [Place(one.sent.topic, 0, 0) for one in planned]
    found = checks.differences(evidence_of(planned, nowhere))
    assert (
        f"substance: the log has 0 messages, of {len(planned)} in the load; {len(planned)} were acknowledged" in found
    )


@pytest.mark.parametrize("name", ["sums", "stock", "dead letters"])
def test_the_plain_sums_miss_what_nobody_applied(name: str) -> None:
    planned = plan(1, receipts=50, seconds=10, start=START, topics=TOPICS)
    numbered = [Place(one.sent.topic, 0, number) for number, one in enumerate(planned)]
    assert list(checks.CHECKS[name](evidence_of(planned, numbered)))


def test_each_check_is_made() -> None:
    """A check that is written and not in the list would find nothing for ever."""
    written = {name.removeprefix("check_").replace("_", " ") for name in vars(checks) if name.startswith("check_")}
    assert written == {*checks.CHECKS, "transactions", "audit"}


@pytest.fixture
def ground(kafka_program: None, tmp_path: Path) -> Iterator[Ground]:
    """A broker."""
    with Ground(tmp_path / "kafka", SLOTS) as ground:
        yield ground


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_workers_that_do_nothing_are_noticed(ground: Ground, tmp_path: Path) -> None:
    schedule = Schedule(seed=1, faults=(), receipts=50)
    outcome = runs.run(schedule, tmp_path / "run", planted=IDLE, ground=ground, patience_seconds=1)
    assert any(line.startswith("progress: ") and "were not applied" in line for line in outcome.differences)
    assert "substance: partition 0: not one commit" in outcome.differences
