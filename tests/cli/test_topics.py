"""`topics create|check` on both brokers."""

import json

import pytest

from freshmart_streams.connectors.kafka import Cluster
from freshmart_streams.connectors.kafka_admin import await_topics, touch
from freshmart_streams.topics import Topics
from tests.cli.conftest import Freshmart
from tests.support.kafka import Kafka


class TestEmbedded:
    def test_creates_and_then_finds_all_as_it_must_be(self, freshmart: Freshmart, broker: Cluster) -> None:
        assert freshmart("topics", "check").code == 1
        created = freshmart("topics", "create", "--json")
        assert (created.code, created.err) == (0, "")
        assert json.loads(created.out) == {"created": [t.name for t in Topics(broker.prefix)], "partitions": 4}
        assert freshmart("topics", "create").out == "all exist\n"
        checked = freshmart("topics", "check")
        assert (checked.code, checked.out) == (0, "all 19 topics are as they must be\n")

    def test_lists_what_is_missing(self, freshmart: Freshmart, broker: Cluster) -> None:
        touch(broker, [topic.name for topic in Topics(broker.prefix)][1:])
        checked = freshmart("topics", "check")
        assert checked.code == 1
        assert "freshmart.sales" in checked.out
        assert "1 differences" in checked.err


class TestKafka:
    @pytest.fixture(autouse=True)
    def settings(self, kafka: Kafka, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
        prefix = f"cli-{abs(hash(request.node.name))}."
        monkeypatch.setenv("FRESHMART_BROKER", f"kafka://{kafka.address}")
        monkeypatch.setenv("FRESHMART_PARTITIONS", "2")
        monkeypatch.setenv("FRESHMART_TOPIC_PREFIX", prefix)
        return prefix

    def test_creates_and_then_finds_all_as_it_must_be(self, freshmart: Freshmart) -> None:
        assert freshmart("topics", "create").code == 0
        assert freshmart("topics", "check").code == 0
        assert freshmart("topics", "create").out == "all exist\n"

    def test_refuses_different_partition_counts_in_one_line(
        self, freshmart: Freshmart, kafka: Kafka, settings: str
    ) -> None:
        for name, partitions in [("sales", 2), ("inventory", 3)]:
            kafka.create_topic(settings + name, partitions=partitions)
        await_topics(
            Cluster(bootstrap=kafka.address, prefix=settings), [settings + name for name in ("sales", "inventory")]
        )
        for command in ("create", "check"):
            ended = freshmart("topics", command)
            assert ended.code == 2
            assert ended.err.count("\n") == 1
            assert f"{settings}sales 2, {settings}inventory 3" in ended.err

    @pytest.mark.parametrize("command", [("simulate",), ("import", "file"), ("dead-letters", "list")], ids=" ".join)
    def test_missing_end_a_command_that_needs_them(self, freshmart: Freshmart, command: tuple[str, ...]) -> None:
        ended = freshmart(*command)
        assert ended.code == 1
        assert ended.err.startswith("freshmart: the broker has no topic ")
        assert "freshmart topics create" in ended.err
