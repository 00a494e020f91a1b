"""Take a PG's notification: stored first, acknowledged by the face, then it wakes a look at the PG.

A notification is unsigned: it proves nothing and changes no money. It can only make us ask sooner.
"""

import structlog

from dasi.engine import Engine
from dasi.foundation.reencrypt import EncryptedColumn
from dasi.ledger import attempt_store
from dasi.payments import pg_notification_store
from dasi.payments.resolve import lookup_attempt
from dasi.providers.port import PgNotification

log = structlog.get_logger()


async def store_pg_notification(
    engine: Engine, provider: str, notification: PgNotification, *, source: str
) -> None:
    """Keeps the notification durably, sealed. After this it may be acknowledged."""
    await pg_notification_store.keep_any_merchant(
        engine.database,
        provider=provider,
        notification_id=notification.notification_id,
        sealed_body=SEALED_NOTIFICATIONS.seal(
            engine.vault, notification.raw, notification_id=notification.notification_id
        ),
        source=source,
        now=engine.clock.now(),
    )


async def process_pg_notification(
    engine: Engine, provider: str, notification: PgNotification, *, source: str
) -> str:
    """Looks at once at whatever the notification names; returns what came of it, in a word.

    `lookup_triggered`: a lookup was made. `no_open_attempt`: nothing was open.
    `unknown_order`: no request of ours
    has that order number. `untrusted_source`: a live notification from
    an address that is not the PG's:
    kept, and not worked on; the scheduled lookups resolve it all the same.
    """
    outcome = await _work(engine, provider, notification, source=source)
    await pg_notification_store.finish_any_merchant(
        engine.database,
        provider=provider,
        notification_id=notification.notification_id,
        outcome=outcome,
    )
    log.info(
        "pg_notification",
        notification_id=notification.notification_id,
        outcome=outcome,
        source=source,
    )
    return outcome


async def _work(engine: Engine, provider: str, notification: PgNotification, *, source: str) -> str:
    if notification.pg_order_id is None:
        return "unknown_order"
    is_known = await attempt_store.is_order_known_any_merchant(
        engine.database,
        pg_merchant_id=notification.pg_merchant_id,
        pg_order_id=notification.pg_order_id,
    )
    if not is_known:
        return "unknown_order"
    is_sandbox = await attempt_store.is_sandbox_order_any_merchant(
        engine.database,
        pg_merchant_id=notification.pg_merchant_id,
        pg_order_id=notification.pg_order_id,
    )
    if not is_sandbox and not engine.providers[provider].is_notification_source(source):
        return "untrusted_source"
    attempts = await attempt_store.wake_by_order_any_merchant(
        engine.database,
        pg_merchant_id=notification.pg_merchant_id,
        pg_order_id=notification.pg_order_id,
        now=engine.clock.now(),
    )
    for asked in attempts:
        await lookup_attempt(engine, asked)
    return "lookup_triggered" if attempts else "no_open_attempt"


SEALED_NOTIFICATIONS = EncryptedColumn(
    title="PG notifications",
    table="pg_notifications",
    key=("provider", "notification_id"),
    column="sealed_body",
    bound_to="notification {notification_id}",
)
