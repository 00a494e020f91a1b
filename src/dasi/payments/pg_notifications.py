"""Take a PG's notice: stored first, acknowledged by the face, then it wakes a look at the PG.

A notice is unsigned: it proves nothing and changes no money. All it can do is make us ask sooner.
"""

import structlog

from dasi.engine import Engine
from dasi.foundation.reencrypt import EncryptedColumn
from dasi.ledger import attempt_store
from dasi.payments import pg_notification_store
from dasi.payments.resolve import lookup_attempt
from dasi.providers.port import PgNotice

log = structlog.get_logger()


async def store_notice(engine: Engine, provider: str, notice: PgNotice, *, source: str) -> None:
    """Keeps the notice durably, sealed. After this it may be acknowledged."""
    await pg_notification_store.keep_any_merchant(
        engine.database,
        provider=provider,
        notice_id=notice.notice_id,
        sealed_body=engine.vault.seal(
            notice.raw, associated_data=_associated_data(notice.notice_id)
        ),
        source=source,
        now=engine.clock.now(),
    )


async def work_on_notice(engine: Engine, provider: str, notice: PgNotice, *, source: str) -> str:
    """Looks at once at whatever the notice names; returns what came of it, in a word.

    `woken`: a lookup was made. `known`: nothing was open. `unknown_order`: no request of ours
    has that order number. `foreign_source`: a live notice from an address that is not the PG's:
    kept, and not worked on; the scheduled lookups resolve it all the same.
    """
    outcome = await _work(engine, provider, notice, source=source)
    await pg_notification_store.finish_any_merchant(
        engine.database, provider=provider, notice_id=notice.notice_id, outcome=outcome
    )
    log.info("pg_notice", notice_id=notice.notice_id, outcome=outcome, source=source)
    return outcome


async def _work(engine: Engine, provider: str, notice: PgNotice, *, source: str) -> str:
    if notice.shop_order_no is None:
        return "unknown_order"
    is_known = await attempt_store.is_order_known_any_merchant(
        engine.database, mall_id=notice.mall_id, shop_order_no=notice.shop_order_no
    )
    if not is_known:
        return "unknown_order"
    is_sandbox = await attempt_store.is_sandbox_order_any_merchant(
        engine.database, mall_id=notice.mall_id, shop_order_no=notice.shop_order_no
    )
    if not is_sandbox and not engine.providers[provider].is_notice_source(source):
        return "foreign_source"
    woken = await attempt_store.wake_by_order_any_merchant(
        engine.database,
        mall_id=notice.mall_id,
        shop_order_no=notice.shop_order_no,
        now=engine.clock.now(),
    )
    for asked in woken:
        await lookup_attempt(engine, asked)
    return "woken" if woken else "known"


def _associated_data(notice_id: str) -> str:
    return f"notice {notice_id}"


SEALED_NOTICES = EncryptedColumn(
    what="notices",
    table="pg_notices",
    key=("provider", "notice_id"),
    column="sealed_body",
    associated_data=lambda row: _associated_data(row["notice_id"]),
)
