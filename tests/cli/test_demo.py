"""The demo is a newcomer's first minute: stores sell, reorders are printed, Ctrl-C ends it; as often as one likes."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import freshmart_streams
from freshmart_streams.cli.demo import locale_name

ORDER = re.compile(r"^\w\w \d\d\.\d\d\. \d\d:\d\d  .{15}  .{28}  .* für \w\w \d\d\.\d\d\. .*- noch .* da, .* erwartet$")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def demo(port: int, folder: Path) -> Iterator[tuple["subprocess.Popen[str]", list[str]]]:
    """A demo in German and what it has written to stdout so far."""
    environment = {
        **os.environ,
        "LC_ALL": "de_DE.UTF-8",
        "PYTHONPATH": str(Path(freshmart_streams.__file__).parents[1]),
        "TMPDIR": str(folder),
        "FRESHMART_WEB_PORT": str(port),
    }
    program = [sys.executable, "-m", "freshmart_streams", "demo", "--speed", "3600"]
    pipe = subprocess.PIPE
    with subprocess.Popen(program, stdout=pipe, stderr=pipe, text=True, cwd=folder, env=environment) as started:
        lines: list[str] = []
        out = started.stdout
        assert out is not None
        reader = threading.Thread(target=lambda: lines.extend(line.rstrip("\n") for line in out), daemon=True)
        reader.start()
        try:
            yield started, lines
        finally:
            started.kill()
            reader.join(10)


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.mark.slow
@pytest.mark.parametrize("time_around", ["the first time", "again on the same machine"])
def test_prints_readable_reorders_within_a_minute_and_ends_with_ctrl_c(tmp_path: Path, time_around: str) -> None:
    del time_around
    port = free_port()
    with demo(port, tmp_path) as (running, lines):
        deadline = time.monotonic() + 60
        while not (any(map(ORDER.match, lines)) and ready(port)) and running.poll() is None:
            assert time.monotonic() < deadline, "\n".join(lines)
            time.sleep(0.2)
        assert running.poll() is None
        asked = time.monotonic()
        running.send_signal(signal.SIGINT)
        assert running.wait(10) in {0, 130}
        assert time.monotonic() - asked < 10
        assert running.stderr is not None
        said = running.stderr.read()
    assert said.splitlines()[0].startswith("freshmart startet")
    assert f"http://localhost:{port}" in said
    assert said.splitlines()[-1] == "Beendet."
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_on_a_busy_port_ends_with_2(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        with demo(busy.getsockname()[1], tmp_path) as (running, lines):
            assert running.wait(20) == 2
            assert running.stderr is not None
            said = running.stderr.read()
    assert lines == []
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LANG": "de_DE.UTF-8"}, "de_DE.UTF-8"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "en_US"}, "en_US"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "en_US", "LC_ALL": "fr_FR"}, "fr_FR"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": ""}, "de_DE.UTF-8"),
        ({}, ""),
    ],
)
def test_speaks_the_language_of_the_locale(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert locale_name() == expected
