"""Stock movements: deliveries, counts, waste, transfers, and what suppliers and people say about orders.

Reads `inventory`. Keeps clocks, seen, stock, demand, prices, orders, store_days, alerts. Writes `reorders`,
`alerts`, `store-days` (when the clock passes a full hour) and `dead-letters`.
"""

from freshmart_streams.domain import ledger, moving, times
from freshmart_streams.domain.clocks import seen_day, seen_key
from freshmart_streams.domain.receipts import Seen
from freshmart_streams.engine import Batch, Record
from freshmart_streams.events import codec
from freshmart_streams.events.dead_letters import Code
from freshmart_streams.events.movements import MovementKind
from freshmart_streams.tables.books import Shop, books_of


def track_movements(shop: Shop, record: Record, batch: Batch) -> None:
    """Take a movement in, once."""
    books = books_of(shop, batch)
    movement = books.read(record, codec.read_movement)
    if movement is None:
        return
    at = times.from_datetime(movement.occurred_at)
    moment = books.open_moment(record, movement.store_id, at)
    if moment is None:
        return
    day = seen_day(at)
    key = seen_key(movement.store_id, day, moving.MARK, movement.event_id)
    if books.seen.get(key) is not None:
        return
    if movement.kind is MovementKind.COUNT and ledger.is_count_too_late(at, moment.clock):
        books.bury(record, Code.TOO_LATE, "$.occurred_at: expected a count of the last 48 hours of the store's clock")
        return
    books.await_articles([line.sku for line in movement.lines])
    books.pass_moment(moment, day)
    moving.apply_movement(moment, movement)
    books.seen[key] = Seen(at)
    batch.advance(movement.store_id, moment.clock)
