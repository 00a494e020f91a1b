"""Setting up: the schema, merchants, their keys and their channels."""

import asyncio
import json
import os
import re
import sys
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

import typer

from dasi.channels import Channel, Check, add_channel, check_channel, list_channels
from dasi.commands.context import with_engine
from dasi.commands.options import DATA_DEFAULT, Data, Json, MerchantCode, help_epilog
from dasi.commands.printing import Facts, print_facts, print_list, print_note
from dasi.engine import Engine
from dasi.merchants import (
    Merchant,
    NewApiKey,
    add_api_key,
    add_merchant,
    change_webhook,
    find_merchant_by_code,
    list_merchants,
    revoke_api_key,
    rotate_api_key,
)
from dasi.runtime.data_dir import connect_database

merchant = typer.Typer(no_args_is_help=True, help="Shops that may call the gateway.")
key = typer.Typer(no_args_is_help=True, help="API keys of a merchant.")
channel = typer.Typer(no_args_is_help=True, help="A merchant's contracts with payment companies.")

ApiKey = Annotated[str | None, typer.Option("--api-key", help="Made when left out.")]
ApiSecret = Annotated[
    str | None,
    typer.Option("--api-secret", help="Made when left out; `-` reads a line of standard input."),
]
KnownApiKey = Annotated[str, typer.Option("--api-key", help="The key in question.")]
T = TypeVar("T")
_SHOWN_ONCE = "The secret is shown this once; only its hash is kept."


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


