"""`dasi clock`: the clock of a merchant in test mode."""

from datetime import datetime
from typing import Annotated

import typer

from dasi.commands.context import with_merchant
from dasi.commands.options import DATA_DEFAULT, Data, Json, MerchantCode, help_epilog, read_duration
from dasi.commands.printing import kst, print_facts
from dasi.engine import Engine
from dasi.merchants import Merchant
from dasi.test_clocks import ClockAdvance, advance_clock, merchant_now, reset_clock
from dasi.webhooks import Deliverer

_TIME_FORMAT = "%Y-%m-%d %H:%M:%S KST"
app = typer.Typer(no_args_is_help=True, help="The clock of a merchant in test mode.")


@app.command("show", epilog=help_epilog("dasi clock show --merchant imp00000001"))
def show(*, merchant_code: MerchantCode, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """Show the time of the merchant's clock."""

    async def act(engine: Engine, merchant: Merchant) -> datetime:
        return await merchant_now(engine, merchant.merchant_id)

    now = with_merchant(data, merchant_code, act)
    print_facts(
        {"merchant": merchant_code, "now": kst(now, time_format=_TIME_FORMAT)}, as_json=as_json
    )


@app.command("advance", epilog=help_epilog("dasi clock advance --merchant imp00000001 --by 31d"))
def advance(
    *,
    merchant_code: MerchantCode,
    by: Annotated[str, typer.Option(help="The duration: 90s, 30m, 24h or 31d.")],
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Advance the clock; everything due until then happens, in order."""
    step = read_duration(by, option="--by")

    async def act(engine: Engine, merchant: Merchant) -> ClockAdvance:
        to = await merchant_now(engine, merchant.merchant_id) + step
        deliverer = Deliverer(engine, allow_local=engine.allows_local_urls)
        try:
            return await advance_clock(engine, deliverer, merchant.merchant_id, to=to)
        finally:
            await deliverer.close()

    advanced = with_merchant(data, merchant_code, act)
    print_facts(
        {
            "merchant": merchant_code,
            "now": kst(advanced.now, time_format=_TIME_FORMAT),
            "charges": advanced.charges,
            "lookups": advanced.lookups,
            "webhooks": advanced.delivery_attempts,
        },
        as_json=as_json,
    )


@app.command("reset", epilog=help_epilog("dasi clock reset --merchant imp00000001"))
def reset(*, merchant_code: MerchantCode, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """Return the clock to the machine's time."""

    async def act(engine: Engine, merchant: Merchant) -> None:
        await reset_clock(engine, merchant.merchant_id)

    with_merchant(data, merchant_code, act)
    print_facts({"merchant": merchant_code, "clock": "the machine's"}, as_json=as_json)
