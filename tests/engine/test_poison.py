"""Handlers that raise: nothing stands still, is skipped silently, or disturbs what is beside it."""

import re

import pytest

from freshmart_streams.engine import partition_of
from tests.engine.site import Site
from tests.support.log import PARTITIONS, read
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_many_records_and_much_due_work_that_raise_are_buried_one_by_one(site: Site) -> None:
    """In the middle of a batch, one after the other, and again right after a commit; no partition is opened again."""
    words = ["x", "boom", "boom", "y", "bad 10", "bad 11", "boom", "now 20", "boom", "x"]
    site.send(*((site.toy.words, f"key{number}", word) for number in range(6) for word in words))
    with site.worker() as running:
        wait_until(site.is_done)
        site.feed(300)
        wait_until(site.is_done)
        assert running.stop() == ""
        assert "opening it again" not in running.log()
    site.check("a")
    letters = [message.value() for found in read(site.bootstrap, site.toy.poison).values() for message in found]
    assert len([letter for letter in letters if letter == b"boom"]) >= 24


def test_what_cannot_even_be_buried_is_tried_again_and_never_skipped(site: Site) -> None:
    """Until a version comes that can; other partitions go on meanwhile."""
    site.feed(200)
    site.send((site.toy.words, "key1", "grumble"))
    held = partition_of(b"key1", PARTITIONS)
    site.feed(200, seed=1)
    with site.worker(grumbles=True) as broken:
        wait_until(lambda: len(re.findall(rf"toy/{held}: RuntimeError: cannot bury this", broken.log())) > 2)
        others = {number for _, number in site.ends} - {held}
        wait_until(lambda: site.is_read(site.toy.group, others))
        assert not site.is_read(site.toy.group, {held})
        assert broken.is_running
        broken.stop()
    with site.worker() as repaired:
        wait_until(site.is_done)
        repaired.stop()
    site.check("a")
