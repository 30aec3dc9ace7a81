"""A standby follows the changelog, through a restart of the broker too, and takes over with little left to read.

That other workers answer from a standby, marked stale, is shown by tests/acceptance/test_replicas.py.
"""

import re
from pathlib import Path

import pytest

from tests.engine.processes import Worker
from tests.engine.site import Site, create_topics
from tests.engine.toy import Toy
from tests.support.kafka import Kafka
from tests.support.log import PARTITIONS, read
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def opened(running: Worker) -> set[str]:
    """The partitions that a worker has had."""
    return set(re.findall(r"opened toy/(\d)", running.log()))


def take_over(site: Site, first: Worker, second: Worker) -> None:
    """Kill the first of two workers; the second has to be able to go on without a long look at the changelog."""
    wait_until(lambda: bool(opened(first) and opened(second)))
    site.feed(1_500, seed=1)
    wait_until(site.is_done)
    held = sum(map(len, read(site.bootstrap, site.changelog()).values()))
    before = len(second.log())
    first.kill()
    site.feed(50, seed=2)
    wait_until(site.is_done)
    after = second.log()[before:]
    assert len(set(re.findall(r"(?:opened|went on with) toy/(\d)", after))) == PARTITIONS
    taken = sum(int(count) for count in re.findall(r"took (\d+) records over", after))
    assert taken < held / 5
    assert "building it anew" not in second.log()
    assert second.stop() == ""


def test_takes_over_with_little_left_to_read(on_embedded: Site) -> None:
    with on_embedded.worker("a", standbys=1) as first, on_embedded.worker("b", standbys=1) as second:
        take_over(on_embedded, first, second)
    on_embedded.check("a", "b")


def test_goes_on_after_the_broker_was_restarted(own_kafka: Kafka, tmp_path: Path) -> None:
    site = Site(own_kafka.address, "tx", tmp_path, Toy())
    create_topics(site.bootstrap, site.mode, site.toy)
    with site.worker("a", standbys=1) as first, site.worker("b", standbys=1) as second:
        wait_until(lambda: bool(opened(first) and opened(second)))
        site.feed(300)
        wait_until(site.is_done)
        own_kafka.restart()
        take_over(site, first, second)
    site.check("a", "b")
