"""Stores in shadow mode: one row per store, of the pilot that runs or ran last."""

from freshmart_streams.domain.pilots import Pilot
from freshmart_streams.engine import Table

pilots: Table[Pilot] = Table("pilots", Pilot)
"""By store."""
