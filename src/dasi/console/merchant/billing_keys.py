"""Pages of billing keys: the list, one customer with keys and payments, deletion, restoring."""

from datetime import timedelta
from urllib.parse import quote

from starlette.responses import Response

from dasi.billing_keys import browse_keys, delete_key, keys_of_customer, restore_key
from dasi.console.request import ConsoleRequest, next_url, range_of
from dasi.foundation.errors import NotFound
from dasi.payment_search import PaymentQuery, browse_payments, summarize_payments
from dasi.schedules import ScheduleStatus, list_schedules, revoke_of_deleted_key

PAGE = 50
_CHARGES = 20
_AHEAD = timedelta(days=366 * 5)


async def show_list(request: ConsoleRequest) -> Response:
    search_text = request.query("q")
    page = await browse_keys(
        request.engine,
        request.merchant_id,
        query=search_text or None,
        matches_name=request.may_view_personal_data,
        after=request.cursor(),
        limit=PAGE,
    )
    if page.rows or search_text:
        await request.audit_view(
            "billing_keys_searched" if search_text else "billing_keys_listed",
            target="billing keys",
            detail=range_of([key.customer_uid for key in page.rows]),
        )
    return request.page(
        "billing_keys.html",
        keys=page.rows,
        search_text=search_text,
        next_url=next_url(page, q=search_text),
    )


async def show_one(request: ConsoleRequest) -> Response:
    customer_uid = request.http.path_params["customer_uid"]
    keys = await keys_of_customer(request.engine, request.merchant_id, customer_uid)
    query = PaymentQuery(customer_uid=customer_uid)
    now = request.engine.clock.now()
    charges = await browse_payments(
        request.engine,
        request.merchant_id,
        query,
        after=None,
        limit=_CHARGES,
    )
    if not keys and not charges.rows:
        raise NotFound("unknown_billing_key", customer_uid=customer_uid[:80])
    await request.audit_view("billing_key_viewed", target=customer_uid)
    waiting = await list_schedules(
        request.engine,
        request.merchant_id,
        since=now - _AHEAD,
        until=now + _AHEAD,
        statuses=frozenset({ScheduleStatus.SCHEDULED}),
        customer_uid=customer_uid,
        oldest_first=True,
        limit=_CHARGES,
        offset=0,
    )
    return request.page(
        "billing_key.html",
        customer_uid=customer_uid,
        keys=keys,
        active_key=next((key for key in keys if key.status == "active"), None),
        charges=charges.rows,
        summary=await summarize_payments(
            request.engine,
            request.merchant_id,
            query,
            sums_sandbox=not request.merchant.is_live,
        ),
        waiting=waiting,
        may_operate=request.user.may("operate", request.merchant_id),
    )


async def post_delete(request: ConsoleRequest) -> Response:
    customer_uid = request.http.path_params["customer_uid"]
    await request.audit("billing_key_deleted", target=customer_uid)
    await delete_key(request.engine, request.merchant_id, customer_uid, also=revoke_of_deleted_key)
    return request.redirect(f"{request.url('/keys/' + quote(customer_uid, safe=''))}?done=removed")


async def post_restore(request: ConsoleRequest) -> Response:
    """Make a replaced key the active one again."""
    customer_uid = request.http.path_params["customer_uid"]
    billing_key_id = request.field("billing_key_id")
    await restore_key(request.engine, request.merchant_id, customer_uid, billing_key_id)
    await request.audit("billing_key_restored", target=customer_uid, detail=billing_key_id)
    return request.redirect(f"{request.url('/keys/' + quote(customer_uid, safe=''))}?done=restored")
