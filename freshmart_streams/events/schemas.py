"""JSON Schemas of the events, made from the types: `python -m freshmart_streams.events.schemas [FOLDER]` writes them.

A schema says what types, ranges and patterns can say; the rules of one event (`checks`, `master_checks`) come on top.
Unknown fields are allowed everywhere: fields are only ever added.
"""

import inspect
import json
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from freshmart_streams.events.alerts import Alert
from freshmart_streams.events.audit import AuditEntry
from freshmart_streams.events.customers import CustomerEvent
from freshmart_streams.events.decisions import Offer, Payable, PriceChange, Reorder
from freshmart_streams.events.journal import JournalEntry
from freshmart_streams.events.master_data import MarketRate, Policy, Product, Store
from freshmart_streams.events.movements import Movement
from freshmart_streams.events.receipts import Receipt
from freshmart_streams.events.reports import StoreDay
from freshmart_streams.events.ticks import Tick

FOLDER: Final = "docs/reference/schemas"

TYPES: Final[dict[str, type[Struct]]] = {
    "receipt": Receipt,
    "movement": Movement,
    "customer-event": CustomerEvent,
    "product": Product,
    "store": Store,
    "policy": Policy,
    "market-rate": MarketRate,
    "tick": Tick,
    "journal-entry": JournalEntry,
    "reorder": Reorder,
    "price-change": PriceChange,
    "offer": Offer,
    "store-day": StoreDay,
    "payable": Payable,
    "alert": Alert,
    "audit-entry": AuditEntry,
}
"""Every type of event, by the name of its schema."""


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a type of event."""
    made = msgspec.json.schema(TYPES[name])
    for definition in made["$defs"].values():
        if "description" in definition:  # newer Pythons take the indentation away, older ones keep it
            definition["description"] = inspect.cleandoc(definition["description"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:freshmart:{name}:v1",
        **made,
    }


def text(name: str) -> str:
    """Return the content of a schema's file."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def write(folder: Path) -> None:
    """Write every schema as `<name>.json`, and remove other schemas from the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.json"):
        if stale.stem not in TYPES:
            stale.unlink()
    for name in TYPES:
        (folder / f"{name}.json").write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else FOLDER))
