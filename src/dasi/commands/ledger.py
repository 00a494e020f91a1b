"""The ledger: verify event chains, statuses and sums."""

import typer

from dasi.commands.context import with_engine
from dasi.commands.options import DATA_DEFAULT, Data, Json, help_epilog
from dasi.commands.printing import Facts, print_facts, print_list
from dasi.engine import Engine
from dasi.reporting import Discrepancy, VerificationReport, verify_ledger

app = typer.Typer(no_args_is_help=True, help="The ledger: event chains, statuses and sums.")
_SHOWN_MAX = 1_000
_NOT_PROVEN = 1


@app.callback()
def group() -> None:
    """Keep `verify` a subcommand while it is the group's only one."""


@app.command(
    "verify",
    epilog=help_epilog(
        "dasi ledger verify", "0 all is proven, 1 something is wrong (named), 2 usage"
    ),
)
def verify(*, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """Prove the event chains, the statuses and the sums, and name what is wrong."""

    async def act(engine: Engine) -> tuple[VerificationReport, list[Discrepancy]]:
        report = VerificationReport()
        return report, [discrepancy async for discrepancy in verify_ledger(engine, report)]

    report, wrong = with_engine(data, act)
    print_facts(
        {
            "payments": report.payments,
            "events": report.events,
            "paid_krw": report.paid_krw,
            "cancelled_krw": report.cancelled_krw,
            "net_krw": report.paid_krw - report.cancelled_krw,
            "discrepancies": len(wrong),
        },
        as_json=as_json,
    )
    if wrong:
        rows: list[Facts] = [
            {
                "merchant": discrepancy.merchant_code,
                "payment": discrepancy.imp_uid,
                "discrepancy": discrepancy.what,
            }
            for discrepancy in wrong[:_SHOWN_MAX]
        ]
        if not as_json:
            print_list(rows, as_json=False, none="")
        raise typer.Exit(_NOT_PROVEN)
