"""What a row looks like outside: figures, states, times, and what is not known."""

import datetime
from typing import Any

import msgspec
import pytest

from freshmart_streams import tables
from freshmart_streams.domain import alerts, calendars, times
from freshmart_streams.domain.books import KnownProduct, KnownStore
from freshmart_streams.domain.clocks import Clock
from freshmart_streams.domain.forecast import Demand, apply_missing, apply_sale
from freshmart_streams.domain.policies import DEFAULT
from freshmart_streams.domain.prices import Prices
from freshmart_streams.domain.reordering import levels_on_read
from freshmart_streams.domain.replenishment import Levels
from freshmart_streams.domain.service import Service
from freshmart_streams.domain.shrinkage import Shrinkage
from freshmart_streams.domain.stock import Stock
from freshmart_streams.domain.store_days import DayFigures, LineFigures, apply_receipt
from freshmart_streams.events.alerts import AlertKind
from freshmart_streams.events.master_data import Policy, Product, Promotion, Rollout, Store, Unit
from freshmart_streams.events.reports import DayStatus, StoreDay
from freshmart_streams.events.values import Mode
from freshmart_streams.web import CompanyDays, company
from tests.web.conftest import Connect
from tests.web.fakes import Site
from tests.web.shop import BARE_MILK as MILK
from tests.web.shop import CLOCK as AT

LEVELS = Levels(26, 30, 30, 9.0, (5.5, 6.0, 5.5), 0.98)
OCTOBER_WEEK = Promotion(datetime.date(2024, 10, 14), datetime.date(2024, 10, 19))


