"""After a restore, a failover or a move: the mode of the installation, and the way back."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dasi.commands.confirmation import confirm
from dasi.commands.context import is_embedded, operator_name, with_engine
from dasi.commands.options import DATA_DEFAULT, Data, Json, help_epilog
from dasi.commands.printing import Facts, kst, print_facts, print_lines, print_note
from dasi.commands.recover_export import (
    compare,
    finding_counts,
    finding_rows,
    read_file,
    remaining_rows,
)
from dasi.engine import Engine
from dasi.forgotten_payments import ExportedOrder, Finding
from dasi.recovery import RecoveryState, folder_home, make_home, recovery_state, set_mode

app = typer.Typer()
_NOT_NORMAL = 1
_APPROVED = ("승인",)
_NORMAL_MEANS = (
    "Charges are then sent without a lookup. Orders that were charged in the lost time and are "
    "sent again would rely on KICC alone to refuse them."
)


Export = Annotated[
    Path | None,
    typer.Option("--pg-export", metavar="FILE", help="Compare a CSV export of KICC's admin pages."),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column", metavar="NAME=HEADER", help="Where order, tid, amount, status and at are."
    ),
]
Approved = Annotated[
    list[str] | None,
    typer.Option(metavar="TEXT", help="A status that means approved. Default: 승인."),
]
IncludeWindows = Annotated[
    bool, typer.Option("--include-windows", help="Adopt windows too: the MID is dasi's alone.")
]


class _Decision(StrEnum):
    RECOVERING = "recovering"
    STOPPED = "stopped"
    NORMAL = "normal"
    HOLD = "held"


@app.command(
    "recover",
    epilog=help_epilog(
        "dasi recover --mode recovering --reason 'restored the backup of 03:00'",
        "0 the mode is normal and the export agrees, 1 otherwise, 2 usage",
    ),
)
def recover(
    *,
    mode: Annotated[
        _Decision | None,
        typer.Option(
            help="recovering: look up each request at the PG before it is sent. "
            "stopped: send no charge. held: send nothing. normal: send at once."
        ),
    ] = None,
    is_original: Annotated[
        bool,
        typer.Option(
            "--this-is-the-original",
            help="Go on here after a move or a restore. The other copy must not be started again.",
        ),
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Why, for the next operator.")] = None,
    is_confirmed: Annotated[
        bool, typer.Option("--yes", help="Do not ask before --mode normal.")
    ] = False,
    export: Export = None,
    columns: Columns = None,
    approved: Approved = None,
    mid: Annotated[str | None, typer.Option(help="The MID of the export.")] = None,
    include_windows: IncludeWindows = False,
    is_applied: Annotated[
        bool, typer.Option("--apply", help="Adopt what is certain. Without it nothing is written.")
    ] = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Show or set the checks before a charge while the database may have lost rows.

    A process that misses rows which it committed sets the mode itself, and so does `dasi restore`.
    Set it by hand before the first start after you restored a backup with other tools. A recovery
    ends by itself when KICC stops answering about the lost time: at the second midnight in Korea.
    """
    if (mode is not None or is_original or is_applied) and not reason:
        raise typer.BadParameter(
            "--mode, --this-is-the-original and --apply need --reason", param_hint="--reason"
        )
    if export is not None:
        _compare_export(
            read_file(export, columns or []),
            data,
            mid,
            approved or list(_APPROVED),
            include_windows=include_windows,
            reason=reason if is_applied else None,
            as_json=as_json,
        )
        return
    if mode is _Decision.NORMAL:
        confirm(_NORMAL_MEANS, is_confirmed=is_confirmed)
    state, remaining = with_engine(
        data, lambda engine: _decide(engine, data, mode, reason, is_original=is_original)
    )
    _print(state, remaining, data, as_json=as_json)
    if state.mode != "normal":
        raise typer.Exit(_NOT_NORMAL)


async def _decide(
    engine: Engine,
    data: Path,
    mode: _Decision | None,
    reason: str | None,
    *,
    is_original: bool,
) -> tuple[RecoveryState, list[Facts]]:
    """Do what the operator decided, if anything; return the state and what is left to do."""
    state = await _set_mode(engine, data, mode, reason, is_original=is_original)
    return state, await remaining_rows(engine)


