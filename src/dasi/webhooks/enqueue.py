"""The outbox: an event is written in the transaction that made it true (W1)."""

from collections.abc import Mapping
from datetime import datetime

from dasi.foundation.db import Connection
from dasi.foundation.ids import ulid
from dasi.webhooks import delivery_store


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
    now: datetime,
    more: Mapping[str, str] | None = None,
) -> str:
    """Writes the event and one delivery for each URL; returns the event's id.

    `notice_urls` take the place of the merchant's own webhook URL when there are any; which of its
    own it is, the channel says: a test channel has the test one. A merchant without a URL still has
    the event: it can be read from the feed. `more` joins the body.
    """
    event_id = f"evt_{ulid(now)}"
    await delivery_store.insert_event(
        connection,
        merchant_id,
        event_id=event_id,
        resource_id=imp_uid,
        channel_id=channel_id,
        version=version,
        kind=f"payment.{status}",
        body={"imp_uid": imp_uid, "merchant_uid": merchant_uid, "status": status, **(more or {})},
        urls=notice_urls,
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
    """An event that Iamport leaves out: written only for a merchant that asked for more.

    `resource_id` names a payment, a key or a schedule, whose events stay in order.
    It goes to the merchant's own URL; its body says `type`, which Iamport's own bodies do not.
    """
    await delivery_store.insert_event(
        connection,
        merchant_id,
        event_id=f"evt_{ulid(now)}",
        resource_id=resource_id,
        channel_id=channel_id,
        version=version,
        kind=kind,
        body={"type": kind, **body},
        urls=(),
        is_extended=True,
        now=now,
    )
