"""Ids of events for deduplication, with what each receipt did, and voids whose receipt has not come yet."""

from freshmart_streams.domain.receipts import Seen, WaitingVoid
from freshmart_streams.engine import Table

seen: Table[Seen] = Table("seen", Seen)
"""By `store/number/topic/id` (`clocks.seen_key`): the number of 24 hours since 1970 lets a day be forgotten at once."""

waiting_voids: Table[WaitingVoid] = Table("waiting_voids", WaitingVoid)
"""By `store/receipt_id` of the receipt that is to be taken back."""
