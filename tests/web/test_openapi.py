"""The description of the interface says what the interface does."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from freshmart_streams.web.application import ROUTES
from freshmart_streams.web.openapi import document
from freshmart_streams.web.routes import Route
from tests.web.conftest import Connect
from tests.web.fakes import Site
from tests.web.tokens import bearer

WITH_BODY = [route for route in ROUTES if route.answer is not None]
EXAMPLE = {"store_id": "0042", "sku": "100234"}


def path_of(route: Route) -> str:
    return route.path.format(**EXAMPLE)


def references(node: Any) -> Iterator[str]:
    """Every `$ref` below a node."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


class TestDocument:
    async def test_is_served_without_a_token_as_openapi_3_1(self, connect: Connect, guarded: Site) -> None:
        client = await connect(guarded)
        response = await client.get("/openapi.json")
        body = await response.json()
        assert body["openapi"] == "3.1.0"
        assert body == msgspec.json.decode(msgspec.json.encode(document(ROUTES)))
        again = await client.get("/openapi.json", headers={"If-None-Match": response.headers["ETag"]})
        assert again.status == 304

    def test_names_every_path_of_this_issue(self) -> None:
        assert set(document(ROUTES)["paths"]) == {
            "/v1/stores",
            "/v1/stores/{store_id}",
            "/v1/stores/{store_id}/stock",
            "/v1/stores/{store_id}/stock/{sku}",
            "/v1/stores/{store_id}/demand/{sku}",
            "/v1/stores/{store_id}/pilot",
            "/v1/stores/{store_id}/report",
            "/v1/company/report",
            "/v1/reorders",
            "/v1/alerts",
            "/v1/dead-letters",
            "/metrics",
            "/health/live",
            "/health/ready",
        }

    def test_every_reference_leads_somewhere(self) -> None:
        found = document(ROUTES)
        names = set(references(found))
        assert names
        for name in names:
            assert name.removeprefix("#/components/schemas/") in found["components"]["schemas"]

    def test_path_parameters_are_those_of_the_path(self) -> None:
        for path, item in document(ROUTES)["paths"].items():
            named = [p["name"] for p in item["get"]["parameters"] if p["in"] == "path"]
            assert named == re.findall(r"\{(\w+)\}", path)

    def test_operation_ids_are_unique(self) -> None:
        ids = [item["get"]["operationId"] for item in document(ROUTES)["paths"].values()]
        assert len(set(ids)) == len(ids)

    def test_what_needs_a_token_says_so(self) -> None:
        for path, item in document(ROUTES)["paths"].items():
            needs_token = bool(item["get"]["security"])
            assert needs_token == (not path.startswith("/health/"))
            assert ("401" in item["get"]["responses"]) == needs_token


class TestAnswers:
    @pytest.mark.parametrize("route", WITH_BODY, ids=lambda route: route.path)
    async def test_are_of_the_type_that_is_described(self, connect: Connect, site: Site, route: Route) -> None:
        client = await connect(site)
        body = await (await client.get(path_of(route))).read()
        msgspec.json.decode(body, type=route.answer, strict=True)

    @pytest.mark.parametrize("route", WITH_BODY, ids=lambda route: route.path)
    async def test_have_every_field_that_is_required(self, connect: Connect, site: Site, route: Route) -> None:
        client = await connect(site)
        (schema,), components = msgspec.json.schema_components([route.answer], ref_template="{name}")
        described = components[schema["$ref"]]
        body = await (await client.get(path_of(route))).json()
        assert set(described["required"]) <= set(body)
        assert set(body) <= set(described["properties"])

    @pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
    async def test_are_refused_as_described(self, connect: Connect, guarded: Site, route: Route) -> None:
        client = await connect(guarded)
        described = document(ROUTES)["paths"][route.path]["get"]["responses"]
        for headers in ({}, bearer("nobody"), bearer("everyone")):
            status = str((await client.get(path_of(route), headers=headers)).status)
            assert status in described
