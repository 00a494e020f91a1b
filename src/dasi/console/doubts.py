"""The worklist of doubts: what is not known, what is done about it, until when."""

from starlette.responses import Response

from dasi.console.door import Visit
from dasi.payments import list_doubts_of

_MAX = 200


async def show_doubts(visit: Visit) -> Response:
    doubts = await list_doubts_of(visit.engine, visit.merchant_id, limit=_MAX)
    return visit.page(
        "doubts.html",
        with_person=[one for one in doubts if one.handed_over_at],
        with_machine=[one for one in doubts if not one.handed_over_at],
        may_act=visit.person.may("act", visit.merchant_id),
    )
