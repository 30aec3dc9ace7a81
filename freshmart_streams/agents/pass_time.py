"""Time that passes: ticks, and the work that stores' clocks make due.

Reads `ticks`. Keeps partition_clock, and whatever the due work is about: orders, stock, store_days, seen,
waiting_voids, alerts, regular_prices. Writes `store-days`, `reorders`, `alerts` and `dead-letters`.

A tick counts with its message's Kafka timestamp; what it says is for people.
"""

from freshmart_streams.domain import due_work, reporting, times
from freshmart_streams.domain.books import partition_clock, store_clock
from freshmart_streams.domain.times import Instant
from freshmart_streams.engine import Batch, Record
from freshmart_streams.events import codec
from freshmart_streams.events.dead_letters import Invalid
from freshmart_streams.tables.books import PARTITION_SCOPE, Books, Shop, books_of

PUBLISHED_AT_A_TIME = 200

_PUBLISH = "publish"


def track_ticks(shop: Shop, record: Record, batch: Batch) -> None:
    """Let the clocks of all stores pass a tick, and publish the days that changed since the last one."""
    books = books_of(shop, batch)
    try:
        codec.decode_tick(record.value)
    except Invalid as error:
        books.bury(record, error.code, error.message)
        return
    progress = partition_clock(books)
    progress.at = max(progress.at, times.from_milliseconds(record.timestamp))
    progress.topic, progress.offset = record.topic, record.offset
    books.partition_clock[""] = progress
    batch.schedule(PARTITION_SCOPE, progress.at, _PUBLISH)
    batch.advance_all(progress.at)


def do_due_work(shop: Shop, batch: Batch, scope: str, due: int, key: str) -> None:
    """Do one entry of the agenda: a store's, or the partition's."""
    books = books_of(shop, batch)
    if scope != PARTITION_SCOPE:
        due_work.do_due_work(books.due_moment(scope, due, key), key)
    elif key == _PUBLISH:
        _publish_changed_days(books, due)
    else:
        due_work.do_partition_work(books, key)


def scope_clock(shop: Shop, batch: Batch, scope: str) -> Instant:
    """How far the clock of a store, or of the partition, is."""
    books = books_of(shop, batch)
    return partition_clock(books).at if scope == PARTITION_SCOPE else store_clock(books, scope)


def _publish_changed_days(books: Books, due: Instant) -> None:
    """Publish a slice of the days that changed, and come back for the rest."""
    changed = books.changed_days.scan("", limit=PUBLISHED_AT_A_TIME)
    for key, _ in changed:
        store_id, _, day = key.partition("/")
        reporting.publish_if_changed(books, store_id, times.from_iso(day), due)
    if len(changed) == PUBLISHED_AT_A_TIME:
        books.schedule(PARTITION_SCOPE, due, _PUBLISH)
