"""Booked charges: what a day will bring, the stop switch, the plan of retries."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from dasi.commands.context import with_engine
from dasi.commands.options import DATA_DEFAULT, Data, Json, MerchantCode, ending
from dasi.commands.printing import Facts, print_facts, print_list
from dasi.engine import Engine
from dasi.foundation.clock import KST

if TYPE_CHECKING:
    from dasi.schedules import DayTotal

app = typer.Typer(
    invoke_without_command=True,
    help="Charges booked for later. With --on: what a day will bring.",
    epilog=ending("dasi schedules --on 2026-12-01"),
)
SomeMerchant = Annotated[
    str | None, typer.Option("--merchant", metavar="CODE", help="Of this one only; else of all.")
]
Stops = dict[int, tuple[datetime, str]]


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
    """How many charges are booked for a day, and how much they come to."""
    if context.invoked_subcommand is not None:
        return
    day = _day(on or "today")

    async def act(engine: Engine) -> "tuple[list[DayTotal], Stops]":
        from dasi.schedules import preview_day, stops  # noqa: PLC0415  # slow: not for --help

        totals = await preview_day(engine, day, merchant_code=merchant)
        return totals, await stops(engine)

    totals, stopped = with_engine(data, act)
    rows: list[Facts] = [
        {
            "merchant": one.merchant,
            "charges": one.count,
            "amount_krw": one.amount_krw,
            "first": _kst(one.first_at),
            "last": _kst(one.last_at),
        }
        for one in totals
    ]
    print_list(rows, as_json=as_json, none=f"Nothing is booked for {day}.")
    if not as_json and totals:
        count, amount = sum(one.count for one in totals), sum(one.amount_krw for one in totals)
        typer.echo(f"{day}: {count:,} charges, {amount:,} won" + (" (stopped)" if stopped else ""))


@app.command(
    "stop", epilog=ending("dasi schedules stop --merchant imp00000001 --why 'wrong price'")
)
def stop(
    *,
    merchant: SomeMerchant = None,
    why: Annotated[str, typer.Option(help="Kept beside the switch.")] = "stopped by hand",
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Let no booked charge start any more, of one merchant or of all."""

    async def act(engine: Engine) -> None:
        from dasi.merchants import find_merchant_by_code  # noqa: PLC0415  # slow: not for --help
        from dasi.schedules import stop_schedules  # noqa: PLC0415  # as above

        whose = (await find_merchant_by_code(engine, merchant)).merchant_id if merchant else None
        await stop_schedules(engine, whose, why=why)

    with_engine(data, act)
    print_facts({"stopped": merchant or "all merchants", "why": why}, as_json=as_json)


@app.command("resume", epilog=ending("dasi schedules resume --merchant imp00000001"))
def resume(
    *, merchant: SomeMerchant = None, data: Data = DATA_DEFAULT, as_json: Json = False
) -> None:
    """Let booked charges start again; what became due meanwhile starts now, in order."""

    async def act(engine: Engine) -> bool:
        from dasi.merchants import find_merchant_by_code  # noqa: PLC0415  # slow: not for --help
        from dasi.schedules import resume_schedules  # noqa: PLC0415  # as above

        whose = (await find_merchant_by_code(engine, merchant)).merchant_id if merchant else None
        return await resume_schedules(engine, whose)

    was_stopped = with_engine(data, act)
    print_facts(
        {"resumed": merchant or "all merchants", "was_stopped": was_stopped}, as_json=as_json
    )


@app.command(
    "retry-plan", epilog=ending("dasi schedules retry-plan --merchant imp00000001 --days 1,3,7")
)
def retry_plan(
    *,
    merchant_code: MerchantCode,
    days: Annotated[str, typer.Option(help="Days after a declined charge: 1,3,7; or off.")],
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Try declined charges again on later days. Cards that need replacing are never tried again."""
    try:
        wanted = [] if days == "off" else [int(day) for day in days.split(",")]
    except ValueError as wrong:
        raise typer.BadParameter("numbers such as 1,3,7, or off", param_hint="--days") from wrong

    async def act(engine: Engine) -> None:
        from dasi.merchants import find_merchant_by_code  # noqa: PLC0415  # slow: not for --help
        from dasi.schedules import set_retry_plan  # noqa: PLC0415  # as above

        owner = await find_merchant_by_code(engine, merchant_code)
        await set_retry_plan(engine, owner.merchant_id, wanted)

    with_engine(data, act)
    print_facts({"merchant": merchant_code, "retry_days": days}, as_json=as_json)


def _day(text: str) -> date:
    if text == "today":
        return datetime.now(KST).date()
    try:
        return date.fromisoformat(text)
    except ValueError as wrong:
        raise typer.BadParameter("a day such as 2026-12-01, or today", param_hint="--on") from wrong


def _kst(moment: datetime) -> str:
    return moment.astimezone(KST).strftime("%m-%d %H:%M KST")
