"""Routes that Iamport V1 lacks, with the same token and envelope: the feed, the test clock."""

import asyncio
from datetime import UTC, datetime, timedelta

from starlette.responses import Response
from starlette.routing import Route

from dasi.events import LIMIT_MAX, Event, FeedPage, read_feed
from dasi.foundation.clock import epoch_s
from dasi.foundation.errors import Invalid, Refused
from dasi.iamport.endpoint import ApiContext, ApiRequest, route
from dasi.iamport.endpoints import lists
from dasi.iamport.envelope import success
from dasi.iamport.rendering.objects import ClockObject, EventObject, FeedObject
from dasi.iamport.schema.params import Integer
from dasi.test_clocks import advance_clock, merchant_now
from dasi.webhooks import Deliverer

_CURSOR_MAX = 2**53 - 1
_LIMIT = 100
_WAIT_MAX_S = 25
_POLL_S = 0.5
_DAYS_MAX = 366
_EVENTS = (
    Integer("cursor", maximum=_CURSOR_MAX),
    Integer("limit", minimum=1, maximum=LIMIT_MAX),
    Integer("wait", maximum=_WAIT_MAX_S),
)
_CLOCK = (
    Integer("advance", minimum=1, maximum=_DAYS_MAX * 86_400, type_rule="whole_seconds"),
    Integer("to", minimum=1, maximum=lists.EPOCH_S_MAX),
)


def routes(context: ApiContext) -> list[Route]:
    return [
        *route(
            context,
            "GET",
            "/events",
            events,
            params=_EVENTS,
            response_type=FeedObject,
            errors=("too_many_long_polls", "cursor_expired"),
        ),
        *route(context, "GET", "/test/clock", clock, response_type=ClockObject),
        *route(
            context,
            "POST",
            "/test/clock",
            forward_clock,
            params=_CLOCK,
            require_any=("advance", "to"),
            response_type=ClockObject,
            errors=("clock_of_live_merchant", "clock_moment", "contradiction"),
        ),
    ]


async def events(request: ApiRequest) -> Response:
    """The events after a cursor, oldest first; waits `wait` seconds for the first one."""
    page = await _read_page(request)
    wait_s = request.params["wait"] or 0
    if wait_s and not page.events:
        page = await _wait_for_page(request, wait_s=wait_s)
    return success(
        FeedObject(
            events=[_event_view(event) for event in page.events],
            next_cursor=page.next_cursor,
            remaining=page.remaining,
        )
    )


async def _wait_for_page(request: ApiRequest, *, wait_s: int) -> FeedPage:
    """Return the first page with events, or the empty one when the time is over."""
    clock = asyncio.get_running_loop().time
    ends_at = clock() + wait_s
    async with request.slot.long_poll(request.merchant.merchant_id) as poll:
        while True:
            stays = await poll.client_stays(min(_POLL_S, max(0, ends_at - clock())))
            page = await _read_page(request)
            if page.events or not stays or clock() >= ends_at:
                return page


async def _read_page(request: ApiRequest) -> FeedPage:
    return await read_feed(
        request.engine,
        request.merchant.merchant_id,
        after=request.params["cursor"] or 0,
        limit=request.params["limit"] or _LIMIT,
        include_sandbox=request.include_sandbox,
    )


async def clock(request: ApiRequest) -> Response:
    """The time on the merchant's clock."""
    now = await merchant_now(request.engine, request.merchant.merchant_id)
    return success(ClockObject(now=epoch_s(now), charges=0, lookups=0, webhooks=0))


async def forward_clock(request: ApiRequest) -> Response:
    """Advances the merchant's clock; payments, lookups and webhooks due until then run in order."""
    advance, to = request.params["advance"], request.params["to"]
    if advance is None and to is None:
        raise Invalid("advance", "advance_or_to")
    if advance is not None and to is not None:
        raise Refused("contradiction", field="advance", rule="not_with_to")
    merchant_id = request.merchant.merchant_id
    target = (
        datetime.fromtimestamp(to, UTC)
        if to is not None
        else await merchant_now(request.engine, merchant_id) + timedelta(seconds=advance)
    )
    deliverer = Deliverer(request.engine, allow_local=request.engine.allows_local_urls)
    try:
        advanced = await advance_clock(request.engine, deliverer, merchant_id, to=target)
    finally:
        await deliverer.close()
    return success(
        ClockObject(
            now=epoch_s(advanced.now),
            charges=advanced.charges,
            lookups=advanced.lookups,
            webhooks=advanced.delivery_attempts,
        )
    )


def _event_view(event: Event) -> EventObject:
    return EventObject(
        cursor=event.sequence,
        id=event.event_id,
        type=event.kind,
        resource_id=event.resource_id,
        version=event.version,
        at=epoch_s(event.at),
        data=event.body,
    )
