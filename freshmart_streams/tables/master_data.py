"""Master data as it is in force in this partition: every partition takes in all of it, in its own order."""

from freshmart_streams.domain.books import KnownProduct, KnownStore
from freshmart_streams.domain.prices import RegularPrices
from freshmart_streams.engine import Table
from freshmart_streams.events.master_data import Policy

products: Table[KnownProduct] = Table("products", KnownProduct)
"""By sku."""

regular_prices: Table[RegularPrices] = Table("regular_prices", RegularPrices)
"""By sku: the price that master data set, and what it was in the last 30 days."""

stores: Table[KnownStore] = Table("stores", KnownStore)
"""By store."""

policies: Table[Policy] = Table("policies", Policy)
"""By `store/sku`; either part may be `*`."""
