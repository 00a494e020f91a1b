"""Expire windows nobody came back from. A payer who simply closes the window sends nothing."""

from dasi.engine import Engine
from dasi.ledger import payment_store
from dasi.windows import window_store
from dasi.windows.open_window import WINDOW_EXPIRED

BATCH = 200


async def expire_windows(engine: Engine) -> int:
    """Fails the payments of windows past their life; returns how many. Asks the PG nothing."""
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        payments = await window_store.close_expired_windows_any_merchant(
            connection, now=now, batch=BATCH
        )
        for payment in payments:
            failed = await payment_store.mark_failed(
                connection,
                payment,
                code=WINDOW_EXPIRED,
                reason="결제창에서 돌아오지 않아 만료되었습니다",
                now=now,
            )
            await payment_store.record_event(
                connection, failed, event_type="window_expired", actor="gateway", created_at=now
            )
    return len(payments)
