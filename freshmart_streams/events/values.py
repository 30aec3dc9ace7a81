"""The values that events are made of, each with its unit and its bounds.

Bounds are wide for a shop and narrow for 64 bits: a store's sums of them cannot leave the range in which rows are kept.
The pattern of ids is stated here for the JSON Schemas and enforced by `checks`, once per message instead of once per
field, because a regular expression per line would double the cost of reading a receipt.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta

ID_PATTERN: Final = "^[A-Za-z0-9._-]{1,64}$"
ID_LENGTH_MAX: Final = 64
TEXT_LENGTH_MAX: Final = 1_000

QUANTITY_MAX: Final = 100_000_000
"""Base units per line: a hundred tonnes in grams."""
PRICE_MAX: Final = 100_000_000
"""Cents per unit: a million euros."""
AMOUNT_MAX: Final = 100_000_000_000
"""Cents per line: a billion euros."""
GROSS_MAX: Final = 1_000_000_000_000
"""Bound of quantity times unit price, before grams are divided out."""
YEAR_MIN: Final = 2000
YEAR_MAX: Final = 2100
"""Event times outside these years are invalid: no conversion to another zone can overflow."""

Id = Annotated[str, Meta(min_length=1, max_length=ID_LENGTH_MAX, extra_json_schema={"pattern": ID_PATTERN})]
StoreId = Id
Sku = Id
CustomerId = Id
PolicyScope = Annotated[
    str, Meta(min_length=1, max_length=ID_LENGTH_MAX, extra_json_schema={"pattern": r"^(\*|[A-Za-z0-9._-]{1,64})$"})
]
"""An id, or `*` for all of them."""
Text = Annotated[str, Meta(max_length=TEXT_LENGTH_MAX)]
"""Free text for people; never a key, never compared."""

Time = Annotated[datetime, Meta(tz=True)]
"""An instant with its offset; RFC 3339 on the wire."""
Day = date
"""A calendar day; `YYYY-MM-DD` on the wire."""
TimeOfDay = Annotated[
    str, Meta(min_length=5, max_length=5, extra_json_schema={"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"})
]
"""Local time of a store, `HH:MM`."""
Weekday = Annotated[int, Meta(ge=1, le=7)]
"""ISO weekday, 1 = Monday."""

Quantity = Annotated[int, Meta(ge=-QUANTITY_MAX, le=QUANTITY_MAX)]
"""Base units of the product, signed."""
SoldQuantity = Annotated[int, Meta(ge=-QUANTITY_MAX, le=QUANTITY_MAX, extra_json_schema={"not": {"const": 0}})]
"""Base units at the till: below zero a return, never zero (`checks`)."""
Stock = Annotated[int, Meta(ge=0, le=QUANTITY_MAX)]
"""Base units, not negative."""
Price = Annotated[int, Meta(ge=0, le=PRICE_MAX)]
"""Cents per piece or per 1,000 g."""
Amount = Annotated[int, Meta(ge=-AMOUNT_MAX, le=AMOUNT_MAX)]
"""Cents of a line, signed."""
Days = Annotated[int, Meta(ge=0, le=3650)]
LeadDays = Annotated[int, Meta(ge=0, le=365)]
"""More than a year from order to delivery is a slip of the pen."""
Packs = Annotated[int, Meta(ge=1, le=QUANTITY_MAX)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Rate = Annotated[float, Meta(ge=-100, le=1_000)]
"""Per cent a year; may be negative."""
Probability = Annotated[float, Meta(gt=0, lt=1)]
Offset = Annotated[int, Meta(ge=0)]
Revision = Annotated[int, Meta(ge=0)]


class Mode(StrEnum):
    """How far a kind of decision is rolled out in a store."""

    OFF = "off"
    """Nothing is decided."""
    SHADOW = "shadow"
    """Decided and published for comparison; counts nowhere."""
    ADVISE = "advise"
    """Published for a person to release."""
    AUTO = "auto"
    """Published and in force."""
