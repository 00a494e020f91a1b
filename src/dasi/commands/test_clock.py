"""The clock of a merchant in test mode: `dasi clock`."""

from datetime import datetime
from typing import Annotated

import typer

from dasi.commands.context import with_engine
from dasi.commands.options import DATA_DEFAULT, Data, Json, MerchantCode, help_epilog
from dasi.commands.printing import print_facts
from dasi.engine import Engine
from dasi.foundation.clock import KST
from dasi.foundation.durations import parse_duration
from dasi.merchants import find_merchant_by_code
from dasi.test_clocks import ClockAdvance, advance_clock, merchant_now, reset_clock
from dasi.webhooks import Deliverer

app = typer.Typer(no_args_is_help=True, help="The clock of a merchant in test mode.")


@app.command("show", epilog=help_epilog("dasi clock show --merchant imp00000001"))
def show(*, merchant_code: MerchantCode, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """What the merchant's clock shows."""

    async def act(engine: Engine) -> datetime:
        return await merchant_now(
            engine, (await find_merchant_by_code(engine, merchant_code)).merchant_id
        )

    now = with_engine(data, act)
    print_facts({"merchant": merchant_code, "now": _kst(now)}, as_json=as_json)


@app.command("advance", epilog=help_epilog("dasi clock advance --merchant imp00000001 --by 31d"))
def advance(
    *,
    merchant_code: MerchantCode,
    by: Annotated[str, typer.Option(help="How far: 90s, 30m, 24h or 31d.")],
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Turn it forward; scheduled payments and webhooks due until then happen, in order."""
    try:
        wait = parse_duration(by)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong), param_hint="--by") from wrong

    async def act(engine: Engine) -> ClockAdvance:
        owner = await find_merchant_by_code(engine, merchant_code)
        to = await merchant_now(engine, owner.merchant_id) + wait
        deliverer = Deliverer(engine, allow_local=engine.allows_local_urls)
        try:
            return await advance_clock(engine, deliverer, owner.merchant_id, to=to)
        finally:
            await deliverer.close()

    advanced = with_engine(data, act)
    print_facts(
        {
            "merchant": merchant_code,
            "now": _kst(advanced.now),
            "charges": advanced.charges,
            "lookups": advanced.lookups,
            "webhooks": advanced.delivery_attempts,
        },
        as_json=as_json,
    )


@app.command("reset", epilog=help_epilog("dasi clock reset --merchant imp00000001"))
def reset(*, merchant_code: MerchantCode, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """Back to the machine's time."""

    async def act(engine: Engine) -> None:
        owner = await find_merchant_by_code(engine, merchant_code)
        await reset_clock(engine, owner.merchant_id)

    with_engine(data, act)
    print_facts({"merchant": merchant_code, "clock": "the machine's"}, as_json=as_json)


def _kst(moment: datetime) -> str:
    return moment.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S KST")
