"""Charge: take money with a stored billing key. Reserve, ask, record.

    transaction      the order is free and the key is live: payment pending, attempt sending
    no transaction   the PG is asked, once
    transaction      what it said, the event, the webhook

Whatever dies in between leaves the attempt `sending`: the order stays taken and nothing is asked
again for it (M2, M4).
"""

from dataclasses import dataclass, field

from dasi.billing_keys import BillingKey, live_key, open_key
from dasi.channels import find_channel, open_mall
from dasi.engine import Engine
from dasi.foundation.clock import kst_day
from dasi.foundation.errors import NotFound
from dasi.foundation.ids import ulid
from dasi.payments import store
from dasi.payments.order_rules import refuse_taken_order
from dasi.payments.payment import Buyer, Payment
from dasi.payments.reconcile import settle_on_the_spot
from dasi.payments.record import PaymentRef, record_or_doubt
from dasi.providers.port import Attempt, AttemptKind, Order

DEFAULT_NAME = "정기결제"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeWish:
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
    """A booked charge: its payment has an `imps_` id."""
    idempotency_key: str | None = None


async def charge(engine: Engine, merchant_id: int, wish: ChargeWish) -> Payment:
    """Charges once and returns the payment: paid, failed (declined), or pending (in doubt).

    Refused, with nothing done: `Conflict("order_already_paid")`, `Conflict("order_in_doubt")`,
    `NotFound("unknown_customer")`. A pending payment is not a failure: the PG may have charged.
    """
    now = engine.clock.now()
    attempt = Attempt(attempt_id=f"ch-{ulid(now)}", day_kst=kst_day(now))
    async with engine.database.transaction() as connection:
        key = await live_key(connection, merchant_id, wish.customer_uid)
        if key is None:
            await refuse_taken_order(connection, merchant_id, wish.merchant_uid)
            raise NotFound("unknown_customer", customer_uid=wish.customer_uid)
        reserved = _reservation(wish, key, attempt)
        imp_uid = await store.reserve_charge(connection, merchant_id, reserved, now=now)
        if imp_uid is None:
            await refuse_taken_order(connection, merchant_id, wish.merchant_uid)
            raise AssertionError(f"order {wish.merchant_uid!r} was taken and then was not")
    channel = await find_channel(engine, merchant_id, key.channel_id)
    outcome = await engine.providers[channel.provider].charge(
        open_mall(engine, channel),
        attempt,
        order=Order(
            shop_order_no=reserved.shop_order_no,
            amount_krw=wish.amount_krw,
            goods_name=reserved.name,
            buyer_id=key.customer.customer_id,
            buyer_name=reserved.buyer.name,
            buyer_email=reserved.buyer.email,
            buyer_tel=reserved.buyer.tel,
            tax_free_krw=wish.tax_free_krw,
            quota_months=wish.quota_months,
        ),
        billing_key=open_key(engine, key),
    )
    reference = PaymentRef(merchant_id, imp_uid, wish.merchant_uid)
    payment = await record_or_doubt(engine, reference, attempt.attempt_id, outcome)
    return await settle_on_the_spot(engine, payment, attempt.attempt_id)


def _reservation(wish: ChargeWish, key: BillingKey, attempt: Attempt) -> store.Reservation:
    given, customer = wish.buyer, key.customer
    return store.Reservation(
        merchant_uid=wish.merchant_uid,
        amount_krw=wish.amount_krw,
        tax_free_krw=wish.tax_free_krw,
        channel_id=key.channel_id,
        mall_id=key.mall_id,
        name=wish.name or key.order_name or DEFAULT_NAME,
        buyer=Buyer(
            name=given.name or customer.name,
            email=given.email or customer.email,
            tel=given.tel or customer.tel,
            addr=given.addr or customer.addr,
            postcode=given.postcode or customer.postcode,
        ),
        customer_uid=wish.customer_uid,
        custom_data=wish.custom_data,
        notice_urls=wish.notice_urls,
        user_agent=wish.user_agent,
        card_quota=wish.quota_months,
        billing_key_id=key.billing_key_id,
        attempt_id=attempt.attempt_id,
        attempt_kind=AttemptKind.CHARGE,
        day_kst=attempt.day_kst,
        shop_order_no=attempt.attempt_id,
        is_scheduled=wish.is_scheduled,
        idempotency_key=wish.idempotency_key,
    )
