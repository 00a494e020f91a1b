"""Complete a window on the payer's return: request the approval or the billing key, at most once.

The return is unsigned. It proves nothing, so it only decides whether to send the request; order and
amount come from dasi's own rows. Reserve, send, record, as in every operation that moves money.
"""

from collections.abc import Mapping

import structlog
from msgspec.structs import replace

from dasi.channels import find_channel, open_account
from dasi.engine import Engine
from dasi.foundation.clock import kst_day
from dasi.foundation.errors import Conflict, Invalid, NotFound
from dasi.ledger import Status, payment_store, reserve_store
from dasi.merchants import Merchant
from dasi.outcomes import (
    Outcome,
    record_or_in_doubt,
    resolve_inline,
    send_on_either_day,
)
from dasi.providers.port import (
    Approved,
    Attempt,
    AttemptKind,
    Declined,
    PgAccount,
    Provider,
    Unknown,
    WindowReturn,
)
from dasi.recovery import ensure_not_stopped, find_earlier_outcome, recovery_state
from dasi.windows import window_store
from dasi.windows.confirm import confirm
from dasi.windows.open_window import expire_windows

log = structlog.get_logger()


async def complete_window(
    engine: Engine, merchant: Merchant, window_token: str, fields: Mapping[str, str]
) -> None:
    """Process the PG's return post with its `fields`. `view_window` reads the result.

    Only the first return of an open window has an effect; a second one, a late one, or one for a
    closed window changes nothing. `NotFound("window_not_found")`; `Invalid` for a malformed post;
    `Conflict("return_for_another_order")` for a post that names another order, without an effect.
    """
    row = await window_store.find_window(engine.database, merchant.merchant_id, window_token)
    if row is None:
        raise NotFound("window_not_found")
    window, payment, _timing = row
    channel = await find_channel(engine, merchant.merchant_id, window.channel_id)
    provider = engine.providers[channel.provider]
    try:
        returned = provider.read_return(fields)
    except ValueError as bad:
        raise Invalid("return", "readable_return", detail=str(bad)) from bad
    if returned.pg_order_id != window.pg_order_id:
        log.warning(
            "return_order_mismatch", imp_uid=payment.imp_uid, named=returned.pg_order_id[:60]
        )
        raise Conflict("return_for_another_order", imp_uid=payment.imp_uid)
    if window.state == "open" and window.expires_at <= engine.clock.now():
        await expire_windows(engine)
        return
    if not returned.is_authenticated:
        await _record_no_authentication(engine, merchant, window_token, returned)
        return
    if window.confirm_url is not None and not await confirm(engine, window, returned):
        return
    account = open_account(engine, channel)  # may fail, so before the window is claimed
    is_key = payment.purpose == "key_issue"
    kind = AttemptKind.ISSUE_KEY if is_key else AttemptKind.APPROVE
    attempt = await _reserve(engine, merchant, window, returned, kind)
    if attempt is None:
        return
    engine.remember_commit(merchant.merchant_id, attempt.attempt_id)

    async def send(sent: Attempt) -> Outcome:
        if is_key:
            return await provider.issue_key(
                account,
                sent,
                session_id=returned.session_id,
                pg_order_id=window.pg_order_id,
            )
        return await _find_earlier(
            engine, provider, account, sent, amount_krw=payment.amount_krw
        ) or await provider.approve(
            account,
            sent,
            session_id=returned.session_id,
            pg_order_id=window.pg_order_id,
            amount_krw=payment.amount_krw,
        )

    attempt, outcome = await send_on_either_day(engine, merchant.merchant_id, attempt, send)
    recorded = await record_or_in_doubt(engine, payment, attempt.attempt_id, outcome)
    await resolve_inline(engine, recorded, attempt.attempt_id)


async def _find_earlier(
    engine: Engine, provider: Provider, account: PgAccount, attempt: Attempt, *, amount_krw: int
) -> Approved | Declined | Unknown | None:
    """Return the outcome of the same request before the database forgot it; else None (M11)."""
    if (await recovery_state(engine.database)).mode == "normal":
        return None
    return await find_earlier_outcome(
        provider, account, attempt, kind=AttemptKind.APPROVE, amount_krw=amount_krw
    )


async def _reserve(
    engine: Engine,
    merchant: Merchant,
    window: window_store.PaymentWindow,
    returned: WindowReturn,
    kind: AttemptKind,
) -> Attempt | None:
    """The committed attempt; None if this return has no effect."""
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        if kind is AttemptKind.APPROVE:
            await ensure_not_stopped(connection)  # `insert_attempt` refuses the rest while held
        if not await window_store.claim_window(
            connection,
            merchant.merchant_id,
            window.window_token,
            returned,
            state="open" if window.confirm_url is None else "confirming",
            now=now,
        ):
            return None
        payment = await payment_store.payment_for_update(
            connection, merchant.merchant_id, window.imp_uid
        )
        if await payment_store.mark_pending(connection, payment, now=now):
            return await reserve_store.insert_attempt(
                connection,
                replace(payment, status=Status.PENDING),
                vault=engine.vault,
                kind=kind,
                business_date=kst_day(now),
                channel_id=window.channel_id,
                pg_order_id=window.pg_order_id,
                amount_krw=0 if kind is AttemptKind.ISSUE_KEY else payment.amount_krw,
                actor="payer",
                now=now,
            )
        # Another window or a charge paid the order while the payer was in this window (M1).
        failed = await payment_store.mark_failed(
            connection,
            payment,
            code="ORDER_ALREADY_PAID",
            reason="이미 결제가 이루어진 거래건입니다.",
            now=now,
        )
        await payment_store.record_event(
            connection,
            failed,
            vault=engine.vault,
            event_type="order_already_paid",
            actor="gateway",
            created_at=now,
            detail="nothing was asked",
        )
    return None


async def _record_no_authentication(
    engine: Engine, merchant: Merchant, window_token: str, returned: WindowReturn
) -> None:
    """Fail the payment: the payer cancelled or was not authenticated. Sends nothing to the PG."""
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        imp_uid = await window_store.claim_window(
            connection, merchant.merchant_id, window_token, returned, state="open", now=now
        )
        if imp_uid is None:
            return
        payment = await payment_store.payment_for_update(connection, merchant.merchant_id, imp_uid)
        failed = await payment_store.mark_failed(
            connection, payment, code=returned.code, reason=returned.text, now=now
        )
        await payment_store.record_event(
            connection,
            failed,
            vault=engine.vault,
            event_type="window_returned",
            actor="payer",
            created_at=now,
            detail=returned.reason,
            outcome=returned,
        )
