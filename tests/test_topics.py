"""Topics: the table of contracts.md section 2, once more by hand."""

from freshmart_streams.topics import BOTH, Cleanup, GroupName, Key, Topics, all_topics

TOPICS = Topics("freshmart.")

# name, key, clean-up, days kept (None: until compacted away), read as input
CONTRACT = [
    ("sales", Key.STORE, Cleanup.DELETE, 400, True),
    ("inventory", Key.STORE, Cleanup.DELETE, 400, True),
    ("crm", Key.CUSTOMER, Cleanup.DELETE, 7, True),
    ("products", Key.SKU, Cleanup.COMPACT, None, True),
    ("stores", Key.STORE, Cleanup.COMPACT, None, True),
    ("policies", Key.POLICY, Cleanup.COMPACT, None, True),
    ("market-rates", Key.RATE, Cleanup.COMPACT, None, True),
    ("ticks", Key.NONE, Cleanup.DELETE, 400, True),
    ("journal", Key.NONE, Cleanup.DELETE, 400, False),
    ("purchases", Key.CUSTOMER, Cleanup.DELETE, 14, True),
    ("rights", Key.PSEUDONYM, Cleanup.COMPACT, None, False),
    ("reorders", Key.STORE, Cleanup.DELETE, 90, False),
    ("price-changes", Key.STORE, Cleanup.DELETE, 90, False),
    ("offers", Key.CUSTOMER, Cleanup.COMPACT_AND_DELETE, 90, False),
    ("store-days", Key.STORE_DAY, Cleanup.COMPACT, None, False),
    ("payables", Key.STORE, Cleanup.DELETE, 90, False),
    ("alerts", Key.STORE, Cleanup.DELETE, 90, False),
    ("dead-letters", Key.ORIGINAL, Cleanup.DELETE, 14, False),
    ("audit", Key.SUBJECT, Cleanup.DELETE, 3650, False),
]


def test_the_topics_are_those_of_the_contract_in_its_order() -> None:
    days = 24 * 60 * 60 * 1000
    assert [
        (topic.name, topic.key, topic.cleanup, topic.retention_ms and topic.retention_ms // days, topic.is_input)
        for topic in all_topics("freshmart.")
    ] == [(f"freshmart.{name}", *rest) for name, *rest in CONTRACT]


def test_a_prefix_is_put_before_every_name() -> None:
    assert Topics("test-7.").price_changes.name == "test-7.price-changes"
    assert Topics("").sales.name == "sales"


def test_inputs_have_the_brokers_timestamps_because_the_merge_goes_by_them() -> None:
    for topic in TOPICS:
        is_set = topic.configs.get("message.timestamp.type") == "LogAppendTime"
        assert is_set is topic.is_input, topic.name


def test_a_dead_letter_may_be_64_kib_larger_than_the_largest_input() -> None:
    largest = max(int(topic.configs["max.message.bytes"]) for topic in TOPICS if topic.is_input)
    assert int(TOPICS.dead_letters.configs["max.message.bytes"]) == largest + 65_536


def test_an_input_takes_the_ten_megabytes_that_become_a_dead_letter() -> None:
    assert int(TOPICS.sales.configs["max.message.bytes"]) > 10 * 1024 * 1024


def test_old_versions_of_master_data_are_kept_as_long_as_the_inputs() -> None:
    for topic in (TOPICS.products, TOPICS.stores, TOPICS.policies, TOPICS.market_rates):
        assert topic.configs["min.compaction.lag.ms"] == TOPICS.sales.configs["retention.ms"]
        assert "retention.ms" not in topic.configs


def test_the_journal_is_kept_as_long_as_the_inputs_it_puts_in_order() -> None:
    assert TOPICS.journal.retention_ms == TOPICS.ticks.retention_ms == TOPICS.inventory.retention_ms


def test_withdrawn_offers_are_gone_within_a_known_time() -> None:
    assert int(TOPICS.offers.configs["max.compaction.lag.ms"]) == 7 * 86_400_000


def test_only_compacted_topics_keep_tombstones() -> None:
    for topic in TOPICS:
        is_compacted = "compact" in topic.configs["cleanup.policy"]
        assert ("delete.retention.ms" in topic.configs) is is_compacted, topic.name


class TestGroups:
    def test_personal_data_is_with_the_customers(self) -> None:
        names = {topic.name for topic in TOPICS.of_group(GroupName.CUSTOMERS) if topic.groups != BOTH}
        assert names == {"freshmart.crm", "freshmart.rights", "freshmart.offers"}

    def test_the_stores_share_master_data_ticks_journal_and_letters_with_them(self) -> None:
        names = {topic.name.removeprefix("freshmart.") for topic in TOPICS if topic.groups == BOTH}
        assert names == {
            *("products", "stores", "policies", "market-rates"),
            *("ticks", "journal", "purchases", "dead-letters", "audit"),
        }

    def test_every_topic_belongs_to_a_group(self) -> None:
        assert all(topic.groups for topic in TOPICS)


def test_what_the_application_reads_it_does_not_write_but_ticks_and_purchases() -> None:
    own = {topic.name for topic in TOPICS if topic.is_input and topic.writer.startswith("app")}
    assert own == {"freshmart.ticks", "freshmart.purchases"}
