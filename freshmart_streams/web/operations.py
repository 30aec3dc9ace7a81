"""What operators ask: probes, metrics, and the description of the interface."""

import msgspec
from aiohttp import web

from freshmart_streams.web.problems import ProblemError
from freshmart_streams.web.schema import Alive, Ready
from freshmart_streams.web.server import Server

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS_UNTIL_READY = 2


async def live(server: Server, request: web.Request) -> web.Response:
    """The process runs and its event loop turns."""
    return _plain(Alive("alive"))


async def ready(server: Server, request: web.Request) -> web.Response:
    """The tables are restored and the worker takes part in the group."""
    reasons = server.context.ready()
    if reasons:
        raise ProblemError("unavailable", "not ready", reasons=reasons, retry_after=_SECONDS_UNTIL_READY)
    return _plain(Ready(True))


async def metrics(server: Server, request: web.Request) -> web.Response:
    """Prometheus text."""
    return web.Response(
        body=server.context.metrics(), headers={"Content-Type": METRICS_TYPE, "Cache-Control": "no-store"}
    )


def _plain(value: msgspec.Struct) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value),
        content_type="application/json",
        charset="utf-8",
        headers={"Cache-Control": "no-store"},
    )
