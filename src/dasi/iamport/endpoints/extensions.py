"""What Iamport V1 has no words for, under the same token and envelope: the feed, the test clock."""

import asyncio
from datetime import UTC, datetime, timedelta

from starlette.responses import Response
from starlette.routing import Route

from dasi.foundation.clock import epoch_s
from dasi.foundation.errors import Invalid, Refused
from dasi.iamport.endpoint import Call, Face, route
from dasi.iamport.endpoints import lists
from dasi.iamport.envelope import answer
from dasi.iamport.rendering.objects import ClockObject, EventObject, FeedObject
from dasi.iamport.schema.params import Whole
from dasi.test_clocks import advance_clock, merchant_now
from dasi.webhooks import LIMIT_MAX, Deliverer, Event, read_feed

_CURSOR_MAX = 2**53 - 1
_LIMIT = 100
_WAIT_MAX_S = 25
_LOOK_S = 0.5
_DAYS_MAX = 366
_EVENTS = (
    Whole("cursor", most=_CURSOR_MAX),
    Whole("limit", least=1, most=LIMIT_MAX),
    Whole("wait", most=_WAIT_MAX_S),
)
_CLOCK = (
    Whole("advance", least=1, most=_DAYS_MAX * 86_400, unit="초 단위 "),
    Whole("to", least=1, most=lists.EPOCH_S_MAX),
)


def routes(face: Face) -> list[Route]:
    return [
        *route(face, "GET", "/events", events, params=_EVENTS, gives=FeedObject),
        *route(face, "GET", "/test/clock", clock, gives=ClockObject),
        *route(face, "POST", "/test/clock", forward_clock, params=_CLOCK, either=("advance", "to"),
               gives=ClockObject, refuses=("clock_of_live_merchant", "clock_moment",
               "contradiction")),
    ]  # fmt: skip


async def events(call: Call) -> Response:
    """What became true after a cursor, oldest first; `wait` seconds for the first one."""
    after, limit = call.given["cursor"] or 0, call.given["limit"] or _LIMIT
    lookups = 1 + round((call.given["wait"] or 0) / _LOOK_S)
    for look in range(lookups):
        page = await read_feed(call.engine, call.merchant.merchant_id, after=after, limit=limit)
        if page.events or look == lookups - 1:
            break
        await asyncio.sleep(_LOOK_S)
    return answer(
        FeedObject(
            events=[_event_view(one) for one in page.events],
            next_cursor=page.next_cursor,
            remaining=page.remaining,
        )
    )


async def clock(call: Call) -> Response:
    """The moment on the merchant's clock."""
    now = await merchant_now(call.engine, call.merchant.merchant_id)
    return answer(ClockObject(now=epoch_s(now), charges=0, lookups=0, webhooks=0))


async def forward_clock(call: Call) -> Response:
    """Turns the merchant's clock; what is due until then happens, in order."""
    advance, to = call.given["advance"], call.given["to"]
    if advance is None and to is None:
        raise Invalid("advance", "advance(초) 또는 to(epoch 초)가 필요합니다")
    if advance is not None and to is not None:
        raise Refused("contradiction", field="advance", rule="to와 함께 쓸 수 없습니다")
    merchant_id = call.merchant.merchant_id
    target = (
        datetime.fromtimestamp(to, UTC)
        if to is not None
        else await merchant_now(call.engine, merchant_id) + timedelta(seconds=advance)
    )
    deliverer = Deliverer(call.engine, allow_local=call.engine.allows_local_urls)
    try:
        advanced = await advance_clock(call.engine, deliverer, merchant_id, to=target)
    finally:
        await deliverer.close()
    return answer(
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
