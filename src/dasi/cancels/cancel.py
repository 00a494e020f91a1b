"""Cancel all or a part of a paid payment: reserve, send, record.

Cancels of one payment run one after the other (a unique index), because the PG checks each against
the remaining amount. So their sum never exceeds the paid amount, in any race (M8).
"""

from dataclasses import dataclass

import asyncpg

from dasi.channels import find_channel, open_account
from dasi.engine import Engine
from dasi.foundation.clock import kst_day
from dasi.foundation.errors import Conflict, NotAllowed, NotFound, Refused, Unavailable
from dasi.ledger import Payment, Status, attempt_store, payment_store, reserve_store
from dasi.outcomes import record_cancel, resolve_cancel_inline, send_on_either_day
from dasi.providers.port import AttemptKind, Cancel, Cancelled, Declined, NotSent

_CANCELLABLE = frozenset({Status.PAID, Status.PARTLY_CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequest:
    """A cancel that a merchant requests, by `imp_uid` or else by `merchant_uid`."""

    imp_uid: str | None
    merchant_uid: str | None
    amount_krw: int | None
    """None or 0: everything that remains."""
    checksum_krw: int | None = None
    """The amount that the caller believes is left; None or 0 is not checked."""
    reason: str | None = None
    tax_free_krw: int | None = None
    """The tax-free part of the cancelled amount. None where only one value is possible."""
    notify_merchant: bool = False
    """Whether this cancel sends a webhook."""
    actor: str = "merchant"
    idempotency_key: str | None = None
    include_sandbox: bool = True
    """Whether a test payment may be cancelled."""


async def cancel(engine: Engine, merchant_id: int, request: CancelRequest) -> Payment:
    """Cancel once and return the payment: cancelled, wholly or in part.

    Refused, with nothing done: `NotFound("nothing_to_cancel")`, `Conflict("already_cancelled")`,
    `Conflict("not_paid")`, `Conflict("order_in_doubt")`, `Conflict("cancel_in_progress")`,
    `Conflict("checksum_differs")`, `Conflict("cancel_exceeds")`, `Conflict("tax_free_between")`,
    `NotAllowed("no_partial_cancel")`, `Refused("pg_refused_cancel")`, `Refused("cancel_not_sent")`.
    `Conflict("cancel_in_doubt")`: the request was sent and its outcome is not known yet.
    """
    imp_uid = (await _find(engine, merchant_id, request)).imp_uid
    now = engine.clock.now()
    original = await attempt_store.approval_of(engine.database, merchant_id, imp_uid)
    try:
        async with engine.database.transaction() as connection:
            payment = await payment_store.payment_for_update(connection, merchant_id, imp_uid)
            amount_krw = _amount(payment, request)
            tax_free_krw = _tax_free(payment, request, amount_krw)
            attempt = await reserve_store.insert_attempt(
                connection,
                payment,
                vault=engine.vault,
                kind=AttemptKind.CANCEL,
                business_date=kst_day(now),
                channel_id=payment.channel_id,
                pg_order_id=original.pg_order_id if original else None,
                amount_krw=amount_krw,
                actor=request.actor,
                now=now,
                remain_krw=payment.remain_krw,
                tax_free_krw=tax_free_krw,
                reason=request.reason,
                notify_merchant=request.notify_merchant,
                idempotency_key=request.idempotency_key,
            )
    except asyncpg.UniqueViolationError as error:
        raise Conflict("cancel_in_progress", imp_uid=imp_uid) from error
    channel = await find_channel(engine, merchant_id, payment.channel_id)
    provider, account = engine.providers[channel.provider], open_account(engine, channel)
    pg_request = _pg_request(payment, request, amount_krw, tax_free_krw)
    attempt, outcome = await send_on_either_day(
        engine,
        merchant_id,
        attempt,
        lambda sent: provider.cancel(account, sent, cancel=pg_request),
    )
    try:
        sent = await attempt_store.attempt(engine.database, merchant_id, attempt.attempt_id)
        payment = await record_cancel(engine, sent, outcome)
        match outcome:
            case Cancelled():
                return payment
            case Declined(code=code, text=text):
                raise Refused("pg_refused_cancel", imp_uid=imp_uid, code=code, text=text)
            case NotSent(why=detail):
                raise Refused("cancel_not_sent", imp_uid=imp_uid, why=detail)
        cancelled = await resolve_cancel_inline(engine, payment, attempt.attempt_id)
    except Unavailable as error:
        # The PG has the request: a retry would refund the amount twice.
        raise Conflict("cancel_in_doubt", imp_uid=imp_uid) from error
    if cancelled is None:
        raise Conflict("cancel_in_doubt", imp_uid=imp_uid)
    return cancelled


async def _find(engine: Engine, merchant_id: int, request: CancelRequest) -> Payment:
    if request.imp_uid:
        payment = await payment_store.payment(engine.database, merchant_id, request.imp_uid)
    else:
        assert request.merchant_uid, "a cancel names a payment or an order"
        # The payment that holds the order; older failed ones of the order cannot be cancelled.
        holding = frozenset(Status) - {Status.READY, Status.FAILED}
        payment = await payment_store.newest_of_order(
            engine.database, merchant_id, request.merchant_uid, holding, purpose="payment"
        )
    if payment is None or payment.purpose != "payment":
        raise NotFound("nothing_to_cancel")
    if payment.is_sandbox and not request.include_sandbox:
        raise NotFound("nothing_to_cancel")
    return payment


def _amount(payment: Payment, request: CancelRequest) -> int:
    """Check the request against the locked payment and return the amount to cancel."""
    if payment.status is Status.CANCELLED:
        raise Conflict("already_cancelled", imp_uid=payment.imp_uid)
    if payment.status is Status.PENDING:
        raise Conflict("order_in_doubt", merchant_uid=payment.merchant_uid, imp_uid=payment.imp_uid)
    if payment.status not in _CANCELLABLE:
        raise Conflict("not_paid", imp_uid=payment.imp_uid)
    if request.checksum_krw and request.checksum_krw != payment.remain_krw:
        raise Conflict(
            "checksum_differs", remain_krw=payment.remain_krw, given_krw=request.checksum_krw
        )
    amount_krw = request.amount_krw or payment.remain_krw
    if amount_krw > payment.remain_krw:
        raise Conflict("cancel_exceeds", amount_krw=amount_krw, remain_krw=payment.remain_krw)
    if amount_krw < payment.amount_krw and payment.can_cancel_in_part is False:
        raise NotAllowed("no_partial_cancel", imp_uid=payment.imp_uid)
    return amount_krw


def _tax_free(payment: Payment, request: CancelRequest, amount_krw: int) -> int | None:
    """Return the tax-free part of the cancel; None for a payment that was sent without parts.

    KICC has no default for it, so a cancel that could be split in several ways has to name it.
    """
    minimum, maximum = payment.tax_free_range(amount_krw)
    part = request.tax_free_krw
    # Clients that send every field cancel everything with zeros.
    if minimum == maximum and (part is None or (not request.amount_krw and not part)):
        part = minimum
    if part is None or not minimum <= part <= maximum:
        raise Conflict("tax_free_between", minimum_krw=minimum, maximum_krw=maximum)
    return None if payment.tax_free_krw is None else part


def _pg_request(
    payment: Payment, request: CancelRequest, amount_krw: int, tax_free_krw: int | None
) -> Cancel:
    assert payment.pg_tid is not None, f"payment {payment.imp_uid} is paid without a PG number"
    return Cancel(
        pg_tid=payment.pg_tid,
        amount_krw=amount_krw,
        remain_krw=payment.remain_krw,
        paid_krw=payment.amount_krw,
        reason=request.reason,
        tax_free_krw=tax_free_krw,
        cancelled_taxed_krw=payment.cancelled_krw - payment.cancelled_tax_free_krw,
    )
