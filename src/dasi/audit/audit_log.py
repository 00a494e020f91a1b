"""Write entries of the audit log, and read them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from dasi.audit import audit_store
from dasi.audit.audit_store import AuditEntry, ClientInfo
from dasi.engine import Engine

_TARGET_MAX, _DETAIL_MAX = 200, 1_000
_VIEW_REPEATED_AFTER = timedelta(minutes=10)
"""A page that renews itself shows the same data many times: one entry stands for this long."""


class Actor(Protocol):
    """The user of an entry. A protocol, because `dasi.users` imports this package."""

    @property
    def user_id(self) -> int: ...
    @property
    def email(self) -> str: ...


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
    """Write an entry: before the operation if it cannot be undone, else after it.

    `detail` is text for a reader and never holds a secret.
    """
    await audit_store.insert_audit(
        engine.database,
        merchant_id,
        user_id=user.user_id,
        email=user.email,
        action=action,
        target=target[:_TARGET_MAX] if target else None,
        detail=detail[:_DETAIL_MAX] if detail else None,
        client=client,
        now=engine.clock.now(),
    )


async def record_view(
    engine: Engine,
    merchant_id: int,
    user: Actor,
    action: str,
    *,
    target: str,
    detail: str | None,
    client: ClientInfo,
) -> None:
    """Write that a user sees personal data, unless an entry of the last ten minutes says so."""
    is_recorded = await audit_store.is_recorded_since(
        engine.database,
        merchant_id,
        user_id=user.user_id,
        action=action,
        target=target[:_TARGET_MAX],
        detail=detail[:_DETAIL_MAX] if detail else None,
        since=engine.clock.now() - _VIEW_REPEATED_AFTER,
    )
    if not is_recorded:
        await record_audit(
            engine, merchant_id, user, action, target=target, detail=detail, client=client
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
    """Write an entry about the user's own account, which belongs to no merchant."""
    await record_audit(engine, None, user, action, target=target, detail=detail, client=client)


async def list_audit(
    engine: Engine,
    merchant_id: int,
    *,
    with_merchantless: bool,
    search_text: str | None,
    before: int | None,
    limit: int,
) -> list[AuditEntry]:
    """Return entries of a merchant, newest first, older than position `before`.

    `with_merchantless` adds the entries of no merchant, such as sign-ins.
    """
    return await audit_store.audit_entries(
        engine.database,
        merchant_id,
        with_merchantless=with_merchantless,
        search_text=search_text.lower() if search_text else None,
        before=before,
        limit=limit,
    )


async def list_audit_of(
    engine: Engine, merchant_id: int, targets: Sequence[str], *, limit: int
) -> list[AuditEntry]:
    """Return the operations on these targets (payments, attempts, events), oldest first.

    Views are left out.
    """
    return await audit_store.audit_entries_of(engine.database, merchant_id, targets, limit=limit)
