"""SQL that reads the conditions to alert on, of all merchants. Each list is bounded."""

from datetime import datetime

from dasi.foundation.db import Database, Row

_ROWS_MAX = 500


async def unresolved_past_deadline_any_merchant(database: Database) -> list[Row]:
    """Requests whose lookups have ended without an outcome, the oldest first."""
    return await database.fetch(
        """SELECT a.attempt_id, a.imp_uid, m.code, a.escalated_at
           FROM pg_attempts a JOIN merchants m ON m.merchant_id = a.merchant_id
           WHERE a.state IN ('sending', 'unknown') AND a.kind <> 'delete_key'
             AND a.escalated_at IS NOT NULL AND a.imp_uid IS NOT NULL
           ORDER BY a.escalated_at, a.attempt_id LIMIT $1""",
        _ROWS_MAX,
    )


async def disabled_endpoints_any_merchant(database: Database) -> list[Row]:
    """URLs that answered 410, the oldest first."""
    return await database.fetch(
        """SELECT e.url, m.code, e.disabled_at
           FROM webhook_endpoints e JOIN merchants m ON m.merchant_id = e.merchant_id
           WHERE e.disabled_at IS NOT NULL ORDER BY e.disabled_at, e.url LIMIT $1""",
        _ROWS_MAX,
    )


async def pauses_any_merchant(database: Database, *, paused_before: datetime) -> list[Row]:
    """Pauses of scheduled payments that last since then; `code` is NULL for all merchants."""
    return await database.fetch(
        """SELECT p.merchant_id, m.code, p.paused_at
           FROM schedule_pauses p LEFT JOIN merchants m ON m.merchant_id = p.merchant_id
           WHERE p.paused_at <= $1 ORDER BY p.paused_at, p.merchant_id LIMIT $2""",
        paused_before,
        _ROWS_MAX,
    )


async def failed_runs_any_merchant(
    database: Database, *, since: datetime, failed_min: int
) -> list[Row]:
    """Merchants of whose scheduled payments since then `failed_min` and more than half failed."""
    return await database.fetch(
        """SELECT m.code, runs.failed, runs.started
           FROM (SELECT s.merchant_id, count(*)::int AS started,
                        count(*) FILTER (WHERE p.status = 'failed')::int AS failed
                 FROM schedules s
                 JOIN payments p ON p.merchant_id = s.merchant_id AND p.imp_uid = s.imp_uid
                 WHERE s.started_at >= $1 GROUP BY s.merchant_id) runs
           JOIN merchants m ON m.merchant_id = runs.merchant_id
           WHERE runs.failed >= $2 AND runs.failed * 2 > runs.started
           ORDER BY runs.failed DESC, m.code LIMIT $3""",
        since,
        failed_min,
        _ROWS_MAX,
    )


async def failing_deletions_any_merchant(database: Database, *, since: datetime) -> list[Row]:
    """Merchants with billing keys that the PG refused to delete since then, or answers nothing.

    The waits between requests double, so the PG was silent for an hour at the sixth. The condition
    is that of the index `billing_keys_failing_deletions`.
    """
    return await database.fetch(
        """SELECT m.code, count(*)::int AS failing
           FROM billing_keys k JOIN merchants m ON m.merchant_id = k.merchant_id
           WHERE k.pg_deleted_at IS NULL
             AND (k.manual_review_reason IS NOT NULL
                  OR (k.next_deletion_at IS NOT NULL AND k.deletion_attempts >= 6))
             AND (k.manual_review_reason IS NULL OR k.updated_at >= $1)
           GROUP BY m.code ORDER BY m.code LIMIT $2""",
        since,
        _ROWS_MAX,
    )
