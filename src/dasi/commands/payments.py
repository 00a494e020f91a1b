"""The operator's proof and worklist: `dasi reconcile`, `dasi verify`."""

import getpass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from dasi.commands.context import with_engine
from dasi.commands.options import DATA_DEFAULT, Data, Json, ending
from dasi.commands.printing import Facts, print_facts, print_lines, print_list, print_note
from dasi.engine import Engine
from dasi.foundation.clock import KST

if TYPE_CHECKING:
    from dasi.reporting import Discrepancy, Doubt, VerificationReport

_DISCREPANCIES_SHOWN = 1_000
_NOT_PROVEN = 1
_QUESTIONS = {
    "charge": "Was a card charged {won} won?",
    "approve": "Were {won} won paid in the window?",
    "issue_key": "Was a card registered?",
    "cancel": "Were {won} won given back?",
}


def reconcile(
    *,
    only_list: Annotated[
        bool, typer.Option("--list", help="Show the doubts and ask nothing.")
    ] = False,
    settle: Annotated[
        str | None,
        typer.Option(metavar="ATTEMPT", help="End a doubt that was handed over to you."),
    ] = None,
    pg_tid: Annotated[
        str | None,
        typer.Option("--pg-tid", help="With --settle: it happened, under this number at the PG."),
    ] = None,
    did_not_happen: Annotated[
        bool, typer.Option("--did-not-happen", help="With --settle: the PG's books do not have it.")
    ] = False,
    because: Annotated[
        str | None, typer.Option(help="With --settle: how you know. It is kept for good.")
    ] = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Ask the payment companies about every doubt that is due, then show what is left.

    Asking is safe at any time: it reads, and settles by what it reads; nothing is charged again.
    """

    async def act(engine: Engine) -> tuple[int, "list[Doubt]"]:
        from dasi.payments import decide, reconcile_due  # noqa: PLC0415  # slow: not for --help
        from dasi.reporting import list_doubts  # noqa: PLC0415  # slow: not for --help

        if settle is not None:
            assert because is not None, "checked below"
            who = f"operator:{getpass.getuser()}"
            await decide(engine, settle, pg_tid=pg_tid, who=who, why=because)
        looked = 0
        while not only_list and (turn := await reconcile_due(engine)):
            looked += turn
        return looked, await list_doubts(engine)

    if settle is not None and (because is None or did_not_happen == (pg_tid is not None)):
        raise typer.BadParameter(
            "say --because, and either --pg-tid or --did-not-happen", param_hint="--settle"
        )
    looked, doubts = with_engine(data, act)
    if not only_list:
        print_note(f"{looked} looks taken")
    if as_json:
        print_list([_row(doubt) for doubt in doubts], as_json=True, none="")
        return
    print_lines(
        [line for doubt in doubts for line in (*_told(doubt), "")]
        or ["No doubt is open: all is settled."]
    )


def verify_books(*, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """Prove the event chains, the statuses and the sums, and name what is wrong."""

    async def act(engine: Engine) -> "tuple[VerificationReport, list[Discrepancy]]":
        from dasi.reporting import (  # noqa: PLC0415  # slow: not for --help
            VerificationReport,
            verify_ledger,
        )

        report = VerificationReport()
        return report, [discrepancy async for discrepancy in verify_ledger(engine, report)]

    report, found = with_engine(data, act)
    print_facts(
        {
            "payments": report.payments,
            "events": report.events,
            "paid_krw": report.paid_krw,
            "cancelled_krw": report.cancelled_krw,
            "net_krw": report.paid_krw - report.cancelled_krw,
            "discrepancies": len(found),
        },
        as_json=as_json,
    )
    if found:
        rows: list[Facts] = [
            {"merchant": one.merchant_code, "payment": one.imp_uid, "what is wrong": one.what}
            for one in found[:_DISCREPANCIES_SHOWN]
        ]
        if not as_json:
            print_list(rows, as_json=False, none="")
        raise typer.Exit(_NOT_PROVEN)


def register(app: typer.Typer) -> None:
    app.command("reconcile", epilog=ending("dasi reconcile --list"))(reconcile)
    app.command(
        "verify",
        epilog=ending("dasi verify", "0 all is proven, 1 something is wrong (named), 2 usage"),
    )(verify_books)


def _row(doubt: "Doubt") -> Facts:
    return {
        "merchant": doubt.merchant_code,
        "payment": doubt.imp_uid,
        "order": doubt.merchant_uid,
        "asked for": f"{doubt.kind} {doubt.amount_krw:,} won",
        "asked at": _kst(doubt.asked_at),
        "why it is in doubt": doubt.why,
        "attempt": doubt.attempt_id,
        "looks": doubt.looks,
        "next look": "a person must decide" if doubt.is_with_person else _kst(doubt.next_look_at),
        "deadline": _kst(doubt.deadline_at),
        "ask the PG for": f"mall {doubt.mall_id}, order {doubt.shop_order_no}",
    }


def _told(doubt: "Doubt") -> list[str]:
    """The same for a person who was woken by it."""
    happened = _QUESTIONS[doubt.kind].format(won=f"{doubt.amount_krw:,}")
    times = "once" if doubt.looks == 1 else f"{doubt.looks} times"
    lines = [
        f"{happened} Nobody knows yet.",
        f"  Whose         {doubt.merchant_code}, order {doubt.merchant_uid}, {doubt.imp_uid}",
        f"  Asked         {_kst(doubt.asked_at)}",
        f"  In doubt, as  {doubt.why}",
        f"  Meanwhile     no second request leaves for it; the payment company was asked about it "
        f"{times}",
        f"  In its books  mall {doubt.mall_id}, order {doubt.shop_order_no}",
    ]
    if doubt.pg_tid is not None:
        lines.append(f"  Its number    {doubt.pg_tid}, by an answer that proves nothing")
    if not doubt.is_with_person:
        looks = f"{_kst(doubt.next_look_at)}, by itself; handed to a person at the latest"
        return [*lines, f"  Next look     {looks} {_kst(doubt.deadline_at)}"]
    settle = f"dasi reconcile --settle {doubt.attempt_id}"
    return [
        *lines,
        "  Yours now     look it up in the payment company's books, then say what you found:",
        f'                {settle} --pg-tid NUMBER --because "how you know"',
        f'                {settle} --did-not-happen --because "how you know"',
    ]


def _kst(moment: datetime | None) -> str | None:
    return moment.astimezone(KST).strftime("%m-%d %H:%M:%S KST") if moment else None
