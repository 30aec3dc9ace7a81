"""Bytes to events and back, one name per type; `reading` says how and why a message is refused.

`decode_*` take a value, `read_*` key and value (of master data also the deletion of a row). Decoders are made once,
here, because making one is slow and using it is not.
"""

from typing import Final

import msgspec
from msgspec import Struct

from freshmart_streams.events import checks, master_checks
from freshmart_streams.events.alerts import Alert
from freshmart_streams.events.audit import AuditEntry
from freshmart_streams.events.customers import CustomerEvent, CustomerKind
from freshmart_streams.events.decisions import Offer, Payable, PriceChange, Reorder
from freshmart_streams.events.journal import JournalEntry
from freshmart_streams.events.master_data import MarketRate, Policy, Product, Store
from freshmart_streams.events.movements import Movement, MovementKind
from freshmart_streams.events.reading import Codec, KeyedCodec, MasterCodec
from freshmart_streams.events.receipts import Receipt, ReceiptKind
from freshmart_streams.events.reports import StoreDay
from freshmart_streams.events.ticks import Tick

RECEIPTS: Final = KeyedCodec(Receipt, key=("store_id",), kinds=ReceiptKind, check=checks.check_receipt)
MOVEMENTS: Final = KeyedCodec(Movement, key=("store_id",), kinds=MovementKind, check=checks.check_movement)
CUSTOMERS: Final = KeyedCodec(CustomerEvent, key=("customer_id",), kinds=CustomerKind, check=checks.check_customer)
PRODUCTS: Final = MasterCodec(Product, key=("sku",), check=master_checks.check_product)
STORES: Final = MasterCodec(Store, key=("store_id",), check=master_checks.check_store)
POLICIES: Final = MasterCodec(Policy, key=("store_id", "sku"), check=master_checks.check_policy)
MARKET_RATES: Final = MasterCodec(MarketRate, key=("curve", "tenor"), check=master_checks.check_market_rate)

# The body of a message alone, without its key.
decode_receipt = RECEIPTS.decode
decode_movement = MOVEMENTS.decode
decode_customer = CUSTOMERS.decode
decode_product = PRODUCTS.decode
decode_store = STORES.decode
decode_policy = POLICIES.decode
decode_market_rate = MARKET_RATES.decode

# Key and body of a message.
read_receipt = RECEIPTS.read
read_movement = MOVEMENTS.read
read_customer = CUSTOMERS.read
read_product = PRODUCTS.read_row
read_store = STORES.read_row
read_policy = POLICIES.read_row
read_market_rate = MARKET_RATES.read_row

# What the application itself has written.
decode_tick = Codec(Tick).decode
decode_journal_entry = Codec(JournalEntry, check=checks.check_journal_entry).decode
decode_reorder = Codec(Reorder).decode
decode_price_change = Codec(PriceChange).decode
decode_offer = Codec(Offer).decode
decode_payable = Codec(Payable).decode
decode_store_day = Codec(StoreDay).decode
decode_alert = Codec(Alert).decode
decode_audit_entry = Codec(AuditEntry).decode

_encode = msgspec.json.Encoder().encode


def encode(event: Struct) -> bytes:
    """Return an event as JSON: fields in the order of the struct, without those that have their default."""
    return _encode(event)
