"""`ticks`: the passing of time in a partition (contracts.md section 2)."""

from msgspec import Struct

from freshmart_streams.events.values import Time


class Tick(Struct, frozen=True):
    """Written about every ten seconds; it counts with its message's Kafka timestamp, `at` is for people."""

    at: Time
