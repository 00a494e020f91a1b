"""Charge: take money with a stored billing key. Reserve, ask, record.

    transaction      the order is free and the key is active: payment pending, attempt sending
    no transaction   the PG is asked, once
    transaction      what it said, the event, the webhook

Charges that come at the same time share their transactions (`Database.run_batched`): each is
asked for
and answered only after the commit that holds its rows.

Whatever dies in between leaves the attempt `sending`: the order stays taken and nothing is asked
again for it (M2, M4).
"""

from dataclasses import dataclass, field
from datetime import datetime

import structlog

from dasi.billing_keys import active_key, open_key
from dasi.channels import open_account
from dasi.engine import Engine
from dasi.foundation.clock import kst_day
from dasi.foundation.errors import NotFound, Unavailable
from dasi.foundation.ids import ulid
from dasi.foundation.vault import DecryptionError
from dasi.ledger import Buyer, Payment, ensure_order_available, lookup_backoff, reserve_store
from dasi.payments.record import PaymentRef, record_charge
from dasi.payments.resolve import resolve_inline
from dasi.providers.port import Approved, Attempt, Declined, NotSent, Order, Unknown

log = structlog.get_logger()

DEFAULT_NAME = "정기결제"
_TRIES_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRequest:
    """What a merchant asks for. Checked for types and lengths by the face that read it."""

    customer_uid: str
    merchant_uid: str
    amount_krw: int
    name: str | None = None
    buyer: Buyer = field(default_factory=Buyer)
    """What is absent is inherited from the key."""
    tax_free_krw: int | None = None
    quota_months: int = 0
    custom_data: str | None = None
    notice_urls: tuple[str, ...] = ()
    user_agent: str | None = None
    is_scheduled: bool = False
    """A scheduled payment: its payment has an `imps_` id."""
    idempotency_key: str | None = None


async def charge(engine: Engine, merchant_id: int, request: ChargeRequest) -> Payment:
    """Charges once and returns the payment: paid, failed (declined), or pending (in doubt).

    Refused, with nothing done: `Conflict("order_already_paid")`, `Conflict("order_in_doubt")`,
    `NotFound("unknown_customer")`. A pending payment is not a failure: the PG may have charged.
    """
    now = engine.clock.now()
    attempt = Attempt(attempt_id=f"ch-{ulid(now)}", business_date=kst_day(now))
    reserved = await _reserve(engine, merchant_id, request, attempt, now)
    outcome = await _send(engine, request, attempt, reserved)
    reference = PaymentRef(merchant_id, reserved.imp_uid, request.merchant_uid)
    payment = await record_charge(
        engine, reference, attempt.attempt_id, outcome, actor=reserved.provider
    )
    return await resolve_inline(engine, payment, attempt.attempt_id)


async def _send(
    engine: Engine, request: ChargeRequest, attempt: Attempt, reserved: reserve_store.Reserved
) -> Approved | Declined | Unknown | NotSent:
    try:
        account, billing_key = open_account(engine, reserved), open_key(engine, reserved)
    except DecryptionError as sealed:
        # A sealing key was dropped too early. Nothing left this machine, so the order stays free.
        log.exception("vault_cannot_open", imp_uid=reserved.imp_uid)
        return NotSent(why=f"the vault cannot open it: {sealed}")
    return await engine.providers[reserved.provider].charge(
        account,
        attempt,
        order=Order(
            pg_order_id=attempt.attempt_id,
            amount_krw=request.amount_krw,
            goods_name=reserved.name,
            buyer_id=reserved.customer_id,
            buyer_name=reserved.buyer_name,
            buyer_email=reserved.buyer_email,
            buyer_tel=reserved.buyer_tel,
            tax_free_krw=request.tax_free_krw,
            quota_months=request.quota_months,
        ),
        billing_key=billing_key,
    )


async def _reserve(
    engine: Engine, merchant_id: int, request: ChargeRequest, attempt: Attempt, now: datetime
) -> reserve_store.Reserved:
    """The committed reservation. Refused: the order is taken, or there is no active key.

    The payment that held the order may fail, and the key be registered, between the refusal of the
    insert and the look at why: then the order is free after all, and is reserved in another try.
    """
    reservation = _reservation(merchant_id, request, attempt, now)
    for _ in range(_TRIES_MAX):
        reserved = await engine.database.run_batched(reserve_store.reserve_charges, reservation)
        if reserved is not None:
            return reserved
        async with engine.database.transaction() as connection:
            await ensure_order_available(connection, merchant_id, request.merchant_uid)
            if await active_key(connection, merchant_id, request.customer_uid) is None:
                raise NotFound("unknown_customer", customer_uid=request.customer_uid)
    raise Unavailable(f"order {request.merchant_uid!r}, which others keep taking,", retry_after_s=1)


def _reservation(
    merchant_id: int, request: ChargeRequest, attempt: Attempt, now: datetime
) -> reserve_store.Reservation:
    return reserve_store.Reservation(
        merchant_id=merchant_id,
        customer_uid=request.customer_uid,
        merchant_uid=request.merchant_uid,
        amount_krw=request.amount_krw,
        tax_free_krw=request.tax_free_krw,
        name=request.name,
        default_name=DEFAULT_NAME,
        buyer=request.buyer,
        custom_data=request.custom_data,
        notice_urls=request.notice_urls,
        user_agent=request.user_agent,
        card_quota=request.quota_months,
        is_scheduled=request.is_scheduled,
        idempotency_key=request.idempotency_key,
        attempt_id=attempt.attempt_id,
        business_date=attempt.business_date,
        first_lookup_at=lookup_backoff.first_lookup_at(now),
        deadline_at=lookup_backoff.deadline(attempt.business_date),
        now=now,
    )
