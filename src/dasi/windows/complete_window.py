"""Take the payer's return: ask the PG for the money, or for the billing key, at most once.

The return is unsigned: it proves nothing and only decides whether to ask. What is asked, and for
how much, comes from our own record. Reserve, ask, record, as every verb that moves money.
"""

from collections.abc import Mapping

import structlog
from msgspec.structs import replace

from dasi.channels import find_channel, open_account
from dasi.engine import Engine
from dasi.foundation.clock import kst_day
from dasi.foundation.errors import Conflict, Invalid, NotFound
from dasi.foundation.ids import ulid
from dasi.ledger import Status, attempt_store, payment_store
from dasi.merchants import Merchant
from dasi.payments import Outcome, PaymentRef, record_or_in_doubt, resolve_inline
from dasi.providers.port import Attempt, AttemptKind, WindowReturn
from dasi.windows import window_store
from dasi.windows.confirm import confirm
from dasi.windows.expire import expire_windows

log = structlog.get_logger()


async def complete_window(
    engine: Engine, merchant: Merchant, window_token: str, fields: Mapping[str, str]
) -> None:
    """Takes a return post. What came of it is read with `view_window`.

    Only the first return of an open window does anything; a second one, a late one, or one for a
    closed window changes nothing. `NotFound("window_not_found")`, `Invalid` for a malformed post,
    `Conflict("return_for_another_order")` for a post that names another order: nothing is touched.
    """
    found = await window_store.window(engine.database, merchant.merchant_id, window_token)
    if found is None:
        raise NotFound("window_not_found")
    order, payment, _timing = found
    channel = await find_channel(engine, merchant.merchant_id, order.channel_id)
    provider = engine.providers[channel.provider]
    try:
        returned = provider.read_return(fields)
    except ValueError as bad:
        raise Invalid("return", "readable_return", detail=str(bad)) from bad
    if returned.pg_order_id != order.pg_order_id:
        log.warning(
            "return_order_mismatch", imp_uid=payment.imp_uid, named=returned.pg_order_id[:60]
        )
        raise Conflict("return_for_another_order", imp_uid=payment.imp_uid)
    if order.state == "open" and order.expires_at <= engine.clock.now():
        await expire_windows(engine)
        return
    if not returned.is_authenticated:
        await _record_no_authentication(engine, merchant, window_token, returned)
        return
    if order.confirm_url is not None and not await confirm(engine, order, returned):
        return
    account = open_account(engine, channel)  # before the window is used up: it may not open
    is_key = payment.purpose == "key_issue"
    kind = AttemptKind.ISSUE_KEY if is_key else AttemptKind.APPROVE
    attempt = await _reserve(engine, merchant, order, returned, kind)
    if attempt is None:
        return
    outcome: Outcome
    if is_key:
        outcome = await provider.issue_key(
            account,
            attempt,
            session_id=returned.session_id,
            pg_order_id=order.pg_order_id,
        )
    else:
        outcome = await provider.approve(
            account,
            attempt,
            session_id=returned.session_id,
            pg_order_id=order.pg_order_id,
            amount_krw=payment.amount_krw,
        )
    reference = PaymentRef(merchant.merchant_id, payment.imp_uid, payment.merchant_uid)
    settled = await record_or_in_doubt(engine, reference, attempt.attempt_id, outcome)
    await resolve_inline(engine, settled, attempt.attempt_id)


async def _reserve(
    engine: Engine,
    merchant: Merchant,
    order: window_store.PaymentWindow,
    returned: WindowReturn,
    kind: AttemptKind,
) -> Attempt | None:
    """The committed attempt, or None when this return has nothing left to do."""
    now = engine.clock.now()
    attempt = Attempt(attempt_id=f"ap-{ulid(now)}", business_date=kst_day(now))
    async with engine.database.transaction() as connection:
        if not await window_store.claim_window(
            connection,
            merchant.merchant_id,
            order.window_token,
            returned,
            state="open" if order.confirm_url is None else "confirming",
            now=now,
        ):
            return None
        payment = await payment_store.payment_for_update(
            connection, merchant.merchant_id, order.imp_uid
        )
        if await payment_store.mark_pending(connection, payment, now=now):
            await attempt_store.insert_attempt(
                connection,
                replace(payment, status=Status.PENDING),
                attempt,
                kind=kind,
                channel_id=order.channel_id,
                pg_order_id=order.pg_order_id,
                amount_krw=0 if kind is AttemptKind.ISSUE_KEY else payment.amount_krw,
                actor="payer",
                now=now,
            )
            return attempt
        # Another window, or a charge, took the order while the payer was in this one (M1).
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
            event_type="order_already_paid",
            actor="gateway",
            created_at=now,
            detail="nothing was asked",
        )
    return None


async def _record_no_authentication(
    engine: Engine, merchant: Merchant, window_token: str, returned: WindowReturn
) -> None:
    """The payer cancelled, or the issuer would not authenticate. Nothing is asked of the PG."""
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
            event_type="window_returned",
            actor="payer",
            created_at=now,
            detail=returned.reason,
            pg_code=returned.code,
            pg_text=returned.text,
        )
