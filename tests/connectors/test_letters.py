"""Dead letters are listed without their bodies and sent again exactly as they came, each once; on both brokers."""

from collections.abc import Sequence

import pytest
from confluent_kafka import Producer, TopicPartition

from freshmart_streams.connectors.kafka import Cluster, Sender, read_to_end
from freshmart_streams.connectors.kafka_admin import create_topics
from freshmart_streams.connectors.letters import (
    NOTE_CHARACTERS_MAX,
    Letter,
    Outcome,
    Place,
    Resent,
    read_letters,
    read_resent,
    resend,
)
from freshmart_streams.events.dead_letters import Code, headers
from freshmart_streams.topics import Topics
from tests.support.kafka import Kafka


class Original:
    """A record as it stood in its input topic."""

    partition = 3

    def __init__(self, topic: str, own_headers: Sequence[tuple[str, bytes]] = (), offset: int = 4711) -> None:
        self.topic = topic
        self.headers = own_headers
        self.offset = offset


class LettersSuite:
    """What holds on every broker."""

    def bury(self, cluster: Cluster, count: int = 1, *, partition: int = 0, topic: str = "sales") -> None:
        """Write dead letters as the application does: into a partition by number."""
        producer = Producer({"bootstrap.servers": cluster.bootstrap, "log_level": 0})
        for number in range(count):
            offset = 4711 + 100 * partition + number
            original = Original(cluster.topic(topic), [("trace", b"%d" % number)], offset)
            producer.produce(
                cluster.topic("dead-letters"),
                b'{"body": %d}' % number,
                b"0042",
                partition=partition,
                headers=list[tuple[str, str | bytes | None]](
                    headers(original, Code.UNKNOWN_STORE, "$.store_id: expected a store")
                ),
            )
        assert producer.flush(15) == 0

    def resend(self, cluster: Cluster, *wanted: Place) -> Outcome:
        return resend(cluster, Sender(cluster, on_trouble=print), Topics(cluster.prefix), wanted)

    def sent(self, cluster: Cluster, name: str = "sales") -> list[tuple[bytes | None, bytes | None, object]]:
        return [(one.key(), one.value(), one.headers()) for one in read_to_end(cluster, cluster.topic(name))]

    def listed(self, cluster: Cluster, limit: int = 100) -> list[Letter]:
        return read_letters(cluster, limit=limit)

    def test_lists_where_from_and_why(self, cluster: Cluster) -> None:
        self.bury(cluster)
        (letter,) = self.listed(cluster)
        assert (letter.place, letter.was_resent) == (Place(0, 0), False)
        assert letter.failure is not None
        assert (letter.failure.topic, letter.failure.partition, letter.failure.offset, letter.failure.code) == (
            cluster.topic("sales"),
            3,
            4711,
            "unknown-store",
        )
        assert letter.at_ms > 0

    def test_lists_the_newest(self, cluster: Cluster) -> None:
        self.bury(cluster, 10)
        assert [letter.place.offset for letter in self.listed(cluster, 3)] == [7, 8, 9]

    def test_sends_key_value_and_headers_of_the_original(self, cluster: Cluster) -> None:
        self.bury(cluster)
        assert self.resend(cluster).sent == 1
        assert self.sent(cluster) == [(b"0042", b'{"body": 0}', [("trace", b"0")])]

    def test_places_by_the_key_whatever_partition_the_letter_lay_in(self, cluster: Cluster) -> None:
        self.bury(cluster, partition=1)
        self.bury(cluster, partition=2)
        self.resend(cluster)
        assert len({one.partition() for one in read_to_end(cluster, cluster.topic("sales"))}) == 1

    def test_sends_each_letter_once(self, cluster: Cluster) -> None:
        self.bury(cluster, 3)
        self.bury(cluster, 2, partition=1)
        assert [self.resend(cluster).sent, self.resend(cluster).sent] == [5, 0]
        self.bury(cluster)
        assert self.resend(cluster).sent == 1
        assert [letter.was_resent for letter in self.listed(cluster)] == [True] * 6

    def test_sends_single_letters_and_later_the_others(self, cluster: Cluster) -> None:
        self.bury(cluster, 5)
        assert self.resend(cluster, Place(0, 1), Place(0, 3)).sent == 2
        assert [letter.was_resent for letter in self.listed(cluster)] == [False, True, False, True, False]
        assert read_resent(cluster)[0] == Resent(0, {1, 3})
        assert self.resend(cluster).sent == 3
        assert read_resent(cluster)[0] == Resent(5)
        bodies = [value for _, value, _ in self.sent(cluster)]
        assert sorted(body or b"" for body in bodies) == [b'{"body": %d}' % number for number in range(5)]

    def test_sends_a_single_letter_again_when_it_is_named_again(self, cluster: Cluster) -> None:
        self.bury(cluster)
        assert [self.resend(cluster, Place(0, 0)).sent for _ in range(2)] == [1, 1]

    def test_tells_which_letters_are_not_there(self, cluster: Cluster) -> None:
        self.bury(cluster)
        outcome = self.resend(cluster, Place(0, 0), Place(0, 9), Place(3, 0))
        assert (outcome.sent, outcome.missing) == (1, [Place(0, 9), Place(3, 0)])

    def test_sends_nowhere_but_to_inputs(self, cluster: Cluster) -> None:
        self.bury(cluster, topic="reorders")
        self.bury(cluster, topic="no-such-topic")
        Producer({"bootstrap.servers": cluster.bootstrap}).produce(cluster.topic("dead-letters"), b"", partition=0)
        outcome = self.resend(cluster)
        assert outcome.sent == 0
        assert {place for place, _ in outcome.unsendable} >= {Place(0, 0), Place(0, 1)}
        assert self.sent(cluster, "reorders") == []

    def test_sends_master_data_back_too(self, cluster: Cluster) -> None:
        self.bury(cluster, topic="stores")
        assert self.resend(cluster).sent == 1
        assert len(self.sent(cluster, "stores")) == 1

    def test_sends_a_message_once_that_every_partition_has_a_letter_of(self, cluster: Cluster) -> None:
        for partition in range(3):
            self.bury_row(cluster, self.put_row(cluster) if partition == 0 else 0, partition)
        assert self.resend(cluster).sent == 1
        assert [letter.was_resent for letter in self.listed(cluster)] == [True] * 3

    def test_leaves_out_a_row_of_which_a_newer_one_was_taken_in(self, cluster: Cluster) -> None:
        self.bury_row(cluster, self.put_row(cluster))
        self.put_row(cluster)
        outcome = self.resend(cluster)
        assert (outcome.sent, outcome.superseded) == (0, 1)
        assert len(self.sent(cluster, "products")) == 2
        assert self.resend(cluster) == Outcome()
        assert self.resend(cluster, Place(0, 0)).sent == 1  # because a person names it

    def test_sends_a_row_of_which_the_newer_ones_were_refused_too(self, cluster: Cluster) -> None:
        for _ in range(2):
            self.bury_row(cluster, self.put_row(cluster))
        outcome = self.resend(cluster)
        assert (outcome.sent, outcome.superseded) == (2, 0)

    def put_row(self, cluster: Cluster) -> int:
        """Send a row of master data to partition 1; returns its offset."""
        offsets: list[int] = []
        producer = Producer({"bootstrap.servers": cluster.bootstrap, "log_level": 0})
        producer.produce(
            cluster.topic("products"),
            b"{}",
            b"100234",
            partition=1,
            on_delivery=lambda _, report: offsets.append(report.offset() or 0),
        )
        assert producer.flush(15) == 0
        return offsets[0]

    def bury_row(self, cluster: Cluster, offset: int, partition: int = 0) -> None:
        """Write the dead letter of such a row."""
        original = Original(cluster.topic("products"), offset=offset)
        original.partition = 1
        producer = Producer({"bootstrap.servers": cluster.bootstrap, "log_level": 0})
        producer.produce(
            cluster.topic("dead-letters"),
            b"{}",
            b"100234",
            partition=partition,
            headers=list[tuple[str, str | bytes | None]](headers(original, Code.DOMAIN_ERROR, "no rule")),
        )
        assert producer.flush(15) == 0

    def test_of_none_sends_none(self, cluster: Cluster) -> None:
        assert self.listed(cluster) == []
        assert self.resend(cluster) == Outcome()


