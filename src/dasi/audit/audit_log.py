"""Write an entry, and read the log back."""

from collections.abc import Sequence

from dasi.audit import audit_store
from dasi.audit.audit_entry import Actor, AuditEntry, ClientInfo
from dasi.engine import Engine

_DETAIL_MAX = 1_000


async def record_audit(
    engine: Engine,
    merchant_id: int | None,
    user: Actor,
    action: str,
    *,
    target: str | None,
    detail: str | None,
    client: ClientInfo,
) -> None:
    """Written before the operation begins where it cannot be undone, after it elsewhere.

    `detail` is text for a reader and never holds a secret.
    """
    await audit_store.insert_audit(
        engine.database,
        merchant_id,
        user_id=user.user_id,
        email=user.email,
        action=action,
        target=target[:200] if target else None,
        detail=detail[:_DETAIL_MAX] if detail else None,
        client=client,
        now=engine.clock.now(),
    )


async def record_own_audit(
    engine: Engine,
    user: Actor,
    action: str,
    client: ClientInfo,
    *,
    target: str | None = None,
    detail: str | None = None,
) -> None:
    """What somebody did with their own way in: it concerns no merchant."""
    await record_audit(engine, None, user, action, target=target, detail=detail, client=client)


async def list_audit(
    engine: Engine,
    merchant_id: int,
    *,
    with_merchantless: bool,
    words: str | None,
    before: int | None,
    limit: int,
) -> list[AuditEntry]:
    """Newest first. `with_merchantless` adds signing in and out, which belongs to no merchant."""
    return await audit_store.audit_entries(
        engine.database,
        merchant_id,
        with_merchantless=with_merchantless,
        words=words.lower() if words else None,
        before=before,
        limit=limit,
    )


async def audit_for(
    engine: Engine, merchant_id: int, targets: Sequence[str], *, limit: int
) -> list[AuditEntry]:
    """What users did to these targets (a payment, its doubts, its events), oldest first."""
    return await audit_store.audit_for(engine.database, merchant_id, targets, limit=limit)
