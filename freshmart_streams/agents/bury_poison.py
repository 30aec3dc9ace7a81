"""Records that make their handler raise, twice: they become dead letters, with an alert.

Reads what no other handler could take. Keeps dead_letters and alerts. Writes `dead-letters` and `alerts`.

Due work that raises is no message that a person could send again after the mistake is repaired. So it comes back by
itself, every `TRIED_AGAIN_AFTER` of its clock until it is done: an entry of the agenda only says when to look.
"""

from typing import Final

from freshmart_streams.domain import alerts, times
from freshmart_streams.domain.books import Moment, store_clock
from freshmart_streams.engine import Batch, Record
from freshmart_streams.events.alerts import AlertKind
from freshmart_streams.events.dead_letters import Code
from freshmart_streams.tables.books import Shop, books_of

TRIED_AGAIN_AFTER: Final = times.HOUR


def bury_poison(shop: Shop, batch: Batch, record: Record, error: Exception) -> None:
    """Send the record to the dead letters; of what was wrong only the kind of error, which holds no personal data.

    Of master data each partition that could not take it in has a letter: a rule may raise in one only, over its rows.
    """
    books = books_of(shop, batch)
    is_master_data = record.topic in {shop.topics.products.name, shop.topics.stores.name, shop.topics.policies.name}
    books.bury(record, Code.DOMAIN_ERROR, f"no rule could take this message in: {type(error).__name__}")
    if is_master_data or record.key is None:
        return
    known = books.stores.get(record.key.decode("utf-8", "replace"))
    if known is None:
        return
    clock = store_clock(books, known.store.store_id)
    moment = Moment(books, known.store, clock, clock, record.topic, record.offset)
    details: alerts.Details = {"topic": record.topic, "offset": record.offset, "error": type(error).__name__}
    alerts.raise_for_store(moment, AlertKind.DOMAIN_ERROR, "A message could not be taken in.", details)


def report_due_work(shop: Shop, batch: Batch, scope: str, due: int, key: str, error: Exception) -> None:
    """Tell people of due work that raised and is not done yet: a cut-off, a day's close; and try it again later."""
    books = books_of(shop, batch)
    batch.schedule(scope, max(due, store_clock(books, scope)) + TRIED_AGAIN_AFTER, key)
    if scope not in books.stores:
        return
    details: alerts.Details = {
        "work": key,
        "due": times.to_datetime(due, "UTC").isoformat(),
        "error": type(error).__name__,
    }
    moment = books.due_moment(scope, due, key)
    alerts.raise_for_store(moment, AlertKind.DOMAIN_ERROR, "Something that was due could not be done.", details)