def migrate_command(*, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """Bring the database to this version's schema."""

    async def act() -> list[str]:
        from dasi.runtime.bootstrap import run_migrations, session_url  # noqa: PLC0415  # slow: not for --help

        async with connect_database(data, os.environ) as reached:
            return [str(one) for one in await run_migrations(session_url(reached.environment))]

    applied = asyncio.run(act())
    if as_json:
        typer.echo(json.dumps({"applied": applied}))
    else:
        typer.echo("\n".join(f"applied {name}" for name in applied) or "already current")


@merchant.command(
    "add", epilog=help_epilog("dasi merchant add --code imp00000001 --name 'My shop'")
)
def merchant_add(
    *,
    code: Annotated[str, typer.Option(help="What its pages give to IMP.init.")],
    name: Annotated[str, typer.Option(help="What payers see.")],
    api_key: ApiKey = None,
    api_secret: ApiSecret = None,
    webhook_url: Annotated[str | None, typer.Option(help="Where it is told of payments.")] = None,
    test_webhook_url: Annotated[
        str | None, typer.Option(help="Where it is told of those of test channels, if elsewhere.")
    ] = None,
    webhook_content_type: Annotated[
        Literal["json", "form"], typer.Option(help="The form in which it is told.")
    ] = "json",
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Add a merchant with its first API key."""
    secret = read_secret(api_secret)

    async def act(engine: Engine) -> tuple[Merchant, NewApiKey]:
        added = await add_merchant(
            engine,
            code=code,
            name=name,
            webhook_url=webhook_url,
            test_webhook_url=test_webhook_url,
            webhook_content_type=webhook_content_type,
        )
        return added, await add_api_key(engine, added, api_key=api_key, api_secret=secret)

    added, new = with_engine(data, act)
    print_facts(_of_merchant(added) | _of_key(new), as_json=as_json)
    if not as_json:
        print_note(
            f"{_SHOWN_ONCE}\nNext: dasi channel add --merchant {code} --provider kicc "
            "--mid … --secret … --sandbox on --default"
        )


@merchant.command(
    "change",
    epilog=help_epilog(
        "dasi merchant change --code imp00000001 --webhook-url https://shop.example/hook"
    ),
)
def merchant_change(
    *,
    code: Annotated[str, typer.Option(help="Whose it is.")],
    webhook_url: Annotated[str | None, typer.Option(help="'' takes it away.")] = None,
    test_webhook_url: Annotated[
        str | None, typer.Option(help="For test channels; '' takes it away.")
    ] = None,
    webhook_content_type: Annotated[
        Literal["json", "form"] | None, typer.Option(help="The form in which it is told.")
    ] = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Change where a merchant is told of its payments; what is left out stays as it is."""

    async def act(engine: Engine) -> Merchant:
        was = await find_merchant_by_code(engine, code)
        await change_webhook(
            engine,
            was,
            webhook_url=was.webhook_url if webhook_url is None else webhook_url or None,
            test_webhook_url=(
                was.test_webhook_url if test_webhook_url is None else test_webhook_url or None
            ),
            webhook_content_type=webhook_content_type or was.webhook_content_type,
        )
        return await find_merchant_by_code(engine, code)

    print_facts(_of_merchant(with_engine(data, act)), as_json=as_json)


@merchant.command("list", epilog=help_epilog("dasi merchant list --json"))
def merchant_list(*, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """List the merchants, oldest first."""
    rows = [_of_merchant(one) for one in with_engine(data, list_merchants)]
    print_list(rows, as_json=as_json, none="No merchants yet: dasi merchant add --help")


@key.command("add", epilog=help_epilog("dasi key add --merchant imp00000001"))
def key_add(
    *,
    merchant_code: MerchantCode,
    api_key: ApiKey = None,
    api_secret: ApiSecret = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Add an API key beside those there are."""
    secret = read_secret(api_secret)

    async def act(engine: Engine) -> NewApiKey:
        owner = await find_merchant_by_code(engine, merchant_code)
        return await add_api_key(engine, owner, api_key=api_key, api_secret=secret)

    print_facts({"merchant": merchant_code} | _of_key(with_engine(data, act)), as_json=as_json)
    if not as_json:
        print_note(_SHOWN_ONCE)


@key.command(
    "rotate",
    epilog=help_epilog("dasi key rotate --merchant imp00000001 --api-key K --keep-old-for 24h"),
)
def key_rotate(
    *,
    merchant_code: MerchantCode,
    api_key: KnownApiKey,
    keep_old_for: Annotated[
        str, typer.Option(help="How long the old key goes on working: 90s, 30m, 24h or 7d.")
    ] = "24h",
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Make a new key and let the old one end later; both work until then."""
    overlap = _duration(keep_old_for)

    async def act(engine: Engine) -> NewApiKey:
        owner = await find_merchant_by_code(engine, merchant_code)
        return await rotate_api_key(engine, owner, api_key, keep_old_for=overlap)

    new = with_engine(data, act)
    facts: Facts = {"merchant": merchant_code} | _of_key(new)
    print_facts({**facts, "old_api_key": api_key, "old_ends_in": keep_old_for}, as_json=as_json)
    if not as_json:
        print_note(_SHOWN_ONCE)


@key.command("revoke", epilog=help_epilog("dasi key revoke --merchant imp00000001 --api-key K"))
def key_revoke(
    *,
    merchant_code: MerchantCode,
    api_key: KnownApiKey,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """End a key and every access token it got, now."""

    async def act(engine: Engine) -> None:
        await revoke_api_key(engine, await find_merchant_by_code(engine, merchant_code), api_key)

    with_engine(data, act)
    print_facts({"merchant": merchant_code, "revoked_api_key": api_key}, as_json=as_json)


@channel.command(
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

    facts = {"merchant": merchant_code} | of_channel(with_engine(data, act))
    print_facts(facts, as_json=as_json)


@channel.command("list", epilog=help_epilog("dasi channel list --merchant imp00000001"))
def channel_list(
    *, merchant_code: MerchantCode, data: Data = DATA_DEFAULT, as_json: Json = False
) -> None:
    """List a merchant's channels, disabled ones too."""

    async def act(engine: Engine) -> list[Channel]:
        owner = await find_merchant_by_code(engine, merchant_code)
        return await list_channels(engine, owner.merchant_id, with_disabled=True)

    rows = [of_channel(one) for one in with_engine(data, act)]
    print_list(rows, as_json=as_json, none="No channels yet: dasi channel add --help")


@channel.command(
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
            "said": check.text or "the window was registered",
        }
        for one, checks in checked
        for check in checks
    ]
    print_list(rows, as_json=as_json, none="No such channel: dasi channel list --help")
    if not checked or any(not any(one.is_open for one in checks) for _, checks in checked):
        raise typer.Exit(1)


def read_secret(given: str | None) -> str | None:
    """The secret itself; `-` asks for it."""
    if given != "-":
        return given
    if sys.stdin.isatty():
        return str(typer.prompt("Secret", hide_input=True))
    return sys.stdin.readline().rstrip("\r\n")


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if match is None:
        raise typer.BadParameter(
            "a number and s, m, h or d, such as 24h", param_hint="--keep-old-for"
        )
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[match[2]]
    return timedelta(**{unit: int(match[1])})


def _of_merchant(one: Merchant) -> dict[str, str | int | bool | None]:
    return {
        "code": one.code,
        "name": one.name,
        "webhook_url": one.webhook_url,
        "test_webhook_url": one.test_webhook_url,
        "webhook_content_type": one.webhook_content_type,
        "created_at": one.created_at.isoformat(timespec="seconds"),
    }


def _of_key(new: NewApiKey) -> dict[str, str | int | bool | None]:
    return {"api_key": new.api_key, "api_secret": new.api_secret}


def of_channel(one: Channel) -> dict[str, str | int | bool | None]:
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
