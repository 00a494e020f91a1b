"""The shop's pages and its webhook: reads requests, calls billing, shows what is so."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import jinja2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dasi_demo.billing import Billing, utc_now
from dasi_demo.catalogue import GOODS, ITEMS, PLANS
from dasi_demo.gateway import Gateway, Refused, RequestNotSent, ResponseLost
from dasi_demo.labels import labels, reason_label
from dasi_demo.orders import KST, Member, Order, OrderStore, ReceivedWebhook, State

_HERE = Path(__file__).parent
_COOKIE_AGE_S = 30 * 24 * 3600
_WEBHOOK_BYTES_MAX = 16_384

_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    gateway_url: str
    merchant_code: str
    api_key: str
    api_secret: str
    pg: str | None


async def home(request: Request) -> Response:
    return await _page(request, "home.html", plans=PLANS, goods=GOODS)


async def make_order(request: Request) -> Response:
    """The order exists, with its price and its name, before any window opens."""
    form = await request.form()
    item = ITEMS.get(str(form.get("item", "")))
    if item is None:
        return await _not_found(request)
    member = _member(request)
    running = member.subscription
    if item.is_plan and running and running.is_live and form.get("change") is None:
        return _go("/my", member)
    order = _billing(request).store.new_order("card" if item.is_plan else "once", item, member)
    return _go(f"/checkout/{order.merchant_uid}", member)


async def checkout(request: Request) -> Response:
    order = _order(request)
    if order is None:
        return await _not_found(request)
    if order.state not in (State.NEW, State.FAILED):
        return _go(_whereto(order), order.member)
    running = order.member.subscription
    return await _page(
        request,
        "checkout.html",
        order=order,
        is_change=bool(running and running.is_live and order.kind == "card"),
        payment_request=_payment_request(request, order),
        merchant_code=request.app.state.settings.merchant_code,
    )


async def finish(request: Request) -> Response:
    """Where the callback (computer) and m_redirect_url (phone) both lead.

    The query says how it went; it is used for nothing but finding the order, and for the text of a
    window that never opened. `billing.complete` asks the gateway.
    """
    order = _billing(request).store.orders.get(request.query_params.get("merchant_uid", ""))
    if order is None:
        return await _not_found(request)
    await _billing(request).complete(order, imp_uid=request.query_params.get("imp_uid") or None)
    if order.state is State.NEW:
        order.reason = request.query_params.get("error_msg", "")[:200] or None
    return _go(_whereto(order), order.member)


async def show_order(request: Request) -> Response:
    order = _order(request)
    if order is None:
        return await _not_found(request)
    if order.is_open:
        await _billing(request).resolve(order)
    if _whereto(order) != request.url.path:
        return _go(_whereto(order), order.member)
    return await _page(request, "order.html", order=order)


async def my_subscription(request: Request) -> Response:
    return await _show_subscription(request, "my.html")


async def my_subscription_live(request: Request) -> Response:
    """The part of the page that changes by itself, fetched every few seconds."""
    return await _show_subscription(request, "my_live.html")


async def charge_now(request: Request) -> Response:
    member = _member(request)
    form = await request.form()
    if member.subscription is not None:
        await _billing(request).charge_next(member.subscription, str(form.get("merchant_uid", "")))
    return _go("/my", member)


async def end_subscription(request: Request) -> Response:
    member = _member(request)
    if member.subscription is not None:
        await _billing(request).end_subscription(member.subscription)
    return _go("/my", member)


async def webhook(request: Request) -> Response:
    """200 once the payment has been read and acted on; 503 asks the gateway to send it again."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _WEBHOOK_BYTES_MAX:
            return JSONResponse({"said": "too long"}, status_code=413)
    fields = _webhook_fields(request.headers.get("content-type", ""), body)
    if fields is None:
        return JSONResponse({"said": "neither JSON nor a form"}, status_code=400)
    try:
        webhook = await _billing(request).take_webhook(fields)
    except (RequestNotSent, ResponseLost, Refused):
        return JSONResponse({"said": "could not read the payment"}, status_code=503)
    return JSONResponse({"said": webhook.verdict})


async def webhooks_json(request: Request) -> Response:
    """Everything received, newest first; for scripts and tests."""
    return JSONResponse([_webhook_json(webhook) for webhook in _billing(request).store.webhooks])


def _webhook_fields(content_type: str, body: bytes) -> dict[str, Any] | None:
    """Iamport sends JSON or a form, as the merchant chose."""
    try:
        if content_type.startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(body.decode()))
        fields = json.loads(body)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def _webhook_json(webhook: ReceivedWebhook) -> dict[str, Any]:
    return {
        "received_at": webhook.at.isoformat(),
        "imp_uid": webhook.imp_uid,
        "merchant_uid": webhook.merchant_uid,
        "status": webhook.status,
        "verdict": webhook.verdict,
        "read_status": webhook.read_status,
        "read_amount": webhook.read_amount_krw,
    }


