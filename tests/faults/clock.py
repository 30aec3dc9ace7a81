"""The time of a schedule: it stands still while a step is being done.

Starting a broker takes three seconds on one machine and twenty on another. Without this clock the steps behind it would
all be done at once, and a worker would be frozen for no time at all.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Seconds since `start`, without those that were spent in `paused`."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._lost = 0.0
        self._paused_at: float | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """It is zero now."""
        with self._lock:
            self._begun, self._lost = time.monotonic(), 0.0

    @property
    def now(self) -> float:
        """Seconds of the schedule."""
        with self._lock:
            return (self._paused_at or time.monotonic()) - self._begun - self._lost

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stand still meanwhile."""
        with self._lock:
            self._paused_at = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._lost += time.monotonic() - (self._paused_at or 0.0)
                self._paused_at = None
