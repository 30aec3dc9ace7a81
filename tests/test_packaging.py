"""The project installs as promised: metadata, locks, `run`, CI, image and compose file say the same thing."""

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from importlib import metadata, resources
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from aiokafka import codec
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from freshmart_streams import __version__
from freshmart_streams.settings import Settings
from tests.support import kafka

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def lock(name: str) -> dict[str, list[Requirement]]:
    """The pinned packages of a lock; one may have several versions, each for its own Pythons."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    pinned: dict[str, list[Requirement]] = {}
    for entry in re.split(r"\n(?=\w)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)):
        requirement = Requirement(entry.split("\\\n")[0].strip())
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}", entry), f"{requirement} has no hash"
        pinned.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return pinned


def version_for(requirements: list[Requirement], python: str) -> str:
    """The one version that Linux installs with this Python."""
    machine = {"python_full_version": f"{python}.0", "python_version": python, "sys_platform": "linux"}
    (version,) = [
        str(requirement.specifier).removeprefix("==")
        for requirement in requirements
        if requirement.marker is None or Marker(str(requirement.marker)).evaluate(machine)
    ]
    return version


class TestLocks:
    @pytest.mark.parametrize("name", ["run", "dev"])
    def test_pin_every_package_and_name_no_place(self, name: str) -> None:
        assert all(
            [specifier.operator for specifier in requirement.specifier] == ["=="]
            for requirements in lock(name).values()
            for requirement in requirements
        )
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        places = re.findall(r"^(?:-.*|.*(?:://|@ |find-links|index-url).*)$", text, re.MULTILINE)
        assert places == []

    @pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
    @pytest.mark.parametrize("name", ["run", "dev"])
    def test_meet_what_pyproject_asks_for(self, name: str, python: str) -> None:
        groups = PYPROJECT["dependency-groups"]
        wanted = PYPROJECT["project"]["dependencies"] + PYPROJECT["build-system"]["requires"]
        wanted += [entry for entry in groups["dev"] if isinstance(entry, str)] if name == "dev" else []
        pinned = lock(name)
        for requirement in map(Requirement, wanted):
            version = version_for(pinned[canonicalize_name(requirement.name)], python)
            assert requirement.specifier.contains(version), f"{requirement}: {version}"

    def test_agree(self) -> None:
        development = lock("dev")
        assert {name: pins for name, pins in lock("run").items() if pins != development.get(name)} == {}

    def test_have_a_build_backend_without_dependencies_of_its_own(self) -> None:
        assert PYPROJECT["build-system"]["requires"] == PYPROJECT["dependency-groups"]["build"]
        assert "flit-core" in lock("run")


OPTIONAL = {"matplotlib", "numpy", "statsforecast"}
"""What `freshmart evaluate` draws and compares with where it is installed; nothing else may ask for it."""


class TestDependencies:
    def test_are_declared_exactly_when_they_are_imported(self) -> None:
        imported = {
            name.split(".")[0]
            for path in (ROOT / "freshmart_streams").rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text()))
            for name in imports(node)
        }
        others = imported - sys.stdlib_module_names - {"freshmart_streams"} - OPTIONAL
        distributions = metadata.packages_distributions()
        used = {canonicalize_name(distributions[name][0]) for name in others}
        declared = {canonicalize_name(Requirement(text).name) for text in PYPROJECT["project"]["dependencies"]}
        assert used == declared - {"tzdata"}  # data only: zoneinfo reads it

    def test_are_optional_in_the_command_evaluate_alone(self) -> None:
        found = {
            path.name
            for path in (ROOT / "freshmart_streams").rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text()))
            if {name.split(".")[0] for name in imports(node)} & OPTIONAL
        }
        assert found == {"autoets.py", "evaluation_charts.py"}

    @pytest.mark.parametrize("name", ["gzip", "snappy", "lz4", "zstd"])
    def test_read_whatever_a_client_may_have_compressed(self, name: str) -> None:
        assert getattr(codec, f"has_{name}")()


def imports(node: ast.AST) -> list[str]:
    """The modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


