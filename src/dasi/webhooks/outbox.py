"""The outbox: an event is written in the transaction that made it true (W1)."""

from datetime import datetime

from dasi.foundation.db import Connection
from dasi.foundation.ids import ulid
from dasi.webhooks import store


async def announce(
    connection: Connection,
    merchant_id: int,
    *,
    imp_uid: str,
    merchant_uid: str,
    version: int,
    status: str,
    notice_urls: tuple[str, ...],
    now: datetime,
) -> str:
    """Writes the event and one delivery for each URL; returns the event's id.

    `notice_urls` take the place of the merchant's own webhook URL when there are any. A merchant
    without a URL still has the event: it can be read from the feed.
    """
    event_id = f"evt_{ulid(now)}"
    await store.insert_event(
        connection,
        merchant_id,
        event_id=event_id,
        imp_uid=imp_uid,
        version=version,
        kind=f"payment.{status}",
        body={"imp_uid": imp_uid, "merchant_uid": merchant_uid, "status": status},
        urls=notice_urls,
        now=now,
    )
    return event_id
