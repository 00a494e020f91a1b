"""SQL that claims deliveries and records their attempts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dasi.foundation.db import Database
from dasi.webhooks.retry_policy import DeliveryDecision, HttpResult


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    merchant_id: int
    delivery_id: str
    event_id: str
    url: str
    content_type: Literal["json", "form"]
    body: dict[str, str]
    cycle_attempts: int
    """Attempts of this retry cycle before this one."""
    is_live_merchant: bool
    """The merchant takes real money."""
    is_withheld: bool
    """A test event of a live merchant, for another URL than its test URL: it is not sent (M12)."""
    request_id: str | None
    """Of the request to the PG that led to the event."""


async def claim_due_any_merchant(
    database: Database,
    *,
    now: datetime,
    leased_until: datetime,
    batch: int,
    busy: Sequence[tuple[int, str]],
    busy_merchants: Sequence[int],
    only_merchant_id: int | None,
) -> list[ClaimedDelivery]:
    """Lease up to `batch` due deliveries to this worker until `leased_until` and return them.

    A delivery waits while an older one of the same payment and URL has no response yet (W3). Busy,
    paused or disabled endpoints (a merchant and a URL) are left out. If the worker dies, the lease
    expires and another worker claims the delivery. `OFFSET 0` and `coalesce` keep the planner on
    the index of `next_attempt_at`, however many deliveries are due.
    """
    rows = await database.fetch(
        """WITH due AS MATERIALIZED (
               SELECT due.merchant_id, due.delivery_id FROM deliveries due
               WHERE due.state = 'pending' AND due.next_attempt_at <= $1
                 AND (due.leased_until IS NULL OR due.leased_until <= $1)
                 AND coalesce(due.merchant_id || ' ' || due.url <> ALL ($4::text[]), true)
                 AND coalesce(due.merchant_id <> ALL ($6::bigint[]), true)
                 AND coalesce(due.merchant_id = $5::bigint, true)
                 AND NOT EXISTS (
                     SELECT 1 FROM deliveries older
                     WHERE older.merchant_id = due.merchant_id
                       AND older.resource_id = due.resource_id
                       AND older.url = due.url AND older.state = 'pending'
                       AND older.responded_at IS NULL AND older.version < due.version OFFSET 0)
                 AND NOT EXISTS (
                     SELECT 1 FROM webhook_endpoints r
                     WHERE r.merchant_id = due.merchant_id AND r.url = due.url
                       AND (r.disabled_at IS NOT NULL OR r.paused_at IS NOT NULL
                            OR r.backoff_until > $1) OFFSET 0)
               ORDER BY due.next_attempt_at, due.version LIMIT $3 FOR UPDATE SKIP LOCKED
           )
           UPDATE deliveries d SET leased_until = $2
           FROM webhook_events e, merchants m
           WHERE (d.merchant_id, d.delivery_id) IN (SELECT merchant_id, delivery_id FROM due)
             AND e.merchant_id = d.merchant_id AND e.event_id = d.event_id
             AND m.merchant_id = d.merchant_id
           RETURNING d.merchant_id, d.delivery_id, d.event_id, d.url, d.content_type,
                     e.body, d.cycle_attempts,
                     m.live_since IS NOT NULL AS is_live_merchant,
                     m.live_since IS NOT NULL AND d.url IS DISTINCT FROM m.test_webhook_url
                     AND EXISTS (SELECT 1 FROM channels c
                                 WHERE c.merchant_id = e.merchant_id
                                   AND c.channel_id = e.channel_id AND c.is_sandbox)
                     AS is_withheld,
                     (SELECT a.request_id FROM pg_attempts a
                      WHERE a.merchant_id = e.merchant_id AND a.imp_uid = e.resource_id
                        AND a.sent_at <= e.at
                      ORDER BY a.sent_at DESC LIMIT 1) AS request_id""",
        now,
        leased_until,
        batch,
        [f"{merchant_id} {url}" for merchant_id, url in busy],
        only_merchant_id,
        list(busy_merchants),
    )
    return [ClaimedDelivery(**{**row, "body": json.loads(row["body"])}) for row in rows]


async def release(database: Database, merchant_id: int, delivery_id: str) -> None:
    """End the lease of a claimed delivery without an attempt."""
    await database.fetch(
        """UPDATE deliveries SET leased_until = NULL
           WHERE merchant_id = $1 AND delivery_id = $2 AND state = 'pending'""",
        merchant_id,
        delivery_id,
    )


async def record_attempt(
    database: Database,
    delivery: ClaimedDelivery,
    *,
    request: str,
    response: HttpResult,
    decision: DeliveryDecision,
    began_at: datetime,
    now: datetime,
) -> None:
    """Record one POST: the delivery's new state and next attempt, and a row of the log."""
    await database.fetch(
        """WITH attempted AS (
               UPDATE deliveries
               SET state = $3, attempts = attempts + 1, cycle_attempts = cycle_attempts + 1,
                   last_answer = $4, next_attempt_at = $5, leased_until = NULL,
                   responded_at = CASE WHEN $6 THEN coalesce(responded_at, $7)
                                  ELSE responded_at END,
                   done_at = CASE WHEN $3 = 'pending' THEN NULL ELSE $7::timestamptz END
               WHERE merchant_id = $1 AND delivery_id = $2 AND state = 'pending'
               RETURNING attempts
           )
           INSERT INTO delivery_attempts (merchant_id, delivery_id, number, at, took_ms, url,
                                          request, http_status, answer, next_attempt_at)
           SELECT $1, $2, attempts, $8, $9, $10, $11, $12, $4,
                  CASE WHEN $3 = 'pending' THEN $5::timestamptz END
           FROM attempted""",
        delivery.merchant_id,
        delivery.delivery_id,
        decision.state,
        response.text,
        decision.next_attempt_at,
        decision.has_responded,
        now,
        began_at,
        response.took_ms,
        delivery.url,
        request,
        response.http_status,
    )
