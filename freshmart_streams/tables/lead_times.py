"""How late suppliers are: one row per store and supplier."""

from freshmart_streams.domain.lead_times import LeadTimes
from freshmart_streams.engine import Table

lead_times: Table[LeadTimes] = Table("lead_times", LeadTimes)
"""By `store/supplier`."""
