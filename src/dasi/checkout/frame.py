"""Iamport's own browser script, spoken to: its list of channels and its frame (Iamport V1 2.4).

A page that keeps the official script and points it here (`IMP.slots.CORE_SERVER`, or DNS) loads the
list, then one hidden frame for each channel. `static/frame.js` is what lives in that frame. Our own
script, `sdk/imp.js`, needs none of this.
"""

import re

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from dasi.channels import Channel, list_page_channels
from dasi.checkout.errors import error_entry
from dasi.checkout.pages import FRAMED_HEADERS
from dasi.checkout.responses import Endpoint, as_page, json_response, merchant_of
from dasi.engine import Engine
from dasi.foundation.errors import NotAllowed, NotFound, Refused
from dasi.http.templates import Templates

_CALLBACK = re.compile(r"[A-Za-z_$][A-Za-z0-9_$.]{0,127}")
_FRAME = "/payments/ready/{code}"


def frame_routes(engine: Engine, templates: Templates) -> list[Route]:
    ready = as_page(templates, ready_endpoint(engine, templates))
    ends = ("", "/{provider}", "/{provider}/{pg_merchant_id}")
    return [
        Route("/users/pg/{code}", channels_endpoint(engine), methods=["GET"]),
        *[Route(f"{_FRAME}{end}", ready, methods=["GET"]) for end in ends],
    ]


def channels_endpoint(engine: Engine) -> Endpoint:
    """The channels that a page may use, the default first.

    JSONP for the old script, JSON with CORS for the new one. Always HTTP 200: the scripts read the
    body of nothing else, and tell the page `msg` when the list is empty.
    """

    async def endpoint(request: Request) -> Response:
        try:
            merchant = await merchant_of(engine, request)
            channels = await list_page_channels(engine, merchant)
            if not channels:
                raise NotAllowed("no_channel")
        except Refused as refused:
            return _script_or_json(
                request, {"code": -1, "msg": error_entry(refused).text, "data": []}
            )
        data = [_item(channel) for channel in channels]
        return _script_or_json(request, {"code": 0, "msg": None, "data": data})

    return endpoint


def ready_endpoint(engine: Engine, templates: Templates) -> Endpoint:
    """Serve the frame. Any page may hold it: it opens a window of the payer's own."""

    async def endpoint(request: Request) -> Response:
        merchant = await merchant_of(engine, request)
        named = [request.path_params.get(part) for part in ("provider", "pg_merchant_id")]
        pg = ".".join(part for part in named if part)
        channels = await list_page_channels(engine, merchant)
        if pg and not any(pg in (channel.pg, channel.provider) for channel in channels):
            raise NotFound("pg_not_configured", pg=pg[:80])
        html = templates.render("ready.html", code=merchant.code, root=templates.root, pg=pg)
        return HTMLResponse(html, headers=FRAMED_HEADERS)

    return endpoint


def _item(channel: Channel) -> dict[str, object]:
    return {
        "pg_provider": channel.provider,
        "pg_id": channel.pg_merchant_id,
        "type": "payment",
        "sandbox": channel.is_sandbox,
        "store_id": "",
    }


def _script_or_json(request: Request, body: dict[str, object]) -> Response:
    callback = request.query_params.get("callback", "")
    if not _CALLBACK.fullmatch(callback):
        return json_response(body)
    # `/**/` keeps a browser from taking the beginning for anything but a script.
    script = b"/**/" + callback.encode() + b"(" + msgspec.json.encode(body) + b");"
    headers = {"Cache-Control": "no-store"}
    return Response(script, media_type="text/javascript", headers=headers)
