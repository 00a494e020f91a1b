"""POST /users/getToken: the one route without a token."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dasi.foundation.clock import epoch_s
from dasi.foundation.errors import Refused
from dasi.iamport.body import read_body
from dasi.iamport.endpoint import Face, answering
from dasi.iamport.envelope import answer
from dasi.iamport.params import Text, parse
from dasi.merchants import issue_token

_GET_TOKEN = (Text("imp_key", 100), Text("imp_secret", 200))


def routes(face: Face) -> list[Route]:
    async def get_token(request: Request) -> Response:
        async def run() -> Response:
            given = parse(_GET_TOKEN, await read_body(request, max_bytes=face.body_max_bytes))
            if given["imp_key"] is None or given["imp_secret"] is None:
                raise Refused("missing_api_key")
            token = await issue_token(
                face.engine, api_key=given["imp_key"], api_secret=given["imp_secret"]
            )
            return answer(
                {
                    "access_token": token.token,
                    "now": epoch_s(token.issued_at),
                    "expired_at": epoch_s(token.expires_at),
                }
            )

        return await answering(request, run)

    return [
        Route(path, get_token, methods=["POST"]) for path in ("/users/getToken", "/users/getToken/")
    ]
