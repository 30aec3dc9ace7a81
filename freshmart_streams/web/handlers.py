"""The handlers of `/v1`: read the request, find the rows, answer. What a row looks like outside is in `presenters`."""

import datetime
from collections.abc import Callable

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType, structs

from freshmart_streams.domain import times
from freshmart_streams.events.decisions import OrderStatus
from freshmart_streams.web import company, presenters
from freshmart_streams.web.context import View
from freshmart_streams.web.presenters import articles
from freshmart_streams.web.problems import ProblemError, bad_parameter
from freshmart_streams.web.requests import choice, grant_of, path_identifier, query_identifier, single
from freshmart_streams.web.responses import respond
from freshmart_streams.web.schema import StockStatus
from freshmart_streams.web.server import Server

STOCK_STATUSES = frozenset(status.value for status in StockStatus)
ORDER_STATUSES = frozenset(status.value for status in OrderStatus)
CATEGORY_LENGTH_MAX = 1_000
NEVER_HAD_IT = "this store has never had this article"
NO_SUCH_DAY = "nothing is known of this day"


async def stores(server: Server, request: web.Request) -> web.Response:
    """All stores, each with its running day."""
    return await server.list_of_all(request, presenters.stores.stores())


async def store(server: Server, request: web.Request) -> web.Response:
    """One store with its running day."""
    store_id = path_identifier(request, "store_id")
    return await _one(server, request, store_id, lambda view: presenters.stores.store(view, store_id), "no such store")


async def stock(server: Server, request: web.Request) -> web.Response:
    """The stock of a store, in the order of the article numbers."""
    store_id = path_identifier(request, "store_id")
    statuses = choice(request, "status", STOCK_STATUSES)
    category = single(request, "category")
    if category is not None and len(category) > CATEGORY_LENGTH_MAX:
        raise bad_parameter("category", "too long")
    return await server.list_of_store(request, articles.stock(category, statuses), store_id, must_exist=True)


async def article(server: Server, request: web.Request) -> web.Response:
    """The stock of one article in a store."""
    store_id, sku = path_identifier(request, "store_id"), path_identifier(request, "sku")
    return await _one(server, request, store_id, lambda view: articles.article(view, store_id, sku), NEVER_HAD_IT)


async def demand(server: Server, request: web.Request) -> web.Response:
    """The days of one article in a store, those that are over and those to come."""
    store_id, sku = path_identifier(request, "store_id"), path_identifier(request, "sku")
    return await _one(server, request, store_id, lambda view: articles.demand(view, store_id, sku), NEVER_HAD_IT)


async def pilot(server: Server, request: web.Request) -> web.Response:
    """A store in shadow mode, beside what our orders would have led to."""
    store_id, detail = path_identifier(request, "store_id"), "this store has never been in shadow mode"
    return await _one(server, request, store_id, lambda view: presenters.stores.pilot(view, store_id), detail)


async def store_report(server: Server, request: web.Request) -> web.Response:
    """A business day of a store."""
    store_id, day = path_identifier(request, "store_id"), _day(request)
    return await _one(
        server, request, store_id, lambda view: presenters.stores.report(view, store_id, day), NO_SUCH_DAY
    )


async def company_report(server: Server, request: web.Request) -> web.Response:
    """A business day of all stores together."""
    grant_of(request).require_all_stores()
    found = server.context.company(_day(request))
    if found is None:
        raise ProblemError("not-found", NO_SUCH_DAY)
    return respond(request, company.report(found), clock=found.as_of)


async def reorders(server: Server, request: web.Request) -> web.Response:
    """Reorders with their reasons, the newest decision first."""
    return await _of_one_or_all(server, request, presenters.orders.orders(choice(request, "status", ORDER_STATUSES)))


async def alerts(server: Server, request: web.Request) -> web.Response:
    """Open alerts."""
    return await _of_one_or_all(server, request, presenters.alerts.alerts())


async def dead_letters(server: Server, request: web.Request) -> web.Response:
    """The last dead letters of each partition; they belong to no store, so it takes a token for all."""
    grant_of(request).require_all_stores()
    return await server.list_of_all(request, presenters.alerts.dead_letters())


async def _one(
    server: Server, request: web.Request, store_id: str, find: Callable[[View], Struct | None], not_found: str
) -> web.Response:
    """One thing of a store, asked of who has its rows; `not_found` is what the problem says where there is none."""

    async def answer(view: View) -> web.Response:
        found = find(view)
        if found is None:
            raise ProblemError("not-found", not_found)
        shown = structs.replace(found, stale=_stale(view))
        return respond(request, shown, clock=presenters.lookups.clock(view, store_id))

    return await server.at_owner(request, store_id, answer)


async def _of_one_or_all(server: Server, request: web.Request, listing: presenters.lookups.AnyListing) -> web.Response:
    store_id = query_identifier(request, "store_id")
    if store_id is None:
        return await server.list_of_all(request, listing)
    return await server.list_of_store(request, listing, store_id)


def _day(request: web.Request) -> datetime.date | None:
    text = single(request, "day")
    if text is None:
        return None
    try:
        return datetime.date.fromordinal(times.from_iso(text))
    except times.TimeError as error:
        raise bad_parameter("day", "a calendar day, YYYY-MM-DD") from error


def _stale(view: View) -> bool | UnsetType:
    return True if view.stale else UNSET
