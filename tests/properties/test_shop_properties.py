"""What holds for a whole store, whatever the order, the batches and the interruptions (formulas.md 5.10)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freshmart_streams import tables
from freshmart_streams.agents import stores_group
from freshmart_streams.audit.conservation import walk
from freshmart_streams.audit.fold import Fold, along_journal
from freshmart_streams.audit.laws import Law
from freshmart_streams.domain import orders, times
from freshmart_streams.domain.forecast import Demand
from freshmart_streams.domain.stock import Stock, sold_on
from freshmart_streams.engine import Record
from freshmart_streams.engine.stores import MemoryStore
from freshmart_streams.engine.views import View
from tests.support.shop import MILK, PASTA, TOPICS, ShopDriver, line

Event = Callable[[ShopDriver], Any]

SKUS = st.sampled_from(["100234", "100701", "777"])
TIMES = st.integers(7 * 60, 13 * 60 + 59).map(lambda minute: f"2024-10-08 {minute // 60:02d}:{minute % 60:02d}")
TUESDAY = times.from_iso("2024-10-08")
UHT_MILK = {**MILK, "shelf_life_days": None}


def sale(number: int, at: str, sku: str, quantity: int) -> Event:
    return lambda shop: shop.sale(at, line(sku, quantity or 1, 119), receipt_id=f"r{number}")


def void(number: int, at: str, voided: int) -> Event:
    return lambda shop: shop.void(at, f"r{voided}", receipt_id=f"v{number}")


def move(number: int, at: str, kind: str, sku: str, quantity: int) -> Event:
    return lambda shop: shop.move(at, kind, (sku, quantity), event_id=f"e{number}")


@st.composite
def days(draw: st.DrawFn) -> list[Event]:
    """A morning: receipts with ids of their own, voids of some of them, movements, counts at different times."""
    size = draw(st.integers(1, 12))
    events = [draw(st.builds(sale, st.just(n), TIMES, SKUS, st.integers(-3, 12))) for n in range(size)]
    for n, voided in enumerate(draw(st.lists(st.integers(0, size), max_size=3))):
        events.append(draw(st.builds(void, st.just(n), TIMES, st.just(voided))))
    kinds = st.sampled_from(["delivery", "waste", "transfer-in", "transfer-out"])
    for n in range(draw(st.integers(0, 4))):
        events.append(draw(st.builds(move, st.just(n), TIMES, kinds, SKUS, st.integers(1, 30))))
    for n, at in enumerate(draw(st.lists(TIMES, max_size=2, unique=True))):
        events.append(draw(st.builds(move, st.just(100 + n), st.just(at), st.just("count"), SKUS, st.integers(0, 60))))
    return events


def opened(**driver: Any) -> ShopDriver:
    """A store with a week behind it, so that today's sales are no part of any forecast yet."""
    shop = ShopDriver(**driver).open_store(UHT_MILK, PASTA)
    shop.move("2024-09-30 06:00", "count", ("100234", 48), ("100701", 48), event_id="start")
    for day in ("09-30", "10-01", "10-02", "10-04", "10-05", "10-07"):
        shop.sale(f"2024-{day} 12:00", line("100234", 6), line("100701", 6), receipt_id=day)
    return shop.policy("0042", "*", min_stock=40)  # so that something is always proposed


def played(events: list[Event], **driver: Any) -> ShopDriver:
    """The store after these events, and after one more look at every article at half past one."""
    shop = opened(**driver)
    shop.tick("2024-10-08 13:00")  # from here on the clock is in one hour and the levels are the same for all
    shop.raw(TOPICS.products.name, b"100701", json.dumps({**PASTA, "price": 89}).encode(), "2024-10-08 12:30")
    for event in events:
        event(shop)
    for sku in ("100234", "100701"):
        shop.sale("2024-10-08 13:59", line(sku, 1), receipt_id=f"last-{sku}")
    return shop


