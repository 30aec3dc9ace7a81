"""Kafka forgot the marker of a transaction (seen when a single broker was killed or restarted): the next owner ends it.

The broker's part is played by a worker that hides partitions from the coordinator.
"""

import asyncio
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from tests.engine.fault_points import Fault
from tests.engine.processes import DIED
from tests.engine.site import Site
from tests.support.kafka import Kafka
from tests.support.log import PARTITIONS
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def careless(on_kafka: Site, kafka: Kafka) -> Iterator[Site]:
    """Topics on a Kafka that believes a producer which partitions are in its transaction."""
    _verify(kafka.address, "false")
    yield on_kafka
    _verify(kafka.address, "true")


def _verify(address: str, value: str) -> None:
    name = "transaction.partition.verification.enable"
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    client = AdminClient({"bootstrap.servers": address})
    (broker,) = client.list_topics(timeout=20).brokers
    resource = ConfigResource(ResourceType.BROKER, str(broker), incremental_configs=[entry])
    client.incremental_alter_configs([resource])[resource].result(timeout=20)


def _die(site: Site, fault: str) -> None:
    """A worker dies at its tenth commit, and leaves something hanging."""
    site.feed(200)
    with site.worker(fault=Fault(fault, 10)) as dying, site.feeding(seed=1):
        wait_until(lambda: not dying.is_running)
        assert dying.ended()[0] in DIED


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("no marker in the changelog, committed", "commit"),
        ("no marker in the changelog, not committed", "abort"),
        ("no marker anywhere, committed", "commit"),
    ],
)
def test_ends_what_hangs_as_the_coordinator_decided(careless: Site, fault: str, outcome: str) -> None:
    site = careless
    _die(site, fault)
    with site.worker("b") as next_owner:
        site.feed(200, seed=2)
        wait_until(site.is_done)
        assert f"was left without its end: {outcome}" in next_owner.log()
        assert next_owner.stop() == ""
    site.check("a", "b")


def test_aborts_what_nobody_has_seen_when_the_coordinator_has_forgotten_it(careless: Site) -> None:
    site = careless
    _die(site, "no marker anywhere, committed")
    asyncio.run(_open_and_leave(site))
    with site.worker("b") as next_owner:
        site.feed(200, seed=2)
        wait_until(site.is_done)
        assert "without its end: abort" in next_owner.log()
        assert next_owner.stop() == ""
    site.check("b")


def test_refuses_to_guess_when_a_part_was_seen(careless: Site) -> None:
    site = careless
    _die(site, "no marker in the changelog, committed")
    asyncio.run(_open_and_leave(site))
    with site.worker("b") as next_owner:
        code, said = next_owner.ended()
    assert code == 2
    assert "the broker does not know" in said


async def _open_and_leave(site: Site) -> None:
    """An owner fences the one before, and dies before it has looked: the coordinator forgets how that one ended."""
    for number in range(PARTITIONS):
        producer = site.connection.producer(f"{site.toy.prefix.rstrip('.')}-toy-{number}")
        await producer.start()
        await producer.stop()
