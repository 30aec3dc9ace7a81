"""What was sold per business day, and what was learned: one row per store and article, changed once per step."""

from freshmart_streams.domain.forecast import Demand
from freshmart_streams.engine import Table

demand: Table[Demand] = Table("demand", Demand, format=1)
"""By `store/sku`; what `Stock.sold` and `Stock.earlier` still hold is to be added (`stock.sold_on`)."""
