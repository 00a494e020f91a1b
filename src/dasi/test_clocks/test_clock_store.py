"""SQL of a test merchant's clock."""

from dasi.foundation.db import Database


async def is_in_test_mode(database: Database, merchant_id: int) -> bool:
    """Tell whether the merchant has channels and all of them are test channels."""
    row = await database.fetchrow(
        "SELECT bool_and(is_sandbox) AS is_test FROM channels WHERE merchant_id = $1", merchant_id
    )
    return row is not None and bool(row["is_test"])


async def advance(database: Database, merchant_id: int, *, by_s: int) -> None:
    """Advance the merchant's clock and move all its due times nearer by as much, in one commit."""
    await database.fetch(
        """WITH merchant AS (
               UPDATE merchants SET clock_offset_s = clock_offset_s + $2 WHERE merchant_id = $1
           ), charges AS (
               UPDATE schedules SET due_at = due_at - make_interval(secs => $2)
               WHERE merchant_id = $1 AND status = 'scheduled'
           ), charges_in_doubt AS (
               UPDATE schedules SET leased_until = leased_until - make_interval(secs => $2)
               WHERE merchant_id = $1 AND status = 'running' AND imp_uid IS NOT NULL
           ), unresolved AS (
               UPDATE pg_attempts
               SET clock_offset_s = clock_offset_s + $2,
                   next_lookup_at = next_lookup_at - make_interval(secs => $2),
                   deadline_at = deadline_at - make_interval(secs => $2)
               WHERE merchant_id = $1 AND next_lookup_at IS NOT NULL
           ), endpoints AS (
               UPDATE webhook_endpoints
               SET backoff_until = backoff_until - make_interval(secs => $2),
                   failing_since = failing_since - make_interval(secs => $2)
               WHERE merchant_id = $1
           )
           UPDATE deliveries SET next_attempt_at = next_attempt_at - make_interval(secs => $2)
           WHERE merchant_id = $1 AND state = 'pending'""",
        merchant_id,
        by_s,
    )


async def reset(database: Database, merchant_id: int) -> None:
    """Set the clock back and the due times of waiting schedules to their scheduled times."""
    await database.fetch(
        """WITH charges AS (
               UPDATE schedules s SET due_at = s.schedule_at
               WHERE s.merchant_id = $1 AND s.status = 'scheduled'
           )
           UPDATE merchants SET clock_offset_s = 0 WHERE merchant_id = $1""",
        merchant_id,
    )
