"""Enqueue the webhooks of a payment: Iamport's own events, and the extended ones."""

from datetime import datetime

from dasi.events import enqueue_event, enqueue_extended_event
from dasi.foundation.db import Connection
from dasi.ledger import Payment


async def notify(
    connection: Connection,
    payment: Payment,
    status: str,
    *,
    notice_urls: tuple[str, ...],
    now: datetime,
) -> None:
    """Enqueue Iamport's webhook `payment.{status}` of a payment."""
    await enqueue_event(
        connection,
        payment.merchant_id,
        imp_uid=payment.imp_uid,
        merchant_uid=payment.merchant_uid,
        channel_id=payment.channel_id,
        version=payment.version,
        status=status,
        notice_urls=notice_urls,
        is_of_page=payment.source != "api",
        now=now,
    )


async def notify_failed(
    connection: Connection, failed: Payment, *, is_late: bool, now: datetime
) -> None:
    """Enqueue the webhook of a failed payment, if the merchant needs one.

    A scheduled payment sends a webhook for either outcome (Iamport V1 4.2). So does a failure that
    `is_late`: the caller has got the answer "not yet known", or none. The caller of any other
    charge has the answer, so only a merchant with extended events gets a webhook. A window shows
    its failure on the page.

    A scheduled payment that never reached the PG is charged again: that is no failure yet.
    """
    if failed.is_scheduled and failed.fail_code == "NOT_FOUND_AT_PG":
        return
    if failed.is_scheduled or is_late:
        await notify(connection, failed, "failed", notice_urls=failed.notice_urls, now=now)
    elif failed.source == "api":
        await notify_extended(connection, failed, "payment.declined", "failed", now=now)


async def notify_extended(
    connection: Connection, payment: Payment, kind: str, status: str, *, now: datetime
) -> None:
    """Enqueue an event of a payment for a merchant with extended events; others get none."""
    await enqueue_extended_event(
        connection,
        payment.merchant_id,
        kind=kind,
        resource_id=payment.imp_uid,
        channel_id=payment.channel_id,
        version=payment.version,
        body={"imp_uid": payment.imp_uid, "merchant_uid": payment.merchant_uid, "status": status},
        now=now,
    )
