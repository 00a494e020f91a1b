"""OpenAPI from the parameters, objects and errors of the routes themselves.

Nothing is described twice: the `RouteSpec` of a route holds its parameters and the type of its
response, and the table of errors holds every status and text.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.routing import BaseRoute

from dasi.iamport.endpoint import ApiRoute, RouteSpec
from dasi.iamport.endpoints.lists import NO_FILTER, STATUSES
from dasi.iamport.errors import ERRORS
from dasi.iamport.schema.json_schema import BLANK, Field, any_of, form_schema, object_schema
from dasi.iamport.schema.links import links
from dasi.idempotency import KEY_MAX

_ALWAYS = ("bad_token", "invalid", "bad_json", "bad_content_type", "body_too_large")
_OF_A_KEY = ("idempotency_running", "idempotency_differs")
_PATH_NAMES = re.compile(r"\{(\w+)\}")
_REF = "#/components/schemas/{name}"
_FAILED = {"$ref": "#/components/responses/Failed"}
_IN_A_HEADER = "^[ -~\u00a1-\u00ac\u00ae-\u00ff]+$"  # what of Latin-1 can be printed
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Your name for this request. Sent again with the same parameters it is answered "
    "as the first time, for the life of the payment, and moves no money again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_MAX, "pattern": _IN_A_HEADER},
}


def openapi(routes: Sequence[BaseRoute], *, version: str, url: str) -> dict[str, Any]:
    """Return the description of every `ApiRoute` among `routes`, as OpenAPI 3.1."""
    described = _described(routes)
    types = [spec.response_type for _, _, spec in described if spec.response_type is not None]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    shown = dict(zip([id(response_type) for response_type in types], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for method, path, spec in described:
        response = shown.get(id(spec.response_type))
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, spec, response)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dasi: Iamport V1",
            "version": version,
            "description": "Iamport V1 for KICC cards and billing keys. Parameters come as JSON or "
            "as a form; the token of POST /users/getToken goes into Authorization. Every answer is "
            "an envelope; HTTP 200 with another code than 0 is a refusal.",
        },
        "servers": [{"url": url}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {**components, "Failure": _envelope(None)},
            "responses": {"Failed": {"description": "Refused", "content": _json(_envelope(None))}},
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "The access token of getToken, with or without `Bearer`",
                }
            },
        },
    }


def _described(routes: Sequence[BaseRoute]) -> list[tuple[str, str, RouteSpec]]:
    """Return each (method, path) once, without the spellings that end in a slash."""
    specs: dict[tuple[str, str], RouteSpec] = {}
    for route in routes:
        if isinstance(route, ApiRoute) and not route.path.endswith("/"):
            for method in sorted((route.methods or set()) - {"HEAD"}):
                specs.setdefault((method, route.path), route.spec)
    return [(method, path, spec) for (method, path), spec in specs.items()]


def _operation(method: str, path: str, spec: RouteSpec, response: dict[str, Any] | None) -> Any:
    has_body = method in ("POST", "PUT")
    operation: dict[str, Any] = {
        "operationId": f"{method} {path}",
        "summary": spec.summary,
        "parameters": [_in_path(name) for name in _PATH_NAMES.findall(path)],
        "responses": _responses(spec, response),
    }
    if not spec.needs_token:
        operation["security"] = []
    if spec.supports_idempotency_key:
        operation["parameters"].append(_KEY)
    if has_body and spec.params:
        json, form = (
            make(spec.params, require_any=spec.require_any) for make in (object_schema, form_schema)
        )
        operation["requestBody"] = {
            "required": bool(spec.require_any) or any(param.is_required for param in spec.params),
            "content": {
                "application/json": {"schema": json},
                "application/x-www-form-urlencoded": {"schema": form},
            },
        }
    elif spec.params:
        operation["parameters"] += [
            _in_query(field) for param in spec.params for field in param.form_fields()
        ]
    return operation


def _responses(spec: RouteSpec, response: dict[str, Any] | None) -> dict[str, Any]:
    """Return the responses by status. Status 200 may hold a success or a refusal."""
    texts: dict[int, list[str]] = {}
    reasons = (
        *(_ALWAYS if spec.needs_token else _ALWAYS[1:]),
        *(_OF_A_KEY if spec.supports_idempotency_key else ()),
        *spec.errors,
    )
    for reason in reasons:
        failure = ERRORS[reason]
        texts.setdefault(failure.http_status, []).append(f"code {failure.code}: {failure.text}")
    responses: dict[str, Any] = {}
    for status in sorted({*texts, *(spec.statuses if response else ())}):
        response_type = response if status in spec.statuses and response else None
        heading = ["The answer"] if response_type else []
        responses[str(status)] = {
            "description": "\n\n".join(heading + texts.get(status, [])),
            "content": _json(_envelope(response_type)),
        }
        if response_type and (leads := links(spec.response_type)):
            responses[str(status)]["links"] = leads
    return {**responses, "default": _FAILED}


def _envelope(response: dict[str, Any] | None) -> dict[str, Any]:
    null = {"type": "null"}
    return {
        "type": "object",
        "required": ["code", "message", "response"],
        "properties": {
            "code": {"type": "integer", "enum": [0, 1, -1] if response else [1, -1]},
            "message": {"type": ["string", "null"] if response else "string"},
            "response": {"anyOf": [response, null]} if response else null,
        },
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _in_query(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "in": "query",
        "required": field.is_required,
        "schema": field.rule if field.is_required else any_of(field.rule, BLANK),
    }


def _in_path(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "pattern": r"^[^\x00-\x1f\x7f/]+$"}
    if name == "payment_status":
        schema = {"type": "string", "enum": [*STATUSES, *filter(None, NO_FILTER)]}
    return {"name": name, "in": "path", "required": True, "schema": schema}
