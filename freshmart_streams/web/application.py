"""Puts the web side together: the route table, the middlewares, and what they share, onto an aiohttp application."""

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from freshmart_streams.web import handlers, operations, routes
from freshmart_streams.web.context import Context
from freshmart_streams.web.middleware import middlewares
from freshmart_streams.web.openapi import document
from freshmart_streams.web.pages import Pages
from freshmart_streams.web.requests import grant_of
from freshmart_streams.web.responses import entity_tag, is_known
from freshmart_streams.web.routes import Route
from freshmart_streams.web.schema import (
    AlertView,
    Alive,
    ArticleView,
    CompanyReport,
    DeadLetterView,
    DemandView,
    OrderView,
    Page,
    PilotView,
    Ready,
    ReportView,
    StockView,
    StoreView,
)
from freshmart_streams.web.server import Server

ROUTES = (
    Route(
        path="/v1/stores",
        handler=handlers.stores,
        summary="Stores with their rollout and the figures of their running day.",
        answer=Page[StoreView],
        parameters=routes.PAGING,
    ),
    Route(
        path="/v1/stores/{store_id}",
        handler=handlers.store,
        summary="One store.",
        answer=StoreView,
    ),
    Route(
        path="/v1/stores/{store_id}/stock",
        handler=handlers.stock,
        summary="The stock of a store.",
        answer=Page[StockView],
        parameters=(
            routes.Parameter("category", {"type": "string"}, "Articles of this category only."),
            routes.one_or_several("status", handlers.STOCK_STATUSES, "Articles that stand like this only."),
            *routes.PAGING,
        ),
    ),
    Route(
        path="/v1/stores/{store_id}/stock/{sku}",
        handler=handlers.article,
        summary="The stock of one article in a store.",
        answer=ArticleView,
    ),
    Route(
        path="/v1/stores/{store_id}/demand/{sku}",
        handler=handlers.demand,
        summary="What was sold of an article in a store by day, and what is expected of it.",
        answer=DemandView,
    ),
    Route(
        path="/v1/stores/{store_id}/pilot",
        handler=handlers.pilot,
        summary="A store in shadow mode, beside what our orders would have led to.",
        answer=PilotView,
    ),
    Route(
        path="/v1/stores/{store_id}/report",
        handler=handlers.store_report,
        summary="A store's business day, live.",
        answer=ReportView,
        parameters=(routes.DAY,),
    ),
    Route(
        path="/v1/company/report",
        handler=handlers.company_report,
        summary="A business day summed over all stores.",
        answer=CompanyReport,
        parameters=(routes.DAY,),
    ),
    Route(
        path="/v1/reorders",
        handler=handlers.reorders,
        summary="Reorders with their reasons and where they stand, the newest decision first.",
        answer=Page[OrderView],
        parameters=(
            routes.STORE,
            routes.one_or_several("status", handlers.ORDER_STATUSES, "Orders that stand like this only."),
            *routes.PAGING,
        ),
    ),
    Route(
        path="/v1/alerts",
        handler=handlers.alerts,
        summary="Open alerts.",
        answer=Page[AlertView],
        parameters=(routes.STORE, *routes.PAGING),
    ),
    Route(
        path="/v1/dead-letters",
        handler=handlers.dead_letters,
        summary="The last messages of each partition that could not be taken, without their bodies.",
        answer=Page[DeadLetterView],
        parameters=routes.PAGING,
        roles=frozenset({"operator"}),
    ),
    Route(
        path="/metrics",
        handler=operations.metrics,
        summary="Prometheus metrics of this worker.",
        media_type="text/plain",
    ),
    Route(
        path="/health/live",
        handler=operations.live,
        summary="Whether the process runs.",
        answer=Alive,
        roles=None,
    ),
    Route(
        path="/health/ready",
        handler=operations.ready,
        summary="Whether this worker takes part.",
        answer=Ready,
        roles=None,
    ),
)
_OPEN_PAGES = frozenset({"/", "/static/{name}", "/openapi.json"})


def mount(application: web.Application, context: Context) -> Server:
    """Add everything to an application that has not started yet: Faust's own `app.web.web_app`, or a test's.

    Raises:
        TokensFileError: the tokens file cannot be used.
        PeerKeyError: the peers' key file cannot be used.
    """
    server, pages = Server(context), Pages()
    open_paths = _OPEN_PAGES | {route.path for route in ROUTES if route.roles is None}
    application.middlewares.extend(middlewares(server, open_paths))
    application.router.add_routes([web.get(route.path, _handler(server, route)) for route in ROUTES])
    application.router.add_get("/openapi.json", _openapi())
    application.router.add_get("/static/{name}", pages.static)
    application.router.add_get("/", pages.index)

    async def close(_: web.Application) -> None:
        await server.peers.close()

    application.on_cleanup.append(close)
    return server


def _handler(server: Server, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        if route.roles is not None:
            grant_of(request).require_role(route.roles)
        return await route.handler(server, request)

    return handle


def _openapi() -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    body = msgspec.json.format(msgspec.json.encode(document(ROUTES)), indent=2)
    tag = entity_tag(body)

    async def openapi(request: web.Request) -> web.Response:
        headers = {"ETag": f'"{tag}"', "Cache-Control": "no-cache"}
        if is_known(request, tag):
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, content_type="application/json", charset="utf-8", headers=headers)

    return openapi
