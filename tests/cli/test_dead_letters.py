"""`dead-letters list|resend` on the command line."""

import json

import pytest
from confluent_kafka import Producer

from freshmart_streams.connectors.kafka import Cluster, read_to_end
from tests.cli.conftest import Freshmart

SECRET = "a body that nobody may see in a list"


@pytest.fixture
def letters(broker: Cluster) -> None:
    """Two dead letters in partition 0, written as the application does."""
    producer = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    for offset in (b"7", b"8"):
        headers = {
            "topic": b"freshmart.sales",
            "partition": b"2",
            "offset": offset,
            "exception": b"unknown-store",
            "message": b"$.store_id: expected a store [that] exists",
        }
        named = [("trace", b"t"), *((f"__streams.errors.{name}", value) for name, value in headers.items())]
        producer.produce("freshmart.dead-letters", SECRET.encode(), b"0042", partition=0, headers=dict(named))
    assert producer.flush(15) == 0


class TestList:
    def test_shows_where_from_and_why_without_bodies(self, freshmart: Freshmart, letters: None) -> None:
        del letters
        ended = freshmart("dead-letters", "list")
        assert ended.code == 0
        for text in ("0:1", "freshmart.sales 2:8", "unknown-store", "$.store_id: expected a store [that] exists"):
            assert text in ended.out
        assert SECRET not in ended.out

    def test_is_json_for_programs(self, freshmart: Freshmart, letters: None) -> None:
        del letters
        items = json.loads(freshmart("dead-letters", "list", "--limit", "1", "--json").out)["items"]
        assert [item.pop("at")[:2] for item in items] == ["20"]
        assert items == [
            {
                "letter": "0:1",
                "from": "freshmart.sales 2:8",
                "code": "unknown-store",
                "message": "$.store_id: expected a store [that] exists",
                "resent": False,
            }
        ]

    def test_of_none_says_so(self, freshmart: Freshmart, broker: Cluster) -> None:
        del broker
        assert freshmart("dead-letters", "list").out == "no dead letters\n"


class TestResend:
    def test_sends_all_once(self, freshmart: Freshmart, broker: Cluster, letters: None) -> None:
        del letters
        assert freshmart("dead-letters", "resend").out == "2 dead letters sent again\n"
        assert freshmart("dead-letters", "resend").out == "0 dead letters sent again\n"
        sent = list(read_to_end(broker, "freshmart.sales"))
        assert [(one.key(), one.value(), one.headers()) for one in sent] == [
            (b"0042", SECRET.encode(), [("trace", b"t")])
        ] * 2

    def test_sends_those_that_are_named(self, freshmart: Freshmart, broker: Cluster, letters: None) -> None:
        del letters
        ended = freshmart("dead-letters", "resend", "0:1", "--json")
        assert (ended.code, json.loads(ended.out)) == (0, {"sent": 1, "superseded": 0, "unsendable": 0, "missing": 0})
        assert len(list(read_to_end(broker, "freshmart.sales"))) == 1

    def test_fails_for_one_that_is_not_there(self, freshmart: Freshmart, letters: None) -> None:
        del letters
        ended = freshmart("dead-letters", "resend", "0:1", "3:99")
        assert (ended.code, ended.out) == (1, "1 dead letters sent again\n")
        assert ended.err == "freshmart: no such letter: 3:99\n"

    @pytest.mark.parametrize("place", ["7", "a:1", "1:", "1:-1", "1:2:3"])
    def test_takes_partition_and_offset_only(self, freshmart: Freshmart, place: str) -> None:
        ended = freshmart("dead-letters", "resend", "--", place)
        assert (ended.code, ended.out) == (2, "")
        assert "is not PARTITION:OFFSET" in ended.err
