"""`dasi schedules`: the scheduled payments of a day, pauses, the retry policy."""

from datetime import date, datetime
from typing import Annotated

import typer

from dasi.commands.confirmation import Confirmed, confirm
from dasi.commands.context import with_engine, with_merchant
from dasi.commands.options import DATA_DEFAULT, Data, Json, MerchantCode, help_epilog
from dasi.commands.printing import Facts, kst, print_facts, print_list
from dasi.engine import Engine
from dasi.foundation.clock import KST, parse_day
from dasi.merchants import Merchant, find_merchant_by_code
from dasi.schedules import (
    pause_schedules,
    pauses,
    resume_schedules,
    set_retry_policy,
    stats,
)

app = typer.Typer(
    invoke_without_command=True,
    help="Scheduled payments. With --on: those of a day.",
    epilog=help_epilog("dasi schedules --on 2026-12-01"),
)
SomeMerchant = Annotated[
    str | None, typer.Option("--merchant", metavar="CODE", help="One merchant; else all.")
]
Pauses = dict[int, tuple[datetime, str]]


@app.callback()
def preview(
    context: typer.Context,
    *,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="A Korean day: 2026-12-01, or today.")
    ] = None,
    merchant: SomeMerchant = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Show number and amount of the scheduled payments of a day."""
    if context.invoked_subcommand is not None:
        return
    day = _day(on or "today")

    async def act(engine: Engine) -> tuple[list[stats.DayTotal], Pauses]:
        totals = await stats.preview_day(engine, day, merchant_code=merchant)
        return totals, await pauses(engine)

    totals, paused = with_engine(data, act)
    rows: list[Facts] = [
        {
            "merchant": total.merchant,
            "charges": total.count,
            "amount_krw": total.amount_krw,
            "first": kst(total.first_at, time_format="%m-%d %H:%M KST"),
            "last": kst(total.last_at, time_format="%m-%d %H:%M KST"),
        }
        for total in totals
    ]
    print_list(rows, as_json=as_json, none=f"Nothing is scheduled for {day}.")
    if not as_json and totals:
        count, amount = (
            sum(total.count for total in totals),
            sum(total.amount_krw for total in totals),
        )
        typer.echo(f"{day}: {count:,} charges, {amount:,} won" + (" (paused)" if paused else ""))


@app.command(
    "pause",
    epilog=help_epilog("dasi schedules pause --merchant imp00000001 --reason 'wrong price'"),
)
def pause(
    *,
    merchant: SomeMerchant = None,
    reason: Annotated[str, typer.Option(help="Stored with the pause.")] = "paused by hand",
    is_confirmed: Confirmed = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Start no more scheduled payments, of one merchant or of all."""

    async def act(engine: Engine) -> None:
        merchant_id = await _merchant_id(engine, merchant)
        waiting = await stats.waiting(engine, merchant_id)
        next_due = f" The next one is due {kst(waiting.first_at)}." if waiting.first_at else ""
        confirm(
            f"This stops {_payments(waiting.count, waiting.amount_krw)} of "
            f"{_described_merchant(merchant, waiting)}.{next_due}",
            is_confirmed=is_confirmed,
        )
        await pause_schedules(engine, merchant_id, reason=reason)

    with_engine(data, act)
    print_facts({"paused": merchant or "all merchants", "reason": reason}, as_json=as_json)


@app.command("resume", epilog=help_epilog("dasi schedules resume --merchant imp00000001"))
def resume(
    *,
    merchant: SomeMerchant = None,
    is_confirmed: Confirmed = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """End a pause; payments that became due meanwhile start now, in order."""

    async def act(engine: Engine) -> bool:
        merchant_id = await _merchant_id(engine, merchant)
        waiting = await stats.waiting(engine, merchant_id)
        confirm(
            f"This charges at once what is overdue: {_payments(waiting.due, waiting.due_krw)} of "
            f"{_described_merchant(merchant, waiting)}. A charge cannot be undone.",
            is_confirmed=is_confirmed,
        )
        return await resume_schedules(engine, merchant_id)

    was_paused = with_engine(data, act)
    print_facts({"resumed": merchant or "all merchants", "was_paused": was_paused}, as_json=as_json)


@app.command(
    "retry-policy",
    epilog=help_epilog("dasi schedules retry-policy --merchant imp00000001 --days 1,3,7"),
)
def retry_policy(
    *,
    merchant_code: MerchantCode,
    days: Annotated[str, typer.Option(help="Days after a declined charge: 1,3,7; or off.")],
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Retry declined payments on later days, except for cards that must be replaced."""
    try:
        retry_days = [] if days == "off" else [int(day) for day in days.split(",")]
    except ValueError as wrong:
        raise typer.BadParameter("numbers such as 1,3,7, or off", param_hint="--days") from wrong

    async def act(engine: Engine, merchant: Merchant) -> None:
        await set_retry_policy(engine, merchant.merchant_id, retry_days)

    with_merchant(data, merchant_code, act)
    print_facts({"merchant": merchant_code, "retry_days": days}, as_json=as_json)


async def _merchant_id(engine: Engine, code: str | None) -> int | None:
    """Return the id of the merchant, or None for all merchants."""
    return (await find_merchant_by_code(engine, code)).merchant_id if code else None


def _payments(count: int, amount_krw: int) -> str:
    noun = "scheduled payment" if count == 1 else "scheduled payments"
    return f"{count:,} {noun} ({amount_krw:,} won)"


def _described_merchant(merchant: str | None, waiting: stats.Waiting) -> str:
    """Name the merchant, or tell that it is all of them."""
    return merchant or f"ALL merchants ({waiting.merchants:,} with scheduled payments)"


def _day(text: str) -> date:
    if text == "today":
        return datetime.now(KST).date()
    try:
        return parse_day(text)
    except ValueError as wrong:
        raise typer.BadParameter("a day such as 2026-12-01, or today", param_hint="--on") from wrong
