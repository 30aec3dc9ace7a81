"""Two groups in one application do not touch each other; and a replay of either, however it is cut, is the same."""

import re

import pytest

from freshmart_streams.engine.replay import Replay
from freshmart_streams.engine.testing import Driver
from tests.engine.fault_points import Fault
from tests.engine.processes import DIED
from tests.engine.site import Site, said
from tests.support.log import PARTITIONS, read_topics
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def two(site: Site) -> Site:
    """Both groups, in one data folder."""
    site.groups = ("toy", "visitors")
    return site


def test_a_fault_in_one_group_leaves_the_other_at_work(two: Site) -> None:
    two.feed(300)
    two.send((two.toy.visits, "visitor1", "grumble"))
    two.feed(300, seed=1)
    with two.worker(grumbles=True) as broken:
        wait_until(lambda: two.is_read(two.toy.group))
        wait_until(lambda: len(re.findall(r"visitors/\d: RuntimeError.*opening it again", broken.log())) > 1)
        assert not re.search(r"toy/\d: .*opening it again", broken.log())
        assert broken.is_running
        assert not two.is_read(two.toy.visitors)
        broken.stop()
    with two.worker(fault=Fault("stored", 2)) as repaired:
        two.feed(300, seed=2)
        assert repaired.ended()[0] in DIED
    with two.worker() as running:
        wait_until(two.is_done)
        assert running.stop() == ""
    two.check("a")


async def test_replays_along_the_journal_agree_with_each_other_and_the_workers(two: Site) -> None:
    two.feed(600)
    with two.worker() as running:
        wait_until(two.is_done)
        running.stop()
    two.feed(100, seed=1)  # beyond the journal's end
    log = read_topics(two.bootstrap, two.toy.outputs)
    for group in two.running:
        for number in range(PARTITIONS):
            drivers = []
            for batch_size in (1, 7, 5_000):
                driver = Driver(group, partition=number, partition_count=PARTITIONS, batch_size=batch_size)
                async for record in Replay(two.connection, group, number).records():
                    driver.apply([record])
                drivers.append(driver)
            assert drivers[0].stored() == drivers[1].stored() == drivers[2].stored()
            assert drivers[0].outputs() == drivers[1].outputs() == drivers[2].outputs()
            main = two.toy.out if group.name == "toy" else two.toy.greetings
            published = [said(message) for message in log[main][number]]
            replayed = [(found.key, found.value, tuple(found.headers)) for found in drivers[0].outputs(main)]
            assert replayed[: len(published)] == published
            assert len(replayed) > len(published)
