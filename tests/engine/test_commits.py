"""Commits that the broker takes in part, and commits that are large."""

import pytest

from tests.engine.site import Site, said
from tests.support.kafka import Kafka
from tests.support.log import journal, read
from tests.support.tables import changelog_tables
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

LARGEST_INPUT = 200_000


def allow(site: Site, topic: str, bytes_max: int) -> None:
    """Set how large a batch of a topic may be."""
    site.alter(topic, {"max.message.bytes": str(bytes_max)})


def test_of_a_transaction_of_which_one_batch_fails_nothing_is_visible(on_kafka: Site) -> None:
    site = on_kafka
    allow(site, site.toy.out, 2_000)
    site.send((site.toy.words, "key1", "long 5000"))
    [(_, number)] = site.ends
    with site.worker() as running:
        wait_until(lambda: running.log().count("opening it again") > 1)
        assert "MessageSizeTooLargeError" in running.log()
        assert not changelog_tables(read(site.bootstrap, site.changelog())[number])
        assert number not in journal(site.bootstrap, site.toy.journal)
        assert not read(site.bootstrap, site.toy.out)
        allow(site, site.toy.out, 20_000)
        wait_until(site.is_done)
        assert running.stop() == ""
    site.check("a")


def test_of_many_batches_and_of_rows_larger_than_a_batch_are_whole(on_kafka: Site, kafka: Kafka) -> None:
    """A batch holds 800 kB: these commits have megabytes. They are compressed: only workers read them."""
    site = on_kafka
    site.send(*((site.toy.words, f"key{number}", "wide 5000") for number in range(12)))
    site.send(*((site.toy.more, f"key{number}", "long 1300000") for number in range(4)))
    with site.worker() as running:
        wait_until(site.is_done)
        running.stop()
    site.check("a")
    largest = max(
        len(message.value() or b"") for found in read(site.bootstrap, site.changelog()).values() for message in found
    )
    assert largest > 1_300_000
    log = kafka.folder / "log"
    kept = sum(file.stat().st_size for file in log.glob(f"{site.changelog()}-*/*.log"))
    assert kept < largest


def test_without_transactions_are_whole_too(on_embedded: Site) -> None:
    """The embedded broker keeps 5 MB of a partition: less than with transactions."""
    site = on_embedded
    site.send(*((site.toy.words, f"key{number}", "wide 2000") for number in range(8)))
    site.send(*((site.toy.more, f"key{number}", "long 90000") for number in range(4)))
    with site.worker() as running:
        wait_until(site.is_done)
        running.stop()
    site.check("a")


def test_with_a_dead_letter_larger_than_its_original_may_be(on_kafka: Site) -> None:
    """It has more headers: its topic allows more than the input."""
    site = on_kafka
    allow(site, site.toy.words, LARGEST_INPUT)
    allow(site, site.toy.poison, LARGEST_INPUT + 64 * 1024)
    word = "boom " + "x" * (LARGEST_INPUT - 200)
    site.send((site.toy.words, "key1", word))
    with site.worker() as running:
        wait_until(site.is_done)
        running.stop()
    letters = [message for found in read(site.bootstrap, site.toy.poison).values() for message in found]
    assert [letter.value() for letter in letters] == [word.encode()]
    headers = sum(len(name) + len(value or b"") for name, value in said(letters[0])[2])
    assert len(word) + headers > LARGEST_INPUT
    site.check("a")
