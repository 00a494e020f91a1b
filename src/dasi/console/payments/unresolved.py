"""Pages of unresolved attempts: the lists, a lookup now, a manual resolution."""

from functools import partial

from starlette.responses import Response

from dasi.console.confirmation import Fact, Review, won
from dasi.console.labels.label import Label
from dasi.console.labels.states import ATTEMPT_KIND
from dasi.console.payments.reason_labels import reason_label
from dasi.console.request import ConsoleRequest, next_url
from dasi.foundation.errors import Invalid, NotFound
from dasi.http.card_numbers import refuse_card_number
from dasi.ledger import attempt_store
from dasi.outcomes import lookup_now, resolve_manually
from dasi.reporting import list_unresolved

PAGE = 50


async def show_unresolved(request: ConsoleRequest) -> Response:
    """Show two lists with pages of their own: manual review, and automatic lookup."""
    lists = {}
    for name, is_manual in (("manual", True), ("automatic", False)):
        page = await list_unresolved(
            request.engine,
            request.merchant_id,
            is_manual=is_manual,
            after=request.cursor(name),
            limit=PAGE,
        )
        lists[name] = (page.rows, next_url(page, name=name))
    return request.page(
        "unresolved.html",
        manual=lists["manual"],
        automatic=lists["automatic"],
        reason_label=reason_label,
        may_operate=request.user.may("operate", request.merchant_id),
    )


async def post_lookup(request: ConsoleRequest) -> Response:
    """Look the attempt up at the PG now. A lookup only reads, so it is allowed at any time."""
    attempt_id = request.field("attempt_id")
    await request.audit("attempt_looked_up", target=attempt_id)
    await lookup_now(request.engine, request.merchant_id, attempt_id)
    back = request.field("back")
    is_own_page = back.startswith(request.url("/")) and "//" not in back
    return request.redirect(f"{back if is_own_page else request.url('/unresolved')}?done=looked_up")


async def review_resolve(request: ConsoleRequest) -> Review:
    """Show what a result that the user read in the PG's admin pages makes of an attempt."""
    attempt_id, pg_tid = request.query("attempt_id"), request.query("pg_tid", length_max=60)
    happened = request.query("happened")
    if happened not in ("yes", "no"):
        raise Invalid("happened", "one_of", values=("yes", "no"))
    if happened == "yes" and not pg_tid:
        raise Invalid("pg_tid", "pg_tid")
    refuse_card_number("pg_tid", pg_tid)
    engine, merchant_id = request.engine, request.merchant_id
    if not await attempt_store.is_unresolved(engine.database, merchant_id, attempt_id):
        raise NotFound("already_resolved")
    attempt = await attempt_store.attempt(engine.database, merchant_id, attempt_id)
    result = (
        Label("승인 내역 있음", "Approved at PG")
        if happened == "yes"
        else Label("승인 내역 없음", "Not found at PG")
    )
    facts: list[Fact] = [
        (Label("요청", "Request"), ATTEMPT_KIND[attempt.kind]),
        (Label("금액", "Amount"), won(attempt.amount_krw)),
        (Label("결제", "Payment"), attempt.imp_uid or "—"),
        (Label("PG 주문번호", "PG order ID"), attempt.pg_order_id or "—"),
        (Label("확정할 결과", "Result to record"), result),
    ]
    if happened == "yes":
        facts.append((Label("PG 거래번호", "PG transaction ID"), pg_tid))
    return Review(
        title=Label("결과를 직접 확정할까요?", "Record this result by hand?"),
        warning=Label(
            "자동 조회를 끝내고 이 결과로 확정합니다. 되돌릴 수 없습니다. KICC 관리자 화면에서 "
            "거래를 다시 확인하세요.",
            "The result becomes final and cannot be changed. Check the transaction in KICC's "
            "admin once more.",
        ),
        facts=tuple(facts),
        button=Label("확정", "Record"),
        back=request.url("/unresolved"),
        act=partial(_resolve, request, attempt_id, happened, pg_tid),
        asks_reason=True,
    )


async def _resolve(
    request: ConsoleRequest, attempt_id: str, happened: str, pg_tid: str, reason: str
) -> Response:
    await request.audit(
        "attempt_resolved", target=attempt_id, detail=f"{happened} {pg_tid} {reason}"
    )
    await resolve_manually(
        request.engine,
        attempt_id,
        pg_tid=pg_tid if happened == "yes" else None,
        actor=f"user:{request.user.email}",
        reason=reason,
    )
    return request.redirect(f"{request.url('/unresolved')}?done=saved")
