"""What is due is handed over in one order, whatever is asked for meanwhile and wherever a commit falls."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.audit.fold import PlainAgenda
from freshmart_streams.engine import agenda
from freshmart_streams.engine.agenda import AGENDA, Agenda
from freshmart_streams.engine.rows import RowMemory, Rows
from freshmart_streams.engine.stores import MemoryStore

Entry = tuple[str, int, str]
Asked = tuple[bool, Entry]
"""Whether an entry is taken back, or else asked for."""

CLOCKS = {"a": 50, "b": 50, "c": 5}
ENTRIES = st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.sampled_from("klmn"))
ASKED = st.tuples(st.booleans(), ENTRIES)


def new() -> Agenda:
    return Agenda(Rows(AGENDA, MemoryStore(), RowMemory(1_000)), CLOCKS.get)


def ask(of: Agenda | PlainAgenda, asked: list[Asked]) -> None:
    for is_cancelled, entry in asked:
        (of.cancel if is_cancelled else of.schedule)(*entry)


def worked(of: Agenda | PlainAgenda, then: list[list[Asked]]) -> Iterator[Entry]:
    """Everything that is due; of each entry in its turn follows what is asked for next."""
    for asked in [*then, *([[]] * 1_000)]:
        entry = of.take()
        if entry is None:
            return
        yield entry
        ask(of, asked)


@given(st.lists(ASKED, max_size=30), st.lists(st.lists(ASKED, max_size=3), max_size=20), st.integers(1, 4))
def test_the_order_is_that_of_the_plain_agenda_however_much_is_read_ahead(
    first: list[Asked], then: list[list[Asked]], ahead: int
) -> None:
    found = []
    for each in (new(), PlainAgenda(CLOCKS.get)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(agenda, "AHEAD", ahead)
            ask(each, first)
            found.append(list(worked(each, then)))
    assert found[0] == found[1]


def test_what_is_asked_for_meanwhile_and_is_due_first_comes_first() -> None:
    mine = new()
    ask(mine, [(False, ("a", 10, "k")), (False, ("a", 30, "l"))])
    assert list(worked(mine, [[(False, ("a", 20, "m"))]])) == [("a", 10, "k"), ("a", 20, "m"), ("a", 30, "l")]


def test_what_is_taken_back_meanwhile_is_not_done() -> None:
    mine = new()
    ask(mine, [(False, ("a", 10, "k")), (False, ("a", 30, "l"))])
    assert list(worked(mine, [[(True, ("a", 30, "l"))]])) == [("a", 10, "k")]


def test_what_the_clock_passed_meanwhile_is_done_too() -> None:
    mine = new()
    ask(mine, [(False, ("a", 10, "k")), (False, ("a", 55, "l")), (False, ("a", 60, "m"))])
    assert mine.take() == ("a", 10, "k")
    mine.advance("a", 55)
    assert list(worked(mine, [])) == [("a", 55, "l")]


def test_what_was_read_ahead_and_not_done_is_found_again() -> None:
    mine = new()
    ask(mine, [(False, ("a", 10, "k")), (False, ("a", 30, "l"))])
    assert mine.take() == ("a", 10, "k")
    mine.reload()
    assert list(worked(mine, [])) == [("a", 30, "l")]
