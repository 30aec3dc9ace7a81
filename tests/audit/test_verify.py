"""A real worker's log, verified while it runs and afterwards, on both brokers; and with differences planted in it."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from freshmart_streams.audit.differences import Difference, Kind, Report, What
from freshmart_streams.audit.verify import Broker, stores_system, verify
from freshmart_streams.topics import Topics
from tests.acceptance.site import Site, worker
from tests.audit.recorded import Kept, Messages, Recorded, record, with_value
from tests.support.embedded import embedded_broker
from tests.support.kafka import Kafka
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SIMULATION = ("simulate", "--stores", "6", "--products", "12", "--history", "2", "--speed", "0")


@pytest.fixture(scope="module", params=["embedded", "kafka"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A place for a system of its own."""
    topics, folder = Topics("audited."), tmp_path_factory.mktemp("site")
    if request.param == "kafka":
        shared: Kafka = request.getfixturevalue("kafka")
        yield Site(f"kafka://{shared.address}", folder, topics)
    else:
        with embedded_broker() as address:
            yield Site(f"embedded://{address}", folder, topics)


@pytest.fixture(scope="module")
def under_load(site: Site) -> list[Report]:
    """What verifications found while a worker had work to do; it has ended since."""
    assert site.run("topics", "create").returncode == 0
    found: list[Report] = []
    with worker(site, "a") as running:
        wait_until(running.is_ready)
        with ThreadPoolExecutor(1) as beside:
            simulation = beside.submit(simulated, site)
            while not simulation.done():
                found.append(verified(site))
            simulation.result()
        wait_until(site.is_done, 120)
        assert running.stop() == 0
    return found


@pytest.fixture(scope="module")
def recorded(site: Site, under_load: list[Report]) -> Recorded:
    """The log that the worker left behind."""
    assert under_load
    return record(site)


def simulated(site: Site) -> None:
    ended = site.run(*SIMULATION, "--days", "4")
    assert ended.returncode == 0, ended.stderr


def verified(site: Site, data: Path | None = None) -> Report:
    broker = Broker(bootstrap=site.bootstrap, is_embedded=not site.is_kafka)
    return verify(broker, stores_system(site.topics, site.group), data=data)


def only(report: Report) -> Difference:
    """The one difference that there is."""
    assert report.count == 1, "\n".join(map(str, report.differences))
    return report.differences[0]


class TestARunningSystem:
    def test_is_equal_at_every_moment(self, under_load: list[Report]) -> None:
        assert [str(one) for report in under_load for one in report.differences] == []
        assert all(report.is_equal for report in under_load), under_load

    def test_is_equal_when_it_has_ended_and_so_is_its_data_folder(self, site: Site, recorded: Recorded) -> None:
        report = verified(site, site.folder / "a")
        assert [str(one) for one in report.differences] == []
        assert report.is_equal
        changelog_only = verified(site)
        assert [one.rows for one in report.partitions] == [2 * one.rows for one in changelog_only.partitions]
        published = sum(len(messages) for topic in recorded.system.outputs for messages in recorded.topics[topic])
        assert sum(one.outputs for one in report.partitions) == published
        assert sum(one.days for one in report.partitions) >= 6 * 4
        assert sum(one.records for one in report.partitions) > 500

    def test_has_nothing_to_compare_before_its_first_commit(self, embedded: str, tmp_path: Path) -> None:
        site = Site(f"embedded://{embedded}", tmp_path)
        assert site.run("topics", "create").returncode == 0
        report = verified(site)
        assert (report.is_equal, [one.commit for one in report.partitions]) == (True, [0, 0, 0, 0])


