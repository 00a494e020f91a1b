"""The outbox: an event and its deliveries, written in the transaction that made it true (W1).

`enqueue_event` is for a transaction of several statements, `ENQUEUE_EVENTS_CTE` for one statement
that changes many payments.
"""

import json
from collections.abc import Mapping
from datetime import datetime

from dasi.foundation.db import Connection, Database
from dasi.foundation.ids import ulid

_IS_TEST_OF_LIVE = "c.is_sandbox AND m.live_since IS NOT NULL"
OWN_URL = f"""CASE WHEN {_IS_TEST_OF_LIVE} THEN m.test_webhook_url
                 WHEN c.is_sandbox THEN coalesce(m.test_webhook_url, m.webhook_url)
                 ELSE m.webhook_url END"""
"""The merchant's own URL for an event: of `m`, the merchant, and `c`, the event's channel if any.

The test events of a live merchant go to its test URL or nowhere, never to `notice_urls` (M12).
"""


def _urls(urls: str, own_url: str, *, is_of_page: str, is_withheld: str) -> str:
    """Return SQL of the URLs that an event goes to: `urls`, the merchant's own, or both.

    A URL that the merchant's server sends replaces its own, as in Iamport. One that a page sends
    comes beside it, because a page must not keep a payment from the merchant (A4). Where
    `is_withheld`, neither counts (M12).
    """
    return f"""CASE WHEN cardinality({urls}) = 0 OR ({is_withheld}) THEN ARRAY[{own_url}]
                 WHEN {is_of_page} AND {own_url} <> ALL ({urls}) THEN {urls} || ({own_url})
                 ELSE {urls} END"""


_INPUT_URLS = _urls("n.urls", OWN_URL, is_of_page="n.is_of_page", is_withheld=_IS_TEST_OF_LIVE)
_PARAMETER_URLS = _urls(
    "$7::text[]", "m.own_url", is_of_page="$11", is_withheld="m.is_test_of_live"
)
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
        CROSS JOIN LATERAL unnest({_INPUT_URLS})
            WITH ORDINALITY AS target (url, place)
        WHERE target.url IS NOT NULL
    )"""
"""Two members of a WITH list. They follow a member `webhook_input` with a row for each event:
merchant_id, event_id, resource_id (such as a payment's id), channel_id, version, kind, body,
urls (`notice_url`), is_of_page and at."""


async def enqueue_event(
    connection: Connection,
    merchant_id: int,
    *,
    imp_uid: str,
    merchant_uid: str,
    channel_id: int,
    version: int,
    status: str,
    notice_urls: tuple[str, ...],
    is_of_page: bool,
    now: datetime,
    more: Mapping[str, str] | None = None,
) -> str:
    """Write the event of a payment and a delivery for each URL; return the event's id.

    `notice_urls` replace the merchant's own webhook URL if there are any; those that a page sent
    (`is_of_page`) come beside it. A test channel's event goes to the merchant's test URL; of a
    live merchant it goes nowhere else. A merchant without a URL still has the event in the feed.
    `more` joins the body.
    """
    event_id = f"evt_{ulid(now)}"
    await _insert_event(
        connection,
        merchant_id,
        event_id=event_id,
        resource_id=imp_uid,
        channel_id=channel_id,
        version=version,
        kind=f"payment.{status}",
        body={"imp_uid": imp_uid, "merchant_uid": merchant_uid, "status": status, **(more or {})},
        urls=notice_urls,
        is_of_page=is_of_page,
        is_extended=False,
        now=now,
    )
    return event_id


async def enqueue_extended_event(
    connection: Connection,
    merchant_id: int,
    *,
    kind: str,
    resource_id: str,
    channel_id: int | None,
    version: int,
    body: Mapping[str, str],
    now: datetime,
) -> None:
    """Write an event that Iamport lacks, if the merchant has extended events switched on.

    `resource_id` names a payment, a key or a schedule, whose events stay in order. The event goes
    to the merchant's own URL. Its body holds `type`, which Iamport's own bodies do not.
    """
    await _insert_event(
        connection,
        merchant_id,
        event_id=f"evt_{ulid(now)}",
        resource_id=resource_id,
        channel_id=channel_id,
        version=version,
        kind=kind,
        body={"type": kind, **body},
        urls=(),
        is_of_page=False,
        is_extended=True,
        now=now,
    )


def notify_workers(database: Database) -> None:
    """Wake the deliverers. Call it after the commit of `ENQUEUE_EVENTS_CTE`.

    Deliverers also poll, so a lost call costs a second.
    """
    database.notify("dasi_webhooks")


async def _insert_event(
    connection: Connection,
    merchant_id: int,
    *,
    event_id: str,
    resource_id: str,
    channel_id: int | None,
    version: int,
    kind: str,
    body: Mapping[str, str],
    urls: tuple[str, ...],
    is_of_page: bool,
    is_extended: bool,
    now: datetime,
) -> None:
    """Insert the event and a delivery for each URL.

    A disabled endpoint gets its delivery, too, which waits there until the endpoint is resumed.
    """
    await connection.execute(
        f"""WITH merchant AS (
               SELECT m.merchant_id, m.webhook_content_type, {OWN_URL} AS own_url,
                      {_IS_TEST_OF_LIVE} AS is_test_of_live
               FROM merchants m
               LEFT JOIN channels c ON c.merchant_id = m.merchant_id AND c.channel_id = $10
               WHERE m.merchant_id = $1 AND (m.extended_events OR NOT $9)
           ), event AS (
               INSERT INTO webhook_events
                   (merchant_id, event_id, resource_id, channel_id, version, kind, body, at)
               SELECT $1, $2, $3, $10, $4, $5, $6, $8 FROM merchant
           )
           INSERT INTO deliveries (merchant_id, delivery_id, event_id, resource_id, version, url,
                                   content_type, state, next_attempt_at, created_at)
           SELECT $1, $2 || '.' || target.place, $2, $3, $4, target.url, m.webhook_content_type,
                  'pending', $8, $8
           FROM merchant m
           CROSS JOIN LATERAL unnest({_PARAMETER_URLS})
               WITH ORDINALITY AS target (url, place)
           WHERE target.url IS NOT NULL""",
        merchant_id,
        event_id,
        resource_id,
        version,
        kind,
        json.dumps(body, ensure_ascii=False),
        list(urls),
        now,
        is_extended,
        channel_id,
        is_of_page,
    )
    # Wakes a deliverer at the commit; it also polls, so a lost call costs a second, not an event.
    await connection.execute("SELECT pg_notify('dasi_webhooks', '')")
