"""SQL of the webhooks' room."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dasi.foundation.db import Connection, Database

DeliveryState = Literal["due", "delivered", "parked"]


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    merchant_id: int
    delivery_id: str
    event_id: str
    url: str
    content_type: Literal["json", "form"]
    body: dict[str, str]
    tries: int
    """How many went before this one."""


async def insert_event(
    connection: Connection,
    merchant_id: int,
    *,
    event_id: str,
    imp_uid: str,
    version: int,
    kind: str,
    body: Mapping[str, str],
    urls: tuple[str, ...],
    now: datetime,
) -> None:
    """The event, and a delivery for each of `urls`, or else for the merchant's own URL."""
    await connection.execute(
        """WITH event AS (
               INSERT INTO webhook_events
                   (merchant_id, event_id, imp_uid, version, kind, body, at)
               VALUES ($1, $2, $3, $4, $5, $6, $8)
           )
           INSERT INTO deliveries (merchant_id, delivery_id, event_id, imp_uid, version, url,
                                   content_type, state, next_try_at, created_at)
           SELECT $1, $2 || '.' || target.place, $2, $3, $4, target.url, m.webhook_content_type,
                  'due', $8, $8
           FROM merchants m
           CROSS JOIN LATERAL unnest(
               CASE WHEN cardinality($7::text[]) > 0 THEN $7::text[]
                    WHEN m.webhook_url IS NULL THEN '{}'::text[]
                    ELSE ARRAY[m.webhook_url] END
           ) WITH ORDINALITY AS target (url, place)
           WHERE m.merchant_id = $1""",
        merchant_id,
        event_id,
        imp_uid,
        version,
        kind,
        json.dumps(body, ensure_ascii=False),
        list(urls),
        now,
    )
    # Wakes the worker early; it also looks by itself, so a lost call costs a second, not an event.
    await connection.execute("SELECT pg_notify('dasi_webhooks', '')")


async def claim_due_any_merchant(
    database: Database, *, now: datetime, leased_until: datetime, batch: int
) -> list[ClaimedDelivery]:
    """Takes up to `batch` due deliveries for this worker until `leased_until`.

    Order per payment and URL is kept (W3): a delivery waits while an older one of the same payment
    for the same URL is still due. A worker that dies loses its lease, not the delivery.
    """
    rows = await database.fetch(
        """UPDATE deliveries d SET leased_until = $2
           FROM webhook_events e
           WHERE (d.merchant_id, d.delivery_id) IN (
               SELECT due.merchant_id, due.delivery_id FROM deliveries due
               WHERE due.state = 'due' AND due.next_try_at <= $1
                 AND (due.leased_until IS NULL OR due.leased_until <= $1)
                 AND NOT EXISTS (
                     SELECT 1 FROM deliveries older
                     WHERE older.merchant_id = due.merchant_id AND older.imp_uid = due.imp_uid
                       AND older.url = due.url AND older.state = 'due'
                       AND older.version < due.version)
               ORDER BY due.next_try_at LIMIT $3 FOR UPDATE SKIP LOCKED)
             AND e.merchant_id = d.merchant_id AND e.event_id = d.event_id
           RETURNING d.merchant_id, d.delivery_id, d.event_id, d.url, d.content_type, e.body,
                     d.tries""",
        now,
        leased_until,
        batch,
    )
    return [ClaimedDelivery(**{**row, "body": json.loads(row["body"])}) for row in rows]


async def record_try(
    database: Database,
    merchant_id: int,
    delivery_id: str,
    *,
    state: DeliveryState,
    answer: str,
    next_try_at: datetime,
    now: datetime,
) -> None:
    """What one POST came to, and when the next one is due."""
    await database.fetch(
        """UPDATE deliveries
           SET state = $3, tries = tries + 1, last_answer = $4, next_try_at = $5,
               leased_until = NULL,
               done_at = CASE WHEN $3 = 'due' THEN NULL ELSE $6::timestamptz END
           WHERE merchant_id = $1 AND delivery_id = $2 AND state = 'due'""",
        merchant_id,
        delivery_id,
        state,
        answer,
        next_try_at,
        now,
    )
