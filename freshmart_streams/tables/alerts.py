"""What people should look at: one row per open alert, and an index of the articles that nobody knows."""

from freshmart_streams.domain.books import Mark, OpenAlert
from freshmart_streams.engine import Table

alerts: Table[OpenAlert] = Table("alerts", OpenAlert)
"""By `store/sku/kind`; the article is empty for an alert about the whole store."""

unknown_articles: Table[Mark] = Table("unknown_articles", Mark)
"""By `sku/store`: whose alerts close when the product appears."""