def state(shop: ShopDriver) -> dict[str, Any]:
    """What must not depend on the order of arrival.

    A row without figures is as good as none: a void that comes before its receipt keeps an article from being touched.
    """
    stock, demand = shop.driver.rows(tables.stock), shop.driver.rows(tables.demand)
    day = shop.day()
    standing = [order for order in shop.orders() if order.quantity]
    return {
        "on hand": {key: row.on_hand for key, row in stock.items() if row.on_hand},
        "figures": (day.receipts, day.lines, day.gross_sales, day.discounts, day.returns, day.waste_cost),
        "categories": {name: net for name, net in day.by_category.items() if net},
        "hours": day.hourly,
        "sold": {key: sold for key, row in stock.items() if (sold := sold_today(row, demand.get(key)))},
        "prices": shop.driver.rows(tables.prices),
        "orders": {order.order_id: (order.sku, order.quantity, orders.status(order)) for order in standing},
    }


def sold_today(row: Stock, demand: Demand | None) -> int:
    """Units sold on the day: what the article's row counts and what demand holds already."""
    return sold_on(row, demand, TUESDAY)


@settings(deadline=None, max_examples=60)
@given(days(), st.data())
def test_any_permutation_and_duplication_of_a_day_gives_the_same_store(
    events: list[Event], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(events), max_size=5))
    permuted = data.draw(st.permutations(events + again))
    assert state(played(permuted, batch_size=50)) == state(played(events, batch_size=50))


@settings(deadline=None, max_examples=30)
@given(days(), st.sampled_from([7, 5_000]))
def test_where_batches_are_cut_makes_no_difference(events: list[Event], batch_size: int) -> None:
    one = played(events, batch_size=1)
    other = played(events, batch_size=batch_size, check_rows=False, rows_in_memory=1)
    assert one.driver.stored() == other.driver.stored()
    assert one.driver.outputs() == other.driver.outputs()


@settings(deadline=None, max_examples=30)
@given(days())
def test_a_plain_fold_along_the_journal_gives_the_same_tables_and_outputs(events: list[Event]) -> None:
    shop = played(events, batch_size=3)
    shop.tick("2024-10-08 14:00").tick("2024-10-09 03:00").tick("2024-10-30 00:00")
    outputs = shop.driver.outputs()
    fold = folded(shop)
    assert fold.outputs == outputs
    for table in stores_group(TOPICS).tables:
        assert fold.rows(table) == shop.driver.rows(table)


@settings(deadline=None, max_examples=30)
@given(days(), st.integers(1, 9))
def test_every_law_of_conservation_holds_between_committed_rows(events: list[Event], batch_size: int) -> None:
    store = MemoryStore()
    played(events, batch_size=batch_size, store=store).tick("2024-10-09 06:00")  # the last commits may be missing
    findings = [finding for page in walk(lambda: View(store, stale=False), 14) for finding in page]
    assert [finding for finding in findings if finding.trouble] == []
    assert {Law.STOCK_POSITION, Law.ORDER_BALANCE, Law.DAY_RECEIPTS, Law.UNITS_SOLD} <= {
        found.law for found in findings
    }


@settings(deadline=None, max_examples=30)
@given(days(), st.data())
def test_lost_memory_is_folded_again_to_the_same_end(events: list[Event], data: st.DataObject) -> None:
    """A worker that dies between two commits starts from its last one and takes the same records in again."""
    whole = played(events, batch_size=1)
    records = list(whole.records)
    crashes = data.draw(st.lists(st.integers(1, len(records)), max_size=3).map(sorted))
    driver = ShopDriver(batch_size=6).driver
    done = 0
    for crash in [*crashes, len(records)]:
        driver.apply(records[done:crash])
        done = crash - len(driver._taken)
        if crash < len(records):
            driver.restart()
    assert driver.stored() == whole.driver.stored()
    assert driver.outputs() == whole.driver.outputs()


def folded(shop: ShopDriver) -> Fold:
    """The plain fold of what a driver was fed, in the order of its journal."""
    by_place: dict[tuple[str, int], list[Record]] = {}
    for record in shop.records:
        by_place.setdefault((record.topic, record.partition), []).append(record)
    fold = Fold(stores_group(TOPICS), partition=0, partition_count=1)
    fold.apply(along_journal(shop.driver.journal, 0, by_place))
    return fold


def test_a_journal_that_names_more_than_there_is_is_refused() -> None:
    record = opened().records[0]
    with pytest.raises(LookupError, match="the records end before"):
        list(along_journal([[record.topic, 0, 2]], 0, {(record.topic, 0): [record]}))
