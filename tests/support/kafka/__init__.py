"""A real Apache Kafka (KRaft, one node, on 127.0.0.1) for tests: needs Java 17 or newer and Maven, no container.

Maven copies the jars once, about 55 MB, into `freshmart_streams/kafka-4.3.1` of the user's cache folder; nothing else
of the machine is touched. A broker lives in a folder of its own: starting it there again is a restart with its log and
its port kept. The same as a command: `python -m tests.support.kafka start FOLDER`.
"""

import fcntl
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

VERSION = "4.3.1"
JAVA = 17

HERE = Path(__file__).parent
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
CLUSTER = "freshmart-tests-000000"
INSTALL_SECONDS_MAX = 600
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30

OPTIONS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",  # a misspelt topic must be an error
    "num.partitions": "4",
    "message.max.bytes": "16000000",  # messages that the application must refuse have to reach it
    "group.initial.rebalance.delay.ms": "0",
    # One node: internal topics have one replica, and few partitions so that the start is quick.
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    # With one replica a broker in controlled shutdown acknowledges a transaction and leaves its commit marker out: the
    # partition has no leader any more (docs/reliability.md). A cluster of several brokers hands the leadership over.
    "controlled.shutdown.enable": "false",
    # After a kill the controller takes the broker back only when it has given up the old one; by default that is 9 s.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "log.cleaner.dedupe.buffer.size": "16777216",  # the default, 128 MB, does not suit a small heap
    # What takes a while by default is to happen within a test: expiry of sessions and transactions, compaction.
    "group.min.session.timeout.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    "log.cleaner.backoff.ms": "200",
}


class KafkaError(Exception):
    """Kafka cannot be installed or does not start; the message is one line for a person."""


