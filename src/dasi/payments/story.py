"""A payment's whole story: its events, every request to the PG, its windows."""

from dasi.engine import Engine
from dasi.foundation.errors import NotFound
from dasi.payments import attempt_store, reconcile, story_store
from dasi.payments.search import find_payment
from dasi.payments.story_lines import DoubtLine, Story


async def tell_story(engine: Engine, merchant_id: int, imp_uid: str) -> Story:
    """`NotFound("unknown_payment")` if this merchant has no such payment."""
    payment = await find_payment(engine, merchant_id, imp_uid)
    return Story(
        payment=payment,
        events=tuple(await story_store.events(engine.database, merchant_id, imp_uid)),
        attempts=tuple(await story_store.attempts(engine.database, merchant_id, imp_uid)),
        windows=tuple(await story_store.windows(engine.database, merchant_id, imp_uid)),
    )


async def list_doubts_of(engine: Engine, merchant_id: int, *, limit: int) -> list[DoubtLine]:
    """The worklist: those with a person first, then by deadline."""
    return await story_store.doubts(engine.database, merchant_id, limit=limit)


async def look_again(engine: Engine, merchant_id: int, attempt_id: str) -> str:
    """Asks the PG about one doubt now instead of at its next look; the attempt's state after.

    `NotFound("no_doubt")` if there is no such doubt, or it has ended.
    """
    if not await story_store.is_doubt(engine.database, merchant_id, attempt_id):
        raise NotFound("no_doubt")
    await reconcile.look_at(
        engine, await attempt_store.attempt(engine.database, merchant_id, attempt_id)
    )
    asked = await attempt_store.attempt(engine.database, merchant_id, attempt_id)
    return asked.state
