"""`freshmart doctor`: is everything there that a worker needs? One line for each question, with what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from freshmart_streams.cli.console import print_json
from freshmart_streams.cli.context import cluster_of, topics_of, wrong_kind
from freshmart_streams.cli.errors import FAILED

if TYPE_CHECKING:
    from freshmart_streams.settings import Settings

_LIBRARIES: Final = ("faust-streaming", "aiokafka", "confluent-kafka", "rocksdict", "msgspec", "aiohttp")
_FREE_MB_MIN: Final = 1024


class Finding(NamedTuple):
    """The answer to one question."""

    question: str
    is_ok: bool
    answer: str


def command(json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Check Python, libraries, settings, data folder, port, broker and topics; exit code 1 if anything is wrong.

    Example: `FRESHMART_BROKER=kafka://localhost:9092 freshmart doctor`
    """
    findings = list(examine())
    if json:
        print_json({"findings": [finding._asdict() for finding in findings]})
    else:
        width = max(len(finding.question) for finding in findings)
        for finding in findings:
            print(f"{'ok     ' if finding.is_ok else 'PROBLEM'}  {finding.question:<{width}}  {finding.answer}")
    if not all(finding.is_ok for finding in findings):
        raise typer.Exit(FAILED)


def examine() -> Iterator[Finding]:
    """Answer the questions in the order in which they build on each other; without settings the rest is not asked."""
    from freshmart_streams.settings import SettingError, Settings

    yield _python()
    yield _libraries()
    try:
        settings = Settings.from_environment()
    except SettingError as error:
        yield Finding("settings", False, str(error))
        return
    yield Finding("settings", True, "all readable")
    yield _data_folder(settings.data_dir)
    yield _port(settings)
    yield from _broker(settings)


def _python() -> Finding:
    version = sys.version_info[:2]
    is_ok = (3, 11) <= version <= (3, 13)
    advice = "" if is_ok else ": use 3.11, 3.12 or 3.13"
    return Finding("Python", is_ok, sys.version.split()[0] + advice)


def _libraries() -> Finding:
    missing, found = [], []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("libraries", False, f"missing: {', '.join(missing)}; install the application again")
    return Finding("libraries", True, ", ".join(found))


def _data_folder(folder: Path) -> Finding:
    import shutil
    import tempfile

    there = folder
    while not there.exists():
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
        free_mb = shutil.disk_usage(there).free >> 20
    except OSError as error:
        return Finding("data folder", False, f"{folder}: {error.strerror}; set FRESHMART_DATA_DIR to a folder of yours")
    if free_mb < _FREE_MB_MIN:
        return Finding("data folder", False, f"{folder}: only {free_mb} MB free; make room, or set FRESHMART_DATA_DIR")
    return Finding("data folder", True, f"{folder}: writable, {free_mb >> 10} GB free")


def _port(settings: Settings) -> Finding:
    import socket

    address = f"{settings.web_bind}:{settings.web_port}"
    family = socket.AF_INET6 if ":" in settings.web_bind else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the web server does
        try:
            listener.bind((settings.web_bind, settings.web_port))
        except OSError as error:
            advice = f"{error.strerror}; end what uses it, or set FRESHMART_WEB_PORT"
            return Finding("web port", False, f"{address}: {advice}")
    return Finding("web port", True, f"{address} is free")


def _broker(settings: Settings) -> Iterator[Finding]:
    from freshmart_streams.settings import BrokerKind

    if settings.broker_kind is BrokerKind.IN_PROCESS:
        yield Finding("broker", True, "none named: a worker brings an embedded one (FRESHMART_BROKER names another)")
        return

    from freshmart_streams.connectors.kafka import KafkaFailure
    from freshmart_streams.connectors.kafka_admin import differences

    cluster = cluster_of(settings)
    try:
        found = cluster.metadata()
    except KafkaFailure as error:
        yield Finding("broker", False, f"{error}; is it running, and is FRESHMART_BROKER right?")
        return
    wrong = wrong_kind(cluster, str(found.cluster_id))
    if wrong:
        yield Finding("broker", False, f"{settings.broker}: {wrong}")
        return
    kind = "embedded, without transactions" if cluster.is_embedded else "Kafka"
    yield Finding("broker", True, f"{settings.broker}: {kind}, {len(found.brokers)} brokers")
    if cluster.is_embedded:
        yield Finding("topics", True, "appear on first use")
        return
    try:
        different = differences(cluster, list(topics_of(settings)), settings.partitions)
    except KafkaFailure as error:
        yield Finding("topics", False, str(error))
        return
    if different:
        first = different[0]
        answer = (
            f"{len(different)} differences, the first: {first.topic} {first.what}: {first.found}, not {first.expected}"
        )
        yield Finding("topics", False, f"{answer}; see `freshmart topics check`, repair with `freshmart topics create`")
    else:
        yield Finding("topics", True, "all as they must be")
