"""Tell the merchant of a failure or a doubt: what Iamport tells, and what it leaves out."""

from datetime import datetime

from dasi.events import enqueue_event, enqueue_extended_event
from dasi.foundation.db import Connection
from dasi.ledger import Payment


async def notify_failed(
    connection: Connection, failed: Payment, *, is_late: bool, now: datetime
) -> None:
    """A scheduled payment tells both ways (Iamport V1 4.2), and so does a failure that `is_late`:
    whoever asked was told "not yet known", or nothing at all. Of another charge the caller has the
    answer: it is told only to a merchant that asked for more. Windows tell their page.

    A scheduled payment that never reached the PG is made anew: that is no failure yet.
    """
    if failed.is_scheduled and failed.fail_code == "NOT_FOUND_AT_PG":
        return
    if failed.is_scheduled or is_late:
        await enqueue_event(
            connection,
            failed.merchant_id,
            imp_uid=failed.imp_uid,
            merchant_uid=failed.merchant_uid,
            channel_id=failed.channel_id,
            version=failed.version,
            status="failed",
            notice_urls=failed.notice_urls,
            now=now,
        )
    elif failed.source == "api":
        await notify_extended(connection, failed, "payment.declined", "failed", now=now)


async def notify_extended(
    connection: Connection, payment: Payment, kind: str, status: str, *, now: datetime
) -> None:
    """An event about a payment that only a merchant who asked for more is told of."""
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
