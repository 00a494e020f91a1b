"""/users/…: the access token, and the channels of its merchant."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dasi.channels import list_channels
from dasi.foundation.clock import epoch_s
from dasi.foundation.errors import Refused
from dasi.http.client_address import client_network
from dasi.http.slots import slot_of
from dasi.iamport.body import read_body
from dasi.iamport.endpoint import (
    ApiContext,
    ApiRequest,
    RouteSpec,
    error_boundary,
    public_route,
    route,
)
from dasi.iamport.envelope import success
from dasi.iamport.rendering.objects import ChannelObject, TokenObject
from dasi.iamport.rendering.views import channel_view
from dasi.iamport.schema.params import Text, parse
from dasi.merchants import issue_token

_GET_TOKEN = (Text("imp_key", 100), Text("imp_secret", 200))


def routes(context: ApiContext) -> list[Route]:
    async def get_token(request: Request) -> Response:
        async def run() -> Response:
            slot_of(request).assign(client_network(request.scope))
            params = parse(_GET_TOKEN, await read_body(request, max_bytes=context.max_body_bytes))
            if params["imp_key"] is None or params["imp_secret"] is None:
                raise Refused("missing_api_key")
            token = await issue_token(
                context.engine, api_key=params["imp_key"], api_secret=params["imp_secret"]
            )
            return success(
                TokenObject(
                    access_token=token.token,
                    now=epoch_s(token.issued_at),
                    expired_at=epoch_s(token.expires_at),
                )
            )

        return await error_boundary(request, run)

    spec = RouteSpec(
        params=tuple(replace(param, is_required=True) for param in _GET_TOKEN),
        response_type=TokenObject,
        errors=("bad_api_key", "missing_api_key"),
        statuses=(200,),
        summary="An access token for a key and its secret; the same one again while it lives.",
        needs_token=False,
    )
    return [
        *public_route("POST", "/users/getToken", get_token, spec),
        *route(context, "GET", "/users/pg", read_channels, response_type=list[ChannelObject]),
    ]


async def read_channels(request: ApiRequest) -> Response:
    """The merchant's channels, the default one first."""
    channels = await list_channels(request.engine, request.merchant.merchant_id)
    default_first = sorted(channels, key=lambda channel: not channel.is_default)
    return success([channel_view(channel) for channel in default_first])