class TestTimeZones:
    def test_come_from_the_pinned_package_whatever_the_machine_has(self, tmp_path: Path) -> None:
        # A machine where Berlin's file holds the rules of Tokyo.
        tokyo = resources.files("tzdata").joinpath("zoneinfo/Asia/Tokyo").read_bytes()
        (tmp_path / "Europe").mkdir()
        (tmp_path / "Europe" / "Berlin").write_bytes(tokyo)
        hours = "print(datetime(2024, 1, 1, tzinfo=ZoneInfo('Europe/Berlin')).utcoffset().seconds // 3600)"
        program = f"from datetime import datetime; from zoneinfo import ZoneInfo; {{}}; {hours}"

        def offset(first: str) -> str:
            command = [sys.executable, "-c", program.format(first)]
            environment = {**os.environ, "PYTHONTZPATH": str(tmp_path), "PYTHONPATH": str(ROOT)}
            return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

        assert offset("pass") == "9\n"
        assert offset("import freshmart_streams") == "1\n"


class Run(NamedTuple):
    code: int
    out: str
    err: str


REAL = sys.executable

# What `run` needs of a machine beside Python.
TOOLS = ("sh", "cat", "chmod", "cksum", "dirname", "grep", "mkdir", "rm", "tail")

# A Python whose environments hold only stand-ins that write down how they were called.
GOOD = """
case $1 in
-c) exec "{real}" "$@" ;;
esac
mkdir -p "$3/bin"
cat >"$3/bin/python" <<'END'
#!/bin/sh
[ "$1" = -c ] && exit 0
echo "$*" >>"$CALLS"
case $* in
*--editable*) printf '#!/bin/sh\\necho "freshmart: $*"\\n' >"${{0%/*}}/freshmart"; chmod +x "${{0%/*}}/freshmart" ;;
*--require-hashes*) exit "${{PIP_RESULT:-0}}" ;;
*pytest*) exit 3 ;;
esac
END
chmod +x "$3/bin/python"
for tool in ruff mypy lint-imports; do
    printf '#!/bin/sh\\necho "%s $*" >>"$CALLS"\\n[ "$FAILING" != %s ]\\n' $tool $tool >"$3/bin/$tool"
    chmod +x "$3/bin/$tool"
done
"""
NO_VENV_MODULE = """exec "{real}" -c 'import sys; sys.modules["ensurepip"] = None; exec(sys.argv[1])' "$2" """
VENV_FAILS = """case $1 in -c) exec "{real}" "$@" ;; esac; echo "Error: no space left on device" >&2; exit 1"""


def of_version(version: str) -> str:
    return f"""exec "{{real}}" -c 'import sys; sys.version_info = ({version}, 0); exec(sys.argv[1])' "$2" """


