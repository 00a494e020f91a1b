"""Check a card before charges are booked on it: charge a little and give it back at once."""

import structlog

from dasi.engine import Engine
from dasi.foundation.errors import Conflict
from dasi.foundation.ids import ulid
from dasi.payments import CancelWish, ChargeWish, Status, cancel, charge

log = structlog.get_logger()


async def check_card(
    engine: Engine, merchant_id: int, *, customer_uid: str, amount_krw: int
) -> None:
    """Returns if the card took it. `Conflict("card_check_failed")` with the PG's words if not, and
    `Conflict("order_in_doubt")` if nobody knows: then what was taken is settled as any doubt."""
    order = f"check-{ulid(engine.clock.now())}"
    payment = await charge(
        engine,
        merchant_id,
        ChargeWish(
            customer_uid=customer_uid,
            merchant_uid=order,
            amount_krw=amount_krw,
            name="카드 확인 (즉시 취소)",
        ),
    )
    if payment.status is Status.PENDING:
        raise Conflict("order_in_doubt", merchant_uid=order, imp_uid=payment.imp_uid)
    if payment.status is Status.FAILED:
        raise Conflict("card_check_failed", why=payment.fail_reason or "", imp_uid=payment.imp_uid)
    try:
        await cancel(engine, merchant_id, _give_back(payment.imp_uid))
    except Conflict as doubt:
        # The card works. A cancel in doubt is settled by itself, as any other.
        log.warning("card_check_in_doubt", imp_uid=payment.imp_uid, why=doubt.reason)


def _give_back(imp_uid: str) -> CancelWish:
    return CancelWish(
        imp_uid=imp_uid,
        merchant_uid=None,
        amount_krw=None,
        reason="예약 등록 카드 확인",
        who="gateway",
    )
