"""Handlers that raise too often: the partition pauses instead of turning its topic into dead letters."""

import pytest
from confluent_kafka import Message

from freshmart_streams.engine import Batch, Record, StoredRecord
from freshmart_streams.engine.batches import HandlerError
from freshmart_streams.engine.budgets import ERRORS_MAX, ErrorBudget
from freshmart_streams.engine.partitioning import partition_of
from freshmart_streams.engine.testing import Driver
from tests.engine.processes import Worker
from tests.engine.site import Site
from tests.engine.toy import Toy
from tests.support.log import PARTITIONS, read
from tests.support.waiting import wait_until

SLOW = [pytest.mark.slow, pytest.mark.timeout(240)]
BAD = "key1"


def in_other_partitions(key: str) -> list[str]:
    """Keys that are not in this key's partition."""
    mine = partition_of(key.encode(), PARTITIONS)
    return [name for name in (f"other{n}" for n in range(20)) if partition_of(name.encode(), PARTITIONS) != mine]


def is_spent(budget: ErrorBudget) -> bool:
    """Whether one more error would be too many, as it is now."""
    return budget.is_spent


class TestErrorBudget:
    def test_forgives_so_many_and_not_one_more(self) -> None:
        budget = ErrorBudget(3, 1_000)
        for _ in range(3):
            assert not is_spent(budget)
            budget.spend()
        assert is_spent(budget)
        budget.folded(999)
        assert is_spent(budget)

    def test_forgets_an_error_after_so_many_records(self) -> None:
        budget = ErrorBudget(2, 1_000)
        budget.spend()
        budget.folded(500)
        budget.spend()
        assert is_spent(budget)
        budget.folded(500)
        assert not is_spent(budget)
        budget.spend()
        assert is_spent(budget)
        budget.folded(500)
        assert not is_spent(budget)

    def test_one_article_that_nobody_can_book_never_stops_its_partition(self) -> None:
        budget = ErrorBudget(ERRORS_MAX)
        for _ in range(5_000):
            assert not is_spent(budget)
            budget.spend()
            budget.folded(60)

    def test_forgives_everything_when_told_so(self) -> None:
        budget = ErrorBudget(None)
        for _ in range(10_000):
            budget.spend()
        assert not is_spent(budget)


class TestWhatIsSaid:
    def test_an_error_names_its_place_and_never_what_the_message_says(self) -> None:
        toy = Toy()

        def leak(record: Record, batch: Batch) -> None:
            raise ValueError(record.value)

        driver = Driver(toy.group)
        driver.batch._handlers[toy.words] = leak
        with pytest.raises(HandlerError) as caught:
            driver.batch.take(StoredRecord(toy.words, 0, 7, 0, b"key", b"secret"))
        assert str(caught.value).startswith("toy.words/0 at 7: ValueError in test_limits.py, line ")
        assert "secret" not in str(caught.value)


class TestWorkers:
    pytestmark = SLOW

    def test_a_bad_deploy_pauses_its_partition_and_no_other(self, site: Site) -> None:
        number = partition_of(BAD.encode(), PARTITIONS)
        others = in_other_partitions(BAD)
        with site.worker(errors_max=5) as running:
            site.send(*((site.toy.words, BAD, "x") for _ in range(10)))
            site.send(*((site.toy.words, BAD, "boom") for _ in range(40)), (site.toy.words, BAD, "y"))
            wait_until(lambda: is_paused(running))
            assert len(letters(site, number)) == 5
            site.send(*((site.toy.words, key, "x") for key in others))
            wait_until(lambda: sum(map(len, read(site.bootstrap, site.toy.out).values())) >= 10 + len(others))
            assert running.log().count("paused: more than 5 errors of handlers within 1,000 records") == 1
            assert "ValueError in toy.py, line" in running.log()
            assert running.stop() == ""
        assert len(letters(site, number)) == 5, "it did not go on in the meantime"
        with site.worker() as running:  # go on, whatever raises
            wait_until(site.is_done)
            assert running.stop() == ""
        if site.mode == "tx":  # without transactions the last ones may come twice
            assert len(letters(site, number)) == 40
        site.check()

    def test_a_rebalance_does_not_begin_a_new_count(self, on_kafka: Site) -> None:
        site, number = on_kafka, partition_of(BAD.encode(), PARTITIONS)
        with site.worker(errors_max=3) as running:
            site.send(*((site.toy.words, BAD, "boom") for _ in range(30)))
            wait_until(lambda: is_paused(running))
            with site.worker("b", errors_max=3) as second:
                wait_until(lambda: "opened toy/" in second.log())
                second.stop()
            wait_until(lambda: running.log().count("paused: more than") >= 2)
            assert running.stop() == ""
        assert 3 <= len(letters(site, number)) <= 6, "three for each worker, however often the partition moves"

    def test_due_work_counts_too(self, site: Site) -> None:
        number = partition_of(BAD.encode(), PARTITIONS)
        with site.worker(errors_max=5) as running:
            site.send(*((site.toy.words, BAD, f"bad {100 + due}") for due in range(20)))
            wait_until(site.is_done)
            site.send((site.toy.words, BAD, "now 1000"), (site.toy.words, BAD, "x"))
            wait_until(lambda: is_paused(running))
            assert running.stop() == ""
        assert not letters(site, number)
        with site.worker() as running:
            wait_until(site.is_done)
            assert running.stop() == ""
        site.check()

    def test_a_burying_that_raises_too_ends_no_worker(self, site: Site) -> None:
        with site.worker(grumbles=True) as running:
            site.send((site.toy.words, BAD, "x"), (site.toy.words, BAD, "grumble"), (site.toy.words, BAD, "y"))
            wait_until(lambda: running.log().count("RuntimeError") >= 3)
            assert running.is_running
            site.send(*((site.toy.words, key, "x") for key in in_other_partitions(BAD)))
            wait_until(lambda: sum(map(len, read(site.bootstrap, site.toy.out).values())) > 10)
            assert running.stop() == ""
        with site.worker() as running:  # the version without the mistake
            wait_until(site.is_done)
            assert running.stop() == ""
        site.check()


def is_paused(running: Worker) -> bool:
    """Whether a partition of this worker paused."""
    return "paused: more than" in running.log()


def letters(site: Site, partition: int) -> list[Message]:
    """The dead letters."""
    return read(site.bootstrap, site.toy.poison)[partition]
