"""SQL that deletes old events with their deliveries, a batch at a time."""

from datetime import datetime

from dasi.foundation.db import Connection
from dasi.foundation.ids import ulid


async def delete_old_events(
    connection: Connection, merchant_id: int, *, before: datetime, batch: int
) -> int:
    """Delete a merchant's oldest events from before a moment, and return how many.

    An event stays while one of its deliveries waits or was made later. The merchant's row remembers
    how far the feed is deleted, so that a cursor from before is refused and hides no gap (W4).
    Events that no consumer has numbered count as the newest number drawn.
    """
    deleted = await connection.fetchval(
        """WITH old AS MATERIALIZED (
               SELECT e.event_id, e.sequence FROM webhook_events e
               WHERE e.merchant_id = $1 AND e.event_id < $2 AND e.at < $3
                 AND NOT EXISTS (
                     SELECT 1 FROM deliveries d
                     WHERE d.merchant_id = e.merchant_id AND d.event_id = e.event_id
                       AND (d.state = 'pending' OR d.done_at >= $3))
               ORDER BY e.event_id LIMIT $4 FOR UPDATE SKIP LOCKED
           ), of_old AS (
               SELECT d.delivery_id FROM deliveries d JOIN old USING (event_id)
               WHERE d.merchant_id = $1
           ), attempts AS (
               DELETE FROM delivery_attempts a USING of_old
               WHERE a.merchant_id = $1 AND a.delivery_id = of_old.delivery_id
           ), old_deliveries AS (
               DELETE FROM deliveries d USING of_old
               WHERE d.merchant_id = $1 AND d.delivery_id = of_old.delivery_id
                 AND d.state <> 'pending'
           ), events AS (
               DELETE FROM webhook_events e USING old
               WHERE e.merchant_id = $1 AND e.event_id = old.event_id
           ), last AS (
               SELECT CASE WHEN bool_or(sequence IS NULL) THEN nextval('webhook_event_sequence')
                           ELSE max(sequence) END AS sequence
               FROM old HAVING count(*) > 0
           ), remembered AS (
               UPDATE merchants m
               SET events_deleted_until = greatest(m.events_deleted_until, last.sequence)
               FROM last WHERE m.merchant_id = $1
           )
           SELECT count(*)::int FROM old""",
        merchant_id,
        f"evt_{ulid(before)[:10]}",
        before,
        batch,
    )
    return int(deleted)
