"""The laws of conservation: kept by a simulated shop, and each broken one is found, counted and told once."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from freshmart_streams import tables
from freshmart_streams.agents import stores_group
from freshmart_streams.audit import conservation
from freshmart_streams.audit.conservation import Conservation, walk
from freshmart_streams.audit.laws import Finding, Law
from freshmart_streams.domain import order_places, times
from freshmart_streams.domain.orders import Order
from freshmart_streams.engine import Table
from freshmart_streams.engine.stores import MemoryStore
from freshmart_streams.engine.testing import Driver
from freshmart_streams.engine.views import View, Views
from freshmart_streams.events import codec
from freshmart_streams.simulation.world import Emission, Plan, World
from tests.support.shop import BERLIN, MILK, TOPICS, ShopDriver, line

DEDUPE_DAYS = 14
DAYS = 16
"""The first fourteen are ordered by hand; then the shop decides."""


def _milliseconds(at: datetime) -> int:
    return times.to_milliseconds(times.from_datetime(at + timedelta(seconds=1)))


def _feed(driver: Driver, emission: Emission) -> None:
    value = codec.encode(emission.event)
    topic = TOPICS.prefix + emission.topic
    driver.feed(topic, value, key=emission.key.encode(), timestamp=_milliseconds(emission.at))


class SimulatedShop:
    """The committed rows of a shop after some days, and what a test changes in them by hand."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        driver = Driver(stores_group(TOPICS), store=self.store, batch_size=50, check_rows=False)
        world = World(Plan(start=date(2024, 1, 1), stores=1, products=12, seed=7))
        published, until = 0, world.now + timedelta(days=DAYS)
        while world.now < until:
            for emission in world.advance(world.now + timedelta(hours=1)):
                _feed(driver, emission)
            driver.commit()
            for output in driver.published[published:]:
                if output.topic == TOPICS.reorders.name and output.value is not None:
                    world.receive(codec.decode_reorder(output.value))
            published = len(driver.published)
        driver.commit()
        self.untouched = list(self.store.scan(b"", b"\xff" * 4, 1 << 60))

    def view(self) -> View:
        return View(self.store, stale=False)

    def rows(self, table: Table[Any]) -> dict[str, Any]:
        return dict(self.view().scan(table, "", limit=1 << 30))

    def put(self, table: Table[Any], key: str, row: Any) -> None:
        self.store.write([(table.stored_key(key), None if row is None else table.encode(row))])

    def restore(self) -> None:
        there = self.store.scan(b"", b"\xff" * 4, 1 << 60)
        self.store.write([(key, None) for key, _ in there])
        self.store.write(self.untouched)

    def findings(self) -> list[Finding]:
        return [finding for page in walk(self.view, DEDUPE_DAYS) for finding in page]

    def broken(self) -> dict[Law, set[str]]:
        """The keys at which each law is broken."""
        found: dict[Law, set[str]] = {}
        for finding in self.findings():
            if finding.trouble:
                found.setdefault(finding.law, set()).add(finding.key)
        return found


@pytest.fixture(scope="module")
def simulated() -> SimulatedShop:
    return SimulatedShop()


@pytest.fixture
def shop(simulated: SimulatedShop) -> Iterator[SimulatedShop]:
    yield simulated
    simulated.restore()


def an_order(shop: SimulatedShop) -> tuple[str, Order]:
    """An order that is on its way."""
    return next(
        (key, order) for key, order in shop.rows(tables.orders).items() if order.is_settled and not order.is_closed
    )


def an_article(shop: SimulatedShop) -> tuple[str, Any]:
    """An article with stock."""
    return next((key, row) for key, row in shop.rows(tables.stock).items() if row.on_hand > 0)


def a_day(shop: SimulatedShop) -> tuple[str, Any]:
    """A day with receipts that is over, and not long ago."""
    return [(key, row) for key, row in shop.rows(tables.store_days).items() if row.receipts][-2]


def lose_an_order(shop: SimulatedShop) -> str:
    key, order = an_order(shop)
    shop.put(tables.orders, key, None)
    return f"{order.store_id}/{order.sku}"


def order_less_than_nothing(shop: SimulatedShop) -> str:
    key, order = an_order(shop)
    order.quantity = -1
    shop.put(tables.orders, key, order)
    return key


def lose_a_place(shop: SimulatedShop) -> str:
    key, order = an_order(shop)
    shop.put(tables.order_places, order_places.places(order)[1], None)
    return key


def forget_an_order_in_its_article(shop: SimulatedShop) -> str:
    key, order = an_order(shop)
    article = f"{order.store_id}/{order.sku}"
    row = shop.rows(tables.stock)[article]
    row.live_orders = []
    shop.put(tables.stock, article, row)
    return key


def order_twice(shop: SimulatedShop) -> str:
    key, row = an_article(shop)
    row.on_order += 12
    shop.put(tables.stock, key, row)
    return key


