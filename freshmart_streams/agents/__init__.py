"""One file per input: what a message is read as, which rows it needs, and which rule of the domain it is handed to.

`stores_group` declares the partition group `stores`: its topics, tables and handlers.
"""

from datetime import UTC, datetime
from functools import partial

from freshmart_streams.agents.bury_poison import bury_poison, report_due_work
from freshmart_streams.agents.keep_master_data import keep_policies, keep_products, keep_stores
from freshmart_streams.agents.pass_time import do_due_work, scope_clock, track_ticks
from freshmart_streams.agents.track_movements import track_movements
from freshmart_streams.agents.track_receipts import track_receipts
from freshmart_streams.engine import Group
from freshmart_streams.events import codec
from freshmart_streams.events.ticks import Tick
from freshmart_streams.tables import STORE_TABLES
from freshmart_streams.tables.books import Shop
from freshmart_streams.topics import GroupName, Topics

__all__ = ["stores_group"]


def stores_group(topics: Topics, *, dedupe_days: int = 14, day_grace_hours: int = 3, rules: str = "") -> Group:
    """The group of partitions by store.

    Args:
        topics: all topics, with their prefix.
        dedupe_days: how far behind its store's clock an event still counts, and how long its id is remembered.
        day_grace_hours: how long after local midnight a store's day becomes final.
        rules: the version of code, rule data and settings that results depend on, for the journal.
    """
    shop = Shop(topics, dedupe_days, day_grace_hours)
    return Group(
        name=GroupName.STORES.value,
        inputs={
            topics.sales.name: partial(track_receipts, shop),
            topics.inventory.name: partial(track_movements, shop),
            topics.ticks.name: partial(track_ticks, shop),
        },
        master={
            topics.products.name: partial(keep_products, shop),
            topics.stores.name: partial(keep_stores, shop),
            topics.policies.name: partial(keep_policies, shop),
        },
        outputs=[topic.name for topic in (topics.reorders, topics.store_days, topics.alerts, topics.dead_letters)],
        tables=STORE_TABLES,
        journal=topics.journal.name,
        rules=rules,
        due_work=partial(do_due_work, shop),
        on_poison=partial(bury_poison, shop),
        on_poison_due=partial(report_due_work, shop),
        clock=partial(scope_clock, shop),
        ticks=topics.ticks.name,
        tick=_tick,
    )


def _tick(milliseconds: int) -> bytes:
    """A tick's value from a worker's time."""
    return codec.encode(Tick(at=datetime.fromtimestamp(milliseconds / 1_000, UTC)))
