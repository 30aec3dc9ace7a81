"""Stock does not depend on the order of arrival (formulas.md 4.1 and 5.10 a, b)."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.domain import ledger, times
from freshmart_streams.domain.ledger import Ledger

START = 1_728_381_600_000_000  # 2024-10-08T10:00Z


class Event(NamedTuple):
    at: int
    quantity: int
    is_count: bool


# Within 48 hours a count is never late, however the events are permuted. Few distinct times, so that many coincide.
MINUTES = st.integers(0, 48 * 60)
CHANGES = st.builds(Event, MINUTES, st.integers(-50, 50), st.just(False))
COUNTS = st.builds(Event, MINUTES, st.integers(0, 500), st.just(True))


def folded(events: list[Event]) -> Ledger:
    """The ledger after events in this order of arrival; the clock is the largest time so far, as a store's is."""
    row, clock = Ledger(), 0
    for event in events:
        at = START + event.at * times.MINUTE
        clock = max(clock, at)
        apply = ledger.apply_count if event.is_count else ledger.apply_change
        apply(row, at, event.quantity, clock)
    return row


def on_hand(events: list[Event]) -> int:
    """The definition itself: the last count, and every change strictly after it."""
    counts = [event for event in events if event.is_count]
    last = max(counts, key=lambda event: event.at) if counts else Event(-1, 0, True)
    return last.quantity + sum(event.quantity for event in events if not event.is_count and event.at > last.at)


@given(st.lists(CHANGES, max_size=30), st.lists(COUNTS, max_size=4, unique_by=lambda count: count.at), st.data())
def test_any_order_of_arrival_gives_the_stock_of_the_definition(
    changes: list[Event], counts: list[Event], data: st.DataObject
) -> None:
    events = changes + counts
    arrived = data.draw(st.permutations(events))
    assert folded(arrived).on_hand == on_hand(events)


@given(st.lists(CHANGES, min_size=1, max_size=30), st.integers(0, 400))
def test_what_is_kept_is_enough_for_a_count_at_the_very_edge(changes: list[Event], quantity: int) -> None:
    """The newest event sets the clock; a count exactly 48 hours before it still finds every later change."""
    newest = max(change.at for change in changes)
    edge = Event(newest - 48 * 60, quantity, True)
    assert folded([*changes, edge]).on_hand == on_hand([*changes, edge])


@given(st.lists(st.tuples(st.integers(0, 20 * 24), st.integers(-9, 9)), max_size=60))
def test_settling_over_weeks_loses_nothing(changes: list[tuple[int, int]]) -> None:
    row, clock = Ledger(), 0
    for hour, quantity in changes:
        at = START + hour * times.HOUR
        clock = max(clock, at)
        ledger.apply_change(row, at, quantity, clock)
    assert row.on_hand == sum(quantity for _, quantity in changes)
    assert len(row.recent) <= 12 * len(changes)
