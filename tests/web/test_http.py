"""What every answer has in common: ETags, methods, errors, headers, limits."""

import asyncio
import hashlib

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from freshmart_streams import tables
from freshmart_streams.domain import times
from freshmart_streams.domain.clocks import Clock, PartitionClock
from freshmart_streams.web import middleware
from tests.web import shop
from tests.web.conftest import Connect
from tests.web.fakes import PARTITIONS, Site

VIEWS = [
    "/v1/stores",
    "/v1/stores/0042",
    "/v1/stores/0042/stock",
    "/v1/stores/0042/stock/100234",
    "/v1/stores/0042/report",
    "/v1/company/report",
    "/v1/reorders",
    "/v1/alerts",
    "/v1/dead-letters",
]


class TestEtag:
    @pytest.mark.parametrize("path", VIEWS)
    async def test_is_the_hash_of_the_body_and_gives_304(self, connect: Connect, site: Site, path: str) -> None:
        client = await connect(site)
        first = await client.get(path)
        body = await first.read()
        assert first.status == 200
        assert first.headers["ETag"] == f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        assert first.headers["Cache-Control"].startswith("private")

        again = await client.get(path, headers={"If-None-Match": f'"other", {first.headers["ETag"]}'})
        assert again.status == 304
        assert await again.read() == b""
        assert again.headers["ETag"] == first.headers["ETag"]

    async def test_stays_while_only_the_clock_moves_and_the_clock_is_a_header(
        self, connect: Connect, site: Site
    ) -> None:
        client = await connect(site)
        before = await client.get("/v1/stores/0042/stock")
        later = shop.CLOCK + 10 * times.MINUTE
        for partition in range(PARTITIONS):
            site.rows.put_in(partition, tables.partition_clock, "", PartitionClock(at=later))
        after = await client.get("/v1/stores/0042/stock", headers={"If-None-Match": before.headers["ETag"]})
        assert after.status == 304
        assert after.headers["Freshmart-As-Of"] == "2024-10-08T13:55:00+02:00"

    async def test_changes_when_something_that_is_shown_changes(self, connect: Connect, site: Site) -> None:
        client = await connect(site)
        before = await client.get("/v1/stores/0042/stock/100234")
        shop.sell(site, shop.STORES[0], "100234", 2, shop.CLOCK)
        after = await client.get("/v1/stores/0042/stock/100234", headers={"If-None-Match": before.headers["ETag"]})
        assert after.status == 200
        assert (await after.json())["on_hand"] == (await before.json())["on_hand"] - 2
        assert (await after.json())["as_of"] == "2024-10-08T13:45:00+02:00"

    async def test_clock_is_the_stores_own_newest_event_when_that_is_later_than_the_tick(
        self, connect: Connect, site: Site
    ) -> None:
        site.rows.put(tables.clocks, "0042", Clock(at=shop.CLOCK + times.HOUR))
        client = await connect(site)
        response = await client.get("/v1/stores/0042")
        assert response.headers["Freshmart-As-Of"] == "2024-10-08T14:45:00+02:00"


class TestMethods:
    @pytest.mark.parametrize("path", [*VIEWS, "/", "/openapi.json", "/health/live", "/static/app.js"])
    async def test_head_answers_like_get_without_a_body(self, connect: Connect, site: Site, path: str) -> None:
        client = await connect(site)
        full, head = await client.get(path), await client.head(path)
        assert head.status == 200
        assert await head.read() == b""
        assert head.headers.get("ETag") == full.headers.get("ETag")
        assert head.headers["Content-Type"] == full.headers["Content-Type"]

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    async def test_nothing_can_be_written(self, connect: Connect, site: Site, method: str) -> None:
        client = await connect(site)
        response = await client.request(method, "/v1/stores")
        assert response.status == 405
        assert response.headers["Allow"] == "GET, HEAD"
        assert (await response.json())["type"] == "urn:freshmart:problem:method-not-allowed"


