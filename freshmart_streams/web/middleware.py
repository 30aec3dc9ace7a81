"""Around every handler: security headers, errors as problem details, a time limit, and who may come in at all."""

import asyncio
import logging

from aiohttp import web
from aiohttp.hdrs import AUTHORIZATION
from aiohttp.typedefs import Handler, Middleware

from freshmart_streams.web import signatures
from freshmart_streams.web.access import EVERYTHING, Grant, bearer_token
from freshmart_streams.web.peers import FORWARDED_MARK
from freshmart_streams.web.problems import ProblemError, answer, unavailable
from freshmart_streams.web.requests import FORWARDED, GRANT
from freshmart_streams.web.server import Server

SECONDS_PER_REQUEST_MAX = 10
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

_log = logging.getLogger(__name__)


def middlewares(server: Server, open_paths: frozenset[str]) -> list[Middleware]:
    """The middlewares, the outermost first; `open_paths` need no token."""

    @web.middleware
    async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await _answered(request, handler)
        response.headers.update(SECURITY_HEADERS)
        return response

    @web.middleware
    async def access(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        if resource is None or resource.canonical not in open_paths:
            request[GRANT], request[FORWARDED] = _authenticate(server, request)
        return await handler(request)

    return [problems, access]


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        async with asyncio.timeout(SECONDS_PER_REQUEST_MAX):
            return await handler(request)
    except ProblemError as error:
        return answer(request, error)
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        return answer(request, ProblemError("method-not-allowed", f"use {allowed}", headers={"Allow": allowed}))
    except web.HTTPNotFound:
        return answer(request, ProblemError("not-found"))
    except TimeoutError:
        return answer(request, unavailable("this took too long"))
    except web.HTTPException:
        raise
    except Exception:
        _log.exception("a request could not be answered", extra={"path": request.path})
        return answer(request, ProblemError("internal-error"))


def _authenticate(server: Server, request: web.Request) -> tuple[Grant, bool]:
    """Who asks, and whether a peer forwarded it.

    Raises:
        ProblemError: `no-token`, or for a foreign host name `not-your-role`.
    """
    if server.tokens is None:
        _require_loopback_name(request)
        return EVERYTHING, FORWARDED_MARK in request.headers
    if signatures.SIGNATURE in request.headers and server.key is not None:
        grant = signatures.verify(
            server.key.current(),
            method=request.method,
            target=request.raw_path,
            headers=request.headers,
            now=server.context.now(),
        )
        if grant is None:
            raise ProblemError("no-token", "the signature does not hold")
        return grant, True
    found = server.tokens.find(bearer_token(request.headers.get(AUTHORIZATION, "")))
    if found is None:
        raise ProblemError("no-token")
    if not found.roles:
        raise ProblemError("not-your-role", "this token has no role")
    return found, False


def _require_loopback_name(request: web.Request) -> None:
    """Without tokens only this machine may ask, and no page whose name was made to point here (DNS rebinding)."""
    name = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
    if name.lower() not in _LOOPBACK_NAMES:
        raise ProblemError("not-your-role", "without tokens this answers to localhost only")
