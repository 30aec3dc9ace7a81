"""Goal R1, shortened: the full set is `python -m tests.faults --schedules 50 --faults 20` (docs/reliability.md)."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.ground import Ground
from tests.faults.runs import run
from tests.faults.schedules import SESSION_SECONDS, SLOTS, Action, Kind, draw

SEEDS = (1, 2, 3, 4, 5)
FAULTS = 10
RECEIPTS = 800


@pytest.fixture(scope="module")
def ground(kafka_program: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """One broker for all schedules; each has topics of its own."""
    with Ground(tmp_path_factory.mktemp("faults") / "kafka", SLOTS) as ground:
        yield ground


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_faults_neither_lose_nor_double_anything(ground: Ground, tmp_path: Path, seed: int) -> None:
    outcome = run(draw(seed, faults=FAULTS, receipts=RECEIPTS), tmp_path, ground=ground)
    assert not outcome.differences, outcome.story()
    assert outcome.lines > 5 * RECEIPTS


def test_the_schedules_cover_every_kind_of_fault() -> None:
    kinds: Counter[Kind] = sum((draw(seed, faults=FAULTS).kinds for seed in SEEDS), Counter())
    assert set(kinds) == set(Kind)
    assert kinds.total() == len(SEEDS) * FAULTS


def test_a_seed_gives_one_schedule_and_another_gives_another() -> None:
    assert draw(7) == draw(7)
    assert draw(7) != draw(8)


@pytest.mark.parametrize("seed", range(40))
class TestASchedule:
    def test_has_as_many_faults_as_asked_for_of_every_kind(self, seed: int) -> None:
        schedule = draw(seed, faults=20)
        assert len(schedule.faults) == 20
        assert set(schedule.kinds) == set(Kind)

    def test_leaves_nothing_broken(self, seed: int) -> None:
        opposites = {
            Action.FREEZE: Action.THAW,
            Action.CUT: Action.HEAL,
            Action.SLOW: Action.HEAL,
            Action.KILL: Action.START,
            Action.WIPE: Action.START,
            Action.STOP: Action.START,
            Action.BROKER_KILL: Action.BROKER_START,
            Action.BROKER_STOP: Action.BROKER_START,
        }
        open_: set[tuple[Action, int | None]] = set()
        for step in draw(seed, faults=20).steps:
            open_.discard((step.action, step.slot))
            if step.slot != SLOTS - 1 and step.action in opposites:  # the last place is empty when nothing is wrong
                open_.add((opposites[step.action], step.slot))
        assert open_ == set()

    def test_never_has_two_faults_on_one_worker_or_on_the_broker_at_a_time(self, seed: int) -> None:
        faults = draw(seed, faults=20).faults
        for place, fault in enumerate(faults):
            mine = {step.slot for step in fault.steps}
            for other in faults[place + 1 :]:
                if mine & {step.slot for step in other.steps}:
                    assert other.at > fault.ends_at

    def test_freezes_workers_for_longer_than_their_session(self, seed: int) -> None:
        freezes = [fault for fault in draw(seed, faults=20).faults if fault.kind is Kind.FREEZE]
        assert freezes
        assert all(fault.ends_at - fault.at >= SESSION_SECONDS + 1 for fault in freezes)
