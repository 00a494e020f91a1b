"""Charge a stored billing key: reserve, send, record.

    transaction      the order is free and the key is active: payment pending, attempt sending
    no transaction   one request to the PG
    transaction      outcome, event, webhook

Charges that come at the same time share their transactions (`Database.run_batched`). Each is sent,
and each is answered, only after the commit that holds its rows.

A process that dies in between leaves the attempt `sending`: the order stays taken and the PG gets
no second request for it (M2, M4).

A charge that is declined after its key was replaced goes on with the new key, as a new payment.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec
import structlog

from dasi.billing_keys import active_key, is_replaced, open_key
from dasi.channels import open_account
from dasi.engine import Engine
from dasi.foundation.clock import kst_day
from dasi.foundation.errors import NotAllowed, NotFound, Unavailable
from dasi.foundation.ids import ulid
from dasi.foundation.vault import DecryptionError
from dasi.ledger import (
    ChargeDetails,
    Payment,
    ensure_order_available,
    lookup_backoff,
    reserve_store,
)
from dasi.outcomes import (
    in_doubt_on_db_failure,
    record_charge,
    resolve_inline,
    send_on_either_day,
)
from dasi.payment_events import (
    PaymentDetails,
    PaymentFacts,
    charge_requested,
    microseconds,
)
from dasi.payments.replaced_key import KEY_REPLACED, fail_replaced
from dasi.providers.port import (
    Approved,
    Attempt,
    AttemptKind,
    Declined,
    NotSent,
    Order,
    Unknown,
)
from dasi.recovery import ensure_not_stopped, find_earlier_outcome
from dasi.request_ids import current_request_id

log = structlog.get_logger()

DEFAULT_NAME = "정기결제"
_RESERVE_ATTEMPTS_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRequest:
    """A charge that a merchant requests; the interface has checked types and lengths."""

    customer_uid: str
    details: ChargeDetails
    is_sandbox: bool | None
    """The mode that the customer's key must have (M12); None: any."""
    user_agent: str | None = None
    is_scheduled: bool = False
    """A scheduled payment: its payment has an `imps_` id."""
    idempotency_key: str | None = None


async def charge(engine: Engine, merchant_id: int, request: ChargeRequest) -> Payment:
    """Charge once and return the payment: paid, failed (declined), or pending (unresolved).

    Refused, with nothing done: `Conflict("order_already_paid")`, `Conflict("order_in_doubt")`,
    `NotFound("unknown_customer")`, `NotAllowed("key_of_other_mode")`, or `Unavailable`. A pending
    payment is not a failure: the PG may have charged.
    """
    engine.readiness.ensure_clock_right()
    if request.is_sandbox is False:
        engine.readiness.ensure_live_charges()
    payment = await _charge_active_key(engine, merchant_id, request)
    is_over = payment.fail_code != KEY_REPLACED
    return payment if is_over else await _charge_active_key(engine, merchant_id, request)


async def _charge_active_key(engine: Engine, merchant_id: int, request: ChargeRequest) -> Payment:
    now = engine.clock.now()
    reservation = _reservation(engine, merchant_id, request, now)
    reserved = await _reserve(engine, request, reservation)
    facts = _facts(reservation, reserved)
    attempt = Attempt(attempt_id=reserved.attempt_id, business_date=kst_day(now))
    attempt, outcome = await send_on_either_day(
        engine, merchant_id, attempt, lambda sent: _send(engine, request, sent, reserved)
    )
    if isinstance(outcome, Declined) and await is_replaced(engine, reserved):
        with in_doubt_on_db_failure(facts, attempt.attempt_id):
            return await fail_replaced(engine, merchant_id, facts.imp_uid, attempt, outcome)
    payment = await record_charge(
        engine,
        facts,
        attempt.attempt_id,
        outcome,
        actor=reserved.provider,
    )
    return await resolve_inline(engine, payment, attempt.attempt_id)


