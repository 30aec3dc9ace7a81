"""What a planner wants for an article in a store: the most specific row wins, field by field.

A policy row is kept under `store/sku`, where either part may be `*`. A field that a row leaves out is asked of the next
less specific row: `store/sku`, `store/*`, `*/sku`, `*/*`, then the default.
"""

from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias, TypeVar

from freshmart_streams.domain.promotions import Promotions

_Value = TypeVar("_Value")

ServiceLevelSource: TypeAlias = Literal["default", "policy", "margin"]
"""Where a service level comes from: nobody said one, a planner did, or the margin of one-day goods (`newsvendor`)."""


class PolicyFields(Protocol):
    """What a policy row may say; None is silence."""

    @property
    def service_level(self) -> float | None:
        """Probability of not running out within the protection interval, between 0 and 1, both excluded."""

    @property
    def min_stock(self) -> int | None:
        """Base units; raises the reorder point."""

    @property
    def max_stock(self) -> int | None:
        """Base units; caps the order-up-to level."""

    @property
    def presentation_stock(self) -> int | None:
        """Base units that fill the shelf, beside what is expected to be sold."""

    @property
    def capacity(self) -> int | None:
        """Base units that shelf and backroom hold."""

    @property
    def pricing(self) -> bool | None:
        """Whether prices of the article may be decided."""

    @property
    def promotions(self) -> Promotions | None:
        """When the article is promoted."""


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """The policy in force for one article in one store, with every default filled in."""

    service_level: float = 0.98
    min_stock: int = 0
    max_stock: int | None = None
    """None: no limit."""
    presentation_stock: int = 0
    pricing: bool = True
    """The store's rollout switches pricing on; a policy takes articles out of it."""
    capacity: int | None = None
    """None: no limit."""
    service_level_source: ServiceLevelSource = "default"
    promotions: Promotions = ()


DEFAULT: Final = EffectivePolicy()


def keys(store_id: str, sku: str) -> tuple[str, str, str, str]:
    """The keys of the rows that bear on an article in a store, the most specific first.

    >>> keys("0042", "100234")
    ('0042/100234', '0042/*', '*/100234', '*/*')
    """
    return f"{store_id}/{sku}", f"{store_id}/*", f"*/{sku}", "*/*"


def effective_policy(*rows: PolicyFields | None) -> EffectivePolicy:
    """The policy in force, from the rows that are there, the most specific first (in the order of `keys`).

    >>> effective_policy(EffectivePolicy(min_stock=6), None).min_stock
    6
    """
    said = [row for row in rows if row is not None]
    if not said:
        return DEFAULT
    return EffectivePolicy(
        service_level=_first([row.service_level for row in said], DEFAULT.service_level),
        min_stock=_first([row.min_stock for row in said], DEFAULT.min_stock),
        max_stock=_first([row.max_stock for row in said], DEFAULT.max_stock),
        presentation_stock=_first([row.presentation_stock for row in said], DEFAULT.presentation_stock),
        pricing=_first([row.pricing for row in said], DEFAULT.pricing),
        capacity=_first([row.capacity for row in said], DEFAULT.capacity),
        promotions=_first([row.promotions for row in said], DEFAULT.promotions),
        service_level_source="default" if all(row.service_level is None for row in said) else "policy",
    )


def _first(values: list[_Value | None], default: _Value) -> _Value:
    return next((value for value in values if value is not None), default)
