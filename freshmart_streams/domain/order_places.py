"""The places of an order in the lists of orders; and the one way in which an order's row is stored and deleted.

An order's row is found by its id, which does not tell when it was decided. So an order has two places besides, rows
that hold nothing: one in its store's lists and one in those of all stores, by status and then the newest decision
first. They move when the status or the time of the decision changes, and go with the order.

    <store, or * for all>/<status>/<rank>        where the rank is <decided at, from behind>/<store>/<order id>

The rank is the same in every list, so lists of several stores or statuses are merged by it: none needs places of its
own, and a position in one list says where to go on in any.
"""

from typing import Final, NamedTuple

from freshmart_streams.domain import orders
from freshmart_streams.domain.books import Books, Mark, order_key
from freshmart_streams.domain.orders import Order
from freshmart_streams.events.decisions import OrderStatus

ALL_STORES: Final = "*"
"""Instead of a store; it is no store's id."""

_LAST: Final = 10**18 - 1
"""Behind every instant that a date can have (the year 9999), in microseconds; its digits are those of a rank."""


class Standing(NamedTuple):
    """What follows from an order elsewhere: its part of the article's position, and its places."""

    on_order: int
    in_transit: int
    places: tuple[str, ...]


def prefix(store_id: str, status: OrderStatus) -> str:
    """What the places of a store's (or `ALL_STORES`) orders start with that stand like this; their rank follows."""
    return f"{store_id}/{status.value}/"


def places(order: Order) -> tuple[str, ...]:
    """The places of an order; none before its first revision.

    >>> from freshmart_streams.events.values import Mode
    >>> milk = Order("o-1", "0042", "100234", None, 738_803, 0, Mode.AUTO, 9, 738_803, quantity=24, decided_at=7)
    >>> places(milk)
    ('0042/proposed/999999999999999992/0042/o-1', '*/proposed/999999999999999992/0042/o-1')
    """
    if order.decided_at == orders.NEVER:
        return ()
    status = orders.status(order)
    rank = f"{_LAST - order.decided_at:018d}/{order.store_id}/{order.order_id}"
    return prefix(order.store_id, status) + rank, prefix(ALL_STORES, status) + rank


def store_of(place: str) -> str:
    """The store of the order in a place.

    >>> store_of('*/proposed/999999999999999992/0042/o-1')
    '0042'
    """
    return place.split("/")[3]


def row_of(place: str) -> str:
    """The key of the row of the order in a place.

    >>> row_of('*/proposed/999999999999999992/0042/o-1')
    '0042/o-1'
    """
    return place.split("/", 3)[3]


def standing(order: Order) -> Standing:
    """How an order stands; look before it is changed, `put` and `delete` ask for it."""
    return Standing(*orders.position(order), places(order))


def put(books: Books, order: Order, before: Standing) -> Standing:
    """Store an order that changed, and move it to its places; returns how it stands now."""
    after = standing(order)
    books.orders[order_key(order.store_id, order.order_id)] = order
    if after.places != before.places:
        _leave(books, before)
        for place in after.places:
            books.order_places[place] = Mark()
    return after


def delete(books: Books, order: Order, before: Standing) -> None:
    """Delete an order's row, and its places."""
    books.orders.delete(order_key(order.store_id, order.order_id))
    _leave(books, before)


def _leave(books: Books, before: Standing) -> None:
    for place in before.places:
        books.order_places.delete(place)
