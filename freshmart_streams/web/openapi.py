"""The OpenAPI 3.1 document, made of the route table and the types of the answers: it cannot say anything else."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from freshmart_streams import __version__
from freshmart_streams.web.problems import KINDS, MEDIA_TYPE, Problem
from freshmart_streams.web.responses import CLOCK
from freshmart_streams.web.routes import Parameter, Route

_REF = "#/components/schemas/{name}"
_CLOCK_HEADER = {"description": "The store's clock.", "schema": {"type": "string", "format": "date-time"}}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The OpenAPI document of these routes."""
    routes = list(routes)
    answers = [route.answer for route in routes if route.answer is not None]
    references, components = msgspec.json.schema_components([*answers, Problem], ref_template=_REF)
    schemas = dict(zip(answers, references, strict=False))
    problem = references[-1]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "FreshMart Streams",
            "version": __version__,
            "description": "Live views of stock, reorders and sales. Read-only; any replica answers any request.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {route.path: {"get": _operation(route, schemas.get(route.answer), problem)} for route in routes},
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, schema: dict[str, Any] | None, problem: dict[str, Any]) -> dict[str, Any]:
    content = {route.media_type: {"schema": {"type": "string"} if schema is None else schema}}
    responses: dict[str, Any] = {"200": {"description": "OK", "content": content}}
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "parameters": [*_path_parameters(route.path), *map(_query_parameter, route.parameters)],
        "responses": responses,
        "security": [],
    }
    if route.path.startswith("/v1/"):
        responses["200"]["headers"] = {
            CLOCK: _CLOCK_HEADER,
            "ETag": {"description": "Strong; the hash of the body.", "schema": {"type": "string"}},
        }
        responses["304"] = {"description": "`If-None-Match` names what would be sent."}
    if route.roles is not None:
        operation["security"] = [{"token": []}]
    for status in sorted({str(kind.status) for name, kind in KINDS.items() if _can_happen(route, name)}):
        responses[status] = {"description": _titles(status), "content": {MEDIA_TYPE: {"schema": problem}}}
    return operation


def _can_happen(route: Route, kind: str) -> bool:
    guarded = route.roles is not None
    return {
        "no-token": guarded,
        "not-your-store": guarded,
        "not-your-role": guarded,
        "not-found": "{" in route.path or "day" in {parameter.name for parameter in route.parameters},
        "bad-parameter": bool(route.parameters),
        "unavailable": guarded or route.path == "/health/ready",
    }.get(kind, False)


def _titles(status: str) -> str:
    return "; ".join(kind.en for kind in KINDS.values() if str(kind.status) == status)


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameter(parameter: Parameter) -> dict[str, Any]:
    described = {
        "name": parameter.name,
        "in": "query",
        "required": False,
        "schema": parameter.schema,
        "description": parameter.description,
    }
    if parameter.schema["type"] == "array":
        described.update(style="form", explode=False)
    return described
