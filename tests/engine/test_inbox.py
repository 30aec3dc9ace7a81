"""The order in which fetched records are handed over."""

from freshmart_streams.engine import StoredRecord
from freshmart_streams.engine.inbox import Inbox
from freshmart_streams.engine.records import Position

SALES, STOCK, MASTER, TICKS = (Position(topic, 0) for topic in ("b.sales", "a.stock", "c.products", "t.ticks"))


def record(position: Position, offset: int, timestamp: int) -> StoredRecord:
    return StoredRecord(position.topic, position.partition, offset, timestamp, None, None)


def inbox(*positions: Position) -> Inbox:
    return Inbox(dict.fromkeys(positions, 0), frozenset({MASTER.topic}), TICKS.topic)


def add(box: Inbox, position: Position, *timestamps: int, first: int = 0, end: int | None = None) -> None:
    records = [record(position, first + number, timestamp) for number, timestamp in enumerate(timestamps)]
    following = first + len(records)
    box.add(position, records, following, following if end is None else end)


def taken(box: Inbox, limit: int = 100) -> list[tuple[str, int]]:
    return [(found.topic, found.offset) for found in box.take(limit)]


def test_records_of_two_topics_come_by_time_then_topic() -> None:
    box = inbox(SALES, STOCK)
    add(box, SALES, 10, 20, 30)
    add(box, STOCK, 20, 25)
    assert taken(box) == [("b.sales", 0), ("a.stock", 0), ("b.sales", 1), ("a.stock", 1), ("b.sales", 2)]


def test_a_time_that_goes_back_counts_as_the_latest_before_it() -> None:
    box = inbox(SALES, STOCK)
    add(box, SALES, 30, 10)
    add(box, STOCK, 20, 31)
    assert taken(box) == [("a.stock", 0), ("b.sales", 0), ("b.sales", 1), ("a.stock", 1)]


def test_an_input_with_unread_records_is_waited_for() -> None:
    box = inbox(SALES, STOCK)
    add(box, SALES, 10)
    box.learn_ends({STOCK: 1})
    assert taken(box) == []
    add(box, STOCK, 5)
    assert taken(box) == [("a.stock", 0), ("b.sales", 0)]


def test_offsets_that_hold_no_record_are_not_waited_for() -> None:
    box = inbox(SALES, STOCK)
    add(box, SALES, 10)
    box.learn_ends({STOCK: 2})  # a transaction's marker at 0 and 1
    box.add(STOCK, [], 2, 2)
    assert taken(box) == [("b.sales", 0)]


def test_a_record_that_came_twice_is_taken_once() -> None:
    box = inbox(SALES)
    add(box, SALES, 1, 2, 3)
    add(box, SALES, 2, 3, 4, first=1)
    assert taken(box) == [("b.sales", 0), ("b.sales", 1), ("b.sales", 2), ("b.sales", 3)]


def test_what_is_put_back_comes_again_in_order() -> None:
    box = inbox(SALES, STOCK)
    add(box, SALES, 10, 30)
    add(box, STOCK, 20)
    first = box.take(3)
    box.put_back(first[1:])
    assert taken(box) == [("a.stock", 0), ("b.sales", 1)]
    assert box.waiting == 0


def test_a_tick_waits_until_the_ends_of_the_others_are_known() -> None:
    box = inbox(SALES, TICKS)
    add(box, TICKS, 50)
    assert box.needs_ends
    assert taken(box) == []
    box.learn_input_ends({SALES: 1})
    assert taken(box) == []
    add(box, SALES, 49)
    assert taken(box) == [("b.sales", 0), ("t.ticks", 0)]


def test_a_tick_is_last_among_records_of_one_time() -> None:
    box = inbox(SALES, TICKS)
    add(box, TICKS, 50, 60)
    add(box, SALES, 50, 55)
    box.learn_input_ends({})
    assert taken(box) == [("b.sales", 0), ("t.ticks", 0), ("b.sales", 1), ("t.ticks", 1)]


def test_a_change_of_master_data_waits_until_the_ends_of_the_others_are_known() -> None:
    box = inbox(SALES, MASTER)
    add(box, MASTER, 50)
    assert box.needs_ends
    box.learn_input_ends({SALES: 1})
    assert taken(box) == []
    add(box, SALES, 49)
    assert taken(box) == [("b.sales", 0), ("c.products", 0)]


def test_master_data_can_be_asked_for_first() -> None:
    box = inbox(SALES, MASTER)
    add(box, SALES, 10)
    box.master_first({MASTER: 2})
    assert taken(box) == []
    add(box, MASTER, 90, 91, 92)
    assert taken(box, 1) == [("c.products", 0)]
    assert taken(box) == [("c.products", 1)]
    assert taken(box) == [("b.sales", 0)]
    box.learn_input_ends({})
    assert taken(box) == [("c.products", 2)]


def test_what_waited_when_master_data_was_asked_for_counts_as_checked() -> None:
    box = inbox(SALES, MASTER)
    add(box, SALES, 10)
    box.master_first({MASTER: 0})
    add(box, SALES, 11, first=1)
    assert box.is_checked(record(SALES, 0, 10))
    assert not box.is_checked(record(SALES, 1, 11))