class TestStock:
    async def test_shows_every_figure(self, connect: Connect, bare: Site) -> None:
        row = Stock(
            on_hand=9,
            on_order=24,
            in_transit=12,
            levels=LEVELS,
            demand_rate_per_day=6.0,
            levels_until=AT + 1,
            changed_at=AT,
        )
        bare.rows.put(tables.stock, "0042/100234", row)
        client = await connect(bare)
        assert await (await client.get("/v1/stores/0042/stock/100234")).json() == {
            "sku": "100234",
            "name": "Vollmilch",
            "category": "dairy",
            "unit": "piece",
            "on_hand": 9,
            "on_order": 24,
            "in_transit": 12,
            "expected_waste": 0,
            "inventory_position": 45,
            "reorder_point": 26,
            "order_up_to_level": 30,
            "price": 119,
            "demand_per_day": 6.0,
            "days_of_cover": 1.5,
            "status": "ok",
            "policy": {
                "service_level": 0.98,
                "service_level_source": "default",
                "min_stock": 0,
                "max_stock": None,
                "presentation_stock": 0,
                "capacity": None,
                "pricing": True,
                "promotions": [],
                "rows": [],
            },
            "as_of": "2024-10-08T13:45:00+02:00",
        }

    async def test_shows_the_policy_in_force_with_who_wanted_it_and_why(self, connect: Connect, bare: Site) -> None:
        person: dict[str, Any] = {"actor": "m.schmitz", "reason": "street festival until Sunday"}
        rows = [
            Policy(store_id="0042", sku="100234", min_stock=24, capacity=96, **person),
            Policy(store_id="0042", sku="*", service_level=0.95, min_stock=6, promotion_days=(OCTOBER_WEEK,)),
        ]
        for row in rows:
            bare.rows.put(tables.policies, f"{row.store_id}/{row.sku}", row)
        bare.rows.put(tables.stock, "0042/100234", Stock(on_hand=9))
        client = await connect(bare)
        policy = (await (await client.get("/v1/stores/0042/stock/100234")).json())["policy"]
        assert policy["promotions"] == [{"from": "2024-10-14", "until": "2024-10-19"}]
        assert (policy["service_level"], policy["min_stock"], policy["capacity"]) == (0.95, 24, 96)
        assert policy["rows"] == [
            {"store_id": "0042", "sku": "100234", "min_stock": 24, "capacity": 96, **person},
            {
                "store_id": "0042",
                "sku": "*",
                "service_level": 0.95,
                "min_stock": 6,
                "promotions": [{"from": "2024-10-14", "until": "2024-10-19"}],
            },
        ]

    async def test_of_an_article_that_nobody_knows_has_no_name_and_no_levels(
        self, connect: Connect, bare: Site
    ) -> None:
        bare.rows.put(tables.stock, "0042/999", Stock(on_hand=-2))
        client = await connect(bare)
        found = await (await client.get("/v1/stores/0042/stock/999")).json()
        unknown = ("name", "category", "reorder_point", "order_up_to_level", "price", "demand_per_day", "days_of_cover")
        assert all(found[name] is None for name in unknown)
        assert (found["unit"], found["inventory_position"], found["status"]) == ("piece", 0, "negative")

    @pytest.mark.parametrize(
        ("row", "priced_at", "price"),
        [
            (None, 5, 119),  # nothing happened to the article in this store yet
            (Prices([(0, 129), (9, 99)], regular_at=5), 5, 99),  # a label showed another price since
            (Prices([(0, 129)], regular_at=5), 7, 119),  # a newer regular price holds, taken in or not
        ],
    )
    async def test_shows_the_price_in_force_in_the_store(
        self, connect: Connect, bare: Site, row: Prices | None, priced_at: int, price: int
    ) -> None:
        bare.rows.put(tables.products, "100234", KnownProduct(MILK, priced_at=priced_at))
        bare.rows.put(tables.stock, "0042/100234", Stock(on_hand=9))
        bare.rows.put(tables.prices, "0042/100234", row)
        client = await connect(bare)
        assert (await (await client.get("/v1/stores/0042/stock/100234")).json())["price"] == price
        (shown,) = (await (await client.get("/v1/stores/0042/stock")).json())["items"]
        assert shown["price"] == price

    @pytest.mark.parametrize(
        ("on_hand", "on_order", "status"),
        [
            (-1, 100, "negative"),
            (0, 100, "out"),
            (1, 0, "low"),
            (26, 0, "low"),  # the position has reached the reorder point
            (27, 0, "ok"),
            (2, 25, "ok"),  # enough is on its way
        ],
    )
    async def test_status(self, connect: Connect, bare: Site, on_hand: int, on_order: int, status: str) -> None:
        row = Stock(on_hand=on_hand, on_order=on_order, levels=LEVELS, levels_until=AT + 1, demand_rate_per_day=6.0)
        bare.rows.put(tables.stock, "0042/100234", row)
        client = await connect(bare)
        assert (await (await client.get("/v1/stores/0042/stock/100234")).json())["status"] == status
        filtered = await (await client.get(f"/v1/stores/0042/stock?status={status}")).json()
        assert [item["sku"] for item in filtered["items"]] == ["100234"]

    @pytest.mark.parametrize(
        ("on_hand", "status"),
        [(-1, "negative"), (1, "phantom"), (400, "phantom")],  # of what is low, too: no order will find it
    )
    async def test_status_of_what_may_not_be_there(
        self, connect: Connect, bare: Site, on_hand: int, status: str
    ) -> None:
        bit = alerts.BITS[AlertKind.PHANTOM_STOCK]
        row = Stock(on_hand=on_hand, levels=LEVELS, levels_until=AT + 1, demand_rate_per_day=6.0, alerts=bit)
        bare.rows.put(tables.stock, "0042/100234", row)
        client = await connect(bare)
        filtered = await (await client.get(f"/v1/stores/0042/stock?status={status}")).json()
        assert [item["status"] for item in filtered["items"]] == [status]

    async def test_levels_of_an_earlier_hour_are_worked_out_for_the_running_one(
        self, connect: Connect, bare: Site
    ) -> None:
        """Of an article of which more than enough is there, the fold does not look at each sale."""
        today = times.from_iso("2024-10-08")
        row = Stock(on_hand=40, levels=LEVELS, levels_until=AT - 1, sold_day=today, sold=50)
        demand = Demand()
        for day in range(today - 28, today):
            apply_sale(demand, day=day, units=6)
        bare.rows.put(tables.stock, "0042/100234", row)
        bare.rows.put(tables.demand, "0042/100234", demand)
        client = await connect(bare)
        # Delivered every weekday and open all day: ten hours are left of today, and tomorrow, before the next delivery.
        need = levels_on_read(
            row, demand, MILK, calendar=calendars.calendar_of(timezone="Europe/Berlin"), clock=AT, policy=DEFAULT
        )
        assert need is not None
        assert sum(need.levels.forecast) == pytest.approx(6 * 11 / 24 + 6, rel=0.05)
        found = await (await client.get("/v1/stores/0042/stock/100234")).json()
        assert found["reorder_point"] == need.levels.reorder_point < 26
        assert found["demand_per_day"] == pytest.approx(6.0, rel=0.05)
        (shown,) = (await (await client.get("/v1/stores/0042/stock?status=ok")).json())["items"]
        assert shown["reorder_point"] == need.levels.reorder_point

    async def test_without_demand_lasts_for_ever(self, connect: Connect, bare: Site) -> None:
        bare.rows.put(tables.stock, "0042/100234", Stock(on_hand=9, levels=LEVELS, levels_until=AT + 1))
        client = await connect(bare)
        found = await (await client.get("/v1/stores/0042/stock/100234")).json()
        assert (found["demand_per_day"], found["days_of_cover"]) == (0.0, None)

    async def test_goods_by_weight_are_in_grams(self, connect: Connect, bare: Site) -> None:
        bare.rows.put(tables.products, "7", KnownProduct(Product(sku="7", unit=Unit.GRAM)))
        bare.rows.put(tables.stock, "0042/7", Stock(on_hand=1_500))
        client = await connect(bare)
        found = await (await client.get("/v1/stores/0042/stock/7")).json()
        assert (found["unit"], found["on_hand"]) == ("gram", 1_500)


