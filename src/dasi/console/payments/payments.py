"""Payments: the list, its export, and one payment's page with its acts."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from urllib.parse import parse_qsl, urlencode

from starlette.responses import Response, StreamingResponse

from dasi.audit import audit_for
from dasi.console.payments.next_actions import next_actions
from dasi.console.payments.timeline import build_timeline
from dasi.console.routing import ConsoleRequest, next_url
from dasi.console.templates import SECURITY_HEADERS
from dasi.foundation.clock import KST
from dasi.foundation.errors import Invalid
from dasi.ledger import AMOUNT_MAX_KRW, Payment, Status
from dasi.payments import CancelRequest, cancel
from dasi.reporting import PaymentQuery, browse_payments, get_payment_detail, iter_payments
from dasi.schedules import Schedule, ScheduleStatus, list_schedules
from dasi.users import list_filters, remove_filter, save_filter
from dasi.webhooks import list_attempts, list_deliveries

PAGE = 50
_DELIVERIES, _AUDIT_ENTRIES = 20, 100
_AHEAD = timedelta(days=366 * 2)
_FILTER_FIELDS = ("q", "status", "code", "since", "until")
"""What a list of payments can be asked for: its address, its export, and a view that is kept."""
_WATCHED = timedelta(minutes=10)
"""A page renews itself while something is to happen this soon."""
_REASON_MAX = 100
_COLUMNS = (
    "started_at", "status", "amount_krw", "cancelled_krw", "imp_uid", "merchant_uid", "name",
    "buyer_name", "buyer_email", "buyer_tel", "card_name", "card_number", "pg_tid", "approval_no",
    "paid_at", "failed_at", "cancelled_at", "fail_code", "fail_reason",
)  # fmt: skip


async def show_payments(request: ConsoleRequest) -> Response:
    query = _payment_query(request)
    page = await browse_payments(
        request.engine, request.merchant_id, query, after=request.cursor(), limit=PAGE
    )
    asked = {name: request.query(name) for name in _FILTER_FIELDS}
    kept = {name: value for name, value in asked.items() if value}
    saved_filters = await list_filters(request.engine, request.merchant_id, request.user.user_id)
    return request.page(
        "payments.html",
        payments=page.rows,
        asked=asked,
        next_url=next_url(page, **kept),
        is_first=not request.query("after"),
        export="?" + urlencode(kept),
        query=urlencode(kept),
        saved_filters=saved_filters,
        statuses=list(Status),
    )


async def post_filter(request: ConsoleRequest) -> Response:
    """Keeps what the list shows under a name."""
    told = dict(parse_qsl(request.field("query", length_max=500)))
    query = urlencode({name: told[name] for name in _FILTER_FIELDS if told.get(name)})
    name = request.field("name")
    await save_filter(
        request.engine, request.merchant_id, request.user.user_id, name=name, query=query
    )
    await request.audit("filter_saved", target=name, detail=query)
    return request.redirect(f"{request.url('/payments')}?{query}&done=filter_saved")


async def post_filter_remove(request: ConsoleRequest) -> Response:
    name = request.field("name")
    await remove_filter(request.engine, request.merchant_id, request.user.user_id, name)
    await request.audit("filter_removed", target=name)
    return request.redirect(f"{request.url('/payments')}?done=filter_removed")


async def export_payments(request: ConsoleRequest) -> Response:
    """Streams: a million lines need no more memory than one page."""
    query = _payment_query(request)
    await request.audit("payments_exported", detail=str(request.http.query_params)[:500])

    async def lines() -> AsyncIterator[str]:
        yield "\ufeff" + _line(list(_COLUMNS))  # the mark lets spreadsheets read Korean
        async for payment in iter_payments(request.engine, request.merchant_id, query):
            yield _line(_cells(payment))

    return StreamingResponse(
        lines(),
        media_type="text/csv; charset=utf-8",
        headers={
            **SECURITY_HEADERS,
            "Content-Disposition": f'attachment; filename="payments-{request.merchant.code}.csv"',
        },
    )


async def show_payment(request: ConsoleRequest) -> Response:
    detail = await get_payment_detail(
        request.engine, request.merchant_id, request.http.path_params["imp_uid"]
    )
    payment = detail.payment
    page = await list_deliveries(
        request.engine,
        request.merchant_id,
        state=None,
        resource_id=payment.imp_uid,
        limit=_DELIVERIES,
    )
    deliveries = page.rows
    attempts = [
        (delivery, await list_attempts(request.engine, request.merchant_id, delivery.delivery_id))
        for delivery in deliveries
    ]
    targets = [payment.imp_uid, *(attempt.attempt_id for attempt in detail.attempts)]
    targets += [delivery.event_id for delivery in deliveries]
    entries = await audit_for(request.engine, request.merchant_id, targets, limit=_AUDIT_ENTRIES)
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
            one.is_automatic and (one.at is None or one.at - now < _WATCHED) for one in actions
        ),
    )


async def _next_schedules(request: ConsoleRequest, payment: Payment) -> list[Schedule]:
    """The next charge of the same card, if one is scheduled."""
    if payment.customer_uid is None:
        return []
    now = request.engine.clock.now()
    found = await list_schedules(
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
    return found.schedules


async def post_cancel(request: ConsoleRequest) -> Response:
    imp_uid = request.http.path_params["imp_uid"]
    amount_krw = read_won(request, "amount")
    reason = request.field("reason", length_max=_REASON_MAX)
    # Written first: a cancel cannot be undone, and its answer may never come.
    await request.audit(
        "payment_cancelled",
        target=imp_uid,
        detail=f"{f'{amount_krw:,}원' if amount_krw else '전액'} {reason}".strip(),
    )
    await cancel(
        request.engine,
        request.merchant_id,
        CancelRequest(
            imp_uid=imp_uid,
            merchant_uid=None,
            amount_krw=amount_krw,
            checksum_krw=read_won(request, "remain"),
            reason=reason or None,
            notify_merchant=True,
            actor=f"user:{request.user.email}",
        ),
    )
    return request.redirect(f"{request.url(f'/payments/{imp_uid}')}?done=cancelled")


def read_won(request: ConsoleRequest, name: str) -> int | None:
    """Whole won; commas are fine, empty is None."""
    text = request.field(name).replace(",", "").removesuffix("원").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= AMOUNT_MAX_KRW:
        raise Invalid(name, "won_at_least", minimum=1)
    return int(text)


def _payment_query(request: ConsoleRequest) -> PaymentQuery:
    status = request.query("status")
    since, until = _day(request.query("since")), _day(request.query("until"))
    words = request.query("q") or None
    on_day = _day(words) if words else None
    if on_day is not None:  # a date typed into the one box means that day
        words, since, until = None, on_day, on_day
    return PaymentQuery(
        text=words,
        statuses=frozenset({Status(status)}) if status in set(Status) else frozenset(),
        since=since,
        until=until + timedelta(days=1) if until else None,
        fail_code=request.query("code") or None,
    )


def _day(text: str | None) -> datetime | None:
    """The beginning of a Korean day; None if it is not a date."""
    try:
        return datetime.combine(date.fromisoformat(text or ""), time.min, tzinfo=KST)
    except ValueError:
        return None


def _cells(payment: Payment) -> list[str]:
    def moment(at: datetime | None) -> str:
        return at.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S") if at else ""

    told = (
        moment(payment.started_at), payment.status.value, payment.amount_krw,
        payment.cancelled_krw, payment.imp_uid, payment.merchant_uid, payment.name,
        payment.buyer.name, payment.buyer.email, payment.buyer.tel, payment.card.name,
        payment.card.number_masked, payment.pg_tid, payment.approval_no, moment(payment.paid_at),
        moment(payment.failed_at), moment(payment.cancelled_at), payment.fail_code,
        payment.fail_reason,
    )  # fmt: skip
    return [safe_cell("" if one is None else str(one)) for one in told]


def safe_cell(text: str) -> str:
    """A spreadsheet runs a cell that begins like a formula: buyers choose these texts."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _line(cells: list[str]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()
