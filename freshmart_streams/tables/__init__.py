"""The tables of the stores group: which rows there are, under which keys, and when one is forgotten.

| table            | key                     | row              | forgotten                                      |
|------------------|-------------------------|------------------|------------------------------------------------|
| clocks           | store                   | `Clock`          | never                                          |
| partition_clock  | (one row)               | `PartitionClock` | never                                          |
| products         | sku                     | `KnownProduct`   | with its master data                           |
| regular_prices   | sku                     | `RegularPrices`  | 30 days after its article; 30 days in a row    |
| stores           | store                   | `KnownStore`     | never; a deleted one takes no new events       |
| policies         | store/sku, `*` for all  | `Policy`         | with its master data                           |
| stock            | store/sku               | `Stock`          | never                                          |
| demand           | store/sku               | `Demand`         | never; about four weeks of days in a row       |
| prices           | store/sku               | `Prices`         | never; 30 days in a row                        |
| price_labels     | store/price_change_id   | `PriceLabel`     | when another price takes its place             |
| orders           | store/order_id          | `Order`          | 60 days after its delivery day                 |
| order_places     | store/status/time/order | `Mark`           | when the order's place changes, and with it    |
| lead_times       | store/supplier          | `LeadTimes`      | never                                          |
| order_values     | store                   | `OrderValues`    | never; 14 delivery days and those to come      |
| pilots           | store                   | `Pilot`          | when the store's next pilot begins             |
| service          | store/pace              | `Service`        | never                                          |
| shrinkage        | store                   | `Shrinkage`      | never                                          |
| store_days       | store/day               | `DayFigures`     | 400 days after the day                         |
| changed_days     | store/day               | `Mark`           | when the day's report is published             |
| seen             | store/number/topic/id   | `Seen`           | when the event would be too late               |
| waiting_voids    | store/receipt_id        | `WaitingVoid`    | with its receipt, or when that is too late     |
| alerts           | store/sku/kind          | `OpenAlert`      | when it closes                                 |
| unknown_articles | sku/store               | `Mark`           | when the product appears                       |
| dead_letters     | sequence number         | `DeadLetter`     | after 1,000 newer ones                         |

The rows are the domain's. A row's fields are only ever appended, with defaults.
"""

from typing import Any, Final

from freshmart_streams.engine import Table
from freshmart_streams.tables.alerts import alerts, unknown_articles
from freshmart_streams.tables.clocks import clocks, partition_clock
from freshmart_streams.tables.dead_letters import dead_letters
from freshmart_streams.tables.demand import demand
from freshmart_streams.tables.lead_times import lead_times
from freshmart_streams.tables.master_data import policies, products, regular_prices, stores
from freshmart_streams.tables.orders import order_places, order_values, orders
from freshmart_streams.tables.pilots import pilots
from freshmart_streams.tables.prices import price_labels, prices
from freshmart_streams.tables.seen import seen, waiting_voids
from freshmart_streams.tables.service import service
from freshmart_streams.tables.shrinkage import shrinkage
from freshmart_streams.tables.stock import stock
from freshmart_streams.tables.store_days import changed_days, store_days

STORE_TABLES: Final[tuple[Table[Any], ...]] = (
    clocks,
    partition_clock,
    products,
    regular_prices,
    stores,
    policies,
    stock,
    demand,
    prices,
    price_labels,
    orders,
    order_places,
    lead_times,
    order_values,
    pilots,
    shrinkage,
    service,
    store_days,
    changed_days,
    seen,
    waiting_voids,
    alerts,
    unknown_articles,
    dead_letters,
)
"""All tables of the group `stores`."""

__all__ = [
    "STORE_TABLES",
    "alerts",
    "changed_days",
    "clocks",
    "dead_letters",
    "demand",
    "lead_times",
    "order_places",
    "order_values",
    "orders",
    "partition_clock",
    "pilots",
    "policies",
    "price_labels",
    "prices",
    "products",
    "regular_prices",
    "seen",
    "service",
    "shrinkage",
    "stock",
    "store_days",
    "stores",
    "unknown_articles",
    "waiting_voids",
]
