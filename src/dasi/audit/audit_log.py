"""Write an act of a person down, and read the log back."""

from collections.abc import Sequence

from dasi.audit import audit_store
from dasi.audit.audit_entry import Act, Actor, Origin
from dasi.engine import Engine

_DETAIL_MAX = 1_000


async def record_act(
    engine: Engine,
    merchant_id: int | None,
    person: Actor,
    what: str,
    *,
    about: str | None,
    detail: str | None,
    origin: Origin,
) -> None:
    """Written before the act is begun where the act cannot be undone, after it elsewhere.

    `detail` is text for a reader and never holds a secret.
    """
    await audit_store.insert_act(
        engine.database,
        merchant_id,
        person_id=person.person_id,
        email=person.email,
        what=what,
        about=about[:200] if about else None,
        detail=detail[:_DETAIL_MAX] if detail else None,
        origin=origin,
        now=engine.clock.now(),
    )


async def log_own_act(
    engine: Engine,
    person: Actor,
    what: str,
    origin: Origin,
    *,
    about: str | None = None,
    detail: str | None = None,
) -> None:
    """What somebody did with their own way in: it concerns no merchant."""
    await record_act(engine, None, person, what, about=about, detail=detail, origin=origin)


async def list_acts(
    engine: Engine,
    merchant_id: int,
    *,
    with_merchantless: bool,
    words: str | None,
    before: int | None,
    limit: int,
) -> list[Act]:
    """Newest first. `with_merchantless` adds signing in and out, which belongs to no merchant."""
    return await audit_store.acts(
        engine.database,
        merchant_id,
        with_merchantless=with_merchantless,
        words=words.lower() if words else None,
        before=before,
        limit=limit,
    )


async def acts_about(
    engine: Engine, merchant_id: int, abouts: Sequence[str], *, limit: int
) -> list[Act]:
    """What people did about these things (a payment, its doubts, its events), oldest first."""
    return await audit_store.acts_about(engine.database, merchant_id, abouts, limit=limit)
