"""Goods that are sold on one day only: how likely they should last the day follows from what one of them earns.

A piece too few costs its margin, a piece too many what was paid for it. The profit is highest where the chance that all
demand is met is the *critical ratio* (formulas.md 4.4; Arrow, Harris and Marschak 1951).
"""

from dataclasses import replace
from typing import Final

from freshmart_streams.domain.policies import EffectivePolicy
from freshmart_streams.events.master_data import Product

SHELF_LIFE_DAYS: Final = 1

LEAST: Final = 0.5
MOST: Final = 0.99


def critical_ratio(*, price: float, cost: float, salvage: float = 0.0) -> float:
    """`(price − cost) / (price − salvage)`, all of one piece and without tax; `salvage < cost < price`.

    >>> round(critical_ratio(price=1.0, cost=0.3, salvage=0.12), 6)
    0.795455
    """
    return (price - cost) / (price - salvage)


def policy_for(policy: EffectivePolicy, product: Product) -> EffectivePolicy:
    """The policy in force for an article: of one-day goods the service level is their critical ratio.

    Unless a planner set one, or price or cost are not known, or nothing is earned with it. Nothing is made of what is
    left over. A shelf that is mostly sold out early is no shop, so it is at least `LEAST`.
    """
    if product.shelf_life_days != SHELF_LIFE_DAYS or policy.service_level_source != "default":
        return policy
    price, cost = (product.price or 0) / (1 + (product.vat_percent or 0) / 100), product.cost
    if cost is None or not 0 < cost < price:
        return policy
    ratio = min(max(critical_ratio(price=price, cost=cost), LEAST), MOST)
    return replace(policy, service_level=ratio, service_level_source="margin")
