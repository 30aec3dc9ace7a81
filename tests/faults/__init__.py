"""Faults on purpose: processes killed, frozen, cut off and fed with poison, on a real broker (docs/reliability.md)."""
