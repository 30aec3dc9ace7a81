"""Whether the disk has room for another commit: a commit that cannot be stored is better not begun."""

import logging
import shutil
from pathlib import Path

from freshmart_streams.engine.clock import monotonic

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
RESERVE_BYTES = 256 << 20
RESERVE_SHARE = 20
"""The reserve, for what RocksDB writes by itself: so much, but no more than a twentieth of the disk."""


class DiskSpace:
    """The room on the disk of the data folder.

    Args:
        folder: on that disk; it need not exist yet.
        reserve: bytes that must stay free; None takes a share of the disk.
    """

    def __init__(self, folder: Path, reserve: int | None = None) -> None:
        self._folder = folder
        self._reserve = reserve
        self._looked_at = float("-inf")
        self._trouble = ""

    @property
    def trouble(self) -> str:
        """Why no commit may begin; empty while there is room. It is looked at about once a second."""
        if monotonic() - self._looked_at >= LOOK_SECONDS:
            self._look()
            self._looked_at = monotonic()
        return self._trouble

    def _look(self) -> None:
        disk = shutil.disk_usage(next(place for place in (self._folder, *self._folder.parents) if place.exists()))
        reserve = min(RESERVE_BYTES, disk.total // RESERVE_SHARE) if self._reserve is None else self._reserve
        before, self._trouble = self._trouble, ""
        if disk.free < reserve:
            self._trouble = (
                f"the disk of {self._folder} is full ({disk.free >> 20} MiB free, {reserve >> 20} MiB must be); "
                "going on when there is room"
            )
        if self._trouble and not before:
            log.error("nothing is committed: %s", self._trouble)
        if before and not self._trouble:
            log.info("there is room on the disk of %s again: going on", self._folder)
