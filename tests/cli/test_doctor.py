"""`doctor` answers every question in a line, with what to do."""

import json
import socket
from pathlib import Path

import pytest

from freshmart_streams.connectors.kafka import Cluster
from tests.cli.conftest import Ended, Freshmart


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of our own, and a port that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("FRESHMART_WEB_PORT", str(probe.getsockname()[1]))
    monkeypatch.setenv("FRESHMART_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def answers(ended: Ended) -> dict[str, tuple[bool, str]]:
    return {one["question"]: (one["is_ok"], one["answer"]) for one in json.loads(ended.out)["findings"]}


class TestDoctor:
    def test_finds_a_first_try_in_order_and_makes_nothing(self, freshmart: Freshmart, place: Path) -> None:
        ended = freshmart("doctor", "--json")
        found = answers(ended)
        assert ended.code == 0
        assert list(found) == ["Python", "libraries", "settings", "data folder", "web port", "broker"]
        assert all(is_ok for is_ok, _ in found.values())
        assert list(place.iterdir()) == []

    def test_writes_a_line_for_each_question(self, freshmart: Freshmart, broker: Cluster) -> None:
        lines = freshmart("doctor").out.splitlines()
        assert len(lines) == 7
        assert all(line.startswith("ok       ") for line in lines)
        assert f"embedded://{broker.bootstrap}: embedded" in lines[5]

    def test_stops_at_settings_that_are_wrong(self, freshmart: Freshmart, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FRESHMART_DEDUPE_DAYS", "0")
        ended = freshmart("doctor", "--json")
        is_ok, answer = answers(ended)["settings"]
        assert (ended.code, is_ok, list(answers(ended))) == (1, False, ["Python", "libraries", "settings"])
        assert answer.startswith("FRESHMART_DEDUPE_DAYS: '0' is not ")

    def test_tells_a_busy_port(self, freshmart: Freshmart, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as busy:
            busy.bind(("127.0.0.1", 0))
            busy.listen()
            monkeypatch.setenv("FRESHMART_WEB_PORT", str(busy.getsockname()[1]))
            ended = freshmart("doctor", "--json")
        is_ok, answer = answers(ended)["web port"]
        assert (ended.code, is_ok) == (1, False)
        assert "FRESHMART_WEB_PORT" in answer

    def test_tells_a_data_folder_that_is_not_writable(
        self, freshmart: Freshmart, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FRESHMART_DATA_DIR", "/proc/freshmart")
        ended = freshmart("doctor", "--json")
        is_ok, answer = answers(ended)["data folder"]
        assert (ended.code, is_ok) == (1, False)
        assert "FRESHMART_DATA_DIR" in answer

    def test_tells_a_broker_that_does_not_answer_without_waiting_for_it(
        self, freshmart: Freshmart, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FRESHMART_BROKER", "kafka://127.0.0.1:1")
        ended = freshmart("doctor")
        assert ended.code == 1
        assert "PROBLEM  broker       the broker at 127.0.0.1:1 does not answer" in ended.out

    def test_tells_a_broker_of_the_other_kind(
        self, freshmart: Freshmart, embedded: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FRESHMART_BROKER", f"kafka://{embedded}")
        ended = freshmart("doctor", "--json")
        is_ok, answer = answers(ended)["broker"]
        assert (ended.code, is_ok) == (1, False)
        assert "write embedded://" in answer
