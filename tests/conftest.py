"""Brokers for tests: `embedded` always, `kafka` where Java and Maven are.

On the CI machine (`CI=true`) a real Kafka has to be there: what would skip elsewhere fails.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.embedded import embedded_broker
from tests.support.kafka import Kafka, KafkaError, install, missing

NEEDS_KAFKA = {"kafka", "own_kafka", "kafka_program"}
SHARED_DATA = "FRESHMART_SHARED_DATA"


def pytest_configure() -> None:
    """Forget the settings of the person who runs the tests; programs that tests start inherit none of them."""
    for name in [name for name in os.environ if name.startswith("FRESHMART_") and name != SHARED_DATA]:
        del os.environ[name]
    # A shell that starts the tests in the background has Ctrl-C ignored, for them and for all that they start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses a real Kafka, so that `-m "not kafka"` leaves it out."""
    for item in items:
        if NEEDS_KAFKA.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch Kafka before the first test: the time limit of a test is not for downloads."""
    wanted = any(NEEDS_KAFKA.intersection(getattr(item, "fixturenames", ())) for item in session.items)
    if wanted and not session.config.option.collectonly and missing() is None:
        try:
            install()
        except KafkaError as error:
            session.config.stash[unavailable] = str(error)


unavailable = pytest.StashKey[str]()


def _need_kafka(request: pytest.FixtureRequest) -> None:
    reason = missing() or request.config.stash.get(unavailable, None)
    if reason is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def kafka_program(request: pytest.FixtureRequest) -> None:
    """Apache Kafka can be started here: for tests that start it themselves."""
    _need_kafka(request)


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A real Apache Kafka that all tests share: use topics of your own, and leave it running."""
    _need_kafka(request)
    with Kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def own_kafka(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kafka]:
    """A real Apache Kafka for one test, which may stop or kill it."""
    _need_kafka(request)
    with Kafka(tmp_path / "kafka") as broker:
        yield broker


@pytest.fixture
def embedded() -> Iterator[str]:
    """The address of an embedded broker that has no topics yet."""
    with embedded_broker() as address:
        yield address


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, with `receipts/` in it; it lies beside the project, not in it."""
    folder = os.environ.get(SHARED_DATA)
    if not folder:
        pytest.skip(f"{SHARED_DATA} is not set: it names the folder with the real receipts")
    return Path(folder)