class TestShrinkage:
    async def test_shows_by_category_what_counts_found_missing(self, connect: Connect, bare: Site) -> None:
        client = await connect(bare)
        assert (await (await client.get("/v1/stores/0042")).json())["shrinkage"] == {}
        row = Shrinkage(30, {"dairy": 900_000, "wine": 400_000}, {"wine": 20_000, "dairy": -500})
        bare.rows.put(tables.shrinkage, "0042", row)
        found = (await (await client.get("/v1/stores/0042")).json())["shrinkage"]
        assert found == {"dairy": 0.0, "wine": 0.04}


class TestDemand:
    async def test_shows_the_days_that_are_over_and_those_to_come(self, connect: Connect, bare: Site) -> None:
        today = times.from_iso("2024-10-08")
        demand = Demand()
        for day in range(today - 28, today):
            apply_sale(demand, day=day, units=6)
        apply_missing(demand, day=today - 2, thousandths=250)
        bare.rows.put(tables.demand, "0042/100234", demand)
        bare.rows.put(tables.stock, "0042/100234", Stock(on_hand=40, sold_day=today, sold=5, changed_at=AT))
        promoted = Promotion(datetime.date(2024, 10, 7), datetime.date(2024, 10, 9))
        bare.rows.put(tables.policies, "0042/*", Policy(store_id="0042", sku="*", promotion_days=(promoted,)))
        client = await connect(bare)
        found = await (await client.get("/v1/stores/0042/demand/100234")).json()
        assert found["history"][-3:] == [
            {"day": "2024-10-06", "sold": 6, "out_of_stock": 0.25, "is_promoted": False},
            {"day": "2024-10-07", "sold": 6, "out_of_stock": 0, "is_promoted": True},
            {"day": "2024-10-08", "sold": 5, "out_of_stock": 0, "is_promoted": True},
        ]
        assert len(found["history"]) == 29
        assert [each["day"] for each in found["forecast"][:2]] == ["2024-10-08", "2024-10-09"]
        assert len(found["forecast"]) == 14
        first, second, third = found["forecast"][:3]
        assert [each["is_promoted"] for each in (first, second, third)] == [True, True, False]
        assert first["mean"] == pytest.approx(second["mean"] * 11 / 24, rel=0.05)
        assert second["mean"] == pytest.approx(6.0 * found["promotion_factor"], rel=0.05)
        # One promoted day was over, yesterday, and sold no more than any other.
        assert 1.0 < found["promotion_factor"] < 2.0
        assert third["mean"] == pytest.approx(6.0, rel=0.05)
        assert second["p50"] <= second["p90"] < second["p98"]
        assert (found["sku"], found["unit"], found["as_of"]) == ("100234", "piece", "2024-10-08T13:45:00+02:00")
        assert found["level"] == pytest.approx(6.0, rel=0.05)
        assert len(found["weekday_factors"]) == 7

    async def test_of_an_article_without_a_day_one_purchase_a_day_is_expected(
        self, connect: Connect, bare: Site
    ) -> None:
        bare.rows.put(tables.stock, "0042/100234", Stock(on_hand=40, changed_at=AT))
        client = await connect(bare)
        found = await (await client.get("/v1/stores/0042/demand/100234")).json()
        assert found["history"] == []
        assert found["level"] == pytest.approx(1 / (1 + 13.75 / 24))  # the imagined day, and what of today is over

    async def test_of_an_article_that_was_never_there_is_not_found(self, connect: Connect, bare: Site) -> None:
        client = await connect(bare)
        assert (await client.get("/v1/stores/0042/demand/100234")).status == 404


