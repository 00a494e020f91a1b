"""Record the PG's answer to a charge. A yes is written together with the others of that moment;
every other answer is rare and goes its own way.
"""

from dasi.engine import Engine
from dasi.events import notify_workers
from dasi.foundation.ids import ulid
from dasi.ledger import Payment, encode_exchange
from dasi.payments import approval_store
from dasi.payments.approval_store import ApprovalRow
from dasi.payments.record import (
    Outcome,
    PaymentRef,
    in_doubt_on_db_failure,
    log_answer,
    record_or_in_doubt,
)
from dasi.providers.port import Approved


async def record_charge(
    engine: Engine, reference: PaymentRef, attempt_id: str, outcome: Outcome, *, actor: str
) -> Payment:
    """The payment as it is then. `Conflict("order_in_doubt")` if the database goes away just then.

    `actor` is the provider that answered.
    """
    if isinstance(outcome, Approved):
        log_answer(reference.merchant_id, reference.imp_uid, attempt_id, outcome)
        with in_doubt_on_db_failure(reference, attempt_id):
            row = _approval_row(engine, reference, attempt_id, outcome, actor=actor)
            paid = await engine.database.run_batched(approval_store.record_paid, row)
        if paid is not None:
            notify_workers(engine.database)
            return paid
        # Somebody settled this attempt while we waited: what is true now is found out by itself.
    return await record_or_in_doubt(engine, reference, attempt_id, outcome)


def _approval_row(
    engine: Engine, reference: PaymentRef, attempt_id: str, outcome: Approved, *, actor: str
) -> ApprovalRow:
    card, now = outcome.card, engine.clock.now()
    return ApprovalRow(
        merchant_id=reference.merchant_id,
        imp_uid=reference.imp_uid,
        attempt_id=attempt_id,
        actor=actor,
        code=outcome.code,
        text=outcome.text,
        pg_tid=outcome.pg_tid,
        approval_no=outcome.approval_no,
        card_brand=card.brand,
        card_name=card.name,
        card_issuer_code=card.issuer_code,
        card_number=card.number_masked,
        card_kind=card.kind,
        card_quota=card.quota_months,
        can_cancel_in_part=card.can_cancel_in_part,
        receipt_url=outcome.receipt_url,
        approved_at=outcome.approved_at,
        event_id=f"evt_{ulid(now)}",
        exchanges=encode_exchange(outcome),
        now=now,
    )
