"""Lists: pages by cursor, merged over partitions and workers, complete and without repetition."""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from freshmart_streams import tables
from freshmart_streams.domain import orders, times
from freshmart_streams.domain.books import KnownStore
from freshmart_streams.domain.orders import Order
from freshmart_streams.engine import Table
from freshmart_streams.engine.views import View as RowsView
from freshmart_streams.events.master_data import Store
from freshmart_streams.web import lists
from freshmart_streams.web.context import View
from freshmart_streams.web.cursors import decode_cursor, encode_cursor
from freshmart_streams.web.lists import Item, Listing, Part, Shown, merge, read_partition
from freshmart_streams.web.problems import ProblemError
from tests.web import shop
from tests.web.conftest import Connect
from tests.web.fakes import PARTITIONS, Rows, Site, Worker
from tests.web.tokens import bearer


class Named(msgspec.Struct):
    """What the lists of these tests show of a row."""

    key: str


def show_even(_: View, key: str, __: object) -> Shown | None:
    """Leave every odd number out, as a filter does."""
    return Shown(value=Named(key), changed_at=None) if int(key) % 2 == 0 else None


def show_all(_: View, key: str, __: object) -> Shown:
    return Shown(value=Named(key), changed_at=None)


def listing(show: object = show_all) -> Listing[KnownStore]:
    return Listing(
        table=tables.stores,
        store_of=lambda key, _: key,
        prefixes_of=lambda store: [store or ""],
        show=show,  # type: ignore[arg-type]
        clock_of=lambda _, __: None,
        is_known_store=lambda _, __: True,
    )


def rows_with(keys: Iterable[tuple[int, str]]) -> Worker:
    """Rows in given partitions."""
    rows = Rows()
    for partition, key in keys:
        rows.put_in(partition, tables.stores, key, KnownStore(Store(store_id=key)))
    return Worker(rows.partitions)


async def pages(worker: Worker, limits: list[int], workers: list[frozenset[int]]) -> list[str]:
    """Read a whole list page by page, each page merged over workers that have these partitions."""
    asked = dict.fromkeys(range(PARTITIONS), "")
    found: list[str] = []
    for turn in range(1_000):
        limit = limits[turn % len(limits)]
        parts = []
        for partitions in workers:
            positions = {partition: after for partition, after in asked.items() if partition in partitions}
            own = [
                await read_partition(worker, listing(), partition, stores=None, after=after, limit=limit)
                for partition, after in positions.items()
            ]
            # What another worker sends is itself merged, and goes over the wire.
            sent = msgspec.json.encode(merge(own, positions, limit))
            parts.append(msgspec.json.decode(sent, type=Part))
        part = merge(parts, asked, limit)
        assert len(part.items) <= limit
        found.extend(item.key for item in part.items)
        if not part.positions:
            return found
        asked = decode_cursor(encode_cursor(part.positions), PARTITIONS)
    raise AssertionError("the list has no end")


