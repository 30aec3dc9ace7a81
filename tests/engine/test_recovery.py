"""A worker begins with a volume that is not what the changelog says, or with inputs that are gone."""

import re
import shutil
import time
from collections.abc import Callable

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from freshmart_streams.engine.changelog import MARKER
from freshmart_streams.engine.journal import decode_local, encode_local
from freshmart_streams.engine.stores import LOCAL, RocksStore, StoreMemory
from freshmart_streams.engine.topics import changelog_configs
from tests.engine.processes import Worker
from tests.engine.site import Site, create_topics
from tests.support.log import PARTITIONS, read
from tests.support.tables import Tables, caught_up_tables, changelog_tables
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

DAY_MS = 24 * 3600 * 1000


def run(site: Site, name: str = "a", **options: bool) -> str:
    """Let a worker do all there is; what it logged."""
    with site.worker(name, **options) as running:
        wait_until(lambda: site.is_done() and are_open(running))
        assert running.stop() == ""
        return running.log()


def are_open(running: Worker) -> bool:
    """Whether it has opened all partitions."""
    return all(f"opened toy/{number}" in running.log() for number in range(PARTITIONS))


def refused(site: Site, name: str = "a") -> str:
    """A worker that ends with code 2 and one line, which is returned."""
    with site.worker(name) as running:
        code, said = running.ended()
    assert code == 2, running.log()
    assert said.count("\n") == 1
    return said


def records_taken(log: str) -> int:
    """How many records partitions took over from the changelog."""
    return sum(int(count) for count in re.findall(r"took (\d+) records over", log))


def age(site: Site, name: str, days: float) -> None:
    """Set back the time of the last commits in a volume."""
    for number in range(PARTITIONS):
        store = RocksStore(site.volume(name, number), StoreMemory(16))
        local = decode_local(store.get(LOCAL) or b"")
        local.marker.at -= int(days * DAY_MS)
        store.write([(LOCAL, encode_local(local))])
        store.close()


class TestAVolume:
    def test_that_is_an_older_copy_catches_up_with_what_it_lacks(self, site: Site) -> None:
        """As after a power cut, or when another worker had the partitions meanwhile."""
        site.feed(600)
        run(site)
        shutil.copytree(site.folder / "a", site.folder / "copy")
        site.feed(200, seed=1)
        with site.worker() as running:
            wait_until(site.is_done)
            running.kill()
        shutil.rmtree(site.folder / "a")
        shutil.move(site.folder / "copy", site.folder / "a")
        site.feed(100, seed=2)
        log = run(site)
        whole = sum(map(len, read(site.bootstrap, site.changelog()).values()))
        assert 0 < records_taken(log) < whole / 2
        site.check("a")

    def test_that_is_older_than_deletions_are_kept_is_built_anew(self, on_kafka: Site) -> None:
        """The deletion of its row is gone from the changelog: it would come back."""
        site = on_kafka
        site.feed(100)
        site.send((site.toy.words, "key1", "wide 3"))
        run(site, "old")
        assert any(key == ("counts", "key1/1") for key in volume(site, "old"))
        site.send((site.toy.words, "key1", "forget key1/1"))
        with site.worker("b", tick_seconds=0.1):
            wait_until(lambda: site.is_read(site.toy.group))
            compact(site, lambda: not mentions(site, b"counts\x01key1/1"))
        age(site, "old", 4)
        run(site, "old")
        assert volume(site, "old") == volume_of_changelog(site)
        assert ("counts", "key1/1") not in volume(site, "old")
        assert ("counts", "key1/2") in volume(site, "old")

    def test_that_is_not_so_old_is_kept(self, site: Site) -> None:
        site.feed(100)
        run(site)
        age(site, "a", 3)
        assert "rebuilding it" not in run(site)
        site.check("a")

    def test_that_is_ahead_of_the_changelog_is_refused(self, on_kafka: Site) -> None:
        site = on_kafka
        site.feed(100)
        run(site)
        create_anew(site, site.changelog())
        assert re.search(r"changelog/\d: the data folder is at \d+, the changelog ends at 0", refused(site))

    def test_of_another_log_is_refused(self, on_kafka: Site) -> None:
        site = on_kafka
        site.feed(100)
        run(site)
        create_anew(site, site.changelog())
        create_anew(site, site.toy.journal)
        site.feed(300, seed=1)
        run(site, "b")
        assert re.search(r"the changelog at \d+ is of another log than the data folder", refused(site))

    def test_of_another_embedded_broker_is_built_anew(self, on_embedded: Site, embedded: str) -> None:
        """Every embedded broker begins with an empty log."""
        site = on_embedded
        site.feed(100)
        run(site)
        after = Site(embedded, "log", site.folder, site.toy)
        create_topics(after.bootstrap, after.mode, after.toy)
        after.feed(100, seed=1)
        assert "building the tables anew" in run(after)
        after.check("a")


