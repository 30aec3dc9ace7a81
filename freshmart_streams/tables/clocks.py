"""How far stores and the partition are: one row per store, changed by every event, and one row for the ticks."""

from freshmart_streams.domain.clocks import Clock, PartitionClock
from freshmart_streams.engine import Table

clocks: Table[Clock] = Table("clocks", Clock)
"""By store."""

partition_clock: Table[PartitionClock] = Table("partition_clock", PartitionClock)
"""One row, under the empty key."""
