"""The rules of the shop: plain functions over events and state rows.

No clock, no log, no I/O, nothing of Faust or Kafka: what a function needs to know, it is given.
Call it through its module, so that the call names its subject: `replenishment.decide_quantity(...)`.
"""
