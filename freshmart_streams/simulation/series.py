"""Worlds of daily series for `freshmart evaluate`: seeded, each with one thing that makes demand hard to foresee.

Common to all: a mean per article, a weekday's factor, a level that drifts a little by the day, and Poisson demand whose
mean varies by the day (gamma, so that it is negative binomial: variance `m + noise · m²`). In

- `perishable`: fresh articles of 6 to 30 a day, every day open;
- `seasonal`: 5 to 40 a day that swing by up to 60 % over the year, over two years;
- `intermittent`: 0.05 to 0.6 purchases a day, of one to four pieces each;
- `promotion`: 4 to 25 a day, a week of promotion in six, a fifth cheaper, that sells 2 to 3 times as much;
- `censored`: 3 to 20 a day, and one day in eight the article runs out; the file says the demand.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from freshmart_streams.simulation.demand import poisson

START: Final = date(2024, 1, 1)
HEADER: Final = "date,series,quantity,price,promotion,stock_out,demand"

_WEEK: Final = (0.85, 0.85, 0.90, 1.00, 1.25, 1.40, 0.75)
_DRIFT: Final = 0.01
_YEAR_DAYS: Final = 365.25
_PROMOTION_WEEKS: Final = 6
_DISCOUNT: Final = 0.2


@dataclass(frozen=True, slots=True)
class SeriesWorld:
    """What a world is made of, and how its articles are supplied unless told otherwise."""

    articles: int
    days: int
    mean: tuple[float, float]
    """The least and the greatest mean of an article per day: base units, or purchases where `purchase_max` says so."""
    noise: float
    """Variance of a day's mean over its square."""
    swing: tuple[float, float] = (0.0, 0.0)
    """How far demand rises above its mean in the year, least and greatest of an article, as a share."""
    uplift: tuple[float, float] = (1.0, 1.0)
    """What a promotion multiplies demand by, least and greatest of an article."""
    purchase_max: int = 1
    """Pieces of the largest purchase."""
    out_chance: float = 0.0
    """That an article runs out on a day."""
    lead_time_days: int = 1
    pack_size: int = 6
    shelf_life_days: int | None = None


WORLDS: Final = {
    "perishable": SeriesWorld(12, 364, (6.0, 30.0), 0.05, shelf_life_days=4),
    "seasonal": SeriesWorld(8, 728, (5.0, 40.0), 0.03, swing=(0.2, 0.6)),
    "intermittent": SeriesWorld(30, 364, (0.05, 0.6), 0.2, purchase_max=4, pack_size=1),
    "promotion": SeriesWorld(10, 364, (4.0, 25.0), 0.05, uplift=(2.0, 3.0)),
    "censored": SeriesWorld(10, 364, (3.0, 20.0), 0.05, out_chance=0.125),
}


def lines(name: str, seed: int = 1) -> Iterator[str]:
    """Yield a world as CSV, header line first; the same for the same seed. `KeyError` for a name not in `WORLDS`."""
    world, random = WORLDS[name], Random(f"{name} {seed}")
    yield HEADER
    for number in range(1, world.articles + 1):
        yield from _article(world, f"{name}-{number:02}", random)


def _article(world: SeriesWorld, series: str, random: Random) -> Iterator[str]:
    least, greatest = world.mean
    level = least * (greatest / least) ** random.random()
    swing, uplift = random.uniform(*world.swing), random.uniform(*world.uplift)
    peak, first_promotion = random.uniform(0, _YEAR_DAYS), random.randrange(_PROMOTION_WEEKS)
    price, drift = round(random.uniform(0.8, 6.0), 2), 0.0
    for number in range(world.days):
        day = START + timedelta(days=number)
        drift = 0.98 * drift + random.gauss(0, _DRIFT)
        year = 1 + swing * math.cos(2 * math.pi * (number - peak) / _YEAR_DAYS)
        is_promoted = uplift > 1 and number // 7 % _PROMOTION_WEEKS == first_promotion
        mean = level * math.exp(drift) * year * _WEEK[day.weekday()] * (uplift if is_promoted else 1.0)
        bought = poisson(random, mean * random.gammavariate(1 / world.noise, world.noise))
        demand = sum(random.randint(1, world.purchase_max) for _ in range(bought))
        out = round(random.uniform(0.1, 1.0), 3) if random.random() < world.out_chance else 0.0
        sold = sum(random.random() >= out for _ in range(demand))
        paid = price * (1 - _DISCOUNT) if is_promoted else price
        yield f"{day},{series},{sold},{paid:.2f},{int(is_promoted)},{out},{demand}"