class TestPages:
    @given(
        keys=st.lists(st.tuples(st.integers(0, PARTITIONS - 1), st.from_regex(r"[0-9]{1,3}", fullmatch=True))),
        limits=st.lists(st.integers(1, 7), min_size=1, max_size=3),
        split=st.lists(st.integers(0, 2), min_size=PARTITIONS, max_size=PARTITIONS),
    )
    def test_hold_every_row_once_in_order_however_it_is_cut(
        self, keys: list[tuple[int, str]], limits: list[int], split: list[int]
    ) -> None:
        unique = list({key: (partition, key) for partition, key in keys}.values())
        workers = [frozenset(p for p in range(PARTITIONS) if split[p] == number) for number in range(3)]
        found = asyncio.run(pages(rows_with(unique), limits, workers))
        assert found == sorted(key for _, key in unique)

    async def test_end_exactly_where_the_rows_do(self) -> None:
        worker = rows_with([(0, "1"), (0, "2")])
        part = await read_partition(worker, listing(), 0, stores=None, after="", limit=2)
        assert [item.key for item in part.items] == ["1", "2"]
        assert part.positions == {}
        assert part.complete_to is None

    async def test_skip_what_a_filter_leaves_out_and_stop_at_the_budget(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lists, "CHUNK", 2)
        monkeypatch.setattr(lists, "ROWS_PER_PAGE_MAX", 6)
        worker = rows_with((0, f"{number:02}") for number in range(1, 20))
        part = await read_partition(worker, listing(show_even), 0, stores=None, after="", limit=100)
        assert [item.key for item in part.items] == ["02", "04", "06"]
        assert part.positions == {0: "06"}

    async def test_nothing_is_shown_beyond_what_a_slow_partition_has_looked_at(self) -> None:
        # Partition 0 looked up to "3" only, so "5" of partition 1 has to wait: "4" may still come.
        slow = Part(items=[item(0, "1")], positions={0: "3"}, complete_to="3")
        quick = Part(items=[item(1, "2"), item(1, "5")])
        part = merge([slow, quick], {0: "", 1: ""}, 10)
        assert [shown.key for shown in part.items] == ["1", "2"]
        assert part.positions == {0: "3", 1: "2"}

    async def test_rows_that_come_and_go_move_no_other_row(self) -> None:
        rows = Rows()
        worker = Worker(rows.partitions)
        for key in ("1", "3", "5", "7"):
            rows.put_in(0, tables.stores, key, KnownStore(Store(store_id=key)))
        first = await read_partition(worker, listing(), 0, stores=None, after="", limit=2)
        rows.put_in(0, tables.stores, "2", KnownStore(Store(store_id="2")))
        rows.put_in(0, tables.stores, "3", None)
        second = await read_partition(worker, listing(), 0, stores=None, after=first.positions[0], limit=9)
        assert [shown.key for shown in [*first.items, *second.items]] == ["1", "3", "5", "7"]

    async def test_a_partition_that_is_lost_meanwhile_is_503(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lists, "CHUNK", 1)
        worker = rows_with((0, f"{number:02}") for number in range(9))
        reading = asyncio.ensure_future(read_partition(worker, listing(), 0, stores=None, after="", limit=100))
        await asyncio.sleep(0)
        worker.owned = frozenset()
        with pytest.raises(ProblemError, match="unavailable"):
            await reading


def item(partition: int, key: str) -> Item:
    return Item(key, partition, msgspec.Raw(b"{}"))


