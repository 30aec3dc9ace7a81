"""A worker that was frozen past its session believes that it still owns its partitions: it must not commit."""

import pytest

from tests.engine.fault_points import Fault
from tests.engine.site import Site
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

FREEZES = [
    ("kafka", None),
    ("kafka", "rows sent"),
    ("kafka", "all batches sent"),
    ("kafka", "committed"),
    ("embedded", None),
    ("embedded", "before the batch"),
    ("embedded", "batch written"),
]


@pytest.mark.parametrize(("broker", "point"), FREEZES)
def test_commits_nothing_more_and_does_not_fence_the_owner_back(
    request: pytest.FixtureRequest, broker: str, point: str | None
) -> None:
    """Without a point it is frozen while it has nothing to do."""
    site: Site = request.getfixturevalue(f"on_{broker}")
    fault = None if point is None else Fault(point, 6, how="freeze")
    site.feed(200)
    with site.worker("zombie", fault=fault) as zombie:
        if point is None:
            wait_until(site.is_done)
            zombie.freeze()
        else:
            with site.feeding(seed=1):
                wait_until(lambda: zombie.is_frozen)
        with site.worker("owner") as owner:
            site.feed(200, seed=2)
            wait_until(site.is_done)
            frozen_at = len(zombie.log())
            zombie.thaw()
            site.feed(200, seed=3)
            wait_until(lambda: "opened toy" in zombie.log()[frozen_at:])
            site.feed(200, seed=4)
            wait_until(site.is_done)
            assert (zombie.stop(), owner.stop()) == ("", "")
            assert "ProducerFenced" not in owner.log()
    site.check("zombie", "owner")


def test_a_worker_whose_transaction_timed_out_goes_on_when_it_is_still_the_owner(on_kafka: Site) -> None:
    site = on_kafka
    site.feed(200)
    with site.worker(fault=Fault("rows sent", 5, how="freeze")) as running:
        wait_until(lambda: running.is_frozen)
        before = site.changelog_length()
        wait_until(lambda: site.changelog_length() > before)  # the broker has aborted it
        running.thaw()
        site.feed(200, seed=1)
        wait_until(site.is_done)
        assert running.stop() == ""
    site.check("a")