async def _send(
    engine: Engine, request: ChargeRequest, attempt: Attempt, reserved: reserve_store.Reserved
) -> Approved | Declined | Unknown | NotSent:
    try:
        account, billing_key = open_account(engine, reserved), open_key(engine, reserved)
    except DecryptionError as error:
        # The operator removed a sealing key too early. Nothing was sent, so the order stays free.
        log.exception("vault_cannot_open", imp_uid=reserved.imp_uid)
        return NotSent(why=f"the vault cannot open it: {error}")
    provider, amount_krw = engine.providers[reserved.provider], request.details.amount_krw
    if reserved.is_recovering:
        earlier = await find_earlier_outcome(
            provider, account, attempt, kind=AttemptKind.CHARGE, amount_krw=amount_krw
        )
        if earlier is not None:
            return earlier
    return await provider.charge(
        account,
        attempt,
        order=Order(
            pg_order_id=attempt.attempt_id if attempt.is_other_day else reserved.pg_order_id,
            amount_krw=amount_krw,
            goods_name=reserved.name,
            buyer_id=reserved.customer_id,
            buyer_name=reserved.buyer_name,
            buyer_email=reserved.buyer_email,
            buyer_tel=reserved.buyer_tel,
            tax_free_krw=request.details.tax_free_krw,
            quota_months=request.details.quota_months,
        ),
        billing_key=billing_key,
    )


async def _reserve(
    engine: Engine, request: ChargeRequest, reservation: reserve_store.Reservation
) -> reserve_store.Reserved:
    """Commit a reservation and return it; refused if the order is taken or no key is active.

    Between the failed insert and the search for its cause, the payment that held the order may
    fail, or the key may be registered. Then the order is free after all and is reserved again.
    """
    merchant_id = reservation.merchant_id
    for _ in range(_RESERVE_ATTEMPTS_MAX):
        reserved = await engine.database.run_batched(reserve_store.reserve_charges, reservation)
        if reserved is not None:
            engine.remember_commit(merchant_id, reserved.attempt_id)
            return reserved
        async with engine.database.transaction() as connection:
            await ensure_not_stopped(connection)
            await ensure_order_available(connection, merchant_id, request.details.merchant_uid)
            key = await active_key(connection, merchant_id, request.customer_uid)
        if key is None:
            raise NotFound("unknown_customer", customer_uid=request.customer_uid)
        if not key.is_sandbox:
            engine.readiness.ensure_live_charges()
        if request.is_sandbox not in (None, key.is_sandbox):
            raise NotAllowed("key_of_other_mode", customer_uid=request.customer_uid)
    order = request.details.merchant_uid
    raise Unavailable(f"order {order!r}, which others keep taking,", retry_after_s=1)


def _facts(
    reservation: reserve_store.Reservation, reserved: reserve_store.Reserved
) -> PaymentFacts:
    """Return the row of the reserved payment, as events state it."""
    return PaymentFacts(
        merchant_id=reserved.merchant_id,
        merchant_uid=reservation.merchant_uid,
        status="pending",
        amount_krw=reservation.amount_krw,
        personal=(
            reserved.buyer_name,
            reserved.buyer_email,
            reserved.buyer_tel,
            reserved.buyer_addr,
            reserved.buyer_postcode,
            reservation.custom_data,
            reservation.user_agent,
        ),
        details=PaymentDetails(
            imp_uid=reserved.imp_uid,
            purpose="payment",
            source="api",
            channel_id=reserved.channel_id,
            name=reserved.name,
            customer_uid=reserved.customer_uid,
            tax_free_krw=reservation.tax_free_krw,
            notice_urls=reservation.notice_urls,
            is_scheduled=reservation.is_scheduled,
            started_at_us=microseconds(reservation.now),
        ),
    )


def _reservation(
    engine: Engine, merchant_id: int, request: ChargeRequest, now: datetime
) -> reserve_store.Reservation:
    business_date = kst_day(now)
    event = charge_requested(
        engine.vault.mac_keys,
        merchant_id=merchant_id,
        merchant_uid=request.details.merchant_uid,
        amount_krw=request.details.amount_krw,
        business_date=business_date,
        now=now,
    )
    return reserve_store.Reservation(
        **msgspec.structs.asdict(request.details),
        merchant_id=merchant_id,
        customer_uid=request.customer_uid,
        default_name=DEFAULT_NAME,
        user_agent=request.user_agent,
        is_scheduled=request.is_scheduled,
        idempotency_key=request.idempotency_key,
        request_id=current_request_id(),
        # Live charges may be refused: then only a test key is charged.
        is_sandbox=request.is_sandbox if engine.readiness.takes_live_charges else True,
        reservation_id=ulid(now),
        business_date=business_date,
        first_lookup_at=lookup_backoff.first_lookup_at(now),
        deadline_at=lookup_backoff.deadline(business_date),
        now=now,
        details_digest=event.details_digest,
        mac=event.mac,
    )
