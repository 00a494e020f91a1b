"""`POST /checkout/{code}/windows`: open a window for the SDK. Refusals come back as an `rsp`.

Every client may open windows, and each is a stored payment and a request to the PG. So there is a
limit for a client address and one for a merchant. A request that the first refuses does not count
for the second, and a malformed request counts for neither.
"""

import msgspec
import structlog
from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import Response

from dasi.checkout.errors import error_entry
from dasi.checkout.params import Param, read_device, read_origin, read_param
from dasi.checkout.responses import Endpoint, json_response, merchant_of, read_body
from dasi.checkout.rsp import error_rsp
from dasi.engine import Engine
from dasi.foundation.errors import Invalid, Refused, Unavailable
from dasi.http.client_address import client_network
from dasi.http.rate_limit import RateLimits
from dasi.merchants import Merchant
from dasi.windows import OpenedWindow, open_window

log = structlog.get_logger()

USER_AGENT_MAX = 500
_REFUSED = Counter(
    "dasi_windows_refused_total", "Payment windows above a rate limit, by its subject", ["limit"]
)


class WindowLimits:
    """How many windows a process opens for one client address and for one merchant."""

    def __init__(self, *, per_address: int, per_merchant: int) -> None:
        self._addresses = RateLimits(per_minute=per_address)
        self._merchants = RateLimits(per_minute=per_merchant)
        self._log_lines = RateLimits(per_minute=6)

    def check(self, request: Request, merchant: Merchant) -> None:
        """Count a request for a window. `Refused("too_many_windows")` above a limit."""
        address = client_network(request.scope)
        if not self._addresses.admits(address):
            self._refuse("address", merchant, address)
        if not self._merchants.admits(merchant.merchant_id):
            self._refuse("merchant", merchant, address)

    def log_missing_redirect(self, merchant: Merchant) -> None:
        """Log, a few times a minute, that a phone cannot come back to the merchant's page."""
        if self._log_lines.admits(("m_redirect_url", merchant.merchant_id)):
            log.warning("phone_window_without_m_redirect_url", merchant=merchant.code)

    def _refuse(self, limit: str, merchant: Merchant, address: str) -> None:
        _REFUSED.labels(limit).inc()
        if self._log_lines.admits((limit, merchant.merchant_id)):
            log.warning("windows_refused", limit=limit, merchant=merchant.code, address=address)
        raise Refused("too_many_windows")


class _OpenWindowBody(msgspec.Struct):
    param: dict[str, object]
    device: object = None
    page_url: object = None


def open_endpoint(engine: Engine, limits: WindowLimits) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        param: Param = {}
        try:
            body = _read(await read_body(request))
            param = body.param
            opened = await _open(engine, limits, request, body)
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


async def _open(
    engine: Engine, limits: WindowLimits, request: Request, body: _OpenWindowBody
) -> OpenedWindow:
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
    limits.check(request, merchant)
    opened = await open_window(engine, merchant, window_request)
    if window_request.device == "mobile" and window_request.redirect_url is None:
        limits.log_missing_redirect(merchant)
    return opened


def _read(body: bytes) -> _OpenWindowBody:
    try:
        return msgspec.json.decode(body, type=_OpenWindowBody)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as bad:
        raise Invalid("body", "readable_json", detail=str(bad)) from bad
