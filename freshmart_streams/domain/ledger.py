"""Stock on hand in event time: the last count, and every change that happened after it.

    on_hand = counted + Σ change with time > counted_at

Changes commute, so the order of their arrival is irrelevant; a change that happened at or before the last count is part
of what was counted and moves nothing here (it still counts in figures and demand). A count may come up to 48 hours
late. Every change of the last 48 hours of the store's clock is therefore kept by itself, as packed bytes that are only
appended to; what is older is one sum, because no count that is still accepted can lie before it.

On hand may be negative: that is kept as it is, and is a reason to count (contracts.md section 4).
"""

from collections.abc import Iterator
from struct import Struct

import msgspec

COUNT_LATE_BY_AT_MOST = 48 * 3_600 * 1_000_000
"""Microseconds behind the store's clock up to which a count is taken."""

NEVER_COUNTED = -1
"""`counted_at` before the first count; every instant of an event is greater."""

# Rewriting the packed changes costs, and so does keeping what need not be kept: a day of slack for few, less for many.
_SETTLE_EVERY = 24 * 3_600 * 1_000_000
_SETTLE_MANY_EVERY = 6 * 3_600 * 1_000_000
_MANY = 50 * 12  # bytes
_CHANGE = Struct("<qi")  # time in microseconds, quantity in base units (bounded by events.values)


class Ledger(msgspec.Struct, array_like=True, gc=False):
    """The stock of one article in one store. Quantities are base units, times microseconds since 1970.

    Attributes:
        on_hand: the result, kept up to date by every change.
        counted_at: time of the last count, `NEVER_COUNTED` before the first.
        recent: changes after `counted_at` within 48 hours of the clock: pairs of time and quantity, 12 bytes each.
        settle_at: clock time from which on the older ones of `recent` are dropped into the sum.
    """

    on_hand: int = 0
    counted_at: int = NEVER_COUNTED
    recent: bytes = b""
    settle_at: int = 0


def apply_change(ledger: Ledger, at: int, quantity: int, clock: int) -> None:
    """Add a change of stock that happened at `at`: negative for what left, positive for what came.

    >>> ledger = Ledger()
    >>> apply_count(ledger, at=1_000, quantity=10, clock=1_000)
    >>> apply_change(ledger, at=1_001, quantity=-3, clock=1_001)
    >>> apply_change(ledger, at=1_000, quantity=-5, clock=1_001)  # not later than the count: already counted
    >>> ledger.on_hand
    7
    """
    if at > ledger.counted_at:
        apply_packed(ledger, quantity, packed(at, quantity, clock), clock)


def apply_packed(ledger: Ledger, quantity: int, change: bytes, clock: int) -> None:
    """As `apply_change`, of a change after the last count that is `packed` already: a receipt has many of them."""
    ledger.on_hand += quantity
    if clock >= ledger.settle_at:
        _settle(ledger, clock)
    ledger.recent += change


def packed(at: int, quantity: int, clock: int) -> bytes:
    """A change as it is kept by itself: nothing where no count can lie before it any more."""
    return _CHANGE.pack(at, quantity) if at > clock - COUNT_LATE_BY_AT_MOST else b""


def recent_changes(ledger: Ledger) -> Iterator[tuple[int, int]]:
    """Time and quantity of the changes that are kept by themselves, mostly in their order."""
    return _CHANGE.iter_unpack(ledger.recent)


def is_count_too_late(at: int, clock: int) -> bool:
    """Whether a count taken at `at` comes more than 48 hours behind the store's clock."""
    return at < clock - COUNT_LATE_BY_AT_MOST


def apply_count(ledger: Ledger, at: int, quantity: int, clock: int) -> None:
    """Set the stock on hand at `at`; what happened strictly later still counts.

    An older count than the last one changes nothing. Of two counts at one time the one applied later wins: counts come
    from one topic, so that is the one with the later offset. The count must not be too late (`is_count_too_late`).
    """
    if at < ledger.counted_at:
        return
    later = [change for change in recent_changes(ledger) if change[0] > at]
    ledger.counted_at = at
    ledger.on_hand = quantity + sum(change[1] for change in later)
    ledger.recent = b"".join(_CHANGE.pack(*change) for change in later)
    ledger.settle_at = clock + _SETTLE_EVERY


def _settle(ledger: Ledger, clock: int) -> None:
    """Forget by itself what no count can lie before any more; it stays in `on_hand`."""
    ledger.settle_at = clock + _SETTLE_EVERY
    if not ledger.recent:
        return
    horizon, recent, start = clock - COUNT_LATE_BY_AT_MOST, ledger.recent, 0
    # They mostly stand in their order. What came late stays behind a newer one a while longer, and does no harm there.
    while start < len(recent) and _CHANGE.unpack_from(recent, start)[0] <= horizon:
        start += _CHANGE.size
    if start:
        ledger.recent = recent[start:]
    if len(ledger.recent) > _MANY:
        ledger.settle_at = clock + _SETTLE_MANY_EVERY
