"""Every command ends as promised: its exit code, one line for what is expected, never a traceback."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from freshmart_streams import __version__
from freshmart_streams.cli import doctor
from freshmart_streams.cli.errors import CommandError
from tests.cli.conftest import Freshmart

ROOT = Path(__file__).parent.parent.parent
COMMANDS = [
    ("demo",),
    ("worker",),
    ("broker",),
    ("simulate",),
    ("import",),
    ("evaluate",),
    ("topics", "create"),
    ("topics", "check"),
    ("dead-letters", "list"),
    ("dead-letters", "resend"),
    ("audit", "verify"),
    ("token", "create"),
    ("doctor",),
]
NEED_A_BROKER = [
    ("simulate",),
    ("import", "file"),
    ("topics", "create"),
    ("topics", "check"),
    ("dead-letters", "list"),
    ("dead-letters", "resend"),
]


@contextmanager
def process(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, which is killed if it outlives the block."""
    program = [sys.executable, "-m", "freshmart_streams", *arguments]
    pipe: Any = subprocess.PIPE
    with subprocess.Popen(program, stdout=pipe, stderr=pipe, text=True, env=environment or None) as started:
        try:
            yield started
        finally:
            started.kill()


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_of_every_command_has_an_example(self, freshmart: Freshmart, command: tuple[str, ...]) -> None:
        ended = freshmart(*command, "--help")
        assert (ended.code, ended.err) == (0, "")
        assert "xample" in ended.out
        assert "freshmart" in ended.out

    def test_lists_every_command(self, freshmart: Freshmart) -> None:
        ended = freshmart("--help")
        assert ended.code == 0
        for command in COMMANDS:
            assert command[0] in ended.out

    def test_loads_nothing_heavy(self) -> None:
        heavy = "{'faust', 'aiokafka', 'aiohttp', 'confluent_kafka', 'rocksdict', 'msgspec', 'holidays'}"
        code = f"import sys; from freshmart_streams.cli import commands; print({heavy} & sys.modules.keys())"
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert found.stdout.strip() == "set()"

    def test_of_the_version(self, freshmart: Freshmart) -> None:
        assert freshmart("--version").out.strip() == __version__


