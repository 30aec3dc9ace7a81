"""Errors as RFC 9457 problem details: a stable `type` per kind of error, with a title in German or English."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from aiohttp import web
from aiohttp.hdrs import ACCEPT_LANGUAGE, CONTENT_LANGUAGE

from freshmart_streams.web.languages import preferred_language

TYPE_PREFIX = "urn:freshmart:problem:"
MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """One kind of error: its HTTP status and its title in both languages."""

    status: int
    en: str
    de: str


KINDS: Mapping[str, Kind] = {
    "no-token": Kind(401, "A valid access token is needed", "Ein gültiger Zugangsschlüssel wird gebraucht"),
    "not-your-store": Kind(
        403, "This token may not see this store", "Dieser Zugangsschlüssel gilt nicht für diese Filiale"
    ),
    "not-your-role": Kind(
        403, "This token does not have the role for this", "Diesem Zugangsschlüssel fehlt die Rolle dafür"
    ),
    "not-found": Kind(404, "There is nothing here", "Hier gibt es nichts"),
    "method-not-allowed": Kind(405, "This endpoint is read-only", "Hier kann nur gelesen werden"),
    "bad-parameter": Kind(
        422, "A parameter has a value that is not allowed", "Ein Parameter hat einen unzulässigen Wert"
    ),
    "internal-error": Kind(500, "Something went wrong inside", "Intern ist etwas schiefgegangen"),
    "unavailable": Kind(503, "This cannot be answered right now", "Das kann gerade nicht beantwortet werden"),
}


class Problem(msgspec.Struct, omit_defaults=True):
    """The body of an error.

    `parameter` names the parameter at fault, `reasons` say why a worker is not ready, `retry_after` is in seconds.
    """

    type: str
    title: str
    status: int
    detail: str = ""
    parameter: str = ""
    reasons: list[str] = []
    retry_after: int = 0


class ProblemError(Exception):
    """Raised by a handler; the outermost middleware answers with it.

    Args:
        kind: a key of `KINDS`.
        detail: what exactly was wrong, in English, without data of the shop.
        parameter: the path or query parameter at fault.
        reasons: why a worker is not ready.
        retry_after: seconds until another try makes sense; 0 says nothing.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        kind: str,
        detail: str = "",
        *,
        parameter: str = "",
        reasons: Sequence[str] = (),
        retry_after: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
        self.parameter = parameter
        self.reasons = reasons
        self.retry_after = retry_after
        self.headers = dict(headers or {})


def bad_parameter(name: str, detail: str) -> ProblemError:
    """A query parameter that cannot be taken."""
    return ProblemError("bad-parameter", detail, parameter=name)


def unavailable(detail: str, *, retry_after: int = 2) -> ProblemError:
    """A passing fault: the partition moves, its owner does not answer, or rows are being restored."""
    return ProblemError("unavailable", detail, retry_after=retry_after)


def answer(request: web.Request, error: ProblemError) -> web.Response:
    """The error as a response in the language that the client prefers."""
    kind = KINDS[error.kind]
    language = preferred_language(request.headers.get(ACCEPT_LANGUAGE, ""))
    problem = Problem(
        type=TYPE_PREFIX + error.kind,
        title=kind.de if language == "de" else kind.en,
        status=kind.status,
        detail=error.detail,
        parameter=error.parameter,
        reasons=list(error.reasons),
        retry_after=error.retry_after,
    )
    headers = {
        **error.headers,
        CONTENT_LANGUAGE: language,
        "Vary": "Accept-Language, Authorization",
        "Cache-Control": "no-store",
    }
    if error.retry_after:
        headers["Retry-After"] = str(error.retry_after)
    if kind.status == web.HTTPUnauthorized.status_code:
        headers["WWW-Authenticate"] = 'Bearer realm="freshmart"'
    return web.Response(
        status=kind.status, body=msgspec.json.encode(problem), content_type=MEDIA_TYPE, charset="utf-8", headers=headers
    )