class TestStore:
    async def test_shows_its_rollout_in_full_and_a_day_without_sales(self, connect: Connect, bare: Site) -> None:
        row = Store(store_id="0050", name="Ulm", state="BW", rollout=Rollout(pricing=Mode.SHADOW))
        bare.rows.put(tables.stores, "0050", KnownStore(row))
        bare.rows.put(tables.clocks, "0050", Clock(at=AT))
        client = await connect(bare)
        found = await (await client.get("/v1/stores/0050")).json()
        assert found["rollout"] == {"reorder": "auto", "pricing": "shadow", "offers": "off"}
        assert (found["today"]["day"], found["today"]["net_sales"], found["as_of"]) == ("2024-10-08", 0, None)
        assert found["today"]["hourly"] == [0] * 24

    async def test_shows_how_its_articles_are_served(self, connect: Connect, bare: Site) -> None:
        row = Service(40, (34, 38), (12.0, 4.0), expected=110.0, sold=100.0, days=50, missing=1_000, promised=49.0)
        bare.rows.put(tables.service, "0042/fast", row)
        client = await connect(bare)
        fast, normal, _ = (await (await client.get("/v1/stores/0042")).json())["service"]
        assert fast == {
            "pace": "fast",
            "stretches": 40,
            "covered_90": 0.85,
            "covered_98": 0.95,
            "bias": pytest.approx(0.1),
            "pinball_90": 0.12,
            "pinball_98": 0.04,
            "article_days": 50,
            "on_shelf": 0.98,
            "promised": 0.98,
            "spread": 1.0,
        }
        assert (normal["pace"], normal["covered_98"], normal["on_shelf"]) == ("normal", None, None)

    async def test_without_any_event_has_no_day_yet(self, connect: Connect, bare: Site) -> None:
        bare.rows.put(tables.stores, "0050", KnownStore(Store(store_id="0050")))
        client = await connect(bare)
        response = await client.get("/v1/stores/0050")
        assert (await response.json())["today"] is None
        assert "Freshmart-As-Of" not in response.headers
        assert (await client.get("/v1/stores/0050/report")).status == 404

    async def test_that_was_deleted_is_gone(self, connect: Connect, bare: Site) -> None:
        bare.rows.put(tables.stores, "0050", KnownStore(Store(store_id="0050"), is_deleted=True))
        client = await connect(bare)
        assert (await client.get("/v1/stores/0050")).status == 404
        stores = (await (await client.get("/v1/stores")).json())["items"]
        assert [store["store_id"] for store in stores] == ["0042"]

    async def test_day_is_that_of_its_own_zone(self, connect: Connect, bare: Site) -> None:
        bare.rows.put(tables.stores, "0050", KnownStore(Store(store_id="0050", timezone="Pacific/Auckland")))
        bare.rows.put(tables.clocks, "0050", Clock(at=AT))
        client = await connect(bare)
        response = await client.get("/v1/stores/0050")
        assert (await response.json())["today"]["day"] == "2024-10-09"
        assert response.headers["Freshmart-As-Of"] == "2024-10-09T00:45:00+13:00"


