"""Answers that are cheap to poll: a strong ETag over the body, 304 for who has it already, the clock in a header."""

import datetime
import hashlib
from collections.abc import Mapping

import msgspec
from aiohttp import web

CLOCK = "Freshmart-As-Of"
CACHE = "private, max-age=1"
_encode = msgspec.json.Encoder().encode


def entity_tag(body: bytes) -> str:
    """The opaque tag of a body, without its quotes."""
    return hashlib.sha256(body).hexdigest()[:32]


def is_known(request: web.Request, tag: str) -> bool:
    """Whether the client says that it has this body already."""
    known = request.if_none_match
    return known is not None and any(entry.value in (tag, "*") for entry in known)


def respond(
    request: web.Request,
    value: msgspec.Struct,
    *,
    clock: datetime.datetime | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """A JSON answer; `clock` is how far the store's time is, aware and in its zone."""
    body = _encode(value)
    tag = entity_tag(body)
    sent = {**(headers or {}), "ETag": f'"{tag}"', "Cache-Control": CACHE, "Vary": "Authorization"}
    if clock is not None:
        sent[CLOCK] = clock.isoformat()
    if is_known(request, tag):
        return web.Response(status=304, headers=sent)
    return web.Response(body=body, content_type="application/json", charset="utf-8", headers=sent)