class TestProblems:
    @pytest.mark.parametrize(
        ("language", "title", "tag"),
        [
            ("de-AT,de;q=0.9,en;q=0.8", "Hier gibt es nichts", "de"),
            ("fr, en;q=0.4, de;q=0.2", "There is nothing here", "en"),
            ("de;q=0", "There is nothing here", "en"),
            ("de;q=x", "There is nothing here", "en"),
            ("", "There is nothing here", "en"),
        ],
    )
    async def test_title_is_in_the_language_of_the_client(
        self, connect: Connect, site: Site, language: str, title: str, tag: str
    ) -> None:
        client = await connect(site)
        response = await client.get("/v1/stores/9999", headers={"Accept-Language": language})
        assert response.status == 404
        assert response.content_type == "application/problem+json"
        assert response.headers["Content-Language"] == tag
        assert (await response.json())["title"] == title

    @pytest.mark.parametrize(
        ("path", "parameter"),
        [
            ("/v1/stores?limit=0", "limit"),
            ("/v1/stores?limit=1001", "limit"),
            ("/v1/stores?limit=ten", "limit"),
            ("/v1/stores?limit=1&limit=2", "limit"),
            ("/v1/stores?limit=٣", "limit"),
            ("/v1/stores?cursor=!", "cursor"),
            ("/v1/stores?cursor=e30", "cursor"),  # {}
            ("/v1/stores?cursor=eyI5IjoiIn0", "cursor"),  # {"9": ""}, a partition that is not there
            ("/v1/stores?cursor=bnVsbA", "cursor"),  # null
            ("/v1/stores/0042/stock?status=gone", "status"),
            ("/v1/stores/0042/stock?status=", "status"),
            ("/v1/reorders?status=sent,lost", "status"),
            ("/v1/reorders?store_id=../0042", "store_id"),
            ("/v1/alerts?store_id=", "store_id"),
            ("/v1/stores/0042/report?day=2024-13-01", "day"),
            ("/v1/stores/0042/report?day=yesterday", "day"),
            ("/v1/company/report?day=20241008", "day"),
        ],
    )
    async def test_bad_parameter_is_named(self, connect: Connect, site: Site, path: str, parameter: str) -> None:
        client = await connect(site)
        response = await client.get(path)
        assert response.status == 422
        problem = await response.json()
        assert problem["type"] == "urn:freshmart:problem:bad-parameter"
        assert problem["parameter"] == parameter

    @pytest.mark.parametrize(
        "path",
        [
            "/v1/stores/9999",
            "/v1/stores/9999/stock",
            "/v1/stores/0042/stock/999999",
            "/v1/stores/0042/report?day=2024-10-01",
            "/v1/company/report?day=2024-10-01",
            "/v1/stores/a%20b",
            "/v1/nothing",
            "/table/",
            "/table/stock/0042/",
            "/router/",
            "/graph",
            "/static/..%2Fserver.py",
            "/static/none.js",
        ],
    )
    async def test_what_is_not_there_is_404(self, connect: Connect, site: Site, path: str) -> None:
        client = await connect(site)
        response = await client.get(path)
        assert response.status == 404
        assert response.content_type == "application/problem+json"

    async def test_an_error_inside_says_nothing_of_itself(
        self, connect: Connect, site: Site, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = await connect(site)
        for store in site.rows.partitions.values():
            store.write([(tables.stores.stored_key("0042"), b"\x63secret")])
        response = await client.get("/v1/stores/0042")
        assert response.status == 500
        assert "secret" not in await response.text()
        assert "a request could not be answered" in caplog.text

    async def test_a_request_that_takes_too_long_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(middleware, "SECONDS_PER_REQUEST_MAX", 0.05)
        site = Site()
        application = site.application()

        async def forever(_: web.Request) -> web.Response:
            await asyncio.Event().wait()
            raise AssertionError

        application.router.add_get("/forever", forever)
        async with TestClient(TestServer(application)) as client:
            response = await client.get("/forever")
            assert response.status == 503
            assert int(response.headers["Retry-After"]) > 0


class TestHeaders:
    @pytest.mark.parametrize("path", ["/", "/v1/stores", "/v1/none", "/static/app.css", "/health/live"])
    async def test_every_answer_is_safe_in_a_browser(self, connect: Connect, site: Site, path: str) -> None:
        client = await connect(site)
        response = await client.get(path)
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "charset=utf-8" in response.headers["Content-Type"]

    @pytest.mark.parametrize(
        ("host", "status"),
        [
            ("localhost:6066", 200),
            ("127.0.0.1:6066", 200),
            ("[::1]:6066", 200),
            ("localhost", 200),
            ("attacker.example", 403),
            ("attacker.example:6066", 403),
            ("127.0.0.1.attacker.example:6066", 403),
        ],
    )
    async def test_without_tokens_only_the_names_of_this_machine_are_answered(
        self, connect: Connect, site: Site, host: str, status: int
    ) -> None:
        client = await connect(site)
        response = await client.get("/v1/stores", headers={"Host": host})
        assert response.status == status


class TestHealth:
    async def test_live_and_ready(self, connect: Connect, site: Site) -> None:
        client = await connect(site)
        assert (await client.get("/health/live")).status == 200
        assert await (await client.get("/health/ready")).json() == {"ready": True}

    async def test_not_ready_says_why(self, connect: Connect, site: Site) -> None:
        site.reasons = ["the broker is not reachable"]
        client = await connect(site)
        response = await client.get("/health/ready")
        assert response.status == 503
        assert response.headers["Retry-After"]
        assert (await response.json())["reasons"] == ["the broker is not reachable"]

    async def test_metrics_are_prometheus_text(self, connect: Connect, site: Site) -> None:
        client = await connect(site)
        response = await client.get("/metrics")
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "freshmart_lag_records" in await response.text()
