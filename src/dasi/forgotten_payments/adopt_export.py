"""Compare an export of the PG's admin pages with the ledger, and adopt what is missing in it.

For payments that the PG cannot be asked about any more. Only what is certain is adopted: one plain
approval of an order, of the right amount. Everything else is left to the operator, with the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dasi.engine import Engine
from dasi.forgotten_payments import forgotten_store
from dasi.forgotten_payments.adopt import adopt
from dasi.forgotten_payments.forgotten_store import KnownRequest
from dasi.forgotten_payments.own_order import find_own_order
from dasi.forgotten_payments.pg_export import ExportedOrder, ExportedRow
from dasi.foundation.errors import Conflict
from dasi.ledger import AMOUNT_MAX_KRW, payment_store
from dasi.outcomes import resolve_manually
from dasi.providers.port import Approved, Card

_BATCH = 500
_CODE = "PG_EXPORT"

Verdict = Literal[
    "agrees",
    "adopted",
    "adopt",
    "resolve",
    "lookups_run",
    "not_plain",
    "amount_differs",
    "number_differs",
    "failed_here",
    "order_taken",
    "earlier_lost",
    "unproven",
    "not_ours",
]
"""`adopt` and `resolve` can be done; `agrees` and `adopted` need nothing; the rest an operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict of the ledger about one order of the export."""

    order: ExportedOrder
    verdict: Verdict
    merchant_uid: str | None = None
    imp_uid: str | None = None
    attempt_id: str | None = None

    @property
    def is_certain(self) -> bool:
        return self.verdict in ("adopt", "resolve")

    @property
    def is_done(self) -> bool:
        return self.verdict in ("agrees", "adopted")


async def examine_export(
    engine: Engine,
    orders: Sequence[ExportedOrder],
    *,
    pg_merchant_id: str,
    approved: Sequence[str],
    include_windows: bool,
) -> list[Finding]:
    """Return a verdict for each order. Writes nothing and sends nothing.

    `approved`: the texts of the status column that say that money was taken. `include_windows`:
    also adopt order numbers of forgotten payment windows, which do not prove that they are ours.
    """
    findings = []
    for start in range(0, len(orders), _BATCH):
        batch = orders[start : start + _BATCH]
        known = await forgotten_store.known_requests_any_merchant(
            engine.database,
            pg_merchant_id=pg_merchant_id,
            pg_order_ids=[order.pg_order_id for order in batch],
        )
        for order in batch:
            request, approval = known.get(order.pg_order_id), order.approval(approved)
            if request is not None:
                findings.append(_compare(order, request, approval))
            else:
                findings.append(
                    await _examine_unknown(
                        engine,
                        order,
                        pg_merchant_id,
                        approval,
                        include_windows=include_windows,
                    )
                )
    return findings


async def adopt_export(
    engine: Engine, finding: Finding, *, pg_merchant_id: str, actor: str, reason: str
) -> Finding:
    """Adopt or resolve one certain finding, and return it as it is afterwards.

    `actor` and `reason` are in the payment's history.
    """
    (row,) = finding.order.rows
    if finding.verdict == "resolve":
        assert finding.attempt_id is not None, "a known request has a name"
        await resolve_manually(
            engine, finding.attempt_id, pg_tid=row.pg_tid, actor=actor, reason=reason
        )
        return _with(finding, "adopted", imp_uid=finding.imp_uid)
    assert finding.verdict == "adopt", finding.verdict
    order = await find_own_order(
        engine, pg_merchant_id=pg_merchant_id, pg_order_id=finding.order.pg_order_id
    )
    if order is None:
        return _with(finding, "order_taken")
    approval = Approved(
        pg_tid=row.pg_tid,
        amount_krw=row.amount_krw,
        approved_at=row.at,
        approval_no=None,
        card=Card(),
        receipt_url=None,
        code=_CODE,
        text=reason,
    )
    try:
        imp_uid = await adopt(
            engine, order, approval, actor=actor, source=f"export of the PG: {reason}"
        )
    except Conflict:
        return _with(finding, "order_taken")
    return _with(finding, "adopted", imp_uid=imp_uid)


def _compare(order: ExportedOrder, known: KnownRequest, approval: ExportedRow | None) -> Finding:
    """The verdict on an order that the database knows."""
    verdict: Verdict = "agrees"
    if known.state in ("sending", "unknown"):
        verdict = "resolve" if known.escalated_at is not None else "lookups_run"
    if approval is None:
        is_over = known.status in ("partly_cancelled", "cancelled", "failed")
        verdict = "agrees" if is_over else "not_plain"
    elif known.amount_krw != approval.amount_krw:
        verdict = "amount_differs"
    elif known.state in ("declined", "not_sent"):
        verdict = "failed_here"
    elif known.state == "approved" and known.pg_tid != approval.pg_tid:
        verdict = "number_differs"
    return Finding(
        order=order,
        verdict=verdict,
        merchant_uid=known.merchant_uid,
        imp_uid=known.imp_uid,
        attempt_id=known.attempt_id,
    )


async def _examine_unknown(
    engine: Engine,
    order: ExportedOrder,
    pg_merchant_id: str,
    approval: ExportedRow | None,
    *,
    include_windows: bool,
) -> Finding:
    """The verdict on an order number that the database does not know."""
    own = await find_own_order(engine, pg_merchant_id=pg_merchant_id, pg_order_id=order.pg_order_id)
    if own is None:
        return Finding(order=order, verdict="not_ours")
    if not own.is_proven and not include_windows:
        return Finding(order=order, verdict="unproven", merchant_uid=own.merchant_uid)
    if not own.is_next:
        return Finding(order=order, verdict="earlier_lost", merchant_uid=own.merchant_uid)
    if approval is None or approval.amount_krw > AMOUNT_MAX_KRW:
        return Finding(order=order, verdict="not_plain", merchant_uid=own.merchant_uid)
    async with engine.database.transaction() as connection:
        holder = await payment_store.order_holder(
            connection, own.channel.merchant_id, own.merchant_uid
        )
    return Finding(
        order=order,
        verdict="adopt" if holder is None else "order_taken",
        merchant_uid=own.merchant_uid,
        imp_uid=None if holder is None else holder[0],
        attempt_id=own.attempt_id,
    )


def _with(finding: Finding, verdict: Verdict, *, imp_uid: str | None = None) -> Finding:
    return Finding(
        order=finding.order,
        verdict=verdict,
        merchant_uid=finding.merchant_uid,
        imp_uid=imp_uid,
        attempt_id=finding.attempt_id,
    )
