"""Topics are created as the contract says, and every difference is found."""

import pytest

from freshmart_streams.connectors.kafka import Cluster
from freshmart_streams.connectors.kafka_admin import (
    Difference,
    PartitionsDifferError,
    await_topics,
    check_partitions,
    create_topics,
    differences,
)
from freshmart_streams.topics import Topics
from tests.support.kafka import Kafka

TOPICS = list(Topics("freshmart."))


class TestCheckPartitions:
    def test_takes_equal_counts(self) -> None:
        check_partitions(TOPICS, {topic.name: 12 for topic in TOPICS}, 12)

    def test_takes_no_topics_at_all(self) -> None:
        check_partitions(TOPICS, {}, 12)

    def test_refuses_different_counts_in_a_group_and_names_them(self) -> None:
        with pytest.raises(PartitionsDifferError, match=r"stores.*freshmart\.sales 12, freshmart\.inventory 6"):
            check_partitions(TOPICS, {"freshmart.sales": 12, "freshmart.inventory": 6}, 12)

    def test_refuses_another_count_than_the_setting_and_says_which(self) -> None:
        with pytest.raises(PartitionsDifferError, match="have 12 partitions, FRESHMART_PARTITIONS is 4: set it to 12"):
            check_partitions(TOPICS, {"freshmart.sales": 12, "freshmart.inventory": 12}, 4)


class TestEmbedded:
    def test_creates_what_is_missing_once(self, embedded: str) -> None:
        cluster = Cluster(bootstrap=embedded, prefix="freshmart.", is_embedded=True)
        assert create_topics(cluster, TOPICS, 4) == [topic.name for topic in TOPICS]
        assert create_topics(cluster, TOPICS, 4) == []
        assert differences(cluster, TOPICS, 4) == []

    def test_tells_what_is_missing(self, embedded: str) -> None:
        cluster = Cluster(bootstrap=embedded, prefix="freshmart.", is_embedded=True)
        create_topics(cluster, TOPICS[1:], 4)
        assert differences(cluster, TOPICS, 4) == [Difference(TOPICS[0].name, "topic", "exists", "missing")]


class TestKafka:
    def test_creates_topics_as_the_contract_says_and_leaves_them(self, kafka: Kafka) -> None:
        cluster = Cluster(bootstrap=kafka.address, prefix="admin-create.")
        topics = list(Topics("admin-create."))
        assert sorted(create_topics(cluster, topics, 3)) == sorted(topic.name for topic in topics)
        assert differences(cluster, topics, 3) == []
        assert create_topics(cluster, topics, 3) == []

    def test_adds_what_is_missing_later(self, kafka: Kafka) -> None:
        cluster = Cluster(bootstrap=kafka.address, prefix="admin-later.")
        topics = list(Topics("admin-later."))
        create_topics(cluster, topics[:5], 2)
        assert sorted(create_topics(cluster, topics, 2)) == sorted(topic.name for topic in topics[5:])

    def test_finds_every_difference(self, kafka: Kafka) -> None:
        cluster = Cluster(bootstrap=kafka.address, prefix="admin-differ.")
        topics = Topics("admin-differ.")
        kafka.create_topic(
            topics.sales.name,
            config={**topics.sales.configs, "message.timestamp.type": "CreateTime", "retention.ms": "1000"},
        )
        await_topics(cluster, [topics.sales.name])
        found = differences(cluster, [topics.sales, topics.stores], 8)
        assert found == [
            Difference(topics.sales.name, "partitions", "8", "4"),
            Difference(topics.sales.name, "retention.ms", topics.sales.configs["retention.ms"], "1000"),
            Difference(topics.sales.name, "message.timestamp.type", "LogAppendTime", "CreateTime"),
            Difference(topics.stores.name, "topic", "exists", "missing"),
        ]

    def test_creates_nothing_beside_topics_that_do_not_fit(self, kafka: Kafka) -> None:
        cluster = Cluster(bootstrap=kafka.address, prefix="admin-refuse.")
        topics = Topics("admin-refuse.")
        kafka.create_topic(topics.sales.name)
        await_topics(cluster, [topics.sales.name])
        with pytest.raises(PartitionsDifferError, match="have 4 partitions"):
            create_topics(cluster, list(topics), 8)
        assert topics.stores.name not in cluster.metadata().topics
