"""A worker dies inside a commit: every row of the crash tables, at different commits, and who goes on after it."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.engine.conftest import new_site
from tests.engine.fault_points import LOG, TX, Fault
from tests.engine.processes import DIED
from tests.engine.site import Site
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

COMMITS = (1, 4, 11)
"""At which passes of the point the workers of one test die."""
RECORDS_PER_COMMIT = 9
BATCHES_PER_COMMIT = 2
AT_ONCE = 3
"""A worker mostly waits for the group protocol to give up the one that died: meanwhile others have the processor."""


def passes(point: str, commit: int) -> int:
    """The pass of a point that is about as far as this commit: some are passed more often, some only now and then."""
    if point == "folding":
        return commit * RECORDS_PER_COMMIT
    if point == "some outputs sent":
        return commit * BATCHES_PER_COMMIT
    return 1 + commit // 4 if point in ("before group offsets", "after group offsets", "taken over") else commit


def empty_volume(folder: Path) -> str:
    """The next owner's volume was lost."""
    shutil.rmtree(folder / "a")
    return "a"


def crash_again_and_again(site: Site, point: str) -> None:
    """The next owner is another worker, then the one with the older volume, then one whose volume was lost."""
    following: tuple[Callable[[Path], str], ...] = (lambda _: "a", lambda _: "b", empty_volume)
    name = "b"
    with site.feeding():
        for commit, then in zip(COMMITS, following, strict=True):
            with site.worker(name, fault=Fault(point, passes(point, commit)), tick_seconds=0.3) as running:
                code, words = running.ended()
                assert code in DIED, f"ended with {code} ({words}):\n{running.log()}"
            name = then(site.folder)
    with site.worker(name) as running:
        wait_until(site.is_done)
        assert running.stop() == ""
    site.check("a", "b")


Chains = dict[tuple[str, str], Future[None]]
POINTS = [*(("kafka", point) for point in TX), *(("embedded", point) for point in LOG)]


@pytest.fixture(scope="module")
def chains(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chains]:
    """The crashes at all points that this run is to show, some at a time."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    chosen = [item.callspec.params for item in items]
    given = [(found.get("broker"), found.get("point")) for found in chosen]
    wanted = [place for place in POINTS if place in given]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        started: Chains = {}
        for broker, point in wanted:
            site = new_site(request, broker, tmp_path_factory.mktemp("crash"))
            started[broker, point] = pool.submit(crash_again_and_again, site, point)
        yield started
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize(("broker", "point"), POINTS)
def test_no_crash_loses_or_doubles_anything(chains: Chains, broker: str, point: str) -> None:
    chains[broker, point].result()