class TestAPlantedDifference:
    def test_is_none_in_a_copy(self, recorded: Recorded, embedded: str) -> None:
        report = recorded.verified(embedded)
        assert [str(one) for one in report.differences] == []
        assert report.is_equal

    def test_of_a_row_is_told_with_its_fields_and_the_record_behind_it(self, recorded: Recorded, embedded: str) -> None:
        place, row = last_row(recorded, b"stock\x01", 0)
        wrong = Kept(row.key, (row.value or b"")[:-1] + bytes([(row.value or b"")[-1] ^ 1]), (), row.timestamp)
        report = recorded.changed(recorded.changelog, 0, lambda all_: [*all_[:place], wrong, *all_[place + 1 :]])
        found = only(report.verified(embedded))
        assert (found.kind, found.what, found.partition, found.where) == (Kind.TABLE, What.CHANGED, 0, "stock")
        assert found.key == (row.key or b"").decode().partition("\x01")[2]
        assert found.expected != found.found
        assert found.cause is not None
        assert found.cause.record.topic in recorded.site.inputs()
        assert found.cause.sequence in [commit.sequence for commit in found.commits]
        assert found.found_in in [commit.sequence for commit in found.commits]

    def test_of_a_row_that_is_missing_is_told(self, recorded: Recorded, embedded: str) -> None:
        _, row = last_row(recorded, b"stock\x01", 1)
        report = recorded.changed(recorded.changelog, 1, lambda all_: [one for one in all_ if one.key != row.key])
        assert (only(found := report.verified(embedded)).what, found.partitions[1].differences) == (What.MISSING, 1)

    def test_of_a_row_that_nothing_led_to_is_told(self, recorded: Recorded, embedded: str) -> None:
        place, row = last_row(recorded, b"stock\x01", 1)
        more = Kept(b"stock\x01nobody/1", row.value, (), row.timestamp)
        report = recorded.changed(recorded.changelog, 1, lambda all_: [*all_[:place], more, *all_[place:]])
        found = only(report.verified(embedded))
        assert (found.what, found.key, found.expected) == (What.UNEXPECTED, "nobody/1", None)

    def test_of_a_missing_message_is_told(self, recorded: Recorded, embedded: str) -> None:
        topic = recorded.site.topics.reorders.name
        number = recorded.partition_with(topic, 4)
        lost = recorded.topics[topic][number][1]
        found = only(recorded.changed(topic, number, lambda all_: without(all_, lost)).verified(embedded))
        assert (found.kind, found.what, found.partition, found.where) == (Kind.OUTPUT, What.MISSING, number, topic)
        assert found.expected is not None
        assert dict(lost.headers)["ce_id"].decode() in found.expected  # type: ignore[union-attr]  # it has one
        assert found.cause is not None
        assert found.commits

    def test_of_a_message_too_many_is_told(self, recorded: Recorded, embedded: str) -> None:
        topic = recorded.site.topics.alerts.name
        more = Kept(b"0042", b'{"alert_id":"planted"}', (("ce_id", b"planted.0"),), 1)
        found = only(recorded.changed(topic, 2, lambda all_: [*all_, more]).verified(embedded))
        assert (found.what, found.partition, found.where) == (What.UNEXPECTED, 2, topic)
        assert "planted" in (found.found or "")

    def test_of_a_changed_message_is_told_with_what_changed(self, recorded: Recorded, embedded: str) -> None:
        topic = recorded.site.topics.reorders.name
        number = recorded.partition_with(topic, 4)
        original = recorded.topics[topic][number][2]
        changed = with_value(original, quantity=-7)
        found = only(
            recorded.changed(
                topic, number, lambda all_: [changed if one == original else one for one in all_]
            ).verified(embedded)
        )
        assert (found.what, found.where) == (What.CHANGED, topic)
        assert "quantity -7" in (found.found or "")

    def test_of_a_header_is_told(self, recorded: Recorded, embedded: str) -> None:
        topic = recorded.site.topics.reorders.name
        number = recorded.partition_with(topic, 4)
        original = recorded.topics[topic][number][0]
        changed = Kept(original.key, original.value, (*original.headers, ("more", b"x")), original.timestamp)
        report = recorded.changed(topic, number, lambda all_: [changed if one == original else one for one in all_])
        assert 'header more "x"' in (only(report.verified(embedded)).found or "")

    def test_of_the_order_of_a_key_is_told(self, recorded: Recorded, embedded: str) -> None:
        topic = recorded.site.topics.reorders.name
        number = recorded.partition_with(topic, 4)
        messages = recorded.topics[topic][number]
        first = next(place for place, one in enumerate(messages[:-1]) if one.key == messages[place + 1].key)
        swapped = [*messages[:first], messages[first + 1], messages[first], *messages[first + 2 :]]
        found = only(recorded.changed(topic, number, lambda _: swapped).verified(embedded))
        assert (found.what, found.where) == (What.OUT_OF_ORDER, topic)

    def test_of_a_repetition_is_told_where_there_are_transactions(self, recorded: Recorded, embedded: str) -> None:
        topic = recorded.site.topics.reorders.name
        number = recorded.partition_with(topic, 4)
        report = recorded.changed(topic, number, lambda all_: [*all_, all_[1]]).verified(embedded)
        if recorded.site.is_kafka:
            assert only(report).what is What.REPEATED
        else:
            assert report.is_equal

    def test_of_a_gap_in_the_journal_is_told(self, recorded: Recorded, embedded: str) -> None:
        topic = recorded.site.topics.journal.name
        number = recorded.partition_with(topic, 4)
        lost = json.loads(recorded.topics[topic][number][2].value or b"")["sequence"]
        report = recorded.changed(
            topic, number, lambda all_: [one for one in all_ if json.loads(one.value or b"")["sequence"] != lost]
        ).verified(embedded)
        first = report.differences[0]
        assert (first.kind, first.what, first.partition, first.key) == (
            Kind.JOURNAL,
            What.MISSING,
            number,
            str(lost),
        )

    def test_of_a_lost_receipt_is_told_by_the_plain_sums_too(self, recorded: Recorded, embedded: str) -> None:
        """The oracle follows a journal; the sums do not, so a receipt that was changed afterwards shows in both."""
        topic = recorded.site.topics.sales.name
        number = recorded.partition_with(topic, 50)
        messages = recorded.topics[topic][number]
        place = next(i for i, one in enumerate(messages) if json.loads(one.value or b"").get("kind", "sale") == "sale")
        body = json.loads(messages[place].value or b"")
        lines = [{**body["lines"][0], "unit_price": body["lines"][0]["unit_price"] + 1}, *body["lines"][1:]]
        changed = with_value(messages[place], lines=lines)
        report = recorded.changed(
            topic, number, lambda all_: [changed if one is messages[place] else one for one in all_]
        ).verified(embedded, limit=1_000)
        assert {one.kind for one in report.differences} >= {Kind.SUM, Kind.TABLE, Kind.OUTPUT}

    def test_is_counted_beyond_those_that_are_shown(self, recorded: Recorded, embedded: str) -> None:
        topic = recorded.site.topics.alerts.name
        more = [Kept(b"0042", b"{}", (("ce_id", b"planted.%d" % number),), 1) for number in range(30)]
        report = recorded.changed(topic, 0, lambda all_: [*all_, *more]).verified(embedded, limit=5)
        assert (report.count, len(report.differences)) == (30, 5)


