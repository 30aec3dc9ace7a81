"""The time of a schedule stands still while a step is being done, and only then."""

import time

from tests.faults.clock import Clock

PAUSE_SECONDS = 0.2


def test_it_stands_still_while_paused() -> None:
    clock = Clock()
    clock.start()
    with clock.paused():
        before = clock.now
        time.sleep(PAUSE_SECONDS)
        assert clock.now == before
    assert before <= clock.now
    time.sleep(PAUSE_SECONDS)
    assert clock.now - before >= PAUSE_SECONDS


def test_it_starts_at_zero_whatever_was_before() -> None:
    clock = Clock()
    with clock.paused():
        time.sleep(PAUSE_SECONDS)
    clock.start()
    assert 0 <= clock.now < 60
