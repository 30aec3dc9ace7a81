"""The simulated supplier: what it answers to an order, and when.

Its answers depend on the seed and the order's id alone, so the order in which reorders are read changes none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from freshmart_streams.events.decisions import Reorder

REFUSED_SHARE = 0.01
SHORT_CONFIRMED_SHARE = 0.05
SHORT_DELIVERED_SHARE = 0.03

_ANSWERS_AFTER_MINUTES_MAX = 12
_LOADS_AT = time(21)
_ARRIVES_AT = time(5, 30)
_ARRIVES_WITHIN_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """How one order will go: base units and moments, in UTC-comparable aware datetimes."""

    confirmed: int
    """0 when the supplier refuses the order; nothing else happens then."""
    answered_at: datetime
    delivered: int
    loaded_at: datetime
    arrives_at: datetime
    arrives_on: date


def fulfil(reorder: Reorder, *, seed: int, zone: ZoneInfo) -> Fulfilment:
    """Decide how the supplier serves the last revision of an order, as known at its cut-off.

    Some orders are refused, some confirmed one pack short, some arrive one pack short of what was confirmed.
    """
    chance = Random(f"{seed}/{reorder.order_id}")
    pack = reorder.quantity // max(1, reorder.packs)
    confirmed = reorder.quantity
    if chance.random() < REFUSED_SHARE:
        confirmed = 0
    elif chance.random() < SHORT_CONFIRMED_SHARE and reorder.packs > 1:
        confirmed -= pack
    delivered = confirmed
    if chance.random() < SHORT_DELIVERED_SHARE and confirmed > pack:
        delivered -= pack
    answered_at = reorder.cut_off_at + timedelta(minutes=chance.uniform(1, _ANSWERS_AFTER_MINUTES_MAX))
    loading_day = reorder.deliver_by - timedelta(days=1)
    loaded_at = datetime.combine(loading_day, _LOADS_AT, zone)
    arrives_at = datetime.combine(reorder.deliver_by, _ARRIVES_AT, zone)
    return Fulfilment(
        confirmed=confirmed,
        answered_at=_whole_second(answered_at),
        delivered=delivered,
        loaded_at=_whole_second(loaded_at + timedelta(minutes=chance.uniform(0, 30))),
        arrives_at=_whole_second(arrives_at + timedelta(minutes=chance.uniform(0, _ARRIVES_WITHIN_MINUTES))),
        arrives_on=reorder.deliver_by,
    )


def _whole_second(at: datetime) -> datetime:
    return at.replace(microsecond=0)