class TestReport:
    async def test_is_the_store_day_as_it_is_now(self, connect: Connect, bare: Site) -> None:
        figures = DayFigures(changed_at=AT, version=3, stockout_skus=1)
        apply_receipt(figures, 9, [LineFigures("100234", 2, 398, 20, "dairy")])
        bare.rows.put(tables.store_days, "0042/2024-10-08", figures)
        client = await connect(bare)
        body = await (await client.get("/v1/stores/0042/report")).read()
        assert body == await (await client.get("/v1/stores/0042/report?day=2024-10-08")).read()
        found = msgspec.json.decode(body)
        assert found.pop("as_of") == "2024-10-08T13:45:00+02:00"
        day = msgspec.convert(found, StoreDay)
        assert (day.net_sales, day.receipts, day.version, day.status) == (378, 1, 3, DayStatus.PRELIMINARY)
        assert (day.by_category, day.hourly[9]) == ({"dairy": 378}, 378)


def store_day(store_id: str, day: str, *, version: int = 0, net: int = 100, final: bool = False) -> StoreDay:
    return StoreDay(
        store_id=store_id,
        day=datetime.date.fromisoformat(day),
        version=version,
        status=DayStatus.FINAL if final else DayStatus.PRELIMINARY,
        receipts=2,
        lines=5,
        gross_sales=net + 10,
        discounts=10,
        net_sales=net,
        returns=1,
        waste_cost=3,
        stockout_skus=1,
        reorders=4,
        price_changes=0,
        overrides=1,
        override_units=-12,
        override_value=-948,
        by_category={"dairy": net - 30, "unknown": 30},
        hourly=(0,) * 9 + (net,) + (0,) * 14,
    )


class TestCompany:
    async def test_is_the_sum_of_its_stores_the_best_first(self, connect: Connect, bare: Site) -> None:
        at = datetime.datetime(2024, 10, 8, 12, tzinfo=datetime.UTC)
        bare.company.take(store_day("0042", "2024-10-08", net=100), at)
        bare.company.take(store_day("0043", "2024-10-08", net=250, final=True), at - datetime.timedelta(hours=1))
        bare.company.take(store_day("0042", "2024-10-07", net=999), at - datetime.timedelta(days=1))
        client = await connect(bare)
        found = await (await client.get("/v1/company/report")).json()
        assert found == await (await client.get("/v1/company/report?day=2024-10-08")).json()
        assert (found["stores"], found["preliminary_stores"], found["as_of"]) == (2, 1, "2024-10-08T12:00:00Z")
        assert (found["net_sales"], found["gross_sales"], found["receipts"], found["reorders"]) == (350, 370, 4, 8)
        assert (found["overrides"], found["override_units"], found["override_value"]) == (2, -24, -1896)
        assert found["by_category"] == {"dairy": 290, "unknown": 60}
        assert found["hourly"][9] == sum(found["hourly"]) == 350
        assert [(rank["rank"], rank["store_id"]) for rank in found["ranking"]] == [(1, "0043"), (2, "0042")]

    async def test_of_which_nothing_is_known_is_404(self, connect: Connect) -> None:
        client = await connect(Site())
        assert (await client.get("/v1/company/report")).status == 404

    def test_takes_the_newest_version_in_whatever_order_they_come(self) -> None:
        days = CompanyDays()
        for version in (1, 3, 2):
            days.take(store_day("0042", "2024-10-08", version=version, net=version * 100))
        found = days.day(None)
        assert found is not None
        assert company.report(found).net_sales == 300

    def test_keeps_the_newest_days_only(self) -> None:
        days = CompanyDays()
        first = datetime.date(2024, 1, 1)
        for number in range(company.DAYS_KEPT + 5):
            days.take(store_day("0042", (first + datetime.timedelta(days=number)).isoformat()))
        assert days.day(first + datetime.timedelta(days=4)) is None
        assert days.day(first + datetime.timedelta(days=5)) is not None
