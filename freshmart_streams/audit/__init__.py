"""Independent bookkeeping: the same log folded without the engine, and sums taken without the shop.

- `fold`: the group's handlers over records in the order of the journal, in plain dictionaries. What it yields must
  equal the tables and outputs of the workers, whatever happened to them.
- `sums`: receipts, units, gross, discounts and net per store and day, from nothing but the messages themselves.
"""
