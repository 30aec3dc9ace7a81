"""Simulated stores and their supplier: seeded, deterministic, without any input or output of their own.

`World` is the whole of a chain: it yields events in the order of their time and is told of reorders. Whoever plays it
(`freshmart simulate`, `freshmart demo`, benchmarks, tests) does the sending, the reading and the waiting.

`series` stands by itself: daily sums without events, for `freshmart evaluate`.
"""
