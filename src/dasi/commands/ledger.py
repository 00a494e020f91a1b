"""The ledger: print its head, and verify it."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from dasi.commands.context import with_engine
from dasi.commands.options import DATA_DEFAULT, Data, Json, help_epilog
from dasi.commands.printing import Facts, print_facts, print_note
from dasi.ledger_proof import LedgerHead, VerificationReport, ledger_head, verify_ledger

app = typer.Typer(no_args_is_help=True, help="The ledger: its proof and its head.")
_NOT_PROVEN = 1
_PROGRESS_EVERY = 20_000
_WENT_BACK = (
    "The database went back in time, as after a restore or a failover. `dasi recover` shows if a "
    "charge is looked up before it is sent. If its mode is normal and the lost time was not "
    "compared with KICC, run: dasi recover --mode recovering --reason '…'"
)


@app.command(
    "head",
    epilog=help_epilog("dasi ledger head --out head.json", "0 printed, 1 no seal yet, 2 usage"),
)
def head_command(
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the head to this file, as JSON.")
    ] = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Print the newest seal of the ledger, or export it for `dasi ledger verify --against`."""
    head = with_engine(data, lambda engine: ledger_head(engine.database))
    if head is None:
        print_note("The ledger has no seal yet. The worker seals it within seconds.")
        raise typer.Exit(_NOT_PROVEN)
    if out is not None:
        new = out.with_name(f"{out.name}.new")
        new.write_bytes(msgspec.json.format(msgspec.json.encode(head)) + b"\n")
        new.replace(out)
    print_facts(msgspec.to_builtins(head), as_json=as_json)


@app.command(
    "verify",
    epilog=help_epilog(
        "dasi ledger verify --against head.json",
        "0 all is proven, 1 something is wrong (named), 2 usage",
    ),
)
def verify_command(
    *,
    against: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Prove that this exported head is in the ledger."),
    ] = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Prove events, rows, sums, seals and the audit log, and name each discrepancy."""
    head = None if against is None else _read_head(against)
    report = with_engine(
        data, lambda engine: verify_ledger(engine, against=head, on_progress=_Progress())
    )
    rows: list[Facts] = [
        {
            "merchant": discrepancy.merchant_code,
            "payment": discrepancy.imp_uid,
            "check": discrepancy.check,
            "discrepancy": discrepancy.text,
        }
        for discrepancy in report.discrepancies
    ]
    print_facts(
        {
            "payments": report.payments,
            "events": report.events,
            "seals": report.seals,
            "unsealed_events": report.unsealed_events,
            "unsealed_audit_entries": report.unsealed_audit_entries,
            "paid_krw": report.paid_krw,
            "cancelled_krw": report.cancelled_krw,
            "net_krw": report.paid_krw - report.cancelled_krw,
            "discrepancies": report.discrepancy_count,
        },
        as_json=as_json,
        first_discrepancies=rows,
    )
    if any(discrepancy.check == "head" for discrepancy in report.discrepancies):
        print_note(_WENT_BACK)
    if rows:
        raise typer.Exit(_NOT_PROVEN)


class _Progress:
    """Writes the progress of a verification to standard error."""

    def __init__(self) -> None:
        self._next = _PROGRESS_EVERY

    def __call__(self, report: VerificationReport) -> None:
        if report.events + report.seals >= self._next:
            self._next += _PROGRESS_EVERY
            print_note(f"{report.payments} payments, {report.events} events, {report.seals} seals")


def _read_head(path: Path) -> LedgerHead:
    try:
        return msgspec.json.decode(path.read_bytes(), type=LedgerHead)
    except (OSError, msgspec.DecodeError) as error:
        raise typer.BadParameter(f"{path}: {error}", param_hint="--against") from error
