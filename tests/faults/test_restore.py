"""Goal R6, shortened: the published figure is that of `python -m tests.faults --scenario restore`."""

from pathlib import Path

import pytest

from tests.faults.restore import restore
from tests.support.kafka import Kafka

ROWS = 50_000
SECONDS_PER_MILLION_MAX = 600
"""A ceiling for any machine, some sixty times what it takes: it finds what grows with the square, nothing finer."""


@pytest.mark.slow
def test_an_empty_volume_is_filled_from_the_changelog(kafka: Kafka, tmp_path: Path) -> None:
    found = restore(kafka, ROWS, tmp_path / "volume")
    assert found.rows == ROWS
    assert found.seconds_per_million < SECONDS_PER_MILLION_MAX
