"""The rules for one row of master data that types cannot say; like `checks`, for `products` to `market-rates`."""

import re
from typing import Final
from zoneinfo import ZoneInfo

from freshmart_streams.events.checks import check_ids, check_year, refuse
from freshmart_streams.events.master_data import ANY, MarketRate, Policy, Product, Store

REASON_LENGTH_MIN: Final = 10
"""Characters of a planner's reason."""
PROMOTION_DAYS_MAX: Final = 366
"""A promotion that lasts longer is a price."""
GTIN_LENGTHS: Final = frozenset({8, 12, 13, 14})
_TIME: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_TIME_OF_DAY: Final = re.compile(_TIME)
_HOURS: Final = re.compile(rf"{_TIME}-({_TIME}|24:00)")
_WEEKDAY: Final = "(mon|tue|wed|thu|fri|sat|sun)"
_WEEKDAYS: Final = re.compile(rf"{_WEEKDAY}(-{_WEEKDAY})?")


def has_gs1_check_digit(text: str) -> bool:
    """Whether the last digit is right: modulo 10, weights 3 and 1 from the right.

    >>> has_gs1_check_digit("4006381333931"), has_gs1_check_digit("4006381333932")
    (True, False)
    """
    if not (text.isascii() and text.isdigit()):
        return False
    return sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(reversed(text))) % 10 == 0


def check_product(product: Product) -> None:
    """Check a product: ids and the GTIN's length and check digit."""
    check_ids((("$.sku", product.sku), ("$.supplier_id", product.supplier_id)))
    gtin = product.gtin
    if gtin is not None and not (len(gtin) in GTIN_LENGTHS and has_gs1_check_digit(gtin)):
        raise refuse("$.gtin", "expected 8, 12, 13 or 14 digits with a right check digit")


def check_store(store: Store) -> None:
    """Check a store: its id, that its time zone exists, and how its hours are written."""
    check_ids((("$.store_id", store.store_id),))
    if not _is_zone(store.timezone):
        raise refuse("$.timezone", "expected the name of an IANA time zone")
    if not _TIME_OF_DAY.fullmatch(store.order_cutoff):
        raise refuse("$.order_cutoff", "expected a time as HH:MM, up to 23:59")
    for days, hours in (store.opening or {}).items():
        if not _WEEKDAYS.fullmatch(days):
            raise refuse("key in $.opening", "expected mon, tue, wed, thu, fri, sat, sun or a range such as mon-sat")
        opens, _, closes = hours.partition("-")
        # Times of one width compare as text.
        if not (_HOURS.fullmatch(hours) and opens < closes):
            raise refuse("value in $.opening", "expected hours as HH:MM-HH:MM, the first before the second")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, LookupError, OSError):  # OSError: the name is a folder of the zone database
        return False
    return True


def check_policy(policy: Policy) -> None:
    """Check a policy's ids, either of which may be `*`, and that a person who sets it says why (formulas.md 4.13)."""
    fields = (("$.store_id", policy.store_id), ("$.sku", policy.sku))
    check_ids((path, text) for path, text in fields if text != ANY)
    if policy.actor is not None and len((policy.reason or "").strip()) < REASON_LENGTH_MIN:
        raise refuse("$.reason", f"expected at least {REASON_LENGTH_MIN} characters where an `actor` is named")
    for place, promotion in enumerate(policy.promotion_days or ()):
        path = f"$.promotions[{place}]"
        check_year(f"{path}.from", promotion.first_day)
        check_year(f"{path}.until", promotion.last_day)
        if not 0 <= (promotion.last_day - promotion.first_day).days < PROMOTION_DAYS_MAX:
            raise refuse(f"{path}.until", f"expected a day from `from` on, at most {PROMOTION_DAYS_MAX} days in all")


def check_market_rate(rate: MarketRate) -> None:
    """Check a quotation's ids and day."""
    check_ids((("$.curve", rate.curve), ("$.tenor", rate.tenor)))
    check_year("$.as_of", rate.as_of)
