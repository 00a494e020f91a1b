"""Pages of webhooks: settings, a test event, paused endpoints, the delivery log, resending."""

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from typing import Literal, cast

from starlette.responses import Response

from dasi.channels import list_channels
from dasi.console.confirmation import Review, counted
from dasi.console.labels.label import Label
from dasi.console.merchant.overlap import read_overlap
from dasi.console.request import ConsoleRequest, next_url
from dasi.foundation.clock import kst_range, parse_day
from dasi.foundation.errors import Invalid, NotFound
from dasi.merchants import change_webhook, has_extended_events, set_extended_events
from dasi.webhooks import (
    Delivery,
    DeliveryAttempt,
    FailingEndpoint,
    SentTest,
    failing_endpoints,
    list_attempts,
    list_deliveries,
    pause_endpoint,
    replay_events,
    resend_event,
    resume_endpoint,
    rotate_secret,
    send_test_event,
    signing_secrets,
)

PAGE = 50
OVERLAPS_H = (0, 24, 168)
"""For how many hours a replaced signing secret still signs."""
_STATES = ("pending", "delivered", "failed")
_URL_MAX = 2000
_ENDPOINT_ID_DIGITS = 16


async def show_log(request: ConsoleRequest) -> Response:
    return await _page(request, sent=None)


async def show_delivery(request: ConsoleRequest) -> Response:
    event_id = request.http.path_params["event_id"]
    page = await list_deliveries(
        request.engine, request.merchant_id, state=None, resource_id=event_id, limit=PAGE
    )
    return request.page(
        "webhook.html",
        event_id=event_id,
        deliveries=await with_attempts(request, page.rows),
        may_resend=may_resend(request),
    )


async def with_attempts(
    request: ConsoleRequest, deliveries: Sequence[Delivery]
) -> list[tuple[Delivery, list[DeliveryAttempt]]]:
    """Return each delivery with its attempts."""
    return [
        (
            delivery,
            await list_attempts(request.engine, request.merchant_id, delivery.delivery_id),
        )
        for delivery in deliveries
    ]


async def post_settings(request: ConsoleRequest) -> Response:
    channels = await list_channels(request.engine, request.merchant_id)
    if any(not channel.is_sandbox for channel in channels):
        request.require_recent_proof()
    content_type = request.choice("content_type", ("json", "form"))
    url = request.field("webhook_url", length_max=_URL_MAX)
    test_url = request.field("test_webhook_url", length_max=_URL_MAX)
    is_extended = request.field("more") == "on"
    await change_webhook(
        request.engine,
        request.merchant,
        webhook_url=url or None,
        test_webhook_url=test_url or None,
        webhook_content_type=cast("Literal['json', 'form']", content_type),
    )
    await set_extended_events(request.engine, request.merchant_id, is_on=is_extended)
    extra_events = "on" if is_extended else "off"
    await request.audit(
        "webhook_changed",
        target=url or "-",
        detail=f"test: {test_url or '-'}, {content_type}, extra events {extra_events}",
    )
    return request.redirect(f"{request.url('/webhooks')}?done=saved")


async def post_test(request: ConsoleRequest) -> Response:
    """Send a test event now and show the response of the endpoint."""
    mode = request.choice("mode", ("live", "test"))
    sent = await send_test_event(
        request.engine, request.merchant, mode=cast("Literal['live', 'test']", mode)
    )
    await request.audit(
        "webhook_tested", target=sent.url, detail=f"{mode}: {sent.http_status or sent.answer}"
    )
    return await _page(request, sent=sent)


async def review_secret(request: ConsoleRequest) -> Review:
    request.require_recent_proof()
    hours, lasting = read_overlap(request, OVERLAPS_H)
    return Review(
        title=Label("서명 시크릿을 교체할까요?", "Rotate the signing secret?"),
        warning=Label(
            "그때까지 수신 서버에 새 시크릿을 넣지 않으면 수신 서버가 웹훅을 거절합니다. 기존 "
            "시크릿의 만료는 되돌릴 수 없습니다.",
            "Give your endpoint the new secret before then, or it refuses webhooks. The end of "
            "the old secret cannot be undone.",
        ),
        facts=(
            (Label("기존 시크릿 만료", "Old secret ends"), lasting),
            (Label("웹훅 주소", "Webhook URL"), request.merchant.webhook_url or "—"),
        ),
        button=Label("교체", "Rotate"),
        back=request.url("/webhooks"),
        act=partial(_rotate_secret, request, hours),
    )


async def _rotate_secret(request: ConsoleRequest, hours: int, _reason: str) -> Response:
    await rotate_secret(request.engine, request.merchant_id, keep_old_for=timedelta(hours=hours))
    await request.audit("webhook_secret_rotated", detail=f"{hours} h overlap")
    return request.redirect(f"{request.url('/webhooks')}?done=saved")


