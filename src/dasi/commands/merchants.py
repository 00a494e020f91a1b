"""`dasi merchant`: the merchants that may call the gateway."""

from typing import Annotated, Literal

import typer

from dasi.commands.context import with_engine
from dasi.commands.keys import SHOWN_ONCE, ApiKey, ApiSecret, key_facts
from dasi.commands.options import (
    DATA_DEFAULT,
    Data,
    Json,
    help_epilog,
    read_secret,
)
from dasi.commands.printing import print_facts, print_list, print_note
from dasi.engine import Engine
from dasi.merchants import (
    Merchant,
    NewApiKey,
    add_api_key,
    add_merchant,
    change_webhook,
    find_merchant_by_code,
    list_merchants,
)

app = typer.Typer(no_args_is_help=True, help="Shops that may call the gateway.")


@app.command("add", epilog=help_epilog("dasi merchant add --code imp00000001 --name 'My shop'"))
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
    print_facts(_of_merchant(added) | key_facts(new), as_json=as_json)
    if not as_json:
        print_note(
            f"{SHOWN_ONCE}\nNext: dasi channel add --merchant {code} --provider kicc "
            "--mid … --secret … --sandbox on --default"
        )


@app.command(
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


@app.command("list", epilog=help_epilog("dasi merchant list --json"))
def merchant_list(*, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """List the merchants, oldest first."""
    rows = [_of_merchant(one) for one in with_engine(data, list_merchants)]
    print_list(rows, as_json=as_json, none="No merchants yet: dasi merchant add --help")


def _of_merchant(one: Merchant) -> dict[str, str | int | bool | None]:
    return {
        "code": one.code,
        "name": one.name,
        "webhook_url": one.webhook_url,
        "test_webhook_url": one.test_webhook_url,
        "webhook_content_type": one.webhook_content_type,
        "created_at": one.created_at.isoformat(timespec="seconds"),
    }
