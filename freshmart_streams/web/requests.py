"""What a handler knows of a request beside its URL: who asks, and whether a peer forwarded it."""

import re

from aiohttp import web

from freshmart_streams.web.access import Grant
from freshmart_streams.web.problems import ProblemError, bad_parameter

GRANT = web.RequestKey("grant", Grant)
FORWARDED = web.RequestKey("forwarded", bool)

LIMIT_DEFAULT = 100
LIMIT_MAX = 1_000
_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,64}")


def grant_of(request: web.Request) -> Grant:
    """What the client may see."""
    return request[GRANT]


def is_forwarded(request: web.Request) -> bool:
    """Whether a peer sent this: it is answered from this worker's own rows or not at all."""
    return request[FORWARDED]


def single(request: web.Request, name: str) -> str | None:
    """A query parameter, or None when it is absent.

    Raises:
        ProblemError: `bad-parameter`, when it is given twice.
    """
    values = request.query.getall(name, [])
    if len(values) > 1:
        raise bad_parameter(name, "give it once")
    return values[0] if values else None


def path_identifier(request: web.Request, name: str) -> str:
    """An id in the path.

    Raises:
        ProblemError: `not-found`, for what can be no id.
    """
    value = request.match_info[name]
    if not _IDENTIFIER.fullmatch(value):
        raise ProblemError("not-found", f"{name} is no id")
    return value


def query_identifier(request: web.Request, name: str) -> str | None:
    """An id in the query, or None.

    Raises:
        ProblemError: `bad-parameter`, for what can be no id.
    """
    value = single(request, name)
    if value is not None and not _IDENTIFIER.fullmatch(value):
        raise bad_parameter(name, "an id has 1 to 64 of A-Z, a-z, 0-9, dot, underscore, hyphen")
    return value


def choice(request: web.Request, name: str, allowed: frozenset[str]) -> frozenset[str]:
    """A query parameter with one or several (comma) of the allowed values; empty when it is absent.

    Raises:
        ProblemError: `bad-parameter`, for any other value.
    """
    value = single(request, name)
    if value is None:
        return frozenset()
    chosen = frozenset(value.split(","))
    if not chosen <= allowed:
        raise bad_parameter(name, f"one or several of {', '.join(sorted(allowed))}")
    return chosen


def limit_of(request: web.Request) -> int:
    """How many items the client wants at most.

    Raises:
        ProblemError: `bad-parameter`, when it is no number from 1 to 1,000.
    """
    value = single(request, "limit")
    if value is None:
        return LIMIT_DEFAULT
    if not re.fullmatch(r"[0-9]{1,4}", value) or not 1 <= int(value) <= LIMIT_MAX:
        raise bad_parameter("limit", f"a number from 1 to {LIMIT_MAX}")
    return int(value)
