"""Partitions are opened together: one that fails must not leave another one being opened twice at a time."""

import pytest

from tests.engine.fault_points import Fault
from tests.engine.site import Site
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_is_never_done_twice_at_a_time(site: Site) -> None:
    """The slow one would forget what was folded meanwhile, and the reading would go on behind it."""
    site.feed(200)
    with site.worker(fault=Fault("uneven opening")) as running:
        with site.feeding(seed=1):
            wait_until(lambda: "the slow one gets on" in running.log())
        site.feed(100, seed=2)
        wait_until(site.is_done)
        assert running.stop() == ""
    site.check("a")
