"""The simulated stores: names, places and sizes, as a literal table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shop:
    """One simulated store; all of them keep German shop hours."""

    store_id: str
    name: str
    state: str
    """Federal state, as in contracts.md (`NW`, `HH`, …)."""
    size: float
    """Its demand as a multiple of the catalogue's shop of middle size."""
    timezone: str = "Europe/Berlin"


SHOPS: tuple[Shop, ...] = (
    Shop("0042", "Bonn Mitte", "NW", 1.0),
    Shop("0107", "Köln Ehrenfeld", "NW", 1.3),
    Shop("0219", "Hamburg Altona", "HH", 0.8),
    Shop("0305", "Leipzig Südvorstadt", "SN", 0.9),
    Shop("0311", "Freiburg Wiehre", "BW", 0.7),
    Shop("0420", "München Giesing", "BY", 1.2),
    Shop("0433", "Münster Hafen", "NW", 0.9),
    Shop("0508", "Berlin Moabit", "BE", 1.1),
)

OPENS_AT, CLOSES_AT = 7, 22
"""Local hours between which the tills sell, Monday to Saturday."""

CLOSED_WEEKDAY = 7
"""The ISO weekday on which all of them are closed."""


def shops(count: int) -> tuple[Shop, ...]:
    """Return the first `count` stores; beyond the table, stores with a number for a name."""
    chosen = list(SHOPS[:count])
    for place in range(len(SHOPS), count):
        chosen.append(Shop(f"{1000 + place}", f"Filiale {1000 + place}", "NW", 0.7 + 0.1 * (place % 7)))
    return tuple(chosen)
