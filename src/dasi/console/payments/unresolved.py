"""The worklist of doubts: what is not known, what is done about it, until when, and how it ends."""

from datetime import datetime
from urllib.parse import urlencode

from starlette.responses import Response

from dasi.console.payments.reason_labels import cause
from dasi.console.routing import Visit
from dasi.foundation.errors import Invalid, NotFound
from dasi.payments import decide, look_again
from dasi.reporting import browse_doubts, is_doubt

PAGE = 50
_WHY_MIN = 3


async def show_doubts(visit: Visit) -> Response:
    """Two lists: those with a person, those the machine asks about. Each has pages of its own."""
    lists = {}
    for name, is_with_person in (("person", True), ("machine", False)):
        doubts, next_cursor = await browse_doubts(
            visit.engine,
            visit.merchant_id,
            is_with_person=is_with_person,
            after=_cursor(visit, name),
            limit=PAGE,
        )
        next_url = None
        if next_cursor is not None:
            next_url = "?" + urlencode({name: f"{next_cursor[0].isoformat()}~{next_cursor[1]}"})
        lists[name] = (doubts, next_url)
    return visit.page(
        "doubts.html",
        with_person=lists["person"],
        with_machine=lists["machine"],
        cause=cause,
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
    if not await is_doubt(visit.engine, visit.merchant_id, attempt_id):
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


def _cursor(visit: Visit, name: str) -> tuple[datetime, str] | None:
    at, _, attempt_id = visit.query(name).partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (moment, attempt_id) if moment.tzinfo and attempt_id else None