class TestOverHttp:
    @pytest.mark.parametrize("path", ["/v1/stores", "/v1/stores/0042/stock", "/v1/reorders", "/v1/alerts"])
    async def test_next_and_link_lead_through_the_whole_list(self, connect: Connect, site: Site, path: str) -> None:
        client = await connect(site)
        whole = (await (await client.get(f"{path}?limit=1000")).json())["items"]
        found, url = [], f"{path}?limit=3"
        while url:
            response = await client.get(url)
            body = await response.json()
            assert list(body) == ["items", "as_of", "next"]
            assert len(body["items"]) <= 3
            found.extend(body["items"])
            link = response.links.get("next")
            assert (link is None) == (body["next"] is None)
            url = "" if link is None else URL(link["url"]).path_qs
        assert found == whole
        assert len(found) > 3

    async def test_default_limit_is_a_hundred(self, connect: Connect, site: Site) -> None:
        for number in range(150):
            site.rows.put(tables.stores, f"9{number:03}", KnownStore(Store(store_id=f"9{number:03}")))
        client = await connect(site)
        assert len((await (await client.get("/v1/stores")).json())["items"]) == 100

    async def test_a_store_is_listed_once_though_every_partition_has_its_master_data(
        self, connect: Connect, site: Site
    ) -> None:
        client = await connect(site)
        items = (await (await client.get("/v1/stores")).json())["items"]
        assert [store["store_id"] for store in items] == ["0042", "0043", "0051", "0060", "0077", "0081"]

    async def test_filters_of_stock(self, connect: Connect, site: Site) -> None:
        client = await connect(site)
        everything = (await (await client.get("/v1/stores/0042/stock")).json())["items"]
        dairy = (await (await client.get("/v1/stores/0042/stock?category=dairy")).json())["items"]
        assert dairy == [row for row in everything if row["category"] == "dairy"]
        assert dairy
        missing = (await (await client.get("/v1/stores/0042/stock?status=out,negative")).json())["items"]
        assert missing == [row for row in everything if row["on_hand"] <= 0]
        assert missing

    async def test_reorders_of_a_store_and_status(self, connect: Connect, site: Site) -> None:
        client = await connect(site)
        proposed = (await (await client.get("/v1/reorders?store_id=0042&status=proposed")).json())["items"]
        assert {order["store_id"] for order in proposed} == {"0042"}
        assert all(order["ordered"] == order["open"] == order["quantity"] for order in proposed)
        assert (await (await client.get("/v1/reorders?store_id=0042&status=received")).json())["items"] == []

    async def test_what_a_person_said_stands_next_to_what_was_proposed(self, connect: Connect, site: Site) -> None:
        client = await connect(site)
        (first, *_) = (await (await client.get("/v1/reorders?store_id=0042&status=proposed")).json())["items"]
        assert (first["proposed_packs"], first["proposed_quantity"]) == (first["packs"], first["quantity"])
        assert first["actor"] is first["release_reason"] is None
        order = site.rows.get(tables.orders, f"0042/{first['order_id']}")
        orders.hold(order, order.decided_at + 1)
        order.packs, order.quantity = 2 * order.packs, 2 * order.quantity
        order.actor, order.release_reason = "m.schmitz", "street festival"
        shop.put_order(site, order)
        (said, *_) = (
            order
            for order in (await (await client.get("/v1/reorders?store_id=0042")).json())["items"]
            if order["order_id"] == first["order_id"]
        )
        assert (said["quantity"], said["proposed_quantity"]) == (2 * first["quantity"], first["quantity"])
        assert (said["actor"], said["release_reason"]) == ("m.schmitz", "street festival")

    async def test_a_stores_reorders_are_the_companys_of_that_store_in_the_same_order(
        self, connect: Connect, site: Site
    ) -> None:
        client = await connect(site)
        everything = await items_of(client, "/v1/reorders?limit=1000")
        for store in shop.STORES:
            own = [order for order in everything if order["store_id"] == store.store_id]
            assert own == await items_of(client, f"/v1/reorders?limit=1000&store_id={store.store_id}")
            assert own

    async def test_a_store_whose_id_begins_like_another_is_not_mixed_with_it(
        self, connect: Connect, site: Site
    ) -> None:
        site.rows.put(tables.stores, "004", KnownStore(Store(store_id="004")))
        client = await connect(site)
        assert (await (await client.get("/v1/stores/004/stock")).json())["items"] == []

    async def test_a_cursor_of_another_store_is_refused(self, connect: Connect, site: Site) -> None:
        client = await connect(site)
        other = next(p for p in range(PARTITIONS) if p != Worker(site.rows.partitions).partition_for("0042"))
        response = await client.get(f"/v1/stores/0042/stock?cursor={encode_cursor({other: ''})}")
        assert response.status == 422

    async def test_empty_lists_have_no_time(self, connect: Connect) -> None:
        client = await connect(Site())
        response = await client.get("/v1/alerts")
        assert await response.json() == {"items": [], "as_of": None, "next": None}
        assert "Freshmart-As-Of" not in response.headers