class Kafka:
    """One broker and its folder, which holds its configuration, log and output.

    Args:
        folder: where the broker lives; made when it is not there.
        port: for clients; by default the one it had before, else a free one.
        options: broker settings beside `OPTIONS`, which they may change.
        detours: further listeners, and the port that each one's clients are sent to: a proxy's, which leads to the
            port in `behind`. Whoever comes in by such a listener never learns of another way.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        options: Mapping[str, str] | None = None,
        detours: Mapping[str, int] | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self._options = {**OPTIONS, **(options or {})}
        self._detours = dict(detours or {})
        self.behind = {name: free_port() for name in self._detours}
        self._configuration = self.folder / "server.properties"
        self._pid_file = self.folder / "pid"
        self._process: subprocess.Popen[bytes] | None = None
        kept = self._kept_ports()
        self.port = port or kept[0] or free_port()
        self._controller_port = kept[1] or free_port()

    @property
    def address(self) -> str:
        """What clients call `bootstrap.servers`."""
        return f"127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        """What the broker has printed: its own log (see log4j2.properties)."""
        return (self.folder / "output").read_text(errors="replace")

    @property
    def pid(self) -> int | None:
        """The process of the running broker. A number that another program has by now does not count."""
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        if self._process is not None and self._process.pid == pid:
            return pid if self._process.poll() is None else None
        return pid if str(self._configuration) in command_of(pid) else None

    def start(self) -> Self:
        """Start the broker and wait until it answers, a few seconds. Raises `KafkaError`."""
        if self.pid is not None:
            raise KafkaError(f"a broker runs in {self.folder} already")
        install()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._configure()
        with (self.folder / "output").open("ab") as output:
            if not (self.folder / "log" / "meta.properties").exists():
                format_log = ["kafka.tools.StorageTool", "format", "--standalone", "-t", CLUSTER]
                subprocess.run(
                    java(*format_log, "-c", str(self._configuration)), stdout=output, stderr=output, check=True
                )
            # A session of its own: Ctrl-C in the terminal is for the tests, which then stop the broker.
            self._process = subprocess.Popen(
                java("kafka.Kafka", str(self._configuration)), stdout=output, stderr=output, start_new_session=True
            )
        self._pid_file.write_text(str(self._process.pid))
        self._wait_until_it_answers(self._process)
        return self

    def stop(self) -> None:
        """Stop it in order, with SIGTERM; what does not end within 30 s is killed."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would. The log stays as it was written."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start: the same port, the log kept."""
        self.stop()
        self.start()

    def create_topic(self, name: str, *, partitions: int = 4, config: Mapping[str, str] | None = None) -> None:
        """Create a topic and wait until the broker leads all of its partitions."""
        admin = self.admin()
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=dict(config or {}))
        admin.create_topics([topic], operation_timeout=10)[name].result(timeout=15)

    def admin(self) -> AdminClient:
        """A client for topics and settings."""
        return AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _kept_ports(self) -> tuple[int | None, int | None]:
        if not self._configuration.exists():
            return None, None
        form = r"^listeners=PLAINTEXT://[^,]*:(\d+),CONTROLLER://[^,]*:(\d+)"
        listeners = re.search(form, self._configuration.read_text(), re.MULTILINE)
        return (int(listeners[1]), int(listeners[2])) if listeners else (None, None)

    def _configure(self) -> None:
        broker, controller = f"PLAINTEXT://{self.address}", f"127.0.0.1:{self._controller_port}"
        inner = [f"{name}://127.0.0.1:{port}" for name, port in self.behind.items()]
        outer = [f"{name}://127.0.0.1:{port}" for name, port in self._detours.items()]
        options = {
            **self._options,
            "listeners": ",".join([broker, f"CONTROLLER://{controller}", *inner]),
            "advertised.listeners": ",".join([broker, *outer]),
            "listener.security.protocol.map": ",".join(
                f"{name}:PLAINTEXT" for name in ("PLAINTEXT", "CONTROLLER", *self._detours)
            ),
            "inter.broker.listener.name": "PLAINTEXT",
            "controller.quorum.bootstrap.servers": controller,
            "log.dirs": str(self.folder / "log"),
        }
        self._configuration.write_text("".join(f"{name}={value}\n" for name, value in options.items()))

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and process.poll() is None:
            with socket.socket() as client:
                listening = client.connect_ex(("127.0.0.1", self.port)) == 0
            if listening and self._answers():
                return
            time.sleep(0.1)
        self.kill()
        raise KafkaError(f"Kafka did not start: see {self.folder / 'output'}")

    def _answers(self) -> bool:
        try:
            return bool(self.admin().list_topics(timeout=5).brokers)
        except KafkaException:
            return False

    def _end(self, how: signal.Signals) -> None:
        pid = self.pid
        if pid is None:
            return
        os.kill(pid, how)
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while self.pid is not None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                deadline += STOP_SECONDS_MAX
            time.sleep(0.05)
        self._process = None
        self._pid_file.unlink()


def missing() -> str | None:
    """Why Kafka cannot run on this machine, as one line, or None when it can."""
    if not (libraries() / "complete").exists() and shutil.which("mvn") is None:
        return f"Maven is not installed; the tests on Apache Kafka need Java {JAVA} or newer and Maven"
    if shutil.which("java") is None:
        return f"Java is not installed; the tests on Apache Kafka need Java {JAVA} or newer and Maven"
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < JAVA:
        found = version[1] if version else "of an unknown version"
        return f"Java is {found}; the tests on Apache Kafka need Java {JAVA} or newer and Maven"
    return None


def libraries() -> Path:
    """The folder of the jars, in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "freshmart_streams" / f"kafka-{VERSION}"


def install() -> None:
    """Copy the jars into the cache folder unless they are there. Raises `KafkaError`, offline for example."""
    folder = libraries()
    if (folder / "complete").exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs at once: the second waits, then finds the jars
        if (folder / "complete").exists():
            return
        shutil.rmtree(folder, ignore_errors=True)
        maven = ["mvn", "--batch-mode", "--quiet", "--strict-checksums", "--file", str(HERE / "pom.xml"), COPY]
        run = subprocess.run(
            [*maven, f"-DoutputDirectory={folder}"],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS_MAX,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if run.returncode != 0:
            reason = next((line for line in run.stdout.splitlines() if "ERROR" in line), "no reason given")
            raise KafkaError(f"Maven could not fetch Apache Kafka {VERSION}: {reason}")
        (folder / "complete").touch()


def java(*arguments: str) -> list[str]:
    """The command that runs one of Kafka's Java programs."""
    return [
        "java",
        "-Xms256m",
        "-Xmx512m",
        "-XX:+UseSerialGC",  # a small heap on few cores: less memory and fewer threads than the default
        f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}",
        "-cp",
        f"{libraries()}/*",
        *arguments,
    ]


def command_of(pid: int) -> str:
    """The command line of a process, empty when there is none. Linux tells it without a program, macOS has `ps`."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return ""
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout


def free_port() -> int:
    """A port nobody listens on, below the ranges that Linux and macOS hand out to clients.

    Above them a client that keeps trying a stopped broker's port may be given that very port as its own, and then talks
    to itself or keeps the broker from coming back.
    """
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
