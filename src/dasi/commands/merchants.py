"""`dasi merchant`: the merchants that may call the gateway."""

from datetime import datetime
from typing import Annotated, Literal

import typer

from dasi.commands.context import with_engine, with_merchant
from dasi.commands.keys import SHOWN_ONCE, ApiKey, ApiSecret, key_facts
from dasi.commands.options import (
    DATA_DEFAULT,
    Data,
    Json,
    help_epilog,
    read_duration,
    read_secret,
)
from dasi.commands.printing import print_facts, print_list, print_note
from dasi.engine import Engine
from dasi.merchants import (
    Merchant,
    NewApiKey,
    add_merchant_with_key,
    change_webhook,
    find_merchant_by_code,
    list_merchants,
    live_mode,
)
from dasi.page_rules import PageRules, change_page_rules, find_page_rules

app = typer.Typer(no_args_is_help=True, help="Merchants that may call the gateway.")


@app.command("add", epilog=help_epilog("dasi merchant add --code imp00000001 --name 'My shop'"))
def merchant_add(
    *,
    code: Annotated[str, typer.Option(help="The code for IMP.init on its pages.")],
    name: Annotated[str, typer.Option(help="The name that payers see.")],
    api_key: ApiKey = None,
    api_secret: ApiSecret = None,
    webhook_url: Annotated[str | None, typer.Option(help="The URL for its webhooks.")] = None,
    test_webhook_url: Annotated[
        str | None, typer.Option(help="The URL for webhooks of test channels, if another.")
    ] = None,
    webhook_content_type: Annotated[
        Literal["json", "form"], typer.Option(help="The content type of its webhooks.")
    ] = "json",
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Add a merchant with its first API key."""
    secret = read_secret(api_secret)

    async def act(engine: Engine) -> tuple[Merchant, NewApiKey]:
        return await add_merchant_with_key(
            engine,
            code=code,
            name=name,
            webhook_url=webhook_url,
            test_webhook_url=test_webhook_url,
            webhook_content_type=webhook_content_type,
            api_key=api_key,
            api_secret=secret,
        )

    added, new = with_engine(data, act)
    print_facts(_merchant_facts(added) | key_facts(new), as_json=as_json)
    if not as_json:
        print_note(
            f"{SHOWN_ONCE}\nNext: dasi channel add --merchant {code} --provider kicc "
            "--mid … --secret … --mode test --default"
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
    webhook_url: Annotated[str | None, typer.Option(help="'' removes it.")] = None,
    test_webhook_url: Annotated[
        str | None, typer.Option(help="For test channels; '' removes it.")
    ] = None,
    webhook_content_type: Annotated[
        Literal["json", "form"] | None, typer.Option(help="The form in which it is told.")
    ] = None,
    return_to: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Hosts and app schemes that payers may be sent to: 'shop.example,myapp:'. "
            "Without a host: the page's own. '' takes all away.",
        ),
    ] = None,
    require_registered_windows: Annotated[
        bool | None,
        typer.Option(help="Open only windows that the merchant's server registered (prepare)."),
    ] = None,
    replaced_key_days: Annotated[
        int | None, typer.Option(help="Days for which a replaced card stays at the PG: 0 to 90.")
    ] = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Change a merchant's webhooks and what its pages may decide; omitted options stay."""

    async def act(engine: Engine, merchant: Merchant) -> tuple[Merchant, PageRules]:
        rules = await find_page_rules(engine, merchant.merchant_id)
        addresses = rules.return_addresses if return_to is None else return_to.split(",")
        is_required = rules.requires_registered_windows
        rules = await change_page_rules(
            engine,
            merchant.merchant_id,
            return_addresses=addresses,
            requires_registered_windows=(
                is_required if require_registered_windows is None else require_registered_windows
            ),
            replaced_key_days=(
                rules.replaced_key_days if replaced_key_days is None else replaced_key_days
            ),
        )
        await change_webhook(
            engine,
            merchant,
            webhook_url=merchant.webhook_url if webhook_url is None else webhook_url or None,
            test_webhook_url=(
                merchant.test_webhook_url if test_webhook_url is None else test_webhook_url or None
            ),
            webhook_content_type=webhook_content_type or merchant.webhook_content_type,
        )
        return await find_merchant_by_code(engine, code), rules

    merchant, rules = with_merchant(data, code, act)
    print_facts(_merchant_facts(merchant) | _rule_facts(rules), as_json=as_json)


@app.command("list", epilog=help_epilog("dasi merchant list --json"))
def merchant_list(*, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """List the merchants, oldest first."""
    rows = [_merchant_facts(merchant) for merchant in with_engine(data, list_merchants)]
    print_list(rows, as_json=as_json, none="No merchants yet: dasi merchant add --help")


@app.command(
    "test-windows", epilog=help_epilog("dasi merchant test-windows --code imp00000001 --for 2h")
)
def merchant_test_windows(
    *,
    code: Annotated[str, typer.Option(help="Whose it is.")],
    period: Annotated[
        str | None, typer.Option("--for", help="How long: 30m, 2h or 7d at most. Without it: off.")
    ] = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Let the pages of a live merchant open windows of its test channels for a time."""
    duration = None if period is None else read_duration(period, option="--for")

    async def act(engine: Engine, merchant: Merchant) -> Merchant:
        await live_mode.allow_test_windows(engine, merchant.merchant_id, duration)
        return await find_merchant_by_code(engine, code)

    print_facts(_merchant_facts(with_merchant(data, code, act)), as_json=as_json)


def _merchant_facts(merchant: Merchant) -> dict[str, str | int | bool | None]:
    return {
        "code": merchant.code,
        "name": merchant.name,
        "webhook_url": merchant.webhook_url,
        "test_webhook_url": merchant.test_webhook_url,
        "webhook_content_type": merchant.webhook_content_type,
        "live_since": _moment(merchant.live_since),
        "test_windows_until": _moment(merchant.test_windows_until),
        "created_at": _moment(merchant.created_at),
    }


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def _rule_facts(rules: PageRules) -> dict[str, str | int | bool | None]:
    return {
        "return_to": ", ".join(rules.return_addresses) or None,
        "require_registered_windows": rules.requires_registered_windows,
        "replaced_key_days": rules.replaced_key_days,
    }
