"""`dasi channel`: a merchant's contracts with payment companies."""

from collections.abc import Awaitable, Callable
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
from dasi.commands.context import with_merchant
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
from dasi.merchants import Merchant
from dasi.schedules import revoke_test_schedules

app = typer.Typer(no_args_is_help=True, help="A merchant's contracts with payment companies.")
Mid = Annotated[str, typer.Option("--mid", help="The MID of the channel.")]
_Change = Callable[[Engine, int, int], Awaitable[Channel]]
_EXAMPLE_CHANNEL = "--merchant imp00000001 --mid T0021766"


@app.command(
    "add",
    epilog=help_epilog(
        "dasi channel add --merchant imp00000001 --provider kicc --mid T0021766 "
        "--secret - --mode test --default"
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
    mode: Annotated[
        Literal["test", "live"],
        typer.Option(help="`test`: its test host, `live`: real money. It never changes."),
    ],
    default: Annotated[
        bool, typer.Option("--default", help="Use it if a page names no channel.")
    ] = False,
    key_fields: Annotated[
        Literal["full", "number_expiry", "number_expiry_birth"],
        typer.Option(help="The card data that a registration asks for."),
    ] = "full",
    language: Annotated[
        Literal["ko", "en", "ja", "zh"], typer.Option(help="The language of its window.")
    ] = "ko",
    late_approval_policy: Annotated[
        Literal["keep", "cancel"],
        typer.Option(help="Keep or reverse an approval that a lookup finds."),
    ] = "keep",
    quota_months_max: Annotated[
        int | None,
        typer.Option(help="Instalments its window offers; 0: lump sum. Else as the contract says."),
    ] = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Add a merchant's contract with a payment company.

    The first live channel makes the merchant live and is its default. Its pages open live windows
    only from then on, and the scheduled payments of test keys are revoked.
    """
    pg_secret = read_secret(secret)
    assert pg_secret is not None

    async def act(engine: Engine, merchant: Merchant) -> Channel:
        return await add_channel(
            engine,
            merchant,
            provider=provider,
            pg_merchant_id=pg_merchant_id,
            secret=pg_secret,
            is_sandbox=mode == "test",
            is_default=default,
            key_fields=key_fields,
            language=language,
            late_approval_policy=late_approval_policy,
            quota_months_max=quota_months_max,
            also=revoke_test_schedules,
        )

    channel = with_merchant(data, merchant_code, act)
    print_facts({"merchant": merchant_code} | _channel_facts(channel), as_json=as_json)


@app.command("list", epilog=help_epilog("dasi channel list --merchant imp00000001"))
def channel_list(
    *, merchant_code: MerchantCode, data: Data = DATA_DEFAULT, as_json: Json = False
) -> None:
    """List a merchant's channels, disabled ones too."""

    async def act(engine: Engine, merchant: Merchant) -> list[Channel]:
        return await list_channels(engine, merchant.merchant_id, with_disabled=True)

    rows = [_channel_facts(channel) for channel in with_merchant(data, merchant_code, act)]
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
    """Register windows at the payment company and show the answers. No money moves."""

    async def act(engine: Engine, merchant: Merchant) -> list[tuple[Channel, list[Check]]]:
        return [
            (channel, await check_channel(engine, channel))
            for channel in await list_channels(engine, merchant.merchant_id)
            if pg_merchant_id in (None, channel.pg_merchant_id)
        ]

    checked = with_merchant(data, merchant_code, act)
    rows: list[Facts] = [
        {
            "pg": channel.pg,
            "window": check.window,
            "opens": check.is_open,
            "code": check.code,
            "said": check.text or "the window was registered",
        }
        for channel, checks in checked
        for check in checks
    ]
    print_list(rows, as_json=as_json, none="No such channel: dasi channel list --help")
    if not checked or any(not any(check.is_open for check in checks) for _, checks in checked):
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
    _change(make_default, merchant_code, pg_merchant_id, data=data, as_json=as_json)


@app.command("disable", epilog=help_epilog(f"dasi channel disable {_EXAMPLE_CHANNEL}"))
def channel_disable(
    *,
    merchant_code: MerchantCode,
    pg_merchant_id: Mid,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Open no more windows under a channel; its keys and payments go on."""
    _change(disable_channel, merchant_code, pg_merchant_id, data=data, as_json=as_json)


@app.command("enable", epilog=help_epilog(f"dasi channel enable {_EXAMPLE_CHANNEL}"))
def channel_enable(
    *,
    merchant_code: MerchantCode,
    pg_merchant_id: Mid,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Enable a disabled channel again."""
    _change(enable_channel, merchant_code, pg_merchant_id, data=data, as_json=as_json)


def _change(
    change: _Change, merchant_code: str, pg_merchant_id: str, *, data: Data, as_json: bool
) -> None:
    async def act(engine: Engine, merchant: Merchant) -> Channel:
        channel = await _channel_of_mid(engine, merchant.merchant_id, pg_merchant_id)
        await change(engine, merchant.merchant_id, channel.channel_id)
        return await _channel_of_mid(engine, merchant.merchant_id, pg_merchant_id)

    channel = with_merchant(data, merchant_code, act)
    print_facts({"merchant": merchant_code} | _channel_facts(channel), as_json=as_json)


async def _channel_of_mid(engine: Engine, merchant_id: int, pg_merchant_id: str) -> Channel:
    for channel in await list_channels(engine, merchant_id, with_disabled=True):
        if channel.pg_merchant_id == pg_merchant_id:
            return channel
    raise NotFound("unknown_channel", pg_merchant_id=pg_merchant_id[:20])


def _channel_facts(channel: Channel) -> dict[str, str | int | bool | None]:
    return {
        "channel_key": channel.channel_key,
        "pg": channel.pg,
        "mode": "test" if channel.is_sandbox else "live",
        "is_default": channel.is_default,
        "key_fields": channel.key_fields,
        "language": channel.language,
        "quota_months_max": channel.quota_months_max,
        "disabled_at": channel.disabled_at.isoformat(timespec="seconds")
        if channel.disabled_at
        else None,
        "created_at": channel.created_at.isoformat(timespec="seconds"),
    }