class TestLettersOnTheEmbeddedBroker(LettersSuite):
    """The fixture `cluster` is the embedded broker."""


class TestLettersOnKafka(LettersSuite):
    @pytest.fixture
    def cluster(self, kafka: Kafka, request: pytest.FixtureRequest) -> Cluster:
        prefix = f"letters-{abs(hash(request.node.name))}."
        made = Cluster(bootstrap=kafka.address, prefix=prefix)
        create_topics(made, list(Topics(prefix)), 4)
        return made

    def test_what_retention_took_away_is_no_letter_any_more(self, cluster: Cluster) -> None:
        self.bury(cluster, 3)
        assert self.resend(cluster, Place(0, 1)).sent == 1
        topic = cluster.topic("dead-letters")
        admin = cluster.admin()
        [deleted] = admin.delete_records([TopicPartition(topic, 0, 2)]).values()
        deleted.result(timeout=60)
        assert [letter.place for letter in self.listed(cluster)] == [Place(0, 2)]
        assert self.resend(cluster, Place(0, 0)).missing == [Place(0, 0)]
        assert [self.resend(cluster).sent, self.resend(cluster).sent] == [1, 0]


class TestResent:
    @pytest.mark.parametrize(
        ("single", "note"), [(set(), ""), ({4, 5, 6, 9}, "4-6,9"), ({1}, "1"), ({1, 3, 4}, "1,3-4")]
    )
    def test_is_noted_as_ranges(self, single: set[int], note: str) -> None:
        assert Resent(0, single).note() == note
        assert Resent.read(0, note) == Resent(0, single)

    @pytest.mark.parametrize(("below", "note"), [(-1001, None), (-1001, ""), (0, "what?"), (0, "7-")])
    def test_reads_what_is_not_there_or_not_readable_as_little(self, below: int, note: str | None) -> None:
        assert Resent.read(below, note).below == 0

    def test_notes_no_more_than_a_broker_keeps(self) -> None:
        note = Resent(0, set(range(0, 100_000, 2))).note()
        assert NOTE_CHARACTERS_MAX - 20 < len(note) <= NOTE_CHARACTERS_MAX
        assert Resent.read(0, note).single == set(range(0, 2 * len(note.split(",")), 2))

    def test_settles_below_the_first_letter_that_was_not_sent(self) -> None:
        done = Resent(2, {4, 7})
        done.settle([5, 6], end=8)
        assert done == Resent(5, {7})
        done.settle([], end=8)
        assert done == Resent(8)
