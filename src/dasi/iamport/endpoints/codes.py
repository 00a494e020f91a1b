"""GET /cards and /banks: the names of the codes in other responses."""

from starlette.responses import Response
from starlette.routing import Route

from dasi.foundation.errors import NotFound
from dasi.iamport.endpoint import ApiContext, ApiRequest, route
from dasi.iamport.envelope import success
from dasi.iamport.rendering.codes import BANK_CODES, CARD_CODES
from dasi.iamport.rendering.objects import StandardCode

_CARDS = dict(CARD_CODES.values())


def routes(context: ApiContext) -> list[Route]:
    unknown, code = ("unknown_code",), StandardCode
    card, bank = "/cards/{card_standard_code}", "/banks/{bank_standard_code}"
    return [
        *route(context, "GET", "/cards", cards, response_type=list[StandardCode]),
        *route(context, "GET", card, card_of_code, response_type=code, errors=unknown),
        *route(context, "GET", "/banks", banks, response_type=list[StandardCode]),
        *route(context, "GET", bank, bank_of_code, response_type=code, errors=unknown),
    ]


async def cards(_request: ApiRequest) -> Response:
    """Every card company's code and name."""
    return success([StandardCode(code=code, name=name) for code, name in sorted(_CARDS.items())])


async def card_of_code(request: ApiRequest) -> Response:
    """One card company."""
    return _entry(_CARDS, request.path["card_standard_code"])


async def banks(_request: ApiRequest) -> Response:
    """Every bank's code and name."""
    return success([StandardCode(code=code, name=name) for code, name in BANK_CODES.items()])


async def bank_of_code(request: ApiRequest) -> Response:
    """One bank."""
    return _entry(BANK_CODES, request.path["bank_standard_code"])


def _entry(names: dict[str, str], code: str) -> Response:
    if code not in names:
        raise NotFound("unknown_code", standard_code=code[:20])
    return success(StandardCode(code=code, name=names[code]))
