"""Webhooks: where events go, the delivery log, sending again."""

from datetime import date, datetime, time, timedelta
from typing import Literal, cast

from starlette.responses import Response

from dasi.console.door import Visit
from dasi.foundation.clock import KST
from dasi.foundation.errors import Invalid
from dasi.merchants import change_webhook
from dasi.webhooks import (
    failing_receivers,
    list_deliveries,
    list_tries,
    replay_events,
    resend_event,
    resume_receiver,
    signing_secrets,
)

_SHOWN = 100
_STATES = ("due", "delivered", "parked")


async def show_log(visit: Visit) -> Response:
    state = visit.query("state")
    about = visit.query("about")
    may_set_up = visit.person.may("set_up", visit.merchant_id)
    return visit.page(
        "webhooks.html",
        deliveries=await list_deliveries(
            visit.engine,
            visit.merchant_id,
            state=state if state in _STATES else None,
            about=about or None,
            limit=_SHOWN,
        ),
        state=state,
        about=about,
        states=_STATES,
        failing=await failing_receivers(visit.engine, visit.merchant_id),
        secrets=await signing_secrets(visit.engine, visit.merchant_id) if may_set_up else [],
        may_set_up=may_set_up,
        may_resend=may_resend(visit),
    )


async def show_delivery(visit: Visit) -> Response:
    event_id = visit.request.path_params["event_id"]
    found = await list_deliveries(
        visit.engine, visit.merchant_id, state=None, about=event_id, limit=_SHOWN
    )
    tries = [
        (one, await list_tries(visit.engine, visit.merchant_id, one.delivery_id)) for one in found
    ]
    return visit.page(
        "webhook.html", event_id=event_id, deliveries=tries, may_resend=may_resend(visit)
    )


async def post_settings(visit: Visit) -> Response:
    content_type = visit.field("content_type")
    if content_type not in ("json", "form"):
        raise Invalid("content_type", "json or form")
    url = visit.field("webhook_url", length_max=2000)
    await change_webhook(
        visit.engine,
        visit.merchant,
        webhook_url=url or None,
        test_webhook_url=visit.merchant.test_webhook_url,
        webhook_content_type=cast("Literal['json', 'form']", content_type),
    )
    await visit.note("webhook_changed", about=url or "-", detail=content_type)
    return visit.go(f"{visit.address('/webhooks')}?done=saved")


async def post_resend(visit: Visit) -> Response:
    event_id = visit.request.path_params["event_id"]
    due = await resend_event(visit.engine, visit.merchant_id, event_id)
    await visit.note("webhook_resent", about=event_id, detail=str(due))
    return visit.go(f"{visit.address(f'/webhooks/{event_id}')}?done=resent")


async def post_replay(visit: Visit) -> Response:
    since, until = _day(visit, "since"), _day(visit, "until") + timedelta(days=1)
    only_parked = visit.field("which") != "all"
    count = await replay_events(
        visit.engine, visit.merchant_id, since=since, until=until, only_parked=only_parked
    )
    await visit.note(
        "webhooks_replayed",
        about=f"{since.date()} ~ {until.date() - timedelta(days=1)}",
        detail=f"{count}, {'parked' if only_parked else 'all'}",
    )
    return visit.go(f"{visit.address('/webhooks')}?done=resent")


async def post_resume(visit: Visit) -> Response:
    receiver = visit.field("receiver", length_max=300)
    await resume_receiver(visit.engine, visit.merchant_id, receiver)
    await visit.note("receiver_resumed", about=receiver)
    return visit.go(f"{visit.address('/webhooks')}?done=resumed")


def may_resend(visit: Visit) -> bool:
    return visit.person.may("act", visit.merchant_id)


def _day(visit: Visit, name: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(visit.field(name)), time.min, tzinfo=KST)
    except ValueError as wrong:
        raise Invalid(name, "a date such as 2026-09-03") from wrong
