"""A disk that fills up: nothing is committed, nothing is lost, and there is no need to start anything again.

The disk is real, a small file system in memory; mounting it needs root, which the CI machine has.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from freshmart_streams.engine.space import DiskSpace
from tests.engine.processes import Worker
from tests.engine.site import Site
from tests.support.waiting import wait_until

SLOW = [pytest.mark.slow, pytest.mark.timeout(240)]
MIB = 1 << 20
HOUR = 3_600.0


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A disk of its own at this folder; skips the test where mounting is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        reason = f"a small disk cannot be mounted here: {mounted.stderr.strip()}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, leave: int) -> Path:
    """Take all room but so many bytes; the file that has it."""
    filler = folder / "filler"
    room = os.statvfs(folder)
    with filler.open("wb", buffering=0) as file:  # a buffer would raise once more when it is closed
        try:
            for _ in range(max(0, room.f_bavail * room.f_frsize - leave) // 4096):
                file.write(b"x" * 4096)
        except OSError:
            assert leave == 0
    return filler


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MiB."""
    with disk(tmp_path / "small", 12):
        yield tmp_path / "small"


class TestDiskSpace:
    def test_there_is_room_until_the_reserve_is_touched(
        self, small: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        seconds = [0.0]
        monkeypatch.setattr("freshmart_streams.engine.space.monotonic", lambda: seconds[0])
        space = DiskSpace(small / "not made yet", reserve=4 * MIB)
        assert space.trouble == ""
        filler = fill(small, leave=2 * MIB)
        assert space.trouble == "", "it looks only now and then"
        seconds[0] = 5.0
        assert "is full (" in space.trouble
        assert "4 MiB must be" in space.trouble
        seconds[0] = 10.0
        assert space.trouble != ""
        filler.unlink()
        seconds[0] = 15.0
        assert space.trouble == ""
        assert [record.levelname for record in caplog.records] == ["ERROR"], "one line, however often it was asked"

    def test_the_reserve_is_a_share_of_a_small_disk(self, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fill(small, leave=MIB)
        assert DiskSpace(small).trouble == "", "a twentieth of 12 MiB is less"
        (small / "filler").unlink()
        fill(small, leave=MIB // 2)
        assert DiskSpace(small).trouble != ""


class TestWorkers:
    pytestmark = SLOW

    def test_commits_stop_before_the_disk_is_full_and_go_on_by_themselves(self, site: Site) -> None:
        with disk(site.folder / "a", 256), site.worker(disk_reserve=8 * MIB, tick_seconds=HOUR) as running:
            site.feed(300)
            wait_until(site.is_done)
            filler = fill(site.folder / "a", leave=4 * MIB)
            feed_until(site, running, "nothing is committed: the disk of")
            opened = running.log().count("opened")
            site.feed(300, seed=2)
            assert not site.is_done()
            filler.unlink()
            wait_until(site.is_done)
            assert running.stop() == ""
            assert "No space left" not in running.log()
            assert running.log().count("opened") == opened, "there was no need to open anything again"
            assert running.log().count("nothing is committed") == 1
            site.check("a")

    def test_a_write_that_fails_after_the_commit_counted_is_made_up_for(self, site: Site) -> None:
        with disk(site.folder / "a", 24), site.worker(tick_seconds=HOUR) as running:
            site.feed(300)
            wait_until(site.is_done)
            filler = fill(site.folder / "a", leave=0)
            feed_until(site, running, "No space left")
            site.feed(300, seed=2)
            filler.unlink()
            wait_until(site.is_done)
            assert running.stop() == ""
            site.check("a")


def feed_until(site: Site, running: Worker, text: str) -> None:
    """Feed a little, again and again, until the log has the text."""

    def is_said() -> bool:
        site.send(*((site.toy.words, f"key{number}", "wide 20") for number in range(20)))
        return text in running.log()

    wait_until(is_said)