def sell_below_zero_unnoticed(shop: SimulatedShop) -> str:
    key, row = an_article(shop)
    row.on_hand = -1
    shop.put(tables.stock, key, row)
    return key


def lose_an_alert(shop: SimulatedShop) -> str:
    key, row = an_article(shop)
    row.alerts |= 4
    shop.put(tables.stock, key, row)
    return key


def add_a_discount(shop: SimulatedShop) -> str:
    key, row = a_day(shop)
    row.discounts += 1
    shop.put(tables.store_days, key, row)
    return key


def count_without_a_receipt(shop: SimulatedShop) -> str:
    key, row = a_day(shop)
    row.receipts = 0
    shop.put(tables.store_days, key, row)
    return key


def lose_a_receipt(shop: SimulatedShop) -> str:
    day, _ = a_day(shop)
    ordinal = times.from_iso(day.partition("/")[2])
    key = next(key for key, seen in shop.rows(tables.seen).items() if seen.day == ordinal)
    shop.put(tables.seen, key, None)
    return day


def double_a_receipt(shop: SimulatedShop) -> str:
    day, _ = a_day(shop)
    ordinal = times.from_iso(day.partition("/")[2])
    key, seen = next((key, seen) for key, seen in shop.rows(tables.seen).items() if seen.day == ordinal)
    shop.put(tables.seen, f"{key}-again", seen)
    return day


def sell_without_a_receipt(shop: SimulatedShop) -> str:
    ordinal = times.from_iso(a_day(shop)[0].partition("/")[2])
    sold = {line.sku for seen in shop.rows(tables.seen).values() if seen.day == ordinal for line in seen.lines}
    for key, row in shop.rows(tables.demand).items():
        place = ordinal - row.newest_day - 1
        if key.partition("/")[2] in sold and place < 0 and -place <= len(row.sold):
            row.sold[place] += 1
            shop.put(tables.demand, key, row)
            return key
    raise LookupError("no article was sold on that day")


PLANTED: dict[Callable[[SimulatedShop], str], Law] = {
    lose_an_order: Law.STOCK_POSITION,
    order_less_than_nothing: Law.ORDER_BALANCE,
    lose_a_place: Law.ORDER_PLACES,
    forget_an_order_in_its_article: Law.ORDER_POSITION,
    order_twice: Law.STOCK_POSITION,
    sell_below_zero_unnoticed: Law.STOCK_ALERTS,
    lose_an_alert: Law.STOCK_ALERTS,
    add_a_discount: Law.DAY_SUMS,
    count_without_a_receipt: Law.DAY_SUMS,
    lose_a_receipt: Law.DAY_RECEIPTS,
    double_a_receipt: Law.DAY_RECEIPTS,
    sell_without_a_receipt: Law.UNITS_SOLD,
}


class TestLaws:
    def test_hold_in_a_simulated_shop_and_are_all_looked_at(self, shop: SimulatedShop) -> None:
        findings = shop.findings()
        assert [finding for finding in findings if finding.trouble] == []
        assert {finding.law for finding in findings} == set(Law)

    @pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
    def test_that_are_broken_are_found_where_they_are(
        self, shop: SimulatedShop, plant: Callable[[SimulatedShop], str]
    ) -> None:
        key = plant(shop)
        assert key in shop.broken()[PLANTED[plant]]

    def test_every_one_has_a_planted_violation(self) -> None:
        assert set(PLANTED.values()) == set(Law)

    @pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/St_Johns"])
    def test_know_the_receipts_of_a_local_day_wherever_the_store_is(self, zone: str) -> None:
        store, local = MemoryStore(), times.zone(zone)
        shop = ShopDriver(store=store).open_store(MILK, timezone=zone)
        for day in (7, 8, 9):
            for hour in (0, 6, 12, 18, 23):
                at = datetime(2024, 10, day, hour, 30, tzinfo=local).astimezone(BERLIN)
                shop.sale(f"{at:%Y-%m-%d %H:%M}", line())
        findings = [finding for page in walk(lambda: View(store, stale=False), DEDUPE_DAYS) for finding in page]
        assert [finding for finding in findings if finding.trouble] == []
        followed = {finding.key for finding in findings if finding.law is Law.DAY_RECEIPTS}
        assert {"0042/2024-10-08", "0042/2024-10-09"} <= followed


