"""How well articles are served: one row per store and pace."""

from freshmart_streams.domain.service import Service
from freshmart_streams.engine import Table

service: Table[Service] = Table("service", Service)
"""By `store/pace`."""
