"""The example files: `golden/<type>/` are events, `refused/<type>/<code>/` are messages and why they are none."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from freshmart_streams.events import codec

HERE: Final = Path(__file__).parent
GOLDEN: Final = sorted((HERE / "golden").glob("*/*.json"))
REFUSED: Final = sorted((HERE / "refused").glob("*/*/*.json"))

DECODE: Final[Mapping[str, Callable[[bytes | None], Struct]]] = {
    "receipt": codec.decode_receipt,
    "movement": codec.decode_movement,
    "customer-event": codec.decode_customer,
    "product": codec.decode_product,
    "store": codec.decode_store,
    "policy": codec.decode_policy,
    "market-rate": codec.decode_market_rate,
    "tick": codec.decode_tick,
    "journal-entry": codec.decode_journal_entry,
    "reorder": codec.decode_reorder,
    "price-change": codec.decode_price_change,
    "offer": codec.decode_offer,
    "store-day": codec.decode_store_day,
    "payable": codec.decode_payable,
    "alert": codec.decode_alert,
    "audit-entry": codec.decode_audit_entry,
}
INPUTS: Final = ("receipt", "movement", "customer-event", "product", "store", "policy", "market-rate")


def name(path: Path) -> str:
    """Name an example file in the list of tests."""
    return path.relative_to(HERE).with_suffix("").as_posix().partition("/")[2]
