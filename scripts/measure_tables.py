"""Measures the tables: how many rows each has and how many bytes they take, after days of a simulated shop.

    python scripts/measure_tables.py                             # as docs/tables.md states it; takes a minute or two
    python scripts/measure_tables.py --products 40 --days 16     # a quick look

The days are folded through the engine's test driver, without a broker; the supplier answers what is ordered. Bytes are
those of a stored row: its key with the table's name, and its value. RocksDB compresses them on disk.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from freshmart_streams.agents import stores_group
from freshmart_streams.domain import times
from freshmart_streams.engine.testing import Driver
from freshmart_streams.events import codec
from freshmart_streams.events.receipts import Receipt
from freshmart_streams.simulation.world import Emission, Plan, World
from freshmart_streams.topics import Topics

START = date(2024, 1, 1)
STEP = timedelta(hours=1)
TICK_EVERY = timedelta(minutes=10)
TOPICS = Topics("freshmart.")


class Size(NamedTuple):
    """What the rows of one table take, keys and values, in bytes."""

    rows: int
    bytes_: int
    largest: int


class Totals(NamedTuple):
    """What went in and came out."""

    receipts: int
    lines: int
    orders: int


class Shop:
    """A simulated shop and the partition that keeps its books."""

    def __init__(self, plan: Plan) -> None:
        self.world = World(plan)
        self.driver = Driver(stores_group(TOPICS), batch_size=2_000, check_rows=False)
        self.receipts = self.lines = self._published = 0
        self._next_tick = self.world.now

    def run(self, days: int) -> Totals:
        """Let so many days pass, with everything that the shop and its supplier say."""
        until = self.world.now + timedelta(days=days)
        while self.world.now < until:
            for emission in self.world.advance(self.world.now + STEP):
                self._tick(emission.at)
                self._feed(emission)
            self._pass_on_orders()
        self.driver.commit()
        return Totals(self.receipts, self.lines, len(self.driver.outputs(TOPICS.reorders.name)))

    def sizes(self) -> dict[str, Size]:
        """The size of each table, by its name."""
        stored = self.driver.stored()
        sizes = {}
        for table in self.driver.group.all_tables:
            bytes_ = [len(key) + len(row) for key, row in stored.items() if key.startswith(table.prefix)]
            sizes[table.name] = Size(len(bytes_), sum(bytes_), max(bytes_, default=0))
        return sizes

    def _feed(self, emission: Emission) -> None:
        if isinstance(emission.event, Receipt):
            self.receipts += 1
            self.lines += len(emission.event.lines)
        self.driver.feed(
            TOPICS.prefix + emission.topic,
            codec.encode(emission.event),
            key=emission.key.encode(),
            timestamp=_milliseconds(emission.at),
        )

    def _tick(self, at: datetime) -> None:
        while self._next_tick <= at:
            value = b'{"at": "%s"}' % self._next_tick.isoformat().encode()
            self.driver.feed(TOPICS.ticks.name, value, timestamp=_milliseconds(self._next_tick))
            self._next_tick += TICK_EVERY

    def _pass_on_orders(self) -> None:
        self.driver.commit()
        for output in self.driver.published[self._published :]:
            if output.topic == TOPICS.reorders.name and output.value is not None:
                self.world.receive(codec.decode_reorder(output.value))
        self._published = len(self.driver.published)


def _milliseconds(at: datetime) -> int:
    """The time of the message: a second after what it tells of."""
    return times.to_milliseconds(times.from_datetime(at + timedelta(seconds=1)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=90, help="the first fourteen are history, ordered by hand")
    options = parser.parse_args(arguments)
    shop = Shop(Plan(start=START, stores=1, products=options.products))
    totals = shop.run(options.days)
    print(f"{options.products} articles, {options.days} days: {totals.receipts} receipts with {totals.lines} lines,")
    print(f"{totals.orders} decisions about orders\n")
    print(f"{'table':<18}{'rows':>9}{'bytes a row':>13}{'largest':>9}")
    for name, size in shop.sizes().items():
        mean = size.bytes_ / size.rows if size.rows else 0
        print(f"{name:<18}{size.rows:>9}{mean:>13.0f}{size.largest:>9}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
