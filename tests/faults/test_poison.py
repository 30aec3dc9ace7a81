"""Goal R3, shortened: the full number of kills is `python -m tests.faults --scenario poison-kills`."""

from pathlib import Path

import pytest

from tests.acceptance.site import Site
from tests.faults import poison
from tests.support.kafka import Kafka

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_nothing_is_lost_when_workers_die_between_a_slow_message_and_a_malformed_one(
    own_kafka: Kafka, tmp_path: Path
) -> None:
    assert poison.run_on(Site(f"kafka://{own_kafka.address}", tmp_path), kills=10, seed=1) == []
