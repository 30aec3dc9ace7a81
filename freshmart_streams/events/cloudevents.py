"""CloudEvents 1.0 in Kafka binary mode: the headers of everything the application publishes.

Written by hand because they are made for every output; a contract test compares them with the specification.
"""

from datetime import datetime
from typing import Final

import msgspec

SOURCE: Final = "/freshmart/streams"
"""Constant: no host, no worker. `SOURCE` and the id together name a published state."""

REORDER: Final = "com.freshmart.reorder.v1"
PRICE_CHANGE: Final = "com.freshmart.price-change.v1"
OFFER: Final = "com.freshmart.offer.v1"
STORE_DAY: Final = "com.freshmart.store-day.v1"
PAYABLE: Final = "com.freshmart.payable.v1"
ALERT: Final = "com.freshmart.alert.v1"
AUDIT_ENTRY: Final = "com.freshmart.audit-entry.v1"
PURCHASE: Final = "com.freshmart.purchase.v1"
RIGHT: Final = "com.freshmart.right.v1"

_SPEC_VERSION: Final = ("ce_specversion", b"1.0")
_SOURCE: Final = ("ce_source", SOURCE.encode())
_CONTENT_TYPE: Final = ("content-type", b"application/json")
_encode = msgspec.json.Encoder().encode


def headers(type_: str, id_: str, at: datetime) -> list[tuple[str, bytes]]:
    """Return the headers of an event of `type_` whose published state is `id_`, triggered at the aware time `at`."""
    return [
        _SPEC_VERSION,
        ("ce_id", id_.encode()),
        _SOURCE,
        ("ce_type", type_.encode()),
        # The body's encoder writes times, so that header and body agree; it puts them in quotes.
        ("ce_time", _encode(at)[1:-1]),
        _CONTENT_TYPE,
    ]
