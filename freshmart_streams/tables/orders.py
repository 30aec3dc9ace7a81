"""Orders: one row per store, article and delivery day that was decided for."""

from freshmart_streams.domain.orders import Order
from freshmart_streams.engine import Table

orders: Table[Order] = Table("orders", Order)
"""By `store/order_id`."""
