"""The only place where the time of day is read: for ticks, age of a store, waiting. Results never depend on it."""

import time


def now_ms() -> int:
    """Milliseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1_000_000


def monotonic() -> float:
    """Seconds of a clock that never goes back; for distances only."""
    return time.monotonic()