def _billing(request: Request) -> Billing:
    billing: Billing = request.app.state.billing
    return billing


def _member(request: Request) -> Member:
    return _billing(request).store.member(request.cookies.get("shop_member"))


def _order(request: Request) -> Order | None:
    return _billing(request).store.orders.get(request.path_params["merchant_uid"])


def _whereto(order: Order) -> str:
    """The page that tells the truth about this order now."""
    if order.is_open:
        return f"/orders/{order.merchant_uid}"
    if order.state in (State.NEW, State.FAILED) and order.kind != "again":
        return f"/checkout/{order.merchant_uid}"
    return f"/orders/{order.merchant_uid}" if order.kind == "once" else "/my"


def _payment_request(request: Request, order: Order) -> dict[str, Any]:
    """Return the parameters for IMP.request_pay; the page adds the buyer's fields."""
    pg = request.app.state.settings.pg
    return {
        **({"pg": pg} if pg else {}),
        **({"customer_uid": order.customer_uid} if order.kind == "card" else {}),
        "pay_method": "card",
        "merchant_uid": order.merchant_uid,
        "name": order.item.name_ko,
        "amount": order.amount_krw,
        "m_redirect_url": f"{str(request.base_url).rstrip('/')}/finish",
    }


def _go(path: str, member: Member) -> Response:
    """After a POST always another page, so that reloading it repeats nothing."""
    answer = RedirectResponse(path, status_code=303)
    _remember(answer, member)
    return answer


def _remember(answer: Response, member: Member) -> None:
    # Lax: the cookie comes along on the way back from the PG, but not on another site's form post.
    answer.set_cookie(
        "shop_member", member.member_id, max_age=_COOKIE_AGE_S, httponly=True, samesite="lax"
    )


async def _show_subscription(request: Request, template: str) -> Response:
    billing, member = _billing(request), _member(request)
    if member.subscription is not None:
        await billing.resolve_open_orders(member.subscription)
    return await _page(
        request,
        template,
        subscription=member.subscription,
        webhooks=list(billing.store.webhooks)[:12],
    )


async def _not_found(request: Request) -> Response:
    return await _page(request, "not_found.html", status_code=404)


async def _page(
    request: Request, template: str, *, status_code: int = 200, **facts: Any
) -> Response:
    requested = request.query_params.get("lang") or request.cookies.get("shop_lang")
    language = "en" if requested == "en" else "ko"
    gateway = _billing(request).gateway
    member = _member(request)
    texts = labels(language)
    html = _templates.get_template(template).render(
        t=texts,
        language=language,
        path=request.url.path,
        gateway_url=gateway.url,
        gateway_condition=await gateway.condition(),
        member=member,
        won=lambda amount: f"{amount:,}{texts['won']}",
        when=lambda moment: moment.astimezone(KST).strftime("%m.%d %H:%M:%S"),
        why=lambda reason: reason_label(reason, language),
        **facts,
    )
    answer = HTMLResponse(html, status_code=status_code)
    answer.headers["Content-Security-Policy"] = (
        f"default-src 'self'; script-src 'self' {gateway.url}; connect-src 'self' {gateway.url}; "
        f"frame-src {gateway.url}; img-src 'self' data:; base-uri 'none'; object-src 'none'"
    )
    answer.headers["Cache-Control"] = "no-store"
    answer.set_cookie("shop_lang", language, max_age=_COOKIE_AGE_S, samesite="lax")
    _remember(answer, member)
    return answer


_ROUTES = [
    Route("/", home),
    Route("/orders", make_order, methods=["POST"]),
    Route("/checkout/{merchant_uid}", checkout),
    Route("/finish", finish),
    Route("/orders/{merchant_uid}", show_order),
    Route("/my", my_subscription),
    Route("/my/live", my_subscription_live),
    Route("/my/charge", charge_now, methods=["POST"]),
    Route("/my/end", end_subscription, methods=["POST"]),
    Route("/webhook", webhook, methods=["POST"]),
    Route("/webhooks.json", webhooks_json),
    Mount("/static", StaticFiles(directory=_HERE / "static")),
]


def make_shop(
    settings: Settings,
    *,
    on_ready: Callable[[], None] = lambda: None,
    now: Callable[[], datetime] = utc_now,
) -> Starlette:
    """The whole shop. `on_ready` is called once it can answer."""

    @asynccontextmanager
    async def lifespan(shop: Starlette) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as session:
            gateway = Gateway(
                settings.gateway_url,
                api_key=settings.api_key,
                api_secret=settings.api_secret,
                session=session,
            )
            shop.state.billing = Billing(OrderStore(), gateway, now=now)
            on_ready()
            yield

    shop = Starlette(routes=_ROUTES, lifespan=lifespan)
    shop.state.settings = settings
    return shop
