"""Prices of a store, whatever the order in which labels are confirmed and regular prices become known."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from freshmart_streams import tables
from freshmart_streams.domain import prices, times
from freshmart_streams.domain.prices import AwaitedPrice, Prices, RegularPrices
from tests.support.shop import MILK, TOPICS, ShopDriver, line

CLOCK = 100 * times.DAY
CENTS = st.integers(1, 500)
HOURS = st.integers(0, 100 * 24)


def confirmed(steps: list[tuple[int, int]]) -> Prices:
    """An article that always cost 250 and had these prices on its labels, hour and cents."""
    row = Prices([(0, 250)])
    for hour, price in steps:
        row.awaited = AwaitedPrice(f"at-{hour}", price, hour * times.HOUR)
        prices.confirm_label(row, hour * times.HOUR, CLOCK)
    return row


@given(st.lists(st.tuples(HOURS, CENTS), max_size=12, unique_by=lambda step: step[0]), st.data())
def test_labels_give_the_same_history_in_any_order(steps: list[tuple[int, int]], data: st.DataObject) -> None:
    permuted = data.draw(st.permutations(steps))
    assert confirmed(permuted).changes == confirmed(steps).changes
    assert confirmed(permuted).price_change_id == confirmed(sorted(steps)).price_change_id


@given(st.lists(st.tuples(HOURS, st.none() | CENTS), min_size=1, max_size=20), st.lists(st.integers(0, 20)))
@example([(0, 100), (1, None), (1, 100)], [1, 1])
def test_however_often_an_article_is_touched_its_prices_are_the_same(
    messages: list[tuple[int, int | None]], touched: list[int]
) -> None:
    """Regular prices become known one by one; in between the row takes in what is there, or not."""
    regular, often, once = RegularPrices(), Prices(), Prices()
    for place, (hour, price) in enumerate(sorted(messages, key=lambda message: message[0])):
        prices.apply_price(regular, hour * times.HOUR, price)
        if place in touched:
            prices.take_regular(often, regular, CLOCK)
            prices.take_regular(often, regular, CLOCK)
    prices.take_regular(often, regular, CLOCK)
    prices.take_regular(once, regular, CLOCK)
    assert often.price == once.price == (regular.changes[-1][1] if regular.changes else None)
    assert often.regular_at == once.regular_at
    assert prices.prior_price(often, CLOCK) == prices.prior_price(once, CLOCK)


@given(st.lists(st.tuples(HOURS, CENTS), max_size=40, unique_by=lambda step: step[0]))
def test_the_prior_price_is_the_lowest_that_held_in_the_30_days(steps: list[tuple[int, int]]) -> None:
    history = sorted([(-1, 250), *steps])
    ends = [hour for hour, _ in history[1:]] + [CLOCK // times.HOUR + 1]
    begin = (CLOCK - prices.KEPT) // times.HOUR
    lowest = min(price for (_, price), end in zip(history, ends, strict=True) if end > begin)
    assert prices.prior_price(confirmed(steps), CLOCK) == lowest


TIMES = st.integers(9 * 60, 12 * 60).map(lambda minute: f"2024-10-08 {minute // 60:02d}:{minute % 60:02d}")


def sold(number: int, at: str) -> Callable[[ShopDriver], Any]:
    return lambda shop: shop.sale(at, line(), receipt_id=f"r{number}")


def labelled(at: str) -> Callable[[ShopDriver], Any]:
    return lambda shop: shop.move(at, "label-confirmed", price_change_id="pc-1", event_id="label")


def played(events: list[Callable[[ShopDriver], Any]]) -> ShopDriver:
    """A regular price that rises at ten, and a decision that waits for its label; then these events, in this order."""
    shop = ShopDriver(batch_size=5).open_store(MILK).decide_price("2024-10-08 08:00", "pc-1", 99)
    shop.raw(TOPICS.products.name, b"100234", json.dumps({**MILK, "price": 129}).encode(), "2024-10-08 10:00")
    shop.tick("2024-10-08 12:30")
    for event in events:
        event(shop)
    return shop.sale("2024-10-08 12:45", line(), receipt_id="last")


@settings(deadline=None, max_examples=60)
@given(st.lists(TIMES, max_size=6), TIMES, st.data())
def test_any_order_and_any_repetition_of_the_events_give_the_same_row(
    sales: list[str], label: str, data: st.DataObject
) -> None:
    events = [labelled(label), *(sold(number, at) for number, at in enumerate(sales))]
    again = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=4))))
    one, other = played(events), played(again)
    assert one.driver.rows(tables.prices) == other.driver.rows(tables.prices)
    assert one.driver.rows(tables.price_labels) == other.driver.rows(tables.price_labels)
    assert one.driver.rows(tables.prices)["0042/100234"].price == (99 if label >= "2024-10-08 10:00" else 129)
