"""Prices in force in the stores: one row per store and article, changed when a price does."""

from freshmart_streams.domain.prices import PriceLabel, Prices
from freshmart_streams.engine import Table

prices: Table[Prices] = Table("prices", Prices)
"""By `store/sku`; regular prices are taken in when the article is touched there."""

price_labels: Table[PriceLabel] = Table("price_labels", PriceLabel)
"""By `store/price_change_id`: the decisions whose label may be confirmed."""
