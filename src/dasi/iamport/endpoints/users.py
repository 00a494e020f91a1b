"""/users/…: the access token, and the channels of its merchant."""

from dataclasses import replace
from typing import cast

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dasi.audit import ClientInfo, insert_audit
from dasi.auth_limits import check_limits, count_failure, limits_of_api_key
from dasi.channels import list_channels
from dasi.engine import Engine
from dasi.foundation.clock import epoch_s
from dasi.foundation.errors import NotAllowed, NotAuthenticated, Refused
from dasi.http.client_address import client_network
from dasi.http.slots import slot_of
from dasi.iamport.body import read_body
from dasi.iamport.endpoint import (
    ApiContext,
    ApiRequest,
    RouteSpec,
    client_info,
    error_boundary,
    public_route,
    route,
)
from dasi.iamport.envelope import success
from dasi.iamport.rendering.objects import ChannelObject, TokenObject
from dasi.iamport.rendering.views import channel_view
from dasi.iamport.schema.params import Text, parse
from dasi.merchants import issue_token

log = structlog.get_logger()

_GET_TOKEN = (
    Text("imp_key", 100, is_credential=True),
    Text("imp_secret", 200, is_credential=True),
)


def routes(context: ApiContext) -> list[Route]:
    async def get_token(request: Request) -> Response:
        async def run() -> Response:
            slot_of(request).assign(client_network(request.scope))
            params = parse(_GET_TOKEN, await read_body(request, max_bytes=context.max_body_bytes))
            if params["imp_key"] is None or params["imp_secret"] is None:
                raise Refused("missing_api_key")
            token = await _issue_token(
                context.engine, params["imp_key"], params["imp_secret"], client=client_info(request)
            )
            return success(token)

        return await error_boundary(request, run)

    spec = RouteSpec(
        params=tuple(replace(param, is_required=True) for param in _GET_TOKEN),
        response_type=TokenObject,
        errors=("bad_api_key", "missing_api_key", "too_many_attempts"),
        statuses=(200,),
        summary="An access token for a key and its secret; the same one again while it lives.",
        needs_token=False,
    )
    return [
        *public_route("POST", "/users/getToken", get_token, spec),
        *route(context, "GET", "/users/pg", read_channels, response_type=list[ChannelObject]),
    ]


async def _issue_token(
    engine: Engine, api_key: str, api_secret: str, *, client: ClientInfo
) -> TokenObject:
    """Issue a token. A failure is counted, logged, and written into the merchant's audit log."""
    facts = {"api_key": api_key, "address": client.address}
    limits = limits_of_api_key(api_key, client.address)
    try:
        await check_limits(engine, limits)
        token = await issue_token(engine, api_key=api_key, api_secret=api_secret)
    except NotAllowed:
        log.warning("token_refused", why="too_many_attempts", **facts)
        raise
    except NotAuthenticated as refused:
        log.warning("token_refused", why="bad_api_key", **facts)
        await count_failure(engine, limits)
        if refused.facts["merchant_id"] is not None:
            await insert_audit(
                engine.database,
                cast("int", refused.facts["merchant_id"]),
                user_id=None,
                email="API",
                action="token_refused",
                target=api_key,
                detail=None,
                client=client,
                now=engine.clock.now(),
            )
        raise
    return TokenObject(
        access_token=token.token,
        now=epoch_s(token.issued_at),
        expired_at=epoch_s(token.expires_at),
    )


async def read_channels(request: ApiRequest) -> Response:
    """The merchant's channels, the default one first; of a live merchant the live ones."""
    channels = await list_channels(request.engine, request.merchant.merchant_id)
    default_first = sorted(channels, key=lambda channel: not channel.is_default)
    listed = [c for c in default_first if request.include_sandbox or not c.is_sandbox]
    return success([channel_view(channel) for channel in listed])
