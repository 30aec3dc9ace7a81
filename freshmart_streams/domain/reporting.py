"""When a store's day is published: at a tick, at each full hour of the store's clock, and at the close of the day.

A day whose figures changed is noted in `changed_days` and published at the first of these; nothing is published twice.
"""

from freshmart_streams.domain import shrinkage, store_days, times
from freshmart_streams.domain.books import Books, Mark, Moment, day_key
from freshmart_streams.domain.store_days import DayFigures

KEPT_DAYS = 400
"""Days that a store's day is kept as a row, for a comparison with the year before."""

_MARK = Mark()


def figures_of(moment: Moment, day: int) -> DayFigures:
    """The figures of a business day, new ones when nothing happened on it yet."""
    found = moment.books.store_days.get(day_key(moment.store.store_id, day))
    if found is not None:
        return found
    store_id, figures = moment.store.store_id, DayFigures()
    if day == moment.today:
        own = moment.books.clocks.get(store_id)
        figures.stockout_skus = 0 if own is None else own.out_of_stock
    closes_at = store_days.closes_at(day, moment.zone, moment.books.day_grace_hours)
    moment.books.schedule(store_id, closes_at, f"close/{times.to_iso(day)}")
    moment.books.schedule(store_id, times.start_of_day(day + KEPT_DAYS, moment.zone), f"drop/{times.to_iso(day)}")
    return figures


def mark_day_changed(moment: Moment, day: int, figures: DayFigures) -> None:
    """Store the figures of a day that changed, and have them published in time."""
    store_id = moment.store.store_id
    key = day_key(store_id, day)
    if store_days.mark_changed(figures, moment.clock):
        moment.books.changed_days[key] = _MARK
        due = store_days.next_full_hour(moment.clock, moment.second)
        moment.books.schedule(store_id, due, f"publish/{times.to_iso(day)}")
    moment.books.store_days[key] = figures


def publish_if_changed(books: Books, store_id: str, day: int, at: times.Instant) -> None:
    """Publish a day's report unless that has happened since its last change; `at` is the time of what triggers it."""
    key = day_key(store_id, day)
    figures = books.store_days.get(key)
    if figures is None or not figures.is_changed:
        return
    books.publish_store_day(store_days.publish(figures, store_id, day), at)
    books.store_days[key] = figures
    books.changed_days.delete(key)


def close_day(moment: Moment, day: int) -> None:
    """The day is over and its hours of grace are too: publish it as final."""
    key = day_key(moment.store.store_id, day)
    figures = moment.books.store_days.get(key)
    if figures is None or figures.is_closed:
        return
    store_days.close(figures, moment.clock)
    moment.books.store_days[key] = figures
    shrinkage.learn_day(moment, figures)
    publish_if_changed(moment.books, moment.store.store_id, day, moment.at)


def drop_day(moment: Moment, day: int) -> None:
    """The row of a day has been kept long enough; what was published stays in its topic."""
    moment.books.store_days.delete(day_key(moment.store.store_id, day))
