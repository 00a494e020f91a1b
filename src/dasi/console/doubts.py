"""The worklist of doubts: what is not known, what is done about it, until when, and how it ends."""

from starlette.responses import Response

from dasi.console.door import Visit
from dasi.foundation.errors import Invalid, NotFound
from dasi.payments import decide, list_doubts_of, look_again

_MAX = 200
_WHY_MIN = 3


async def show_doubts(visit: Visit) -> Response:
    doubts = await list_doubts_of(visit.engine, visit.merchant_id, limit=_MAX)
    return visit.page(
        "doubts.html",
        with_person=[one for one in doubts if one.handed_over_at],
        with_machine=[one for one in doubts if not one.handed_over_at],
        may_act=visit.person.may("act", visit.merchant_id),
    )


async def post_look_again(visit: Visit) -> Response:
    """Asks the PG now. It reads only, so it may be pressed at any time."""
    attempt_id = visit.field("attempt_id")
    await visit.note("doubt_looked_up", about=attempt_id)
    await look_again(visit.engine, visit.merchant_id, attempt_id)
    back, ours = visit.field("back"), visit.address("/")
    is_ours = back.startswith(ours) and "//" not in back
    return visit.go(f"{back if is_ours else visit.address('/doubts')}?done=asked")


async def post_decide(visit: Visit) -> Response:
    """Ends a doubt that was handed over, by what the PG's own books say."""
    attempt_id, pg_tid = visit.field("attempt_id"), visit.field("pg_tid", length_max=60)
    happened = visit.field("happened")
    why = visit.field("why")
    if happened not in ("yes", "no"):
        raise Invalid("happened", "yes or no")
    if happened == "yes" and not pg_tid:
        raise Invalid("pg_tid", "the PG's number of the transaction")
    if len(why) < _WHY_MIN:
        raise Invalid("why", "what the PG's books say")
    doubts = await list_doubts_of(visit.engine, visit.merchant_id, limit=_MAX)
    if attempt_id not in {one.attempt_id for one in doubts}:
        raise NotFound("no_doubt")
    await visit.note("doubt_decided", about=attempt_id, detail=f"{happened} {pg_tid} {why}")
    await decide(
        visit.engine,
        attempt_id,
        pg_tid=pg_tid if happened == "yes" else None,
        who=f"person:{visit.person.email}",
        why=why,
    )
    return visit.go(f"{visit.address('/doubts')}?done=saved")
