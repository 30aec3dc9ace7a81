"""A store's days in figures, and which of them have changed since they were published."""

from freshmart_streams.domain.books import Mark
from freshmart_streams.domain.store_days import DayFigures
from freshmart_streams.engine import Table

store_days: Table[DayFigures] = Table("store_days", DayFigures)
"""By `store/day`, the day as `YYYY-MM-DD`."""

changed_days: Table[Mark] = Table("changed_days", Mark)
"""By `store/day`."""
