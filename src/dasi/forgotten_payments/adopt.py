"""Adopt a payment that the PG holds: write the rows that the database has forgotten.

The payment is written as if it were requested now, under the name that its request had, and nothing
is sent. Then the approval is recorded as that of any unresolved request: event, status, webhook.
"""

from msgspec.structs import replace

from dasi.engine import Engine
from dasi.forgotten_payments.own_order import OwnOrder
from dasi.foundation.clock import kst_day
from dasi.foundation.errors import Conflict
from dasi.ledger import ChargeDetails, Status, attempt_store, payment_store, reserve_store
from dasi.outcomes import record_resolution
from dasi.providers.port import Approved

_NAME = "PG사에서 확인된 결제"


async def adopt(
    engine: Engine, order: OwnOrder, approval: Approved, *, actor: str, source: str
) -> str:
    """Write the payment of an approval as `paid` and return its `imp_uid`.

    `source`: how it was found, for the payment's history. `Conflict("order_taken")`, and nothing is
    written, if another payment holds the order, or another request took the name meanwhile.
    """
    now, merchant_id = engine.clock.now(), order.channel.merchant_id
    async with engine.database.transaction() as connection:
        payment = await payment_store.insert_ready_payment(
            connection,
            merchant_id,
            ChargeDetails(
                merchant_uid=order.merchant_uid, amount_krw=approval.amount_krw, name=_NAME
            ),
            source="api",
            channel_id=order.channel.channel_id,
            customer_uid=None,
            user_agent=None,
            now=now,
        )
        await payment_store.record_event(
            connection,
            payment,
            vault=engine.vault,
            event_type="found_at_pg",
            actor=actor,
            created_at=now,
            detail=source,
        )
        if not await payment_store.mark_pending(connection, payment, now=now):
            raise Conflict("order_taken", merchant_uid=order.merchant_uid)
        attempt = await reserve_store.insert_attempt(
            connection,
            replace(payment, status=Status.PENDING),
            vault=engine.vault,
            kind=order.kind,
            business_date=kst_day(approval.approved_at),
            channel_id=order.channel.channel_id,
            pg_order_id=order.pg_order_id,
            amount_krw=approval.amount_krw,
            actor=actor,
            now=now,
        )
        if attempt.attempt_id != order.attempt_id:
            raise Conflict("order_taken", merchant_uid=order.merchant_uid)
    written = await attempt_store.attempt(engine.database, merchant_id, attempt.attempt_id)
    await record_resolution(engine, written, approval, resolved_by=source)
    return payment.imp_uid
