"""`GET …/result` and `POST …/close`: how a window stands, for the SDK and for waiting pages."""

from starlette.requests import Request
from starlette.responses import Response

from dasi.checkout.path_params import merchant_of, window_token_of
from dasi.checkout.responses import Endpoint, json_response
from dasi.checkout.rsp import rsp_of_window
from dasi.engine import Engine
from dasi.windows import WindowView, close_window, view_window


def result_endpoint(engine: Engine) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        merchant = await merchant_of(engine, request)
        return _told(await view_window(engine, merchant, window_token_of(request)))

    return endpoint


def close_endpoint(engine: Engine) -> Endpoint:
    """The payer closed the window or gave up. The body, if any, says nothing and is not read."""

    async def endpoint(request: Request) -> Response:
        merchant = await merchant_of(engine, request)
        return _told(await close_window(engine, merchant, window_token_of(request)))

    return endpoint


def _told(view: WindowView) -> Response:
    return json_response({"progress": view.progress, "rsp": rsp_of_window(view)})
