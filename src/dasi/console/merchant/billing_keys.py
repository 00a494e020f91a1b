"""Pages of billing keys: the list, one customer with keys and payments, deletion, restoring."""

from datetime import timedelta
from functools import partial
from urllib.parse import quote

from starlette.responses import Response

from dasi.billing_keys import browse_keys, delete_key, keys_of_customer, restore_key
from dasi.console.confirmation import Fact, Review, counted, moment, won
from dasi.console.labels.label import Label
from dasi.console.request import ConsoleRequest, next_url, range_of
from dasi.foundation.errors import NotFound
from dasi.payment_search import PaymentQuery, browse_payments, summarize_payments
from dasi.schedules import ScheduleStatus, list_schedules, revoke_of_deleted_key, stats

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


async def review_delete(request: ConsoleRequest) -> Review:
    """Show whose card it is and which scheduled payments end with it."""
    customer_uid = request.http.path_params["customer_uid"]
    keys = await keys_of_customer(request.engine, request.merchant_id, customer_uid)
    active = next((key for key in keys if key.status == "active"), None)
    if active is None:
        raise NotFound("unknown_billing_key", customer_uid=customer_uid[:80])
    await request.audit_view("billing_key_viewed", target=customer_uid)
    shown = request.shown(active)
    waiting = await stats.waiting(request.engine, request.merchant_id, customer_uid=customer_uid)
    facts: tuple[Fact, ...] = (
        (Label("고객 식별자", "Customer"), customer_uid),
        (Label("이름", "Name"), shown.customer_name or "—"),
        (Label("카드", "Card"), f"{active.card_name or ''} {active.card_number or ''}".strip()),
        (Label("함께 해지되는 결제 예약", "Scheduled payments cancelled"), counted(waiting.count)),
        (Label("그 금액", "Their amount"), won(waiting.amount_krw)),
        (Label("다음 예약일시", "Next due"), moment(waiting.first_at)),
    )
    return Review(
        title=Label("빌링키를 삭제할까요?", "Delete this billing key?"),
        warning=Label(
            "이 카드로 더 이상 결제할 수 없습니다. 다시 결제하려면 고객이 카드를 다시 등록해야 "
            "합니다. 되돌릴 수 없습니다.",
            "The card can no longer be charged. The customer must register it again before the "
            "next payment. This cannot be undone.",
        ),
        facts=facts,
        button=Label("빌링키 삭제", "Delete billing key"),
        back=request.url(f"/keys/{quote(customer_uid, safe='')}"),
        act=partial(_delete, request, customer_uid),
        asks_reason=True,
        typed=customer_uid,
        state=(active.billing_key_id,),
    )


async def _delete(request: ConsoleRequest, customer_uid: str, reason: str) -> Response:
    await request.audit("billing_key_deleted", target=customer_uid, detail=reason)
    await delete_key(request.engine, request.merchant_id, customer_uid, also=revoke_of_deleted_key)
    return request.redirect(f"{request.url('/keys/' + quote(customer_uid, safe=''))}?done=removed")


async def post_restore(request: ConsoleRequest) -> Response:
    """Make a replaced key the active one again."""
    customer_uid = request.http.path_params["customer_uid"]
    billing_key_id = request.field("billing_key_id")
    await restore_key(request.engine, request.merchant_id, customer_uid, billing_key_id)
    await request.audit("billing_key_restored", target=customer_uid, detail=billing_key_id)
    return request.redirect(f"{request.url('/keys/' + quote(customer_uid, safe=''))}?done=restored")
