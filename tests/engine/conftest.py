"""Both brokers, shared by all tests of the engine; each test has topics and an application of its own."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.site import Site, create_topics
from tests.engine.toy import Toy
from tests.support.embedded import embedded_broker
from tests.support.kafka import Kafka

_numbers = itertools.count(1)


def new_site(request: pytest.FixtureRequest, broker: str, folder: Path) -> Site:
    """New topics on a shared broker, `kafka` or `embedded`, and a folder for workers."""
    toy = Toy(f"toy{next(_numbers)}.")
    if broker == "kafka":
        kafka: Kafka = request.getfixturevalue("kafka")
        site = Site(kafka.address, "tx", folder, toy)
    else:
        site = Site(request.getfixturevalue("shared_embedded"), "log", folder, toy)
    create_topics(site.bootstrap, site.mode, site.toy)
    return site


@pytest.fixture(scope="session")
def shared_embedded() -> Iterator[str]:
    """An embedded broker that all tests share: use topics of your own."""
    with embedded_broker() as address:
        yield address


@pytest.fixture
def on_kafka(request: pytest.FixtureRequest, kafka: Kafka, tmp_path: Path) -> Site:
    """Topics on the shared Kafka."""
    return new_site(request, "kafka", tmp_path)


@pytest.fixture
def on_embedded(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """Topics on the shared embedded broker."""
    return new_site(request, "embedded", tmp_path)


@pytest.fixture(params=["kafka", "embedded"])
def site(request: pytest.FixtureRequest) -> Site:
    """Topics on either broker."""
    found: Site = request.getfixturevalue(f"on_{request.param}")
    return found
