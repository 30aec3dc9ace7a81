"""The harness finds planted bugs (goal R13), each within ten schedules, and nothing where there is none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from freshmart_streams.engine.changelog import MARKER, ChangelogReader, ForeignLogError
from freshmart_streams.engine.connection import Connection, Mode
from freshmart_streams.engine.journal import LocalState, Marker, encode_marker
from freshmart_streams.engine.stores import MemoryStore
from tests.faults import zombies
from tests.faults.cluster import NAMES
from tests.faults.ground import Ground
from tests.faults.planted import BUGS, CONDITIONS, seq_not_checked
from tests.faults.power import ON_EMBEDDED, ON_KAFKA, SCENARIOS, Scenario, search
from tests.faults.schedules import SLOTS, Action

ON_DEMAND = {"row-not-stored-back", "agenda-lost", "standby-taken-as-it-is", "changelog-before-fence"}
"""Beyond goal R13: only `python -m tests.faults --power` looks for these, to keep the tests to some minutes."""
IN_TESTS = [bug for bug in ON_KAFKA if bug not in ON_DEMAND]
CONTROLS = [scenario for scenario in SCENARIOS if any(ON_KAFKA[bug][0] is scenario for bug in IN_TESTS)]

slowly = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def ground(kafka_program: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A broker that all of these runs share."""
    with Ground(tmp_path_factory.mktemp("power") / "kafka", SLOTS) as ground:
        yield ground


@pytest.mark.parametrize("scenario", [pytest.param(one, id=one.name, marks=slowly) for one in CONTROLS])
def test_nothing_is_found_where_no_bug_is_planted(scenario: Scenario, ground: Ground, tmp_path: Path) -> None:
    outcome = scenario.control(1, tmp_path, ground)
    assert outcome.differences == []
    frozen = {
        NAMES[step.slot]
        for step in scenario.schedule(1).steps
        if step.slot is not None and step.action is Action.FREEZE
    }
    assert frozen <= outcome.put_out, "the broker's log tells who was taken for dead"


@pytest.mark.parametrize("bug", [pytest.param(one, marks=slowly) for one in IN_TESTS])
def test_a_planted_bug_is_found(bug: str, ground: Ground, tmp_path: Path) -> None:
    found = search(bug, tmp_path, ground)
    assert found.proofs, f"none of {found.schedules} schedules found {bug}; in the last one: {found.differences}"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_is_found_of_a_zombie_on_the_embedded_broker_where_no_bug_is_planted(tmp_path: Path) -> None:
    assert zombies.differences(None, 1, tmp_path) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("bug", ON_EMBEDDED)
def test_a_planted_bug_is_found_on_the_embedded_broker(bug: str, tmp_path: Path) -> None:
    found = search(bug, tmp_path, None)
    assert found.proofs, f"none of {found.schedules} schedules found {bug}; in the last one: {found.differences}"


@pytest.mark.parametrize("mode", ["tx", "log"])
def test_seq_is_checked_in_both_modes(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest case: on Kafka no worker can bring it about, and a reader refuses it all the same."""
    assert last_row_of_two_commits_with_one_number(mode) == b"first"
    monkeypatch.setattr(ChangelogReader, "_accepts", ChangelogReader._accepts)  # undone after the test
    seq_not_checked()
    assert last_row_of_two_commits_with_one_number(mode) == b"second"


def last_row_of_two_commits_with_one_number(mode: Mode) -> bytes | None:
    """What a reader takes a row for that two commits wrote, both with the number 1."""
    store = MemoryStore()
    reader = ChangelogReader(Connection(bootstrap="", mode=mode), "changelog", 0, store, LocalState(Marker()))
    marker = encode_marker(Marker(id="log", seq=1))
    try:
        for offset, row in enumerate((b"first", b"second")):
            reader.apply(2 * offset, b"row", row)
            reader.apply(2 * offset + 1, MARKER, marker)
    except ForeignLogError:
        assert mode == "tx"
    reader._flush()
    return store.get(b"row")


def test_every_bug_has_a_place_where_it_matters() -> None:
    assert BUGS.keys() == {*ON_KAFKA, *ON_EMBEDDED}
    assert {one for scenario in SCENARIOS for one in scenario.conditions} == CONDITIONS.keys()
