"""Pages of payments: the list, its filters and export, one payment."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

from starlette.responses import Response

from dasi.audit import list_audit_of
from dasi.console.merchant.webhooks import with_attempts
from dasi.console.payments.next_actions import next_actions
from dasi.console.payments.timeline import build_timeline
from dasi.console.request import ConsoleRequest, next_url, range_of
from dasi.foundation.clock import KST, kst_range, parse_day
from dasi.ledger import Payment, Status
from dasi.payment_search import (
    PaymentQuery,
    PaymentSummary,
    browse_payments,
    iter_payments,
    summarize_payments,
)
from dasi.reporting import get_payment_detail
from dasi.saved_filters import list_filters, remove_filter, save_filter
from dasi.schedules import Schedule, ScheduleStatus, list_schedules
from dasi.webhooks import list_deliveries

PAGE = 50
_DELIVERIES, _AUDIT_ENTRIES = 20, 100
_AHEAD = timedelta(days=366 * 2)
_FILTER_FIELDS = ("q", "status", "mode", "code", "since", "until")
"""Query parameters of the list, of its export and of a saved filter."""
_WATCHED = timedelta(minutes=10)
"""A page renews itself while the next action is this close."""
_COLUMNS = (
    "started_at", "status", "amount_krw", "cancelled_krw", "imp_uid", "merchant_uid", "name",
    "buyer_name", "buyer_email", "buyer_tel", "card_name", "card_number", "pg_tid", "approval_no",
    "paid_at", "failed_at", "cancelled_at", "fail_code", "fail_reason", "mode",
)  # fmt: skip


async def show_payments(request: ConsoleRequest) -> Response:
    query = _payment_query(request)
    page = await browse_payments(
        request.engine, request.merchant_id, query, after=request.cursor(), limit=PAGE
    )
    await audit_listed(request, page.rows, searched=request.query("q"))
    filters = {name: request.query(name) for name in _FILTER_FIELDS}
    params = {name: value for name, value in filters.items() if value}
    is_first = not request.query("after")
    saved_filters = await list_filters(request.engine, request.merchant_id, request.user.user_id)
    return request.page(
        "payments.html",
        payments=page.rows,
        filters=filters,
        next_url=next_url(page, **params),
        is_first=is_first,
        summary=await _summary(request, query) if params and page.rows and is_first else None,
        export="?" + urlencode(params),
        query=urlencode(params),
        saved_filters=saved_filters,
        statuses=list(Status),
    )


async def _summary(request: ConsoleRequest, query: PaymentQuery) -> PaymentSummary:
    """Count and add up the whole list: of a live merchant without test money, unless selected."""
    return await summarize_payments(
        request.engine,
        request.merchant_id,
        query,
        sums_sandbox=query.is_sandbox is True or not request.merchant.is_live,
    )


async def post_filter(request: ConsoleRequest) -> Response:
    """Save the filter of the list under a name."""
    params = dict(parse_qsl(request.field("query", length_max=500)))
    query = urlencode({name: params[name] for name in _FILTER_FIELDS if params.get(name)})
    name = request.field("name")
    await save_filter(
        request.engine, request.merchant_id, request.user.user_id, name=name, query=query
    )
    await request.audit("filter_saved", target=name, detail=_without_search_text(params))
    return request.redirect(f"{request.url('/payments')}?{query}&done=filter_saved")


async def post_filter_remove(request: ConsoleRequest) -> Response:
    name = request.field("name")
    await remove_filter(request.engine, request.merchant_id, request.user.user_id, name)
    await request.audit("filter_removed", target=name)
    return request.redirect(f"{request.url('/payments')}?done=filter_removed")


async def export_payments(request: ConsoleRequest) -> Response:
    request.require_recent_proof()
    query = _payment_query(request)
    params = {name: request.query(name) for name in _FILTER_FIELDS}
    await request.audit("payments_exported", detail=_without_search_text(params))
    payments = iter_payments(request.engine, request.merchant_id, query)
    rows = (_cells(request.shown(payment)) async for payment in payments)
    return request.csv_file("payments", _COLUMNS, rows)


async def show_payment(request: ConsoleRequest) -> Response:
    stored = await get_payment_detail(
        request.engine, request.merchant_id, request.http.path_params["imp_uid"]
    )
    payment = stored.payment
    page = await list_deliveries(
        request.engine,
        request.merchant_id,
        state=None,
        resource_id=payment.imp_uid,
        limit=_DELIVERIES,
    )
    targets = [payment.imp_uid, *(attempt.attempt_id for attempt in stored.attempts)]
    targets += [delivery.event_id for delivery in page.rows]
    await request.audit_view("payment_viewed", target=payment.imp_uid)
    entries = await list_audit_of(
        request.engine, request.merchant_id, targets, limit=_AUDIT_ENTRIES
    )
    # Before the timeline is made: it no longer knows which text is whose.
    detail, attempts, entries = request.shown(
        (stored, await with_attempts(request, page.rows), entries)
    )
    deliveries, payment = [delivery for delivery, _ in attempts], detail.payment
    now = request.engine.clock.now()
    schedules = await _next_schedules(request, payment)
    actions = next_actions(detail, deliveries, schedules, now=now)
    return request.page(
        "payment.html",
        payment=payment,
        detail=detail,
        timeline=build_timeline(detail, attempts, entries),
        actions=actions,
        can_cancel=payment.purpose == "payment"
        and payment.status in (Status.PAID, Status.PARTLY_CANCELLED)
        and request.user.may("operate", request.merchant_id),
        may_operate=request.user.may("operate", request.merchant_id),
        watches=any(
            action.is_automatic and (action.at is None or action.at - now < _WATCHED)
            for action in actions
        ),
    )


async def _next_schedules(request: ConsoleRequest, payment: Payment) -> list[Schedule]:
    """Return the next scheduled payment of the same customer; empty if there is none."""
    if payment.customer_uid is None:
        return []
    now = request.engine.clock.now()
    page = await list_schedules(
        request.engine,
        request.merchant_id,
        since=now,
        until=now + _AHEAD,
        statuses=frozenset({ScheduleStatus.SCHEDULED}),
        customer_uid=payment.customer_uid,
        oldest_first=True,
        limit=1,
        offset=0,
    )
    return page.schedules


def _payment_query(request: ConsoleRequest) -> PaymentQuery:
    status = request.query("status")
    since, until = _day(request.query("since")), _day(request.query("until"))
    return PaymentQuery(
        text=request.query("q") or None,
        statuses=frozenset({Status(status)}) if status in set(Status) else frozenset(),
        since=kst_range(since, since)[0] if since else None,
        until=kst_range(until, until)[1] if until else None,
        is_sandbox={"test": True, "live": False}.get(request.query("mode")),
        fail_code=request.query("code") or None,
        matches_buyer=request.may_view_personal_data,
    )


async def audit_listed(
    request: ConsoleRequest,
    payments: Sequence[Payment],
    *,
    target: str = "payments",
    searched: str = "",
) -> None:
    """Write which payments a list showed with their buyers, without the text that was searched."""
    imp_uids = [payment.imp_uid for payment in payments]
    if imp_uids or searched:
        await request.audit_view(
            "payments_searched" if searched else "payments_listed",
            target=target,
            detail=range_of(imp_uids),
        )


def _without_search_text(params: Mapping[str, str]) -> str:
    """Return the filter for the audit log, which must not hold a buyer's name or number."""
    return urlencode(
        {name: "***" if name == "q" else text for name, text in params.items() if text}
    )


def _day(text: str) -> date | None:
    """Return a day; None if the text is not one, or one that no payment can have."""
    try:
        return parse_day(text)
    except ValueError:
        return None


def _cells(payment: Payment) -> list[str | int | None]:
    """Return a payment as the cells of `_COLUMNS`."""

    def moment(at: datetime | None) -> str:
        return at.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S") if at else ""

    return [
        moment(payment.started_at), payment.status.value, payment.amount_krw,
        payment.cancelled_krw, payment.imp_uid, payment.merchant_uid, payment.name,
        payment.buyer.name, payment.buyer.email, payment.buyer.tel, payment.card.name,
        payment.card.number_masked, payment.pg_tid, payment.approval_no, moment(payment.paid_at),
        moment(payment.failed_at), moment(payment.cancelled_at), payment.fail_code,
        payment.fail_reason, "test" if payment.is_sandbox else "live",
    ]  # fmt: skip
