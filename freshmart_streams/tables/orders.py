"""Orders: one row per store, article and delivery day that was decided for, and its places in the lists."""

from freshmart_streams.domain.books import Mark
from freshmart_streams.domain.order_values import OrderValues
from freshmart_streams.domain.orders import Order
from freshmart_streams.engine import Table

orders: Table[Order] = Table("orders", Order)
"""By `store/order_id`."""

order_places: Table[Mark] = Table("order_places", Mark)
"""By `order_places.places`: each order in its store's lists and in those of all stores, newest decision first."""

order_values: Table[OrderValues] = Table("order_values", OrderValues)
"""By store: what its automatic decisions are worth, by delivery day."""
