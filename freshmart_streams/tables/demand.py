"""What was sold per business day: one row per store and article, and what was learned: one row per store and article, changed once per step."""

from freshmart_streams.domain.forecast import Demand
from freshmart_streams.engine import Table

demand: Table[Demand] = Table("demand", Demand)
"""By `store/sku`; what `Stock.sold` still holds of `Stock.sold_day` is to be added."""
