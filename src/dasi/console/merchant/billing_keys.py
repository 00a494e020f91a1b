"""Billing keys: the list, one customer's page, removal."""

from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from starlette.responses import Response

from dasi.billing_keys import browse_keys, delete_key, keys_of_customer
from dasi.console.routing import Visit
from dasi.foundation.errors import NotFound
from dasi.reporting import PaymentQuery, browse_payments
from dasi.schedules import ScheduleStatus, list_schedules, revoke_of_deleted_key

PAGE = 50
_CHARGES = 20
_AHEAD = timedelta(days=366 * 5)


async def show_list(visit: Visit) -> Response:
    words = visit.query("q")
    found = await browse_keys(
        visit.engine, visit.merchant_id, words=words or None, after=_cursor(visit), limit=PAGE
    )
    next_url = None
    if found.next_cursor is not None:
        at, key_id = found.next_cursor
        kept = {"q": words} if words else {}
        next_url = "?" + urlencode({**kept, "after": f"{at.isoformat()}~{key_id}"})
    return visit.page("billing_keys.html", keys=found.keys, asked=words, next_url=next_url)


async def show_one(visit: Visit) -> Response:
    customer_uid = visit.request.path_params["customer_uid"]
    keys = await keys_of_customer(visit.engine, visit.merchant_id, customer_uid)
    if not keys:
        raise NotFound("unknown_billing_key", customer_uid=customer_uid[:80])
    now = visit.engine.clock.now()
    charges = await browse_payments(
        visit.engine,
        visit.merchant_id,
        PaymentQuery(customer_uid=customer_uid),
        after=None,
        limit=_CHARGES,
    )
    waiting = await list_schedules(
        visit.engine,
        visit.merchant_id,
        since=now - _AHEAD,
        until=now + _AHEAD,
        statuses=frozenset({ScheduleStatus.SCHEDULED}),
        customer_uid=customer_uid,
        oldest_first=True,
        limit=_CHARGES,
        offset=0,
    )
    return visit.page(
        "billing_key.html",
        customer_uid=customer_uid,
        keys=keys,
        active_key=next((one for one in keys if one.status == "active"), None),
        charges=charges.payments,
        waiting=waiting,
        may_operate=visit.user.may("operate", visit.merchant_id),
    )


async def post_delete(visit: Visit) -> Response:
    customer_uid = visit.request.path_params["customer_uid"]
    await visit.note("billing_key_deleted", target=customer_uid)
    await delete_key(visit.engine, visit.merchant_id, customer_uid, also=revoke_of_deleted_key)
    return visit.go(f"{visit.address('/keys/' + quote(customer_uid, safe=''))}?done=removed")


def _cursor(visit: Visit) -> tuple[datetime, str] | None:
    at, _, key_id = visit.query("after").partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (moment, key_id) if moment.tzinfo and key_id else None
