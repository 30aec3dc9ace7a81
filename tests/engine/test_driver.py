"""The engine without a broker: batches, poison, due work, restarts, the order of a journal."""

import random
from pathlib import Path

import pytest

from freshmart_streams.engine.stores import MemoryStore, RocksStore, Store, StoreMemory
from freshmart_streams.engine.testing import Driver
from tests.engine.toy import COUNTS, TOY, Count


@pytest.fixture(params=["memory", "rocksdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Both kinds of store: one contract."""
    return MemoryStore() if request.param == "memory" else RocksStore(tmp_path / "0", StoreMemory(16))


def words(driver: Driver, *pairs: str) -> None:
    """Feed `key=word` pairs."""
    for pair in pairs:
        key, _, word = pair.partition("=")
        driver.feed(TOY.words, word.encode(), key=key.encode())


def sent(driver: Driver, topic: str) -> list[str]:
    """What was published to a topic, as text."""
    return [(output.value or b"").decode() for output in driver.outputs(topic)]


class TestBatches:
    def test_rows_and_outputs_come_out_of_a_batch(self, store: Store) -> None:
        driver = Driver(TOY.group, store=store, batch_size=3)
        words(driver, "a=x", "b=y", "a=z")
        assert driver.rows(COUNTS) == {"a": Count(2, "z"), "b": Count(1, "y")}
        assert sent(driver, TOY.out) == ["x 1", "y 1", "z 2"]

    @pytest.mark.parametrize("batch_size", [2, 7, 5_000])
    def test_where_a_batch_is_cut_makes_no_difference(self, batch_size: int) -> None:
        dice = random.Random(3)
        choices = ["x", "at 20", "bad 25", "now 10", "now 30", "boom", "who"]
        feed = [(f"k{dice.randrange(5)}", dice.choice(choices)) for _ in range(600)]
        runs = []
        for size in (1, batch_size):
            driver = Driver(TOY.group, batch_size=size)
            for key, word in feed:
                driver.feed(TOY.words, word.encode(), key=key.encode())
            runs.append((driver.stored(), driver.outputs()))
        assert runs[0] == runs[1]

    def test_rows_beyond_the_bound_of_memory_are_found_again(self, store: Store) -> None:
        driver = Driver(TOY.group, store=store, batch_size=500, rows_in_memory=10)
        for number in range(4_000):
            driver.feed(TOY.words, b"x", key=f"k{number % 2_500}".encode())
        seen = [row.seen for row in driver.rows(COUNTS).values()]
        assert (len(seen), sum(seen)) == (2_500, 4_000)

    def test_a_row_that_is_changed_and_not_stored_back_is_found_by_the_test_mode(self) -> None:
        driver = Driver(TOY.group)
        words(driver, "a=x")
        driver.restart()
        row = driver.batch.rows(COUNTS).get("a")
        assert row is not None
        row.seen = 7
        with pytest.raises(AssertionError, match="not stored back"):
            words(driver, "b=x")

    def test_what_is_not_committed_is_lost_by_a_restart_and_done_again(self, store: Store) -> None:
        driver = Driver(TOY.group, store=store, batch_size=10)
        words(driver, "a=x", "a=y")
        driver.commit()
        words(driver, "a=z")
        driver.restart()
        assert driver.rows(COUNTS) == {"a": Count(2, "y")}
        assert driver.batch.local.marker.offsets == {TOY.words: {0: 2}}


class TestPoison:
    def test_a_record_that_raises_counts_alone_and_the_rest_goes_on(self, store: Store) -> None:
        driver = Driver(TOY.group, store=store, batch_size=10)
        words(driver, "a=x", "a=boom", "a=y")
        assert driver.rows(COUNTS) == {"a": Count(2, "y")}
        assert sent(driver, TOY.poison) == ["boom"]
        assert sent(driver, TOY.out) == ["x 1", "y 2"]

    def test_due_work_that_raises_is_handed_to_its_own_handler(self) -> None:
        driver = Driver(TOY.group, batch_size=10)
        words(driver, "a=x", "a=bad 5", "a=at 6", "a=now 9", "a=y")
        assert sent(driver, TOY.poison) == ["bad 5"]
        assert sent(driver, TOY.due) == ["alarm 6"]
        assert driver.rows(COUNTS)["a"].seen == 5

    def test_much_due_work_that_raises_at_once_is_shunned_entry_by_entry(self) -> None:
        driver = Driver(TOY.group, batch_size=10)
        words(driver, "a=bad 5", "a=bad 6", "a=at 6", "b=bad 7")
        driver.feed(TOY.ticks, b"{}", timestamp=9)
        assert sent(driver, TOY.poison) == ["bad 5", "bad 6", "bad 7"]
        assert sent(driver, TOY.due) == ["alarm 6"]


class TestAgenda:
    def test_work_is_handed_over_in_the_order_of_its_time_when_the_clock_passes(self) -> None:
        driver = Driver(TOY.group, batch_size=4)
        words(driver, "a=at 30", "a=at 10", "a=at 20", "b=at 5", "a=now 20")
        assert sent(driver, TOY.due) == ["alarm 10", "alarm 20"]

    def test_a_tick_passes_for_every_scope(self) -> None:
        driver = Driver(TOY.group)
        words(driver, "b=at 30", "a=at 40", "c=at 50")
        driver.feed(TOY.ticks, b"{}", timestamp=45)
        assert [(output.key, output.value) for output in driver.outputs(TOY.due)] == [
            (b"a", b"alarm 40"),
            (b"b", b"alarm 30"),
        ]

    def test_work_that_was_left_is_done_after_a_restart(self) -> None:
        group = TOY.group
        driver = Driver(group, batch_size=10)
        words(driver, "a=at 10")
        driver.commit()
        driver.restart()
        words(driver, "a=now 10")
        assert sent(driver, TOY.due) == ["alarm 10"]

    def test_work_that_is_taken_back_is_not_done(self) -> None:
        driver = Driver(TOY.group)
        words(driver, "a=at 10")
        driver.batch.cancel("a", 10, "alarm")
        words(driver, "a=now 10")
        assert sent(driver, TOY.due) == []


class TestMasterData:
    def test_a_key_that_master_data_may_name_is_asked_for_twice(self) -> None:
        driver = Driver(TOY.group)
        words(driver, "a=who")
        driver.feed(TOY.names, b"Anna", key=b"b", partition=3)
        words(driver, "b=who")
        assert sent(driver, TOY.out) == ["nobody knows", "who 1", "who 1"]

    def test_the_journal_names_the_partition_of_master_data_only(self) -> None:
        driver = Driver(TOY.group, batch_size=10)
        words(driver, "a=x", "a=y")
        driver.feed(TOY.names, b"Anna", key=b"b", partition=3)
        words(driver, "a=z")
        driver.commit()
        assert driver.journal == [[TOY.words, 2], [TOY.names, 3, 1], [TOY.words, 3]]
