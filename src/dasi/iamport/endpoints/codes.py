"""GET /cards and /banks: names of the codes that other answers use."""

from starlette.responses import Response
from starlette.routing import Route

from dasi.foundation.errors import NotFound
from dasi.iamport.endpoint import Call, Face, route
from dasi.iamport.envelope import answer
from dasi.iamport.rendering.banks import BANK_CODES
from dasi.iamport.rendering.cards import CARD_CODES
from dasi.iamport.rendering.objects import StandardCode

_CARDS = dict(CARD_CODES.values())


def routes(face: Face) -> list[Route]:
    unknown, one = ("unknown_code",), StandardCode
    card, bank = "/cards/{card_standard_code}", "/banks/{bank_standard_code}"
    return [
        *route(face, "GET", "/cards", cards, gives=list[StandardCode]),
        *route(face, "GET", card, card_of_code, gives=one, refuses=unknown),
        *route(face, "GET", "/banks", banks, gives=list[StandardCode]),
        *route(face, "GET", bank, bank_of_code, gives=one, refuses=unknown),
    ]


async def cards(_call: Call) -> Response:
    """Every card company's code and name."""
    return answer([StandardCode(code=code, name=name) for code, name in sorted(_CARDS.items())])


async def card_of_code(call: Call) -> Response:
    """One card company."""
    return _one(_CARDS, call.path["card_standard_code"])


async def banks(_call: Call) -> Response:
    """Every bank's code and name."""
    return answer([StandardCode(code=code, name=name) for code, name in BANK_CODES.items()])


async def bank_of_code(call: Call) -> Response:
    """One bank."""
    return _one(BANK_CODES, call.path["bank_standard_code"])


def _one(names: dict[str, str], code: str) -> Response:
    if code not in names:
        raise NotFound("unknown_code", standard_code=code[:20])
    return answer(StandardCode(code=code, name=names[code]))
