"""A fetch from before a seek arrives after it: the tag tells it apart. One that never arrives is missed."""

import pytest

from tests.engine.fault_points import Fault
from tests.engine.site import Site
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def run(site: Site, point: str) -> None:
    """Let a worker have its partition opened again while a fetch of it is on its way."""
    site.feed(400)
    with site.worker(fault=Fault(point)) as running:
        wait_until(lambda: "the late fetch is here" in running.log())
        site.feed(100, seed=1)
        wait_until(site.is_done)
        running.stop()


def test_is_not_taken(site: Site) -> None:
    run(site, "late fetch")
    site.check("a")


def test_would_leave_a_gap_without_its_tag(on_kafka: Site) -> None:
    """So the test above shows something."""
    run(on_kafka, "late fetch without tags")
    with pytest.raises(AssertionError, match=r"from message|rows differ"):
        on_kafka.check()


def test_that_never_arrives_is_missed_and_fetched_again(site: Site) -> None:
    site.feed(400)
    with site.worker(fault=Fault("lost fetch", 2)) as running:
        with site.feeding(seed=1):
            wait_until(lambda: "were lost on their way" in running.log())
        site.feed(100, seed=2)
        wait_until(site.is_done)
        running.stop()
    site.check("a")
