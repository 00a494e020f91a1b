"""Store a PG notification, then look up the attempts it names.

A notification is unsigned: it proves nothing and changes no money. It only makes a lookup earlier.
"""

from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter

from dasi.engine import Engine
from dasi.forgotten_payments import find_notified_payment
from dasi.foundation.vault import EncryptedColumn
from dasi.http.rate_limit import RateLimit
from dasi.ledger import attempt_store
from dasi.outcomes import lookup_attempt
from dasi.pg_notifications import inbox_store
from dasi.providers.port import PgNotification
from dasi.recovery import is_held

log = structlog.get_logger()

UNKNOWN_ORDERS = RateLimit(per_s=5, burst=100)
UNKNOWN_ORDERS_STORED_MAX = 2_000
PER_ORDER_STORED_MAX = 50
"""A payment has an approval and a few cancels, and KICC repeats them under the same id."""
LEFT_TO_OPERATOR_MAX = 1_000
_REFUSED = Counter(
    "dasi_pg_notifications_refused_total",
    "Notifications above the rate of unknown orders or above the number that one order has",
)


async def store_pg_notification(
    engine: Engine, provider: str, notification: PgNotification, *, source: str
) -> bool:
    """Store the notification durably and sealed. Only a stored one may be acknowledged.

    False: nothing was stored, because its order is unknown here and `UNKNOWN_ORDERS` is exceeded,
    or because its order has `PER_ORDER_STORED_MAX` others. The PG sends it again. Every client can
    post notifications of unknown orders, and a payer knows the number of a real order.
    """
    is_known = notification.pg_order_id is not None and (
        await attempt_store.is_order_known_any_merchant(
            engine.database,
            pg_merchant_id=notification.pg_merchant_id,
            pg_order_id=notification.pg_order_id,
        )
    )
    if not is_known and not UNKNOWN_ORDERS.admits():
        _REFUSED.inc()
        return False
    is_stored = await inbox_store.insert_any_merchant(
        engine.database,
        provider=provider,
        notification_id=notification.notification_id,
        pg_order_id=notification.pg_order_id,
        sealed_body=SEALED_NOTIFICATIONS.seal(
            engine.vault,
            notification.claims,
            provider=provider,
            notification_id=notification.notification_id,
        ),
        source=source,
        now=engine.clock.now(),
        per_order_max=PER_ORDER_STORED_MAX,
    )
    if not is_stored:
        _REFUSED.inc()
    return is_stored


async def delete_unknown_notifications(engine: Engine, *, older_than: timedelta, batch: int) -> int:
    """Delete a batch of old notifications of unknown orders, and return how many."""
    async with engine.database.housekeeping() as connection:
        return await inbox_store.delete_unknown_any_merchant(
            connection, before=engine.clock.now() - older_than, batch=batch
        )


async def delete_old_notifications(engine: Engine, *, older_than: timedelta, batch: int) -> int:
    """Delete a batch of old notifications, and return how many. `Unavailable` if it is busy."""
    async with engine.database.housekeeping() as connection:
        return await inbox_store.delete_old_any_merchant(
            connection, before=engine.clock.now() - older_than, batch=batch
        )


async def process_pg_notification(
    engine: Engine, provider: str, notification: PgNotification, *, source: str
) -> str:
    """Look up at once the attempts of the order that the notification names; return a code.

    `lookup_triggered`: a lookup was made. `no_open_attempt`: no attempt was open. `unknown_order`:
    no request of ours has that order number. `untrusted_source`: a live notification from an
    address that is not the PG's; it is stored and not processed, and the scheduled lookups resolve
    its attempts anyway. `held`: this may be a copy of the installation, so nothing is looked up.
    `adopted`, `left_to_operator`: `dasi.forgotten_payments` found the order at the PG.
    """
    outcome = await _look_up_order(engine, provider, notification, source=source)
    await inbox_store.finish_any_merchant(
        engine.database,
        provider=provider,
        notification_id=notification.notification_id,
        outcome=outcome,
    )
    if outcome == "unknown_order":
        await inbox_store.prune_unknown_any_merchant(
            engine.database, provider=provider, limit=UNKNOWN_ORDERS_STORED_MAX
        )
    log.info(
        "pg_notification",
        notification_id=notification.notification_id,
        outcome=outcome,
        source=source,
    )
    return outcome


async def _look_up_order(
    engine: Engine, provider: str, notification: PgNotification, *, source: str
) -> str:
    if await is_held(engine.database):
        return "held"
    if notification.pg_order_id is None:
        return "unknown_order"
    is_known = await attempt_store.is_order_known_any_merchant(
        engine.database,
        pg_merchant_id=notification.pg_merchant_id,
        pg_order_id=notification.pg_order_id,
    )
    if not is_known:
        return await find_notified_payment(
            engine,
            provider,
            pg_merchant_id=notification.pg_merchant_id,
            pg_order_id=notification.pg_order_id,
            source=source,
        )
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
    for attempt in attempts:
        await lookup_attempt(engine, attempt)
    return "lookup_triggered" if attempts else "no_open_attempt"


async def list_left_to_operator(engine: Engine) -> list[tuple[str, datetime]]:
    """The order numbers that the PG holds an approval of and the ledger does not know, and when."""
    return await inbox_store.left_to_operator_any_merchant(
        engine.database, limit=LEFT_TO_OPERATOR_MAX
    )


SEALED_NOTIFICATIONS = EncryptedColumn(
    title="PG notifications",
    table="pg_notifications",
    key=("provider", "notification_id"),
    column="sealed_body",
    bound_to=("provider", "notification_id"),
)
