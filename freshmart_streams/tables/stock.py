"""Stock, position, levels and open decision: one row per store and article, mostly the only one a sold line changes."""

from freshmart_streams.domain.stock import Stock, StockHead
from freshmart_streams.engine import Table

stock: Table[Stock] = Table("stock", Stock, head=StockHead, format=1)
"""By `store/sku`."""