class Machine:
    """A computer with the tools of `run`, some Pythons, and the project in a folder with a space in its name."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "bin"
        self.project = folder / "a shop"
        self.calls_file = folder / "calls"
        self.programs.mkdir()
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None
            (self.programs / tool).symlink_to(found)
        self.project.mkdir()
        shutil.copy(ROOT / "run", self.project)
        shutil.copy(ROOT / "pyproject.toml", self.project)
        shutil.copytree(ROOT / "requirements", self.project / "requirements")

    def python(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text("#!/bin/sh\n" + text.format(real=REAL))
        path.chmod(0o755)

    def run(self, *words: str, environment: Mapping[str, str] | None = None) -> Run:
        """Call `./run`; what it made the environment do is in `calls` until the next one."""
        self.calls_file.write_text("")
        done = subprocess.run(
            ["sh", str(self.project / "run"), *words],
            env={"PATH": str(self.programs), "CALLS": str(self.calls_file), "FAILING": "", **(environment or {})},
            cwd=self.programs,
            capture_output=True,
            text=True,
            check=False,
        )
        return Run(done.returncode, done.stdout, done.stderr)

    @property
    def calls(self) -> list[str]:
        return self.calls_file.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


class TestRunFindsPython:
    def refusal(self, machine: Machine, **environment: str) -> str:
        """The one line with which `./run demo` refuses."""
        run = machine.run("demo", environment=environment)
        assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
        assert not (machine.project / ".venv").exists()
        return run.err

    def test_says_where_to_get_one_when_there_is_none(self, machine: Machine) -> None:
        assert "no Python found: install Python 3.11, 3.12 or 3.13" in self.refusal(machine)

    @pytest.mark.parametrize("version", ["3, 9", "3, 10", "3, 14"])
    def test_refuses_one_that_is_too_old_or_too_new(self, machine: Machine, version: str) -> None:
        machine.python("python3", of_version(version))
        assert f"python3 is Python {version.replace(', ', '.')}, not 3.11, 3.12 or 3.13" in self.refusal(machine)

    def test_names_the_package_when_the_venv_module_is_missing(self, machine: Machine) -> None:
        machine.python("python3", NO_VENV_MODULE)
        line = self.refusal(machine)
        assert "python3 has no venv module" in line
        assert f"sudo apt install python3.{sys.version_info.minor}-venv" in line

    def test_says_why_when_the_environment_cannot_be_made(self, machine: Machine) -> None:
        machine.python("python3", VENV_FAILS)
        assert "cannot make an environment in .venv (Error: no space left on device)" in self.refusal(machine)

    def test_takes_the_one_that_is_named_or_none(self, machine: Machine) -> None:
        machine.python("python3", GOOD)
        assert "PYTHON=/nowhere/python does not run" in self.refusal(machine, PYTHON="/nowhere/python")
        machine.python("other", GOOD)
        assert machine.run("demo", environment={"PYTHON": "other"}).code == 0

    def test_goes_on_to_the_next_when_the_first_is_not_suited(self, machine: Machine) -> None:
        machine.python("python3.13", NO_VENV_MODULE)
        machine.python("python3.12", of_version("3, 14"))
        machine.python("python3", GOOD)
        assert machine.run("demo").code == 0


class TestRunInstalls:
    @pytest.fixture(autouse=True)
    def good_python(self, machine: Machine) -> None:
        machine.python("python3.12", GOOD)

    def test_installs_by_hash_then_the_project_then_starts(self, machine: Machine) -> None:
        run = machine.run("demo", "--port", "60 66")
        assert (run.code, run.out) == (0, "freshmart: demo --port 60 66\n")
        requirements = machine.project / "requirements" / "run.txt"
        assert machine.calls == [
            f"-m pip install --require-hashes --only-binary :all: -r {requirements}",
            f"-m pip install --quiet --no-deps --no-build-isolation --editable {machine.project}",
        ]

    def test_installs_once(self, machine: Machine) -> None:
        machine.run("demo")
        assert machine.run("doctor") == Run(0, "freshmart: doctor\n", "")
        assert machine.calls == []

    @pytest.mark.parametrize("name", ["requirements/run.txt", "pyproject.toml"])
    def test_installs_anew_when_the_lock_or_the_project_has_changed(self, machine: Machine, name: str) -> None:
        machine.run("demo")
        (machine.project / ".venv" / "stale").touch()
        with (machine.project / name).open("a") as file:
            file.write("# newer\n")
        assert machine.run("demo").code == 0
        assert len(machine.calls) == 2
        assert not (machine.project / ".venv" / "stale").exists()

    def test_installs_anew_where_the_folder_was_moved(self, machine: Machine) -> None:
        machine.run("demo")
        machine.project = machine.project.rename(machine.project.with_name("moved"))
        assert machine.run("demo").code == 0
        assert len(machine.calls) == 2

    def test_repairs_what_was_interrupted(self, machine: Machine) -> None:
        run = machine.run("demo", environment={"PIP_RESULT": "1"})
        assert (run.code, run.out) == (1, "")
        assert run.err.splitlines()[-1].startswith("freshmart: the packages could not be installed")
        assert machine.run("demo").code == 0
        assert len(machine.calls) == 2

    def test_adds_the_development_packages_to_what_is_there(self, machine: Machine) -> None:
        machine.run("demo")
        (machine.project / ".venv" / "kept").touch()
        assert machine.run("test", "-k", "a b").code == 3, "pytest's own exit code"
        assert [call.split("requirements/")[-1] for call in machine.calls][::2] == ["dev.txt", "-m pytest -k a b"]
        assert (machine.project / ".venv" / "kept").exists()
        machine.run("demo")
        assert machine.calls == []

    def test_development_packages_are_enough_to_start(self, machine: Machine) -> None:
        machine.run("test")
        assert machine.run("demo").code == 0
        assert machine.calls == []


class TestRunChecks:
    @pytest.mark.parametrize("failing", ["", "ruff", "mypy", "lint-imports"])
    def test_lets_every_tool_speak_before_it_fails(self, machine: Machine, failing: str) -> None:
        machine.python("python3.12", GOOD)
        run = machine.run("check", environment={"FAILING": failing})
        assert run.code == (1 if failing else 0)
        tools = [call.split()[0] for call in machine.calls if not call.startswith("-m pip")]
        assert tools == ["ruff", "ruff", "mypy", "lint-imports"]

    def test_alone_lists_its_words(self, machine: Machine) -> None:
        run = machine.run()
        assert (run.code, run.err) == (0, "")
        words = ["demo", "test", "check", "format", "bench", "profile", "lock"]
        assert re.findall(r"^  ([a-z]+) ", run.out, re.MULTILINE) == words


class TestContinuousIntegration:
    def test_runs_the_check_and_the_test_command_of_the_readme(self) -> None:
        recipe = (ROOT / ".ci" / "run").read_text().splitlines()
        assert [line.split(" ||")[0] for line in recipe if line.startswith("./run ")] == ["./run check", "./run test"]
        commands = re.findall(r"^(\./run [a-z]+)$", (ROOT / "README.md").read_text(), re.MULTILINE)
        assert commands[:2] == ["./run demo", "./run test"]

    @pytest.mark.parametrize("name", ["run", ".ci/run"])
    def test_can_be_executed(self, name: str) -> None:
        assert os.access(ROOT / name, os.X_OK)


COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if name != "kafka"}
WORKERS = ["worker-1", "worker-2"]


class TestCompose:
    """Read, not run: these hold without a container engine."""

    def test_has_kafka_two_workers_and_a_simulator(self) -> None:
        assert set(SERVICES) == {"kafka", "init", "worker-1", "worker-2", "simulator"}
        assert SERVICES["kafka"]["image"].rsplit(":", 1)[1] == kafka.VERSION
        assert {service["image"] for service in OURS.values()} == {f"freshmart-streams:{__version__}"}
        assert {service["build"]["dockerfile"] for service in OURS.values()} == {"Containerfile"}

    def test_opens_ports_on_this_machine_only(self) -> None:
        ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
        assert ports == ["127.0.0.1:6066:6066", "127.0.0.1:6067:6066"]
        assert not any("network_mode" in service for service in SERVICES.values())

    def test_starts_each_when_what_it_needs_is_ready(self) -> None:
        needs = {
            name: {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
            for name, service in SERVICES.items()
        }
        assert needs == {
            "kafka": {},
            "init": {"kafka": "service_healthy"},
            "worker-1": {"init": "service_completed_successfully"},
            "worker-2": {"init": "service_completed_successfully"},
            "simulator": {"worker-1": "service_healthy", "worker-2": "service_healthy"},
        }
        assert "test" in SERVICES["kafka"]["healthcheck"]

    def test_gives_our_services_no_rights(self) -> None:
        for service in OURS.values():
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
            assert service["security_opt"] == ["no-new-privileges:true"]
            assert not {"privileged", "user", "cap_add", "devices"} & set(service)

    def test_gives_each_worker_its_own_data_and_address(self) -> None:
        for name in WORKERS:
            assert SERVICES[name]["environment"]["FRESHMART_ADVERTISED_URL"] == f"http://{name}:6066"
            assert SERVICES[name]["volumes"] == [f"{name}:/data", "access:/access:ro"]
        named = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
        assert named == set(COMPOSE["volumes"])

    def test_holds_no_secret_and_nothing_to_fill_in(self) -> None:
        text = (ROOT / "docker-compose.yml").read_text()
        assert re.findall(r"(?<!\$)\$\{?\w+", text) == []
        secret = re.compile("TOKEN|SECRET|PASSWORD|KEY")
        values = [
            value
            for service in SERVICES.values()
            for variable, value in service["environment"].items()
            if secret.search(variable)
        ]
        assert set(values) == {"/access/tokens.json"}

    @pytest.mark.parametrize("name", WORKERS)
    def test_gives_workers_settings_that_they_take(self, name: str, tmp_path: Path) -> None:
        tokens = tmp_path / "tokens.json"
        tokens.write_text("{}")
        environment = {**SERVICES[name]["environment"], "FRESHMART_TOKENS_FILE": str(tokens)}
        settings = Settings.from_environment(environment)
        assert (settings.bootstrap, settings.web_port) == ("kafka:9092", 6066)

    @pytest.mark.parametrize("name", [*WORKERS, "simulator"])
    def test_calls_commands_that_there_are(self, name: str) -> None:
        command = [sys.executable, "-m", "freshmart_streams", *SERVICES[name]["command"], "--help"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


class TestInit:
    """The script of the service `init`, run by the shell of this machine, with topics that need no broker."""

    @pytest.fixture
    def init(self, tmp_path: Path) -> Callable[[], Run]:
        program = tmp_path / "freshmart"
        program.write_text(
            '#!/bin/sh\n[ "$1" = topics ] && exit "${TOPICS_RESULT:-0}"\n'
            f'exec "{sys.executable}" -m freshmart_streams "$@"\n'
        )
        program.chmod(0o755)
        (tmp_path / "access").mkdir()
        (script,) = SERVICES["init"]["command"]
        script = script.replace("$$", "$").replace("/access/", f"{tmp_path}/access/")

        def run() -> Run:
            shell, flags = SERVICES["init"]["entrypoint"]
            environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
            done = subprocess.run([shell, flags, script], env=environment, capture_output=True, text=True, check=False)
            return Run(done.returncode, done.stdout, done.stderr)

        return run

    def test_makes_a_token_for_the_workers_and_prints_its_link(self, init: Callable[[], Run], tmp_path: Path) -> None:
        run = init()
        link = re.fullmatch(r"The dashboard: http://localhost:6066/#token=([A-Za-z0-9_-]+)\n", run.out)
        assert link is not None, run
        tokens = json.loads((tmp_path / "access" / "tokens.json").read_text())
        digest = hashlib.sha256(link[1].encode()).hexdigest()
        assert tokens == {digest: {"roles": ["viewer", "operator"], "stores": ["*"]}}

    def test_keeps_link_and_tokens_to_their_owner(self, init: Callable[[], Run], tmp_path: Path) -> None:
        init()
        kept = ["link", "tokens.json"]
        assert [(tmp_path / "access" / name).stat().st_mode & 0o077 for name in kept] == [0, 0]

    def test_prints_the_same_link_the_second_time(self, init: Callable[[], Run]) -> None:
        first, second = init(), init()
        assert (second.code, second.out) == (0, first.out)

    def test_fails_when_the_topics_cannot_be_made(
        self, init: Callable[[], Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TOPICS_RESULT", "1")
        assert init().code == 1
        assert not (tmp_path / "access" / "link").exists()


class TestContainerfile:
    TEXT = (ROOT / "Containerfile").read_text()

    def test_installs_by_hash_and_runs_as_nobody_in_particular(self) -> None:
        assert "pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements/run.txt" in self.TEXT
        assert re.findall(r"^USER (.+)$", self.TEXT, re.MULTILINE) == ["10001:10001"]
        assert re.findall(r"^ENTRYPOINT (.+)$", self.TEXT, re.MULTILINE) == ['["freshmart"]']

    def test_is_sent_what_it_copies_and_nothing_else(self) -> None:
        copied = {
            path for line in re.findall(r"^COPY (?!--)(.+) \S+$", self.TEXT, re.MULTILINE) for path in line.split()
        }
        ignore = (ROOT / ".dockerignore").read_text()
        assert copied == set(re.findall(r"^!(.+)$", ignore, re.MULTILINE))
        assert all((ROOT / path).exists() for path in copied)

    def test_uses_a_python_that_the_project_supports(self) -> None:
        tag = re.search(r"^ARG PYTHON=docker\.io/library/python:(\d+\.\d+)-slim$", self.TEXT, re.MULTILINE)
        assert tag is not None
        assert f"Programming Language :: Python :: {tag[1]}" in PYPROJECT["project"]["classifiers"]
