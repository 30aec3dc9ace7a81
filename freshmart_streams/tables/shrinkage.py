"""What counts find missing: one row per store."""

from freshmart_streams.domain.shrinkage import Shrinkage
from freshmart_streams.engine import Table

shrinkage: Table[Shrinkage] = Table("shrinkage", Shrinkage)
"""By store."""
