"""SQL of retries: schedules whose charge failed and whose merchant has a retry policy."""

from dataclasses import dataclass
from datetime import datetime

from dasi.foundation.db import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitingRetry:
    """A schedule that ran under a retry policy and whose payment is final."""

    merchant_id: int
    schedule_id: str
    schedule_at: datetime
    retries: int
    retry_days: tuple[int, ...]
    has_failed: bool
    reason: str | None
    """Of the decline, a slug of `dasi.providers.decline_reasons` where the PG gave one."""


async def claim_awaiting_retry_any_merchant(
    connection: Connection, *, batch: int
) -> list[AwaitingRetry]:
    """Lock up to `batch` schedules until the transaction ends; unresolved payments stay out."""
    rows = await connection.fetch(
        """SELECT s.merchant_id, s.schedule_id, s.schedule_at, s.retries, m.retry_days,
                  p.status = 'failed' AS has_failed,
                  (SELECT e.detail FROM payment_events e
                   WHERE e.merchant_id = p.merchant_id AND e.imp_uid = p.imp_uid
                     AND e.type = 'declined' ORDER BY e.seq DESC LIMIT 1) AS reason
           FROM schedules s
           JOIN payments p ON p.merchant_id = s.merchant_id AND p.imp_uid = s.imp_uid
           JOIN merchants m ON m.merchant_id = s.merchant_id
           WHERE s.awaits_retry AND s.status = 'executed' AND p.status NOT IN ('ready', 'pending')
           ORDER BY s.executed_at LIMIT $1 FOR UPDATE OF s SKIP LOCKED""",
        batch,
    )
    return [AwaitingRetry(**{**row, "retry_days": tuple(row["retry_days"])}) for row in rows]


async def end_awaiting_retry(connection: Connection, merchant_id: int, schedule_id: str) -> None:
    """Mark a schedule that is not retried (again)."""
    await connection.execute(
        "UPDATE schedules SET awaits_retry = false WHERE merchant_id = $1 AND schedule_id = $2",
        merchant_id,
        schedule_id,
    )
