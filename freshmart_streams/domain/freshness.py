"""Whether a store's sales data are stale: no receipt for an hour in which the store was open (formulas.md 4.13).

Then what is decided automatically waits for a person (`decision_limits.mode_for`), and an alert says so until a receipt
comes whose own time is less than that hour behind the store's clock: tills that send an old queue are not up to date
yet. Only ticks tell that time passes without events, so where there are none (`FRESHMART_CLOCK=events`: imports,
simulations) nothing is stale; nor is it in a store without opening hours, or before its first receipt.

A receipt only notes its time. The agenda looks again when the hour is over, once an opening hour at most.
"""

from typing import Final

from freshmart_streams.domain import alerts, calendars, times
from freshmart_streams.domain.books import Books, Moment, partition_clock
from freshmart_streams.domain.clocks import Clock, Feed
from freshmart_streams.domain.times import Instant
from freshmart_streams.events.alerts import AlertKind
from freshmart_streams.events.values import Mode

STALE_AFTER_MINUTES: Final = 60
"""Minutes of opening time."""

DUE: Final = "stale/sales"
"""The agenda's key."""


def note_receipt(moment: Moment, own: Clock) -> None:
    """A receipt of the store counts; changes the row of the store's clock, which the caller stores."""
    own.heard_at = max(own.heard_at, moment.at)
    if own.feed is not Feed.WATCHED:
        _take_up(moment, own)


def is_stale(books: Books, store_id: str) -> bool:
    """Whether the store's data are stale."""
    own = books.clocks.get(store_id)
    return own is not None and own.feed is Feed.STALE


def look(moment: Moment) -> None:
    """An hour may be over: tell that the data are stale, or look again when they may be."""
    books, store_id = moment.books, moment.store.store_id
    own, known = books.clocks.get(store_id), books.stores.get(store_id)
    if own is None or own.feed is not Feed.WATCHED:
        return
    due = _stale_at(moment, own)
    if known is None or known.is_deleted:
        own.feed = Feed.UNKNOWN
    elif due is None or partition_clock(books).at < due or not _is_relied_on(moment):
        after = moment.clock + times.HOUR
        books.schedule(store_id, after if due is None or due <= moment.clock else due, DUE)
        return
    else:
        own.feed = Feed.STALE
        heard_at = times.to_datetime(own.heard_at, moment.zone).isoformat(timespec="seconds")
        message = f"No receipt for {STALE_AFTER_MINUTES} minutes of opening time: orders wait for a release."
        alerts.open_for_store(moment, AlertKind.STALE_DATA, message, {"last_receipt_at": heard_at})
    books.clocks[store_id] = own


def _take_up(moment: Moment, own: Clock) -> None:
    """Watch the store's receipts from the first one on, and again from the one that is up to date."""
    due = _stale_at(moment, own)
    if own.feed is Feed.STALE:
        if due is not None and due <= moment.clock:
            return
        alerts.close_for_store(moment, AlertKind.STALE_DATA, "Receipts are up to date again.")
    own.feed = Feed.WATCHED
    moment.books.schedule(moment.store.store_id, moment.clock + times.HOUR if due is None else due, DUE)


def _stale_at(moment: Moment, own: Clock) -> Instant | None:
    return calendars.open_for(moment.calendar, own.heard_at, STALE_AFTER_MINUTES * times.MINUTE)


def _is_relied_on(moment: Moment) -> bool:
    """Whether the store says when it is open, and has orders decided automatically."""
    return moment.store.opening is not None and moment.store.rollout.reorder is Mode.AUTO
