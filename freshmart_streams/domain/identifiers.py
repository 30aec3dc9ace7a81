"""Ids: how they are written, GS1 check digits, and the ids that decisions give themselves.

An id of ours is a name-based UUID (version 5) of what decided it, so a replay repeats it. The parts of a name are
joined by `/`, which no id may contain: two different decisions never share a name.
"""

import re
from typing import Final, NewType
from uuid import UUID, uuid5

from freshmart_streams.domain import times

Sku = NewType("Sku", str)
StoreId = NewType("StoreId", str)
CustomerId = NewType("CustomerId", str)

# Fixed for ever: another namespace would give every past order another id. Drawn once at random, version 4.
ORDERS: Final = UUID("364c75f8-3303-48ed-bd33-75dcd59a57cf")
ALERTS: Final = UUID("560c1627-5359-4d42-b166-6060ae94ea78")

_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_GTIN_LENGTHS: Final = frozenset({8, 12, 13, 14})
_GLN_LENGTH: Final = 13


def is_id(text: str) -> bool:
    """Whether `text` may be the id of a store, an article, a customer, a receipt or an event."""
    return _ID.fullmatch(text) is not None


def check_digit(digits: str) -> int:
    """The GS1 check digit (mod 10, weights 3 and 1 from the right) that belongs behind `digits`.

    >>> check_digit("629104150021")
    3
    """
    return -sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits))) % 10


def is_gtin(text: str) -> bool:
    """Whether `text` is a GTIN of 8, 12, 13 or 14 digits with the right check digit.

    >>> is_gtin("4006381333931"), is_gtin("4006381333932")
    (True, False)
    """
    return len(text) in _GTIN_LENGTHS and _is_checked(text)


def is_gln(text: str) -> bool:
    """Whether `text` is a GLN: 13 digits with the right check digit."""
    return len(text) == _GLN_LENGTH and _is_checked(text)


def order_id(store_id: str, sku: str, deliver_by: int) -> str:
    """The id of the one order of an article that a store may have open for a delivery day.

    >>> order_id("0042", "100234", times.from_iso("2024-10-09"))
    'c965e49c-9485-5f07-a235-3ba258e959a8'
    """
    return str(uuid5(ORDERS, f"{store_id}/{sku}/{times.to_iso(deliver_by)}"))


def alert_id(store_id: str, sku: str, kind: str, opening: str) -> str:
    """The id of an alert; `opening` says which opening of it, such as the place in the log of what caused it.

    One store, article and kind may be alerted again after the alert was closed: that is another alert. `sku` is empty
    for an alert about the whole store.
    """
    return str(uuid5(ALERTS, f"{store_id}/{sku}/{kind}/{opening}"))


def _is_checked(text: str) -> bool:
    return text.isascii() and text.isdigit() and check_digit(text[:-1]) == int(text[-1])
