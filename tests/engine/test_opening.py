"""Partitions are opened together, and those that a worker keeps through a rebalance go on where they were."""

import re

import pytest

from tests.engine.fault_points import Fault
from tests.engine.site import Site
from tests.support.log import PARTITIONS
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_one_that_fails_leaves_no_other_being_opened_twice_at_a_time(site: Site) -> None:
    """The slow one would forget what was folded meanwhile, and the reading would go on behind it."""
    site.feed(200)
    with site.worker(fault=Fault("uneven opening")) as running:
        with site.feeding(seed=1):
            wait_until(lambda: "the slow one gets on" in running.log())
        site.feed(100, seed=2)
        wait_until(site.is_done)
        assert running.stop() == ""
    site.check("a")


def places(log: str, what: str) -> set[str]:
    """The partitions of which a log says something."""
    return set(re.findall(rf"{what} toy/(\d)", log))


def test_what_a_worker_keeps_goes_on_where_it_was(site: Site) -> None:
    """Two share the partitions; when one leaves, the other keeps its own open and opens only those that come.

    An offset commit that falls into the joining costs no generation of the group.
    """
    site.feed(200)
    with site.worker("stays", fault=Fault("late offsets")) as staying:
        wait_until(lambda: len(places(staying.log(), "opened")) == PARTITIONS)
        with site.feeding(seed=1), site.worker("leaves", fault=Fault("late offsets")) as leaving:
            wait_until(lambda: bool(places(leaving.log(), "opened")))
            wait_until(lambda: bool(places(staying.log(), "went on with")))
            kept = places(staying.log(), "went on with")
            before = len(staying.log())
            assert leaving.stop() == ""
            wait_until(lambda: len(places(staying.log()[before:], "opened")) == PARTITIONS - len(kept))
            wait_until(lambda: places(staying.log()[before:], "went on with") == kept)
        site.feed(200, seed=2)
        wait_until(site.is_done)
        assert staying.stop() == ""
        assert "opening it again" not in staying.log()
        assert "generation -1" not in staying.log()  # given up by aiokafka in the middle of joining
    site.check("stays", "leaves")
