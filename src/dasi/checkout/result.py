"""The result of a payment window: for the SDK, as a page, and in the query of a merchant's URL.

`GET …/windows/{token}` is the page, `GET …/result` and `POST …/close` are JSON.
"""

from urllib.parse import quote, unquote_plus, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from dasi.checkout.params import read_origin
from dasi.checkout.responses import (
    Endpoint,
    json_response,
    merchant_of,
    window_path,
    window_token_of,
)
from dasi.checkout.rsp import Rsp, rsp_of_window
from dasi.engine import Engine
from dasi.http.templates import Templates
from dasi.merchants import Merchant
from dasi.windows import WindowView, close_window, view_window

RESULT_NAMES = ("imp_uid", "merchant_uid", "imp_success", "success", "error_code", "error_msg")
_URL_CHARACTERS = ":/%#?=@[]!$&'()*+,;~"


def result_endpoint(engine: Engine) -> Endpoint:
    """Answer the SDK and waiting pages with the state of a window."""

    async def endpoint(request: Request) -> Response:
        merchant = await merchant_of(engine, request)
        return _status(await view_window(engine, merchant, window_token_of(request)))

    return endpoint


def close_endpoint(engine: Engine) -> Endpoint:
    """Close the window for the payer, who closed it or gave up. The body is not read."""

    async def endpoint(request: Request) -> Response:
        merchant = await merchant_of(engine, request)
        return _status(await close_window(engine, merchant, window_token_of(request)))

    return endpoint


def _status(view: WindowView) -> Response:
    return json_response({"progress": view.progress, "rsp": rsp_of_window(view)})


def result_page_endpoint(engine: Engine, templates: Templates) -> Endpoint:
    """Show a window's result: the opener gets it on a PC, the redirect URL on a phone.

    The page shows our own record at this moment, so the payer may reload it or return to it.
    """

    async def endpoint(request: Request) -> Response:
        merchant = await merchant_of(engine, request)
        view = await view_window(engine, merchant, window_token_of(request))
        rsp = rsp_of_window(view)
        if rsp is None:
            return _waiting(templates, merchant, view, window_path(templates.root, request))
        return _result(engine, templates, merchant, view, rsp)

    return endpoint


def _waiting(templates: Templates, merchant: Merchant, view: WindowView, path: str) -> Response:
    return templates.page(
        "waiting.html",
        merchant=merchant,
        payment=view.payment,
        is_processing=view.progress == "processing",
        window_path=path,
    )


def _result(
    engine: Engine, templates: Templates, merchant: Merchant, view: WindowView, rsp: Rsp
) -> Response:
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
        # The page opens an app's scheme at once; its button is for browsers that require a touch.
        goes_back=goes_back,
        message={"source": "dasi", "kind": "done", "window_token": view.window_token, "rsp": rsp}
        if view.device == "pc"
        else None,
        page_origin=view.page_origin,
        shop_url=_shop_url(engine, view),
    )


def _shop_url(engine: Engine, view: WindowView) -> str | None:
    """Return the start page of the merchant's site for a phone without `m_redirect_url`.

    None where the page came back already or is our own frame.
    """
    is_own = view.page_origin == read_origin(engine.public_url)
    return view.page_origin if view.device == "mobile" and not is_own else None


def address_with_result(address: str, rsp: Rsp) -> str:
    """Return the URL with the result added to its query; its own query and hash stay byte for byte.

    An earlier result in the URL is replaced: a page may pass its own URL after an earlier payment.
    Of two equal names some readers use the first and some the last.
    """
    before, hash_mark, fragment = address.partition("#")
    path, _, query = before.partition("?")
    kept = [
        pair
        for pair in query.split("&")
        if pair and unquote_plus(pair.partition("=")[0]) not in RESULT_NAMES
    ]
    added = [f"{name}={quote(value, safe='')}" for name, value in _query_params(rsp).items()]
    joined = f"{path}?{'&'.join(kept + added)}{hash_mark}{fragment}"
    # The page's own part must be a legal header too: no spaces, no line ends, only ASCII.
    return quote(joined, safe=_URL_CHARACTERS)


def is_web_address(address: str) -> bool:
    """Whether a browser follows the URL without the payer's touch: not so for an app's scheme."""
    return urlsplit(address).scheme.lower() in {"http", "https"}


def _query_params(rsp: Rsp) -> dict[str, str]:
    is_success = "true" if rsp["success"] else "false"
    params = {
        "imp_uid": rsp["imp_uid"] or "",
        "merchant_uid": rsp["merchant_uid"] or "",
        "imp_success": is_success,
        "success": is_success,
    }
    for name in ("error_code", "error_msg"):
        if rsp.get(name):
            params[name] = rsp[name]
    return params