class TestReorders:
    """Newest decision first, whoever asks, whatever is asked for and however it is paged."""

    async def test_newest_first_over_all_partitions(self, connect: Connect, site: Site) -> None:
        client = await connect(site)
        items = await items_of(client, "/v1/reorders?limit=1000")
        assert len(items) == len(self.stored(site))
        assert [item["order_id"] for item in items] == [order.order_id for order in self.stored(site)]
        worker = Worker(site.rows.partitions)
        assert len({worker.partition_for(item["store_id"]) for item in items[:10]}) > 1

    async def test_one_that_is_decided_anew_moves_to_the_top(self, connect: Connect, site: Site) -> None:
        client = await connect(site)
        last = (await items_of(client, "/v1/reorders?limit=1000"))[-1]
        order = next(order for order in self.stored(site) if order.order_id == last["order_id"])
        assert order.reason is not None
        assert order.source is not None
        at = shop.CLOCK + times.MINUTE
        orders.revise(order, packs=9, quantity=108, at=at, reason=order.reason, source=order.source)
        shop.put_order(site, order)
        first, *rest = await items_of(client, "/v1/reorders?limit=1000")
        assert (first["order_id"], first["revision"], first["quantity"]) == (order.order_id, 1, 108)
        assert order.order_id not in {item["order_id"] for item in rest}

    @pytest.mark.parametrize("path", ["/v1/reorders", "/v1/reorders?store_id=0042"])
    @pytest.mark.parametrize("statuses", ["sent", "proposed", "received,overdue", "sent,proposed,cancelled", "overdue"])
    @pytest.mark.parametrize("limit", [1, 4, 1000])
    async def test_of_a_status_page_by_page(
        self, connect: Connect, site: Site, path: str, statuses: str, limit: int
    ) -> None:
        self.age(site)
        client = await connect(site)
        url = URL(path).update_query(status=statuses, limit=str(limit))
        found, cursors = [], 0
        while True:
            page = await (await client.get(url)).json()
            assert len(page["items"]) <= limit
            found += [item["order_id"] for item in page["items"]]
            if page["next"] is None:
                break
            assert len(page["items"]) == limit
            url, cursors = url.update_query(cursor=page["next"]), cursors + 1
        wanted = [
            order.order_id
            for order in self.stored(site)
            if orders.status(order) in statuses.split(",")
            and order.store_id == url.query.get("store_id", order.store_id)
        ]
        assert found == wanted
        assert wanted
        assert cursors == (len(wanted) - 1) // limit

    @pytest.mark.parametrize("query", ["", "&status=sent,proposed"])
    async def test_a_token_of_some_stores_pages_through_theirs(
        self, connect: Connect, guarded: Site, query: str
    ) -> None:
        self.age(guarded)
        client = await connect(guarded)
        everything = await items_of(client, f"/v1/reorders?limit=1000{query}", "everyone")
        found, url = [], URL(f"/v1/reorders?limit=3{query}")
        while True:
            page = await (await client.get(url, headers=bearer("two"))).json()
            found += page["items"]
            if page["next"] is None:
                break
            url = url.update_query(cursor=page["next"])
        assert found == [item for item in everything if item["store_id"] in ("0043", "0081")]
        assert len(found) > 3

    async def test_a_page_reads_what_it_shows_and_no_more(
        self, connect: Connect, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.age(site)
        read: list[str] = []
        get = RowsView.get

        def counted(view: RowsView, table: Table[Any], key: str) -> Any:
            read.append(table.name)
            return get(view, table, key)

        monkeypatch.setattr(RowsView, "get", counted)
        client = await connect(site)
        page = await (await client.get("/v1/reorders?store_id=0042&status=received&limit=2")).json()
        assert len(page["items"]) == 2
        assert page["next"] is not None
        assert read.count("orders") == 3  # and one, to know whether there is a next page

    def stored(self, site: Site) -> list[Order]:
        """All orders in the order of the list."""
        rows = []
        for store in shop.STORES:
            view = Worker(site.rows.partitions).local(Worker(site.rows.partitions).partition_for(store.store_id))
            assert view is not None
            rows += [row for _, row in view.scan(tables.orders, f"{store.store_id}/", limit=1_000)]
        return sorted(rows, key=lambda row: (-row.decided_at, row.store_id, row.order_id))

    def age(self, site: Site) -> None:
        """Let the orders stand differently."""
        for number, order in enumerate(self.stored(site)):
            if number % 4:
                orders.settle(order)
                order.is_lapsed = False
            if number % 4 == 2:
                orders.apply_delivery(order, quantity=order.quantity, is_final=True)
            order.is_overdue = number % 4 == 3
            shop.put_order(site, order)


async def items_of(client: TestClient, path: str, token: str | None = None) -> list[dict[str, Any]]:  # type: ignore[type-arg]
    """The items of one page."""
    response = await client.get(path, headers=None if token is None else bearer(token))
    items: list[dict[str, Any]] = (await response.json())["items"]
    return items
