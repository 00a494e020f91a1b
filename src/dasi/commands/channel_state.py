"""A channel's place: the default, disabled, in use again."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from dasi.channels import (
    Channel,
    disable_channel,
    enable_channel,
    list_channels,
    make_default,
)
from dasi.commands.context import with_engine
from dasi.commands.merchants import of_channel
from dasi.commands.options import DATA_DEFAULT, Data, Json, MerchantCode, help_epilog
from dasi.commands.printing import print_facts
from dasi.engine import Engine
from dasi.foundation.errors import NotFound
from dasi.merchants import find_merchant_by_code

Mid = Annotated[str, typer.Option("--mid", help="The MID of the channel.")]
_Act = Callable[[Engine, int, int], Awaitable[Channel]]


def register(app: typer.Typer) -> None:
    """Puts the commands under `dasi channel`."""
    one = "--merchant imp00000001 --mid T0021766"
    app.command("default", epilog=help_epilog(f"dasi channel default {one}"))(channel_default)
    app.command("disable", epilog=help_epilog(f"dasi channel disable {one}"))(channel_disable)
    app.command("enable", epilog=help_epilog(f"dasi channel enable {one}"))(channel_enable)


def channel_default(
    *,
    merchant_code: MerchantCode,
    pg_merchant_id: Mid,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Make another channel the default."""
    _put(make_default, merchant_code, pg_merchant_id, data=data, as_json=as_json)


def channel_disable(
    *,
    merchant_code: MerchantCode,
    pg_merchant_id: Mid,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Open no more windows under a channel; what was made under it goes on."""
    _put(disable_channel, merchant_code, pg_merchant_id, data=data, as_json=as_json)


def channel_enable(
    *,
    merchant_code: MerchantCode,
    pg_merchant_id: Mid,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Take a disabled channel into use again."""
    _put(enable_channel, merchant_code, pg_merchant_id, data=data, as_json=as_json)


def _put(act: _Act, merchant_code: str, pg_merchant_id: str, *, data: Data, as_json: bool) -> None:
    async def put(engine: Engine) -> Channel:
        owner = await find_merchant_by_code(engine, merchant_code)
        before = await _named(engine, owner.merchant_id, pg_merchant_id)
        await act(engine, owner.merchant_id, before.channel_id)
        return await _named(engine, owner.merchant_id, pg_merchant_id)

    facts = {"merchant": merchant_code} | of_channel(with_engine(data, put))
    print_facts(facts, as_json=as_json)


async def _named(engine: Engine, merchant_id: int, pg_merchant_id: str) -> Channel:
    for one in await list_channels(engine, merchant_id, with_disabled=True):
        if one.pg_merchant_id == pg_merchant_id:
            return one
    raise NotFound("unknown_channel", pg_merchant_id=pg_merchant_id[:20])