class TestAChangelog:
    def test_whose_commits_go_back_is_refused(self, on_kafka: Site) -> None:
        site = on_kafka
        site.feed(100)
        run(site)
        [*_, last] = read(site.bootstrap, site.changelog())[0]
        assert last.key() == MARKER
        producer = Producer({"bootstrap.servers": site.bootstrap})
        producer.produce(site.changelog(), last.value(), last.key(), partition=0)
        assert producer.flush(20) == 0
        assert re.search(r"changelog/0: commit \d+ at \d+ follows commit \d+", refused(site, "new"))


class TestInputs:
    def test_that_are_gone_before_they_were_applied_are_refused_with_their_number(self, on_kafka: Site) -> None:
        site = on_kafka
        site.feed(200)
        run(site)
        before = site.ends[site.toy.words, 2]
        site.feed(300, seed=1)
        client = AdminClient({"bootstrap.servers": site.bootstrap})
        gone = TopicPartition(site.toy.words, 2, before + 17)
        client.delete_records([gone])[gone].result(timeout=20)
        said = refused(site)
        assert f"{site.toy.words}/2: 17 records that were not applied yet are gone from the log" in said
        assert "--accept-loss" in said
        assert "17 records" in run(site, accept_loss=True)

    def test_that_outgrew_the_embedded_broker_are_refused_too(self, on_embedded: Site) -> None:
        """It keeps 5 MB of a partition."""
        site = on_embedded
        site.send((site.toy.words, "key1", "x"))
        run(site)
        site.send(*((site.toy.words, "key1", "x" * 100_000) for _ in range(80)))
        place = next(place for place, end in site.ends.items() if end > 80)
        consumer = Consumer({"bootstrap.servers": site.bootstrap, "group.id": "first", "log_level": 0})
        consumer.assign([TopicPartition(*place, OFFSET_BEGINNING)])
        first = consumer.poll(20)
        consumer.close()
        assert first is not None
        lost = (first.offset() or 0) - 1
        assert lost > 0
        assert f"{place[0]}/{place[1]}: {lost} records that were not applied yet are gone" in refused(site)
        assert f"{lost} records" in run(site, accept_loss=True)

    def test_that_end_before_what_was_applied_are_refused(self, on_kafka: Site) -> None:
        """The topic was deleted and created again."""
        site = on_kafka
        site.feed(200)
        run(site)
        create_anew(site, site.toy.words)
        assert re.search(r"words/\d: applied up to \d+, but the log ends at 0", refused(site))


def create_anew(site: Site, topic: str) -> None:
    """Delete a topic and create it again, empty; workers have ended."""
    client = AdminClient({"bootstrap.servers": site.bootstrap})
    client.delete_topics([topic], operation_timeout=20)[topic].result(timeout=30)
    wait_until(lambda: topic not in client.list_topics(timeout=20).topics)
    site.ends = {place: end for place, end in site.ends.items() if place[0] != topic}
    if topic != site.changelog():  # which the worker creates
        create_topics(site.bootstrap, site.mode, site.toy, only=[topic])


def compact(site: Site, is_done: Callable[[], bool]) -> None:
    """Let the broker compact the changelog, deletions too, until it is done; a worker has to go on writing to it."""
    soon = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "max.compaction.lag.ms": "1"}
    site.alter(site.changelog(), {**soon, "delete.retention.ms": "1"})
    wait_until(is_done, 120)
    site.alter(site.changelog(), changelog_configs())


def mentions(site: Site, key: bytes) -> bool:
    """Whether a row, or its deletion, is anywhere in the changelog."""
    time.sleep(0.5)  # it is read whole
    return any(message.key() == key for found in read(site.bootstrap, site.changelog()).values() for message in found)


def volume(site: Site, name: str) -> Tables:
    """All rows of a volume, with the commits that its worker had no time to take in."""
    found: Tables = {}
    for number, messages in read(site.bootstrap, site.changelog()).items():
        found |= caught_up_tables(site.volume(name, number), messages)
    return found


def volume_of_changelog(site: Site) -> Tables:
    """All rows of the changelog."""
    found: Tables = {}
    for messages in read(site.bootstrap, site.changelog()).values():
        found |= changelog_tables(messages)
    return found
