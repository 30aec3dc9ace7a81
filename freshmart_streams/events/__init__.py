"""What travels: the events of contracts.md sections 3 and 4, one msgspec struct per type.

A struct carries only what is on the wire, under the wire's names and units: money in cents, quantities in base units
(pieces or grams), times as aware datetimes, days as dates. `codec` turns bytes into structs and back and is the only
place that does. Nothing here reads a clock, a file or the network.
"""
