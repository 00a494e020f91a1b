"""`dasi key`: the API keys of a merchant."""

from typing import Annotated

import typer

from dasi.commands.confirmation import Confirmed, confirm
from dasi.commands.context import with_merchant
from dasi.commands.options import (
    DATA_DEFAULT,
    Data,
    Json,
    MerchantCode,
    help_epilog,
    read_duration,
    read_secret,
)
from dasi.commands.printing import Facts, print_facts, print_note
from dasi.engine import Engine
from dasi.merchants import (
    Merchant,
    NewApiKey,
    add_api_key,
    revoke_api_key,
    rotate_api_key,
)

app = typer.Typer(no_args_is_help=True, help="API keys of a merchant.")
ApiKey = Annotated[str | None, typer.Option("--api-key", help="Made if left out.")]
ApiSecret = Annotated[
    str | None,
    typer.Option("--api-secret", help="Made if left out; `-` reads a line of standard input."),
]
KnownApiKey = Annotated[str, typer.Option("--api-key", help="The API key.")]
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
    """Add another API key to a merchant."""
    secret = read_secret(api_secret)

    async def act(engine: Engine, merchant: Merchant) -> NewApiKey:
        return await add_api_key(engine, merchant, api_key=api_key, api_secret=secret)

    new = with_merchant(data, merchant_code, act)
    print_facts({"merchant": merchant_code} | key_facts(new), as_json=as_json)
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
    is_confirmed: Confirmed = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Make a new key and end the old one later; both work until then."""
    overlap = read_duration(keep_old_for, option="--keep-old-for")

    async def act(engine: Engine, merchant: Merchant) -> NewApiKey:
        confirm(
            f"In {keep_old_for}, requests with the API key {api_key} of {merchant.name} are "
            "refused.",
            is_confirmed=is_confirmed,
        )
        return await rotate_api_key(engine, merchant, api_key, keep_old_for=overlap)

    new = with_merchant(data, merchant_code, act)
    facts: Facts = {"merchant": merchant_code} | key_facts(new)
    print_facts({**facts, "old_api_key": api_key, "old_ends_in": keep_old_for}, as_json=as_json)
    if not as_json:
        print_note(SHOWN_ONCE)


@app.command("revoke", epilog=help_epilog("dasi key revoke --merchant imp00000001 --api-key K"))
def key_revoke(
    *,
    merchant_code: MerchantCode,
    api_key: KnownApiKey,
    is_confirmed: Confirmed = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """End a key and all of its access tokens, now."""

    async def act(engine: Engine, merchant: Merchant) -> None:
        confirm(
            f"Requests with the API key {api_key} of {merchant.name} are refused from now on. "
            "The key cannot be restored.",
            is_confirmed=is_confirmed,
        )
        await revoke_api_key(engine, merchant, api_key)

    with_merchant(data, merchant_code, act)
    print_facts({"merchant": merchant_code, "revoked_api_key": api_key}, as_json=as_json)


def key_facts(new: NewApiKey) -> dict[str, str | int | bool | None]:
    return {"api_key": new.api_key, "api_secret": new.api_secret}
