"""The command line inside this process, on an embedded broker."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from freshmart_streams.cli.commands import run
from freshmart_streams.connectors.kafka import Cluster


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


Freshmart = Callable[..., Ended]


@pytest.fixture
def freshmart(capfd: pytest.CaptureFixture[str]) -> Freshmart:
    """Run a command line."""

    def command(*arguments: str) -> Ended:
        capfd.readouterr()
        code = run(list(arguments))
        written = capfd.readouterr()
        return Ended(code, written.out, written.err)

    return command


@pytest.fixture
def broker(embedded: str, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A fresh embedded broker that the settings name."""
    monkeypatch.setenv("FRESHMART_BROKER", f"embedded://{embedded}")
    return Cluster(bootstrap=embedded, prefix="freshmart.", is_embedded=True)
