"""The products CSV of the completejourney data: one row per article.

The manufacturer stands for the supplier; there are no prices, packs or shelf lives in it, so the defaults hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from freshmart_streams.connectors import tables
from freshmart_streams.connectors.items import Item, Report, ZoneOf
from freshmart_streams.connectors.source import Source
from freshmart_streams.events.master_data import Product

COLUMNS: Final = frozenset({"product_id", "manufacturer_id", "department", "product_category", "product_type"})
"""A file whose header line names all of these is read here; `package_size` is used when it is there."""


def read(source: Source, zone_of: ZoneOf, report: Report) -> Iterator[Item]:
    """Yield the articles of a file in its order; `zone_of` is not asked."""
    del zone_of
    for place, cells in tables.rows(source, report):
        sku = cells["product_id"]
        if not sku:
            report(place, "no product_id, so it has no key")
            continue
        name = ", ".join(filter(None, (_words(cells["product_type"]), _words(cells.get("package_size", "")))))
        product = Product(
            sku=sku,
            name=name or None,
            category=_words(cells["product_category"]) or _words(cells["department"]) or None,
            supplier_id=cells["manufacturer_id"] or None,
        )
        yield Item("products", sku, msgspec.json.encode(product), place)


def _words(text: str) -> str:
    """Collapse the runs of blanks that the file pads its cells with."""
    return " ".join(text.split())