class TestWrongUsage:
    @pytest.mark.parametrize(
        "arguments", [("fly",), ("--fly",), ("topics", "fly"), ("simulate", "--speed", "fast"), ("import",)]
    )
    def test_ends_with_2_and_says_what_is_meant(self, freshmart: Freshmart, arguments: tuple[str, ...]) -> None:
        ended = freshmart(*arguments)
        assert (ended.code, ended.out) == (2, "")
        assert "Usage: freshmart" in ended.err
        assert "Traceback" not in ended.err

    @pytest.mark.parametrize("command", [*NEED_A_BROKER, ("worker",), ("demo",)], ids=" ".join)
    def test_of_a_setting_is_one_line_that_names_it(
        self, freshmart: Freshmart, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
    ) -> None:
        monkeypatch.setenv("FRESHMART_PARTITIONS", "many")
        ended = freshmart(*command)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("freshmart: FRESHMART_PARTITIONS: 'many' is not a whole number")
        assert ended.err.count("\n") == 1

    @pytest.mark.parametrize("command", NEED_A_BROKER, ids=" ".join)
    def test_without_a_broker_says_how_to_get_one(self, freshmart: Freshmart, command: tuple[str, ...]) -> None:
        ended = freshmart(*command)
        assert (ended.code, ended.out) == (2, "")
        assert "FRESHMART_BROKER: not set" in ended.err
        assert ended.err.count("\n") == 1

    @pytest.mark.parametrize("command", NEED_A_BROKER, ids=" ".join)
    def test_takes_no_embedded_broker_for_a_kafka(
        self,
        freshmart: Freshmart,
        monkeypatch: pytest.MonkeyPatch,
        embedded: str,
        command: tuple[str, ...],
    ) -> None:
        monkeypatch.setenv("FRESHMART_BROKER", f"kafka://{embedded}")
        ended = freshmart(*command)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err == (f"freshmart: FRESHMART_BROKER: this is an embedded broker, write embedded://{embedded}\n")

    def test_of_a_demo_with_a_broker(self, freshmart: Freshmart, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FRESHMART_BROKER", "kafka://localhost:9092")
        ended = freshmart("demo")
        assert (ended.code, ended.out) == (2, "")
        assert "a demo brings its own broker" in ended.err


class TestInterrupt:
    @pytest.mark.parametrize("consequence", [SystemError("returned NULL"), CommandError("cut off"), None], ids=repr)
    def test_is_the_end_whatever_a_library_makes_of_it(
        self, freshmart: Freshmart, monkeypatch: pytest.MonkeyPatch, consequence: Exception | None
    ) -> None:
        def interrupted(*_: object, **__: object) -> None:
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                if consequence is None:
                    raise
            assert consequence is not None
            raise consequence

        monkeypatch.setattr(doctor, "examine", interrupted)
        ended = freshmart("doctor")
        assert (ended.code, ended.out, ended.err) == (130, "", "")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_is_needed_for_that(self, freshmart: Freshmart, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> None:
            raise SystemError("a real one")

        monkeypatch.setattr(doctor, "examine", fail)
        with pytest.raises(SystemError, match="a real one"):
            freshmart("doctor")

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_ends_the_broker_without_a_traceback(self, number: signal.Signals, code: int) -> None:
        with process("broker") as broker:
            assert broker.stdout is not None
            address = broker.stdout.readline()
            assert address.startswith("embedded://127.0.0.1:")
            broker.send_signal(number)
            out, err = broker.communicate(timeout=20)
        assert (broker.returncode, out) == (code, "")
        assert "Traceback" not in err

    def test_gives_its_code_although_it_hit_a_module_that_was_being_made(self, tmp_path: Path) -> None:
        """CPython would end by SIGINT: the interrupt came by inside an `exec`, as in the making of a dataclass."""
        (tmp_path / "interrupted.py").write_text(
            "import contextlib\n"
            "from freshmart_streams import cli\n"
            "from freshmart_streams.cli import commands\n"
            "def interrupt():\n"
            "    raise KeyboardInterrupt\n"
            "def run(arguments):\n"
            "    with contextlib.suppress(KeyboardInterrupt):\n"
            "        exec('interrupt()')\n"
            "    return 143\n"
            "commands.run = run\n"
            "cli.main()\n"
        )
        search = os.pathsep.join([str(tmp_path), str(ROOT)])
        ended = subprocess.run(
            [sys.executable, "-m", "interrupted"], check=False, env={**os.environ, "PYTHONPATH": search}
        )
        assert ended.returncode == 143

    @pytest.mark.parametrize("command", [("topics", "check"), ("simulate",)], ids=" ".join)
    def test_ends_a_command_that_waits_for_a_broker(self, command: tuple[str, ...]) -> None:
        with process(*command, FRESHMART_BROKER="kafka://127.0.0.1:1") as waiting:
            assert waiting.stderr is not None
            line = waiting.stderr.readline()
            assert line.startswith("the broker at 127.0.0.1:1 does not answer")
            assert line.endswith("; trying again\n")
            waiting.send_signal(signal.SIGINT)
            out, err = waiting.communicate(timeout=20)
        assert (waiting.returncode, out) == (130, "")
        assert "Traceback" not in err

    def test_ends_a_simulation_in_the_middle(self, embedded: str) -> None:
        with process("simulate", "--history", "1", FRESHMART_BROKER=f"embedded://{embedded}") as simulating:
            assert simulating.stderr is not None
            assert simulating.stderr.readline().startswith("history sent")
            time.sleep(1)
            simulating.send_signal(signal.SIGINT)
            _, err = simulating.communicate(timeout=20)
        assert (simulating.returncode, err) == (130, "")