async def _set_mode(
    engine: Engine,
    data: Path,
    mode: _Decision | None,
    reason: str | None,
    *,
    is_original: bool,
) -> RecoveryState:
    state = await recovery_state(engine.database)
    if mode is None and not is_original:
        return state
    if state.mode == "held" and not is_original:
        raise typer.BadParameter(
            "this may be a copy; add --this-is-the-original if it is not", param_hint="--mode"
        )
    if is_original:
        home = folder_home(data) if is_embedded() else None
        async with engine.database.transaction() as connection:
            await make_home(connection, folder=home)
        if mode is None and state.mode != "held":
            return state
    detail = f"operator:{operator_name()}: {reason}"
    now = engine.clock.now()
    if mode is None:
        return await set_mode(engine.database, None, detail=detail, now=now)
    return await set_mode(engine.database, mode.value, detail=detail, now=now)


def _compare_export(
    orders: list[ExportedOrder],
    data: Path,
    mid: str | None,
    approved: list[str],
    *,
    include_windows: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """Print what an export says of the ledger. With a `reason`, adopt what is certain first."""
    if mid is None:
        raise typer.BadParameter("--pg-export needs the MID of the export", param_hint="--mid")

    async def act(engine: Engine) -> tuple[list[Finding], list[Facts]]:
        findings = await compare(
            engine,
            orders,
            pg_merchant_id=mid,
            approved=approved,
            include_windows=include_windows,
            actor=f"operator:{operator_name()}",
            reason=reason,
        )
        return findings, await remaining_rows(engine)

    findings, remaining = with_engine(data, act)
    print_facts(
        {"orders": len(findings), **finding_counts(findings), "remaining": len(remaining)},
        as_json=as_json,
        findings=finding_rows(findings),
        remaining_rows=remaining,
    )
    if any(finding.is_certain for finding in findings):
        print_note("Nothing was written. Add --apply and --reason to adopt and resolve.")
    if remaining or not all(finding.is_done for finding in findings):
        raise typer.Exit(_NOT_NORMAL)


def _print(state: RecoveryState, remaining: list[Facts], data: Path, *, as_json: bool) -> None:
    print_facts(
        {
            "mode": state.mode,
            "since": kst(state.since),
            "newest_row_at": kst(state.newest_row_at),
            "ends_at": kst(state.ends_at),
            "reason": state.detail,
            "left_to_you": len(remaining),
        },
        as_json=as_json,
        remaining=remaining,
    )
    if not as_json:
        print_lines(describe_mode(state, folder=f" --data {data}" if is_embedded() else ""))


def describe_mode(state: RecoveryState, *, folder: str) -> list[str]:
    """Return what a mode means and the way out, as lines; none for `normal`.

    `folder`: the option that names the data folder, for the commands in the text.
    """
    command = f"  dasi recover{folder}"
    match state.mode:
        case "normal":
            return []
        case "recovering":
            return [
                "RECOVERING: the database went back in time.",
                f"  Cause: {state.detail}.",
                "  Each charge is looked up at KICC before it is sent; what is found is adopted.",
                f"  It ends by itself at {kst(state.ends_at)}.",
            ]
        case "stopped":
            return [
                "STOPPED: the database went back further than KICC answers. No charge is sent.",
                f"  Cause: {state.detail}.",
                "  Adopt what KICC's admin pages show for the lost time, then let it go on:",
                f"{command} --pg-export FILE --mid MID --column order=… --apply --reason '…'",
                f"{command} --mode recovering --reason '…'",
            ]
        case "held":
            return [
                "HELD: this may be a copy. No charge, schedule, webhook or lookup is sent.",
                f"  Cause: {state.detail}.",
                "  If the other one goes on, leave this one held or remove it.",
                "  If this one replaces it after a restore (each charge is looked up first):",
                f"{command} --this-is-the-original --reason '…'",
                "  If it was stopped, moved here, and nothing is missing:",
                f"{command} --this-is-the-original --mode normal --reason '…'",
            ]
