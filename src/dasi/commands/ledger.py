"""The ledger: verify event chains, statuses and sums."""

import typer

from dasi.commands.context import with_engine
from dasi.commands.options import DATA_DEFAULT, Data, Json, help_epilog
from dasi.commands.printing import Facts, print_facts, print_list
from dasi.reporting import verify_ledger

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

    report = with_engine(data, verify_ledger)
    print_facts(
        {
            "payments": report.payments,
            "events": report.events,
            "paid_krw": report.paid_krw,
            "cancelled_krw": report.cancelled_krw,
            "net_krw": report.paid_krw - report.cancelled_krw,
            "discrepancies": len(report.discrepancies),
        },
        as_json=as_json,
    )
    if report.discrepancies:
        rows: list[Facts] = [
            {
                "merchant": discrepancy.merchant_code,
                "payment": discrepancy.imp_uid,
                "discrepancy": discrepancy.text,
            }
            for discrepancy in report.discrepancies[:_SHOWN_MAX]
        ]
        if not as_json:
            print_list(rows, as_json=False, none="")
        raise typer.Exit(_NOT_PROVEN)
