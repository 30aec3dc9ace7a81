"""Independent bookkeeping: the same log folded without the engine, and sums taken without the shop.

- `fold`: the group's handlers over records in the order of the journal, in plain dictionaries. What it yields must
  equal the tables and outputs of the workers, whatever happened to them.
- `verify`: a running system against that fold, from the outside: tables, outputs, journal. It reads with clients of its
  own (`log`) and formats of its own (`committed`).
- `laws`, `conservation`: what must hold between committed rows, looked at all the time while a worker runs.
- `sums`: receipts, units, gross, discounts and net per store and day, from nothing but the messages themselves.
"""
