"""How often the partitions of a worker commit."""

import pytest

from freshmart_streams.engine.commits import BACKLOG_RECORDS, BACKLOG_SECONDS, SHARE_SECONDS, Pace

INTERVAL = 0.05


def test_a_partition_alone_commits_as_often_as_it_is_told() -> None:
    pace = Pace(INTERVAL)
    with pace.at_work():
        assert pace.distance(waiting=0) == INTERVAL


def test_many_partitions_at_work_leave_each_other_time() -> None:
    pace = Pace(INTERVAL)
    with pace.at_work(), pace.at_work(), pace.at_work(), pace.at_work():
        assert pace.distance(waiting=0) == 4 * SHARE_SECONDS
    assert pace.distance(waiting=0) == INTERVAL


def test_a_backlog_makes_commits_large() -> None:
    assert Pace(INTERVAL).distance(waiting=BACKLOG_RECORDS) == BACKLOG_SECONDS


def test_a_commit_that_fails_leaves_the_pace() -> None:
    pace = Pace(INTERVAL)
    with pytest.raises(OSError, match="broker"), pace.at_work(), pace.at_work(), pace.at_work():
        raise OSError("the broker is away")
    assert pace.distance(waiting=0) == INTERVAL