class TestWalk:
    def test_looks_at_no_more_rows_than_a_page_without_a_pause(self, shop: SimulatedShop) -> None:
        laws_of_a_row = 3
        assert max(len(page) for page in walk(shop.view, DEDUPE_DAYS)) <= laws_of_a_row * conservation.PAGE

    def test_ends_when_the_partition_goes(self, shop: SimulatedShop) -> None:
        views: list[View | None] = [shop.view(), None]
        assert len(list(walk(lambda: views.pop(0) if views else None, DEDUPE_DAYS))) == 1

    def test_says_nothing_of_a_day_that_changes_meanwhile(self, shop: SimulatedShop) -> None:
        key, row = a_day(shop)
        calls = 0

        def committed() -> View:
            """Every look finds one more receipt on that day than the one before."""
            nonlocal calls
            calls += 1
            row.receipts, row.lines, row.changed_at = row.receipts + 1, row.lines + 1, row.changed_at + 1
            shop.put(tables.store_days, key, row)
            return shop.view()

        findings = [finding for page in walk(committed, DEDUPE_DAYS) for finding in page]
        assert calls > 10
        assert key not in {finding.key for finding in findings if finding.law is Law.DAY_RECEIPTS}

    def test_leaves_days_alone_whose_receipts_may_be_forgotten(self, shop: SimulatedShop) -> None:
        days = {finding.key for finding in shop.findings() if finding.law is Law.DAY_RECEIPTS}
        fewer = {finding.key for page in walk(shop.view, 1) for finding in page if finding.law is Law.DAY_RECEIPTS}
        assert len(fewer) < len(days) < len(shop.rows(tables.store_days))
        assert fewer <= days


class OneView:
    """A worker with one partition."""

    partition_count = 1

    def __init__(self, shop: SimulatedShop, *, stale: bool = False) -> None:
        self._shop = shop
        self.stale = stale

    def local(self, partition: int, /) -> View:
        return View(self._shop.store, stale=self.stale)


def counted(shop: SimulatedShop, *, passes: int = 1) -> Conservation:
    """What a worker counts in so many passes over the rows."""
    worker = Conservation(_views(OneView(shop)), DEDUPE_DAYS)
    for _ in range(passes):
        for page in walk(shop.view, DEDUPE_DAYS):
            worker.take(page)
    return worker


def _views(views: Any) -> Views:
    found: Views = views
    return found


class TestCounting:
    def test_a_clean_shop_has_checks_and_no_violations(self, shop: SimulatedShop) -> None:
        worker = counted(shop)
        assert sum(worker.violations.values()) == 0
        assert all(count > 0 for count in worker.checks.values())

    def test_a_violation_counts_each_time_and_is_told_once(
        self, shop: SimulatedShop, caplog: pytest.LogCaptureFixture
    ) -> None:
        key = order_twice(shop)
        worker = counted(shop, passes=3)
        assert worker.violations[Law.STOCK_POSITION] == 3
        lines = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
        assert len(lines) == 1
        assert key in lines[0]
        assert "on order, in transit: (" in lines[0]

    def test_lines_are_bounded(
        self, shop: SimulatedShop, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(conservation, "LINES_MAX", 5)
        worker = Conservation(_views(OneView(shop)), DEDUPE_DAYS)
        worker.take([Finding(Law.DAY_SUMS, f"0042/{number}", "wrong") for number in range(50)])
        assert worker.violations[Law.DAY_SUMS] == 50
        assert len(caplog.records) == 6
        assert "no more lines" in caplog.records[-1].getMessage()


async def ran(views: Any, until: Callable[[Conservation], bool]) -> Conservation:
    """A worker's walk, until it has seen enough."""
    worker = Conservation(_views(views), DEDUPE_DAYS)
    task = asyncio.create_task(worker.run())
    for _ in range(6_000):
        if until(worker) or task.done():
            break
        await asyncio.sleep(0.01)
    task.cancel()
    return worker


class TestRunning:
    async def test_finds_what_was_planted(self, shop: SimulatedShop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(conservation, "PAUSE_SECONDS", 0.0)
        lose_a_receipt(shop)
        worker = await ran(OneView(shop), lambda worker: worker.violations[Law.DAY_RECEIPTS] > 0)
        assert worker.violations[Law.DAY_RECEIPTS] > 0

    async def test_leaves_rows_alone_that_another_worker_owns(
        self, shop: SimulatedShop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(conservation, "PAUSE_SECONDS", 0.0)
        turns = iter(range(20))
        worker = await ran(OneView(shop, stale=True), lambda worker: next(turns, None) is None)
        assert sum(worker.checks.values()) == 0

    async def test_goes_on_when_a_row_cannot_be_read(
        self, shop: SimulatedShop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(conservation, "PAUSE_SECONDS", 0.0)
        key, _ = a_day(shop)
        shop.store.write([(tables.store_days.stored_key(key), b"\xee")])
        before = len(shop.rows(tables.orders))
        worker = await ran(OneView(shop), lambda worker: worker.checks[Law.ORDER_BALANCE] > 2 * before)
        assert worker.checks[Law.ORDER_BALANCE] > 2 * before
        assert [record.getMessage()[:47] for record in caplog.records] == [
            "conservation: partition 0 cannot be looked at: "
        ]
