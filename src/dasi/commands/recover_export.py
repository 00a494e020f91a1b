"""`dasi recover --pg-export`: compare an export of the PG's admin pages with the ledger."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import typer

from dasi.commands.printing import Facts, kst
from dasi.engine import Engine
from dasi.forgotten_payments import (
    ExportColumns,
    ExportedOrder,
    Finding,
    Verdict,
    adopt_export,
    examine_export,
    read_export,
)
from dasi.pg_notifications import list_left_to_operator
from dasi.reporting import list_unresolved_any_merchant

_TEXTS: dict[Verdict, str] = {
    "agrees": "agrees",
    "adopted": "adopted",
    "adopt": "not in the ledger: adopt",
    "resolve": "outcome not known: resolve as approved",
    "lookups_run": "lookups still run: wait for them",
    "not_plain": "yours: cancelled or refused at the PG, or more than one row",
    "amount_differs": "yours: the ledger has another amount",
    "number_differs": "yours: the ledger has another number of the PG",
    "failed_here": "yours: failed in the ledger, approved at the PG",
    "order_taken": "yours: another payment holds this order",
    "earlier_lost": "yours: earlier requests of this order are lost as well",
    "unproven": "yours: the number of a window; --include-windows adopts it",
    "not_ours": "not an order number of this installation, or its name cannot be read",
}


def read_file(path: Path, columns: Sequence[str]) -> list[ExportedOrder]:
    """Read an export. `BadParameter` names the option and the rule."""
    headers: dict[str, str] = {}
    for column in columns:
        name, equals, header = column.partition("=")
        if not equals or name not in ExportColumns.__annotations__:
            raise typer.BadParameter(
                f"{column!r} is not NAME=HEADER with {', '.join(ExportColumns.__annotations__)}",
                param_hint="--column",
            )
        headers[name] = header.strip()
    missing = [name for name in ExportColumns.__annotations__ if not headers.get(name)]
    if missing:
        raise typer.BadParameter(f"name the column of {', '.join(missing)}", param_hint="--column")
    try:
        return read_export(path.read_bytes(), ExportColumns(**headers))
    except (OSError, ValueError) as wrong:
        raise typer.BadParameter(f"{path}: {wrong}", param_hint="--pg-export") from wrong


async def compare(
    engine: Engine,
    orders: Sequence[ExportedOrder],
    *,
    pg_merchant_id: str,
    approved: Sequence[str],
    include_windows: bool,
    actor: str,
    reason: str | None,
) -> list[Finding]:
    """Return the findings; those that are certain are adopted first if there is a `reason`."""
    findings = await examine_export(
        engine,
        orders,
        pg_merchant_id=pg_merchant_id,
        approved=approved,
        include_windows=include_windows,
    )
    if reason is None:
        return findings
    return [
        await adopt_export(
            engine, finding, pg_merchant_id=pg_merchant_id, actor=actor, reason=reason
        )
        if finding.is_certain
        else finding
        for finding in findings
    ]


def finding_rows(findings: Sequence[Finding]) -> list[Facts]:
    """A row for each order that needs something, the operator's last."""
    return [
        {
            "pg_order": finding.order.pg_order_id,
            "order": finding.merchant_uid,
            "payment": finding.imp_uid,
            "amount_krw": finding.order.rows[0].amount_krw,
            "pg_number": finding.order.rows[0].pg_tid,
            "at": kst(finding.order.rows[0].at),
            "verdict": _TEXTS[finding.verdict],
        }
        for finding in sorted(findings, key=lambda finding: not finding.is_certain)
        if finding.verdict != "agrees"
    ]


def finding_counts(findings: Sequence[Finding]) -> Facts:
    """How many orders have each verdict."""
    counts = Counter(finding.verdict for finding in findings)
    return {name: counts[name] for name in _TEXTS if counts[name]}


async def remaining_rows(engine: Engine) -> list[Facts]:
    """Return an operator's cases: escalated requests, and approvals that the PG notified of."""
    rows: list[Facts] = [
        {
            "pg_order": attempt.pg_order_id,
            "order": attempt.merchant_uid,
            "attempt": attempt.attempt_id,
            "amount_krw": attempt.amount_krw,
            "sent_at": kst(attempt.sent_at),
            "cause": attempt.detail,
        }
        for attempt in await list_unresolved_any_merchant(engine)
        if attempt.is_manual
    ]
    rows += [
        {
            "pg_order": pg_order_id,
            "order": None,
            "attempt": None,
            "amount_krw": None,
            "sent_at": kst(at),
            "cause": "the PG notified of an approval that is not in the ledger",
        }
        for pg_order_id, at in await list_left_to_operator(engine)
    ]
    return rows