class TestWhatCannotBeVerified:
    def test_is_a_log_of_other_rules_unless_one_insists(self, recorded: Recorded, embedded: str) -> None:
        topic = recorded.site.topics.journal.name
        number = recorded.partition_with(topic, 4)
        other = recorded.changed(topic, number, lambda all_: [with_value(one, rules="0.0-old") for one in all_])
        report = other.verified(embedded)
        assert "was made under the rules 0.0-old" in report.partitions[number].unverified
        assert (report.is_equal, report.count) == (False, 0)
        broker = Broker(bootstrap=embedded, is_embedded=not recorded.site.is_kafka)
        insisted = verify(broker, other.system, other_rules=True)
        assert insisted.is_equal
        assert any("0.0-old" in note for note in insisted.partitions[number].notes)

    def test_is_an_input_that_lost_its_end(self, recorded: Recorded, embedded: str) -> None:
        topic = recorded.site.topics.sales.name
        number = recorded.partition_with(topic, 50)
        report = recorded.changed(topic, number, lambda all_: all_[:-5]).verified(embedded)
        assert "which ends at" in report.partitions[number].unverified

    def test_is_a_data_folder_of_another_log(self, recorded: Recorded, embedded: str) -> None:
        for_all = recorded
        for number in range(4):
            for_all = for_all.changed(recorded.changelog, number, with_other_id)
        for_all.written_to(embedded)
        broker = Broker(bootstrap=embedded, is_embedded=not recorded.site.is_kafka)
        report = verify(broker, for_all.system, data=recorded.site.folder / "a")
        assert report.count == 0
        assert all("is of another log" in " ".join(one.notes) for one in report.partitions)

    def test_is_what_the_embedded_broker_has_let_go_of(self, embedded: str, tmp_path: Path) -> None:
        site = Site(f"embedded://{embedded}", tmp_path)
        empty = Recorded(site, {name: [[] for _ in range(4)] for name in [*site.inputs(), site.topics.journal.name]})
        value = b"x" * 500_000
        empty.topics[site.topics.sales.name][1] = [Kept(b"0042", value, (), number + 1) for number in range(20)]
        report = empty.verified(embedded)
        assert "the beginning of the log is deleted" in report.partitions[1].unverified
        assert site.topics.sales.name in report.partitions[1].unverified


def last_row(recorded: Recorded, table: bytes, partition: int) -> tuple[int, Kept]:
    """The place of the newest row of a table in the changelog."""
    messages = recorded.topics[recorded.changelog][partition]
    places = [place for place, one in enumerate(messages) if (one.key or b"").startswith(table) and one.value]
    return places[-1], messages[places[-1]]


def without(messages: Messages, lost: Kept) -> Messages:
    return [one for one in messages if one != lost]


def with_other_id(messages: Messages) -> Messages:
    return [with_value(one, id="another") if (one.key or b"").startswith(b"\x00m") else one for one in messages]
