"""GET /openapi.json and /docs: the description of the API, made from the routes themselves.

The page is one file with its style: it loads nothing from another host and runs no script.
"""

import json
from collections.abc import Sequence
from html import escape
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from dasi import __version__
from dasi.iamport.schema.json_schema import BLANK, NULL, Schema
from dasi.iamport.schema.openapi import openapi

_POLICY = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: 13px; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .75rem; overflow-x: auto; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0;
  padding: .4rem .8rem; }
summary { cursor: pointer; } summary b { display: inline-block; min-width: 4.5rem; }
summary span { opacity: .75; } table { border-collapse: collapse; width: 100%; margin: .6rem 0; }
th, td { text-align: left; border-top: 1px solid var(--line); padding: .3rem .5rem;
  vertical-align: top; } td.text { white-space: pre-line; }
@media (max-width: 40rem) {
  td { display: inline-block; border: 0; padding: 0 .5rem 0 0; } td:last-child { display: block; }
  tr { display: block; border-top: 1px solid var(--line); padding: .3rem 0; }
}
"""
_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "array": "list",
    "null": "null",
}


def routes(described: Sequence[BaseRoute], *, url: str) -> list[Route]:
    """Return both routes. The description is made once, here."""
    document = openapi(described, version=__version__, url=url)
    written, page = msgspec.json.encode(document), _page(document)

    async def as_json(_request: Request) -> Response:
        return Response(written, media_type="application/json")

    async def as_page(_request: Request) -> Response:
        return HTMLResponse(page, headers=_POLICY)

    return [
        Route("/openapi.json", as_json, methods=["GET"]),
        Route("/docs", as_page, methods=["GET"]),
    ]


def _page(document: dict[str, Any]) -> str:
    operations = "\n".join(
        _operation(method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    objects = "\n".join(
        f"<details id='{escape(name)}'><summary><b>{escape(name)}</b></summary>"
        f"{_fields(schema)}</details>"
        for name, schema in document["components"]["schemas"].items()
    )
    info = document["info"]
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>"
        "<p>For machines: <a href='/openapi.json'>/openapi.json</a></p>"
        f"<h2>Routes</h2>{operations}<h2>Objects</h2>{objects}</body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = [
        (param["name"], param["in"], param["required"], param["schema"])
        for param in operation["parameters"]
    ]
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        rows += [
            (name, "body", name in schema["required"], rule)
            for name, rule in schema["properties"].items()
        ]
    params = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{where}</td>"
        f"<td>{'required' if is_required else ''}</td><td>{escape(_describe(rule))}</td></tr>"
        for name, where, is_required, rule in rows
    )
    answers = "".join(
        f"<tr><td>{status}</td><td class='text'>{escape(answer['description'])}</td>"
        f"<td>{_response_link(answer)}</td></tr>"
        for status, answer in operation["responses"].items()
        if "description" in answer
    )
    return (
        f"<details><summary><b>{method}</b> <code>{escape(path)}</code> "
        f"<span>{escape(operation['summary'])}</span></summary>"
        f"<table>{params}</table><table>{answers}</table></details>"
    )


def _response_link(answer: dict[str, Any]) -> str:
    """Return the link to the object that a response holds; an empty text if it holds none."""
    response = answer["content"]["application/json"]["schema"]["properties"]["response"]
    named = json.dumps(response)
    name = named.partition("#/components/schemas/")[2].partition('"')[0]
    return f"<a href='#{escape(name)}'>{escape(name)}</a>" if name else ""


def _fields(schema: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(_describe(rule))}</td></tr>"
        for name, rule in schema.get("properties", {}).items()
    )
    return f"<p>{escape(schema.get('description', ''))}</p><table>{rows}</table>"


def _describe(rule: Schema) -> str:
    """Return one line. Spellings of an absent value are left out: `optional` says the same."""
    if "description" in rule:
        return str(rule["description"])
    if "$ref" in rule:
        return str(rule["$ref"]).rpartition("/")[2]
    if "enum" in rule:
        return ", ".join(str(value) for value in rule["enum"])
    if "anyOf" in rule:
        is_nullable = NULL in rule["anyOf"]
        kinds = [_describe(option) for option in rule["anyOf"] if option not in (BLANK, NULL)]
        return " or ".join([*dict.fromkeys(kinds), *(["null"] if is_nullable else [])])
    return f"{_kind(rule)}{_limits(rule)}"


def _kind(rule: Schema) -> str:
    kinds = rule.get("type", "anything")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    text = " or ".join(_TYPES.get(kind, kind) for kind in kinds)
    return f"list of {_describe(rule['items'])}" if "items" in rule else text


def _limits(rule: Schema) -> str:
    minimum: Any = rule.get("minimum")
    maximum: Any = rule.get("maximum", rule.get("maxLength", rule.get("maxItems")))
    if minimum is not None and maximum is not None:
        return f" from {minimum} to {maximum}"
    unit = " characters" if "maxLength" in rule else ""
    if maximum is not None:
        return f", at most {maximum}{unit}"
    return f" from {minimum}" if minimum is not None else ""
