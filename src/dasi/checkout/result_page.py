"""`GET …/windows/{token}`: the way back. Told to the opener on a PC, by redirect on a phone.

What it shows is our own record at this moment, so it may be reloaded, opened twice, or come back
to.
"""

from starlette.requests import Request
from starlette.responses import Response

from dasi.checkout.path_params import merchant_of, window_path, window_token_of
from dasi.checkout.redirect import address_with_result, is_web_address
from dasi.checkout.responses import Endpoint
from dasi.checkout.rsp import Rsp, rsp_of_window
from dasi.engine import Engine
from dasi.http.templates import Templates
from dasi.merchants import Merchant
from dasi.windows import WindowView, view_window


def result_page_endpoint(engine: Engine, templates: Templates) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        merchant = await merchant_of(engine, request)
        view = await view_window(engine, merchant, window_token_of(request))
        rsp = rsp_of_window(view)
        if rsp is None:
            return _waiting(templates, merchant, view, window_path(templates.root, request))
        return _told(templates, merchant, view, rsp)

    return endpoint


def _waiting(templates: Templates, merchant: Merchant, view: WindowView, path: str) -> Response:
    return templates.page(
        "waiting.html",
        merchant=merchant,
        payment=view.payment,
        is_processing=view.progress == "processing",
        window_path=path,
    )


def _told(templates: Templates, merchant: Merchant, view: WindowView, rsp: Rsp) -> Response:
    back_url = address_with_result(view.redirect_url, rsp) if view.redirect_url else None
    goes_back = view.device == "mobile" and back_url is not None
    if goes_back and back_url is not None and is_web_address(back_url):
        return templates.see_other(back_url)
    return templates.page(
        "result.html",
        merchant=merchant,
        payment=view.payment,
        rsp=rsp,
        back_url=back_url,
        # An app's scheme: tried at once, and a button stands by for browsers that want a touch.
        goes_back=goes_back,
        message={"source": "dasi", "kind": "done", "window_token": view.window_token, "rsp": rsp}
        if view.device == "pc"
        else None,
        page_origin=view.page_origin,
    )
