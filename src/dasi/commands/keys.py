"""`dasi key`: the API keys of a merchant."""

import re
from datetime import timedelta
from typing import Annotated

import typer

from dasi.commands.context import with_engine
from dasi.commands.options import (
    DATA_DEFAULT,
    Data,
    Json,
    MerchantCode,
    help_epilog,
    read_secret,
)
from dasi.commands.printing import Facts, print_facts, print_note
from dasi.engine import Engine
from dasi.merchants import (
    NewApiKey,
    add_api_key,
    find_merchant_by_code,
    revoke_api_key,
    rotate_api_key,
)

app = typer.Typer(no_args_is_help=True, help="API keys of a merchant.")
ApiKey = Annotated[str | None, typer.Option("--api-key", help="Made when left out.")]
ApiSecret = Annotated[
    str | None,
    typer.Option("--api-secret", help="Made when left out; `-` reads a line of standard input."),
]
KnownApiKey = Annotated[str, typer.Option("--api-key", help="The key in question.")]
SHOWN_ONCE = "The secret is shown this once; only its hash is kept."


@app.command("add", epilog=help_epilog("dasi key add --merchant imp00000001"))
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

    print_facts({"merchant": merchant_code} | key_facts(with_engine(data, act)), as_json=as_json)
    if not as_json:
        print_note(SHOWN_ONCE)


@app.command(
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
    facts: Facts = {"merchant": merchant_code} | key_facts(new)
    print_facts({**facts, "old_api_key": api_key, "old_ends_in": keep_old_for}, as_json=as_json)
    if not as_json:
        print_note(SHOWN_ONCE)


@app.command("revoke", epilog=help_epilog("dasi key revoke --merchant imp00000001 --api-key K"))
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


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if match is None:
        raise typer.BadParameter(
            "a number and s, m, h or d, such as 24h", param_hint="--keep-old-for"
        )
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[match[2]]
    return timedelta(**{unit: int(match[1])})


def key_facts(new: NewApiKey) -> dict[str, str | int | bool | None]:
    return {"api_key": new.api_key, "api_secret": new.api_secret}
