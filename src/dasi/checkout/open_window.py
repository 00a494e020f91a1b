"""`POST /checkout/{code}/windows`: open a window for the SDK. Refusals come back as an `rsp`."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from dasi.checkout.errors import error_entry
from dasi.checkout.params import Param, read_device, read_origin, read_param
from dasi.checkout.responses import Endpoint, json_response, merchant_of, read_body
from dasi.checkout.rsp import error_rsp
from dasi.engine import Engine
from dasi.foundation.errors import Invalid, Refused, Unavailable
from dasi.windows import OpenedWindow, open_window

USER_AGENT_MAX = 500


class _OpenWindowBody(msgspec.Struct):
    param: dict[str, object]
    device: object = None
    page_url: object = None


def open_endpoint(engine: Engine) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        param: Param = {}
        try:
            body = _read(await read_body(request))
            param = body.param
            opened = await _open(engine, request, body)
        except (Refused, Unavailable) as error:
            rsp = error_rsp(error, param=param)
            return json_response({"rsp": rsp}, status=error_entry(error).status)
        return json_response(
            {
                "imp_uid": opened.imp_uid,
                "merchant_uid": opened.merchant_uid,
                "window_token": opened.window_token,
                "window_url": opened.window_url,
            }
        )

    return endpoint


async def _open(engine: Engine, request: Request, body: _OpenWindowBody) -> OpenedWindow:
    merchant = await merchant_of(engine, request)
    user_agent = request.headers.get("user-agent")
    # The browser's header comes first: a page cannot send the result to another origin.
    page_origin = read_origin(request.headers.get("origin"), body.page_url)
    # Our own frame names the page around it, which it has from the browser.
    is_framed = page_origin in (read_origin(engine.public_url), read_origin(str(request.base_url)))
    window_request = read_param(
        body.param,
        device=read_device(body.device),
        page_origin=page_origin,
        asking_origin=read_origin(body.page_url) if is_framed else page_origin,
        user_agent=user_agent[:USER_AGENT_MAX] if user_agent else None,
    )
    return await open_window(engine, merchant, window_request)


def _read(body: bytes) -> _OpenWindowBody:
    try:
        return msgspec.json.decode(body, type=_OpenWindowBody)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as bad:
        raise Invalid("body", "readable_json", detail=str(bad)) from bad
