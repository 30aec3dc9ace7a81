"""Every path once: its handler, what it takes, what it answers, and who may ask."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from freshmart_streams.web.access import ROLES
from freshmart_streams.web.requests import LIMIT_DEFAULT, LIMIT_MAX
from freshmart_streams.web.server import Server

Handler = Callable[[Server, web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Parameter:
    """A query parameter: its JSON Schema and its meaning."""

    name: str
    schema: dict[str, Any]
    description: str


@dataclass(frozen=True, kw_only=True)
class Route:
    """One path of the interface.

    Attributes:
        path: with `{name}` for its parameters, all of them ids.
        handler: called with the server and the request.
        summary: one line for the OpenAPI document.
        answer: the type of a 200's JSON body; None for another media type.
        media_type: of a 200's body.
        parameters: what it takes in the query.
        roles: who may ask; None needs no token.
    """

    path: str
    handler: Handler
    summary: str
    answer: Any = None
    media_type: str = "application/json"
    parameters: tuple[Parameter, ...] = field(default=())
    roles: frozenset[str] | None = ROLES


_ID = {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}

LIMIT = Parameter(
    "limit", {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT}, "Items at most."
)
CURSOR = Parameter("cursor", {"type": "string"}, "`next` of the page before.")
PAGING = (LIMIT, CURSOR)
STORE = Parameter("store_id", _ID, "Rows of this store only.")
DAY = Parameter("day", {"type": "string", "format": "date"}, "Business day; without it the running one.")


def one_or_several(name: str, values: frozenset[str], description: str) -> Parameter:
    """A parameter with one or several (comma) of these values."""
    return Parameter(
        name, {"type": "array", "items": {"type": "string", "enum": sorted(values)}, "minItems": 1}, description
    )
