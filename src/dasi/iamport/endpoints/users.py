"""/users/…: the access token, and the channels behind it."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dasi.channels import list_channels
from dasi.foundation.clock import epoch_s
from dasi.foundation.errors import Refused
from dasi.iamport.body import read_body
from dasi.iamport.endpoint import About, Call, Face, answering, open_route, route
from dasi.iamport.envelope import answer
from dasi.iamport.rendering.objects import ChannelObject, TokenObject
from dasi.iamport.rendering.views import channel_view
from dasi.iamport.schema.params import Text, parse
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
                TokenObject(
                    access_token=token.token,
                    now=epoch_s(token.issued_at),
                    expired_at=epoch_s(token.expires_at),
                )
            )

        return await answering(request, run)

    about = About(
        params=tuple(replace(one, is_required=True) for one in _GET_TOKEN),
        gives=TokenObject,
        refuses=("bad_api_key", "missing_api_key"),
        statuses=(200,),
        summary="An access token for a key and its secret; the same one again while it lives.",
        needs_token=False,
    )
    return [
        *open_route("POST", "/users/getToken", get_token, about),
        *route(face, "GET", "/users/pg", channels, gives=list[ChannelObject]),
    ]


async def channels(call: Call) -> Response:
    """The merchant's channels, the default one first."""
    found = await list_channels(call.engine, call.merchant.merchant_id)
    return answer([channel_view(one) for one in sorted(found, key=lambda one: not one.is_default)])
