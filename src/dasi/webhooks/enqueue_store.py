"""SQL that enqueues the events of a statement, as a part of that statement (W1).

`enqueue.enqueue_event` is the same for one event in a transaction of several statements.
"""

from dasi.foundation.db import Database

OWN_URL = """CASE WHEN c.is_sandbox THEN coalesce(m.test_webhook_url, m.webhook_url)
                 ELSE m.webhook_url END"""
"""Of `m`, the merchant, and `c`, the channel it is about, if any: where the merchant is told."""

ENQUEUE_EVENTS_CTE = f"""event AS (
        INSERT INTO webhook_events
            (merchant_id, event_id, resource_id, channel_id, version, kind, body, at)
        SELECT merchant_id, event_id, resource_id, channel_id, version, kind, body, at
        FROM webhook_input
    ), delivery AS (
        INSERT INTO deliveries (merchant_id, delivery_id, event_id, resource_id, version, url,
                                content_type, state, next_attempt_at, created_at)
        SELECT n.merchant_id, n.event_id || '.' || target.place, n.event_id, n.resource_id,
               n.version, target.url, m.webhook_content_type, 'pending', n.at, n.at
        FROM webhook_input n
        JOIN merchants m ON m.merchant_id = n.merchant_id
        LEFT JOIN channels c ON c.merchant_id = n.merchant_id AND c.channel_id = n.channel_id
        CROSS JOIN LATERAL unnest(
            CASE WHEN cardinality(n.urls) > 0 THEN n.urls ELSE ARRAY[{OWN_URL}] END
        ) WITH ORDINALITY AS target (url, place)
        WHERE target.url IS NOT NULL
    )"""
"""Two members of a WITH list, after one called `webhook_input` that gives, for each event:
merchant_id,
event_id, resource_id (such as a payment's id), channel_id, version, kind, body, urls (in place of
the merchant's own) and at."""


def notify_workers(database: Database) -> None:
    """Call it after the commit. Deliverers also look by themselves: a lost call costs a second."""
    database.notify("dasi_webhooks")
