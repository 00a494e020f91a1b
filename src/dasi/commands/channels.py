"""`dasi channel`: a merchant's contracts with payment companies."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated, Literal

import typer

from dasi.channels import (
    Channel,
    Check,
    add_channel,
    check_channel,
    disable_channel,
    enable_channel,
    list_channels,
    make_default,
)
from dasi.commands.context import with_engine
from dasi.commands.options import (
    DATA_DEFAULT,
    Data,
    Json,
    MerchantCode,
    help_epilog,
    read_secret,
)
from dasi.commands.printing import Facts, print_facts, print_list
from dasi.engine import Engine
from dasi.foundation.errors import NotFound
from dasi.merchants import find_merchant_by_code

app = typer.Typer(no_args_is_help=True, help="A merchant's contracts with payment companies.")
Mid = Annotated[str, typer.Option("--mid", help="The MID of the channel.")]
_Act = Callable[[Engine, int, int], Awaitable[Channel]]
_EXAMPLE_CHANNEL = "--merchant imp00000001 --mid T0021766"


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


@app.command(
    "add",
    epilog=help_epilog(
        "dasi channel add --merchant imp00000001 --provider kicc --mid T0021766 "
        "--secret - --sandbox on --default"
    ),
)
def channel_add(
    *,
    merchant_code: MerchantCode,
    provider: Annotated[str, typer.Option(help="The payment company: kicc.")],
    pg_merchant_id: Annotated[str, typer.Option("--mid", help="The MID it issued.")],
    secret: Annotated[
        str, typer.Option(help="The secret it issued; `-` reads a line of standard input.")
    ],
    sandbox: Annotated[Switch, typer.Option(help="On: its test host. Off: real money.")],
    default: Annotated[
        bool, typer.Option("--default", help="Used when a page names no channel.")
    ] = False,
    key_fields: Annotated[
        Literal["full", "number_expiry", "number_expiry_birth"],
        typer.Option(help="What the payer is asked for when a card is registered."),
    ] = "full",
    language: Annotated[
        Literal["ko", "en", "ja", "zh"], typer.Option(help="The language of its window.")
    ] = "ko",
    late_approval_policy: Annotated[
        Literal["keep", "cancel"],
        typer.Option(help="An approval found after its answer was lost: kept, or cancelled."),
    ] = "keep",
    quota_months_max: Annotated[
        int | None,
        typer.Option(help="Instalments its window offers; 0: lump sum. Else as the contract says."),
    ] = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Add a merchant's contract with a payment company."""
    given = read_secret(secret)
    assert given is not None

    async def act(engine: Engine) -> Channel:
        return await add_channel(
            engine,
            await find_merchant_by_code(engine, merchant_code),
            provider=provider,
            pg_merchant_id=pg_merchant_id,
            secret=given,
            is_sandbox=sandbox is Switch.ON,
            is_default=default,
            key_fields=key_fields,
            language=language,
            late_approval_policy=late_approval_policy,
            quota_months_max=quota_months_max,
        )

    facts = {"merchant": merchant_code} | _of_channel(with_engine(data, act))
    print_facts(facts, as_json=as_json)


@app.command("list", epilog=help_epilog("dasi channel list --merchant imp00000001"))
def channel_list(
    *, merchant_code: MerchantCode, data: Data = DATA_DEFAULT, as_json: Json = False
) -> None:
    """List a merchant's channels, disabled ones too."""

    async def act(engine: Engine) -> list[Channel]:
        owner = await find_merchant_by_code(engine, merchant_code)
        return await list_channels(engine, owner.merchant_id, with_disabled=True)

    rows = [_of_channel(one) for one in with_engine(data, act)]
    print_list(rows, as_json=as_json, none="No channels yet: dasi channel add --help")


@app.command(
    "check",
    epilog=help_epilog(
        "dasi channel check --merchant imp00000001",
        "0 every channel opens a window, 1 one opens none (it is told why), 2 usage",
    ),
)
def channel_check(
    *,
    merchant_code: MerchantCode,
    pg_merchant_id: Annotated[str | None, typer.Option("--mid", help="This one only.")] = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Register windows at the payment company and say what came back. No money moves."""

    async def act(engine: Engine) -> list[tuple[Channel, list[Check]]]:
        owner = await find_merchant_by_code(engine, merchant_code)
        wanted = [
            one
            for one in await list_channels(engine, owner.merchant_id)
            if pg_merchant_id in (None, one.pg_merchant_id)
        ]
        return [(one, await check_channel(engine, one)) for one in wanted]

    checked = with_engine(data, act)
    rows: list[Facts] = [
        {
            "pg": one.pg,
            "window": check.window,
            "opens": check.is_open,
            "code": check.code,
            "said": check.text,
        }
        for one, checks in checked
        for check in checks
    ]
    print_list(rows, as_json=as_json, none="No such channel: dasi channel list --help")
    if not checked or any(not any(one.is_open for one in checks) for _, checks in checked):
        raise typer.Exit(1)


@app.command("default", epilog=help_epilog(f"dasi channel default {_EXAMPLE_CHANNEL}"))
def channel_default(
    *,
    merchant_code: MerchantCode,
    pg_merchant_id: Mid,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Make another channel the default."""
    _put(make_default, merchant_code, pg_merchant_id, data=data, as_json=as_json)


@app.command("disable", epilog=help_epilog(f"dasi channel disable {_EXAMPLE_CHANNEL}"))
def channel_disable(
    *,
    merchant_code: MerchantCode,
    pg_merchant_id: Mid,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Open no more windows under a channel; what was made under it goes on."""
    _put(disable_channel, merchant_code, pg_merchant_id, data=data, as_json=as_json)


@app.command("enable", epilog=help_epilog(f"dasi channel enable {_EXAMPLE_CHANNEL}"))
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

    facts = {"merchant": merchant_code} | _of_channel(with_engine(data, put))
    print_facts(facts, as_json=as_json)


async def _named(engine: Engine, merchant_id: int, pg_merchant_id: str) -> Channel:
    for one in await list_channels(engine, merchant_id, with_disabled=True):
        if one.pg_merchant_id == pg_merchant_id:
            return one
    raise NotFound("unknown_channel", pg_merchant_id=pg_merchant_id[:20])


def _of_channel(one: Channel) -> dict[str, str | int | bool | None]:
    return {
        "channel_key": one.channel_key,
        "pg": one.pg,
        "is_sandbox": one.is_sandbox,
        "is_default": one.is_default,
        "key_fields": one.key_fields,
        "language": one.language,
        "quota_months_max": one.quota_months_max,
        "disabled_at": one.disabled_at.isoformat(timespec="seconds") if one.disabled_at else None,
        "created_at": one.created_at.isoformat(timespec="seconds"),
    }