async def post_resend(request: ConsoleRequest) -> Response:
    event_id = request.http.path_params["event_id"]
    due = await resend_event(request.engine, request.merchant_id, event_id)
    await request.audit("webhook_resent", target=event_id, detail=str(due))
    return request.redirect(f"{request.url(f'/webhooks/{event_id}')}?done=resent")


async def post_replay(request: ConsoleRequest) -> Response:
    first, last = _day(request, "since"), _day(request, "until")
    since, until = kst_range(first, last)
    only_failed = request.field("which") != "all"
    count = await replay_events(
        request.engine, request.merchant_id, since=since, until=until, only_failed=only_failed
    )
    await request.audit(
        "webhooks_replayed",
        target=f"{first} ~ {last}",
        detail=f"{count}, {'failed' if only_failed else 'all'}",
    )
    return request.redirect(f"{request.url('/webhooks')}?done=resent")


async def review_pause(request: ConsoleRequest) -> Review:
    failing = await failing_endpoints(request.engine, request.merchant_id)
    by_id = {endpoint_id(url): (url, endpoint) for url, endpoint in _endpoints(request, failing)}
    if request.query("endpoint") not in by_id:
        raise NotFound("unknown_endpoint")
    url, endpoint = by_id[request.query("endpoint")]
    return Review(
        title=Label("웹훅 전송을 일시 중지할까요?", "Pause deliveries to this URL?"),
        warning=Label(
            "재개할 때까지 가맹점 서버가 결제 결과를 웹훅으로 받지 못합니다. 웹훅은 쌓아 두었다가 "
            "재개하면 순서대로 전송합니다.",
            "Your server gets no webhooks until you resume. They are kept and then sent in order.",
        ),
        facts=(
            (Label("웹훅 주소", "Webhook URL"), url),
            (
                Label("대기 중인 웹훅", "Waiting webhooks"),
                counted(endpoint.waiting if endpoint else 0),
            ),
        ),
        button=Label("일시 중지", "Pause"),
        back=request.url("/webhooks"),
        act=partial(_pause, request, url),
        asks_reason=True,
    )


async def _pause(request: ConsoleRequest, url: str, reason: str) -> Response:
    await pause_endpoint(request.engine, request.merchant_id, url)
    await request.audit("webhook_endpoint_paused", target=url, detail=reason)
    return request.redirect(f"{request.url('/webhooks')}?done=paused")


def endpoint_id(url: str) -> str:
    """Return a name of an endpoint for an address, because its URL may hold a secret."""
    return hashlib.sha256(url.encode()).hexdigest()[:_ENDPOINT_ID_DIGITS]


async def post_resume(request: ConsoleRequest) -> Response:
    url = request.field("endpoint", length_max=_URL_MAX)
    waiting = await resume_endpoint(request.engine, request.merchant_id, url)
    await request.audit("webhook_endpoint_resumed", target=url, detail=str(waiting))
    return request.redirect(f"{request.url('/webhooks')}?done=resumed")


async def _page(request: ConsoleRequest, *, sent: SentTest | None) -> Response:
    state, resource_id = request.query("state"), request.query("resource_id")
    page = await list_deliveries(
        request.engine,
        request.merchant_id,
        state=state if state in _STATES else None,
        resource_id=resource_id or None,
        after=request.cursor(),
        limit=PAGE,
    )
    may_configure = request.user.may("configure", request.merchant_id)
    failing = await failing_endpoints(request.engine, request.merchant_id)
    may_see_secrets = may_configure and request.has_recent_proof
    secrets = await signing_secrets(request.engine, request.merchant_id) if may_see_secrets else []
    if secrets:
        await request.audit_view("webhook_secret_shown", target="webhook secret")
    return request.page(
        "webhooks.html",
        deliveries=page.rows,
        next_url=next_url(page, state=state, resource_id=resource_id),
        state=state,
        resource_id=resource_id,
        states=_STATES,
        sent=sent,
        endpoints=_endpoints(request, failing),
        has_extended_events=await has_extended_events(request.engine, request.merchant_id),
        secrets=secrets,
        overlaps=OVERLAPS_H,
        endpoint_id=endpoint_id,
        may_configure=may_configure,
        may_resend=may_resend(request),
    )


def _endpoints(
    request: ConsoleRequest, failing: list[FailingEndpoint]
) -> list[tuple[str, FailingEndpoint | None]]:
    """Return the merchant's own URLs and those that fail; the second value is None if well."""
    failing_by_url = {endpoint.url: endpoint for endpoint in failing}
    own = (request.merchant.webhook_url, request.merchant.test_webhook_url)
    urls = dict.fromkeys([*(url for url in own if url), *failing_by_url])
    return [(url, failing_by_url.get(url)) for url in urls]


def may_resend(request: ConsoleRequest) -> bool:
    return request.user.may("operate", request.merchant_id)


def _day(request: ConsoleRequest, name: str) -> date:
    try:
        return parse_day(request.field(name))
    except ValueError as error:
        raise Invalid(name, "date") from error
