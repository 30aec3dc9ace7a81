"""`audit verify` on the command line."""

import json

import pytest
from confluent_kafka import Producer

from freshmart_streams.connectors.kafka import Cluster
from tests.cli.conftest import Freshmart


@pytest.fixture
def planted(broker: Cluster, freshmart: Freshmart) -> None:
    """A system in which nobody ever ran, and yet an alert was published."""
    assert freshmart("topics", "create").code == 0
    producer = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    producer.produce(
        "freshmart.alerts", b'{"alert_id":"planted"}', b"0042", partition=1, headers={"ce_id": b"planted.0"}
    )
    assert producer.flush(15) == 0


class TestVerify:
    def test_without_log_says_what_there_is(self, freshmart: Freshmart) -> None:
        ended = freshmart("audit", "verify")
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
        assert "--log" in ended.err

    def test_of_an_empty_system_is_equal(self, freshmart: Freshmart, broker: Cluster) -> None:
        del broker
        ended = freshmart("audit", "verify", "--log")
        assert (ended.code, ended.err) == (0, "everything is equal\n")
        words = [line.split() for line in ended.out.splitlines() if line.strip()]
        assert [row[0] for row in words if row[0].isdigit()] == ["0", "1", "2", "3"]

    def test_tells_a_difference_in_words(self, freshmart: Freshmart, planted: None) -> None:
        del planted
        ended = freshmart("audit", "verify", "--log")
        assert (ended.code, ended.err) == (1, "freshmart: 1 difference\n")
        assert "partition 1, output freshmart.alerts 0042 at offset 0: unexpected" in ended.out
        assert "planted.0" in ended.out

    def test_tells_it_to_programs(self, freshmart: Freshmart, planted: None) -> None:
        del planted
        ended = freshmart("audit", "verify", "--log", "--json")
        answer = json.loads(ended.out)
        assert (ended.code, answer["equal"], answer["differences"]) == (1, False, 1)
        (difference,) = answer["first_differences"]
        assert (difference["kind"], difference["what"], difference["partition"]) == ("output", "unexpected", 1)
        assert [one["differences"] for one in answer["partitions"]] == [0, 1, 0, 0]

    def test_counts_what_it_does_not_show(self, freshmart: Freshmart, planted: None) -> None:
        del planted
        ended = freshmart("audit", "verify", "--log", "--limit", "0")
        assert ended.code == 1
        assert "and 1 more" in ended.out
        assert "planted" not in ended.out

    def test_looks_at_the_partitions_that_are_named(self, freshmart: Freshmart, planted: None) -> None:
        del planted
        assert freshmart("audit", "verify", "--log", "--partition", "0", "--partition", "3").code == 0
        assert freshmart("audit", "verify", "--log", "--partition", "1").code == 1

    def test_refuses_a_partition_that_is_not_there(self, freshmart: Freshmart, broker: Cluster) -> None:
        del broker
        ended = freshmart("audit", "verify", "--log", "--partition", "4")
        assert (ended.code, ended.err) == (2, "freshmart: --partition: there is no partition 4: the topics have 4\n")

    def test_needs_a_broker_that_others_can_reach(self, freshmart: Freshmart) -> None:
        ended = freshmart("audit", "verify", "--log")
        assert ended.code == 2
        assert "FRESHMART_BROKER" in ended.err
