"""Verify the ledger (M9): events, rows, sums and seals, and name each discrepancy.

Memory is bounded: payments and seals are read a page at a time. The gateway and the worker may go
on working, because each page is read from one snapshot.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from dasi.engine import Engine
from dasi.foundation.vault import MacKeys
from dasi.ledger_proof import seal_rules, seal_store, verify_store
from dasi.ledger_proof.mac_key_store import all_mac_keys_any_merchant
from dasi.ledger_proof.payment_rules import Check, find_discrepancies, is_approved
from dasi.ledger_proof.seal import LedgerHead
from dasi.ledger_proof.seal_store import Seal

_PAGE = 500
_SEALS_PAGE, _SEALS_PAGE_BYTES = 1_000, 500_000
_KEPT_MAX = 1_000
_BEFORE_ALL = -(2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """A broken rule, in words. Payment and merchant are None where it concerns no single one."""

    merchant_code: str | None = None
    imp_uid: str | None = None
    check: Check
    text: str


@dataclass(slots=True)
class VerificationReport:
    """The totals of a verification, and its discrepancies."""

    payments: int = 0
    events: int = 0
    seals: int = 0
    unsealed_events: int = 0
    """After the newest seal. The worker seals them within seconds."""
    unsealed_audit_entries: int = 0
    paid_krw: int = 0
    """Approved, before cancels; card registrations count nothing."""
    cancelled_krw: int = 0
    discrepancy_count: int = 0
    discrepancies: list[Discrepancy] = field(default_factory=list)
    """The first thousand."""

    def add(self, discrepancy: Discrepancy) -> None:
        self.discrepancy_count += 1
        if len(self.discrepancies) < _KEPT_MAX:
            self.discrepancies.append(discrepancy)


Progress = Callable[[VerificationReport], None]


async def verify_ledger(
    engine: Engine,
    *,
    against: LedgerHead | None = None,
    on_progress: Progress = lambda _report: None,
) -> VerificationReport:
    """Verify all payments, all seals and the audit log. `against`: an exported head.

    `on_progress` gets the report after each page.
    """
    report = VerificationReport()
    keys = await all_mac_keys_any_merchant(engine)
    await _verify_payments(engine, keys, report, on_progress)
    await _verify_seals(engine, keys, report, on_progress)
    if against is not None:
        await _verify_head(engine, against, report)
    return report


async def _verify_payments(
    engine: Engine, keys: MacKeys, report: VerificationReport, on_progress: Progress
) -> None:
    after = (0, "")
    while page := await verify_store.page_any_merchant(engine.database, after=after, limit=_PAGE):
        for row in page:
            payment = row.payment
            report.payments += 1
            report.events += len(row.events)
            if payment.purpose == "payment" and is_approved(row):
                report.paid_krw += payment.amount_krw
                report.cancelled_krw += payment.cancelled_krw
            for check, text in find_discrepancies(row, keys):
                report.add(
                    Discrepancy(
                        merchant_code=row.merchant_code,
                        imp_uid=payment.imp_uid,
                        check=check,
                        text=text,
                    )
                )
        after = (page[-1].payment.merchant_id, page[-1].payment.imp_uid)
        on_progress(report)


async def _verify_seals(
    engine: Engine, keys: MacKeys, report: VerificationReport, on_progress: Progress
) -> None:
    codes = await verify_store.merchant_codes_any_merchant(engine.database)
    previous: Seal | None = None
    while page := await seal_store.seals_any_merchant(
        engine.database,
        after=previous.seal_number if previous else 0,
        limit=_SEALS_PAGE,
        bytes_max=_SEALS_PAGE_BYTES,
    ):
        for run in _runs(previous, page):
            for seal in run.seals:
                for check, text in seal_rules.chain_faults(previous, seal, keys):
                    report.add(Discrepancy(check=check, text=text))
                report.seals += 1
                previous = seal
            await _verify_run(engine, keys, run, codes, report)
        on_progress(report)
    (
        report.unsealed_events,
        report.unsealed_audit_entries,
    ) = await verify_store.unsealed_any_merchant(
        engine.database,
        events_until=previous.events_until if previous else 0,
        audit_until=previous.audit_until if previous else 0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Seals with consecutive numbers, and the positions after which they begin."""

    events_after: int
    audit_after: int
    seals: list[Seal]


def _runs(previous: Seal | None, page: list[Seal]) -> list[_Run]:
    """Divide a page where seals are missing: the rows of those are in no run."""
    runs: list[_Run] = []
    for seal in page:
        if seal.seal_number == (previous.seal_number + 1 if previous else 1):
            if not runs:
                runs.append(
                    _Run(
                        events_after=previous.events_until if previous else _BEFORE_ALL,
                        audit_after=previous.audit_until if previous else _BEFORE_ALL,
                        seals=[],
                    )
                )
        else:
            entries = seal_rules.decode_entries(seal)
            events_first = entries.events[0].position if entries.events else seal.events_until + 1
            audit_first = entries.audit[0].position if entries.audit else seal.audit_until + 1
            runs.append(_Run(events_after=events_first - 1, audit_after=audit_first - 1, seals=[]))
        runs[-1].seals.append(seal)
        previous = seal
    return runs


async def _verify_run(
    engine: Engine, keys: MacKeys, run: _Run, codes: dict[int, str], report: VerificationReport
) -> None:
    entries = {seal.seal_number: seal_rules.decode_entries(seal) for seal in run.seals}
    last = run.seals[-1]
    rows = await seal_store.events_any_merchant(
        engine.database, after=run.events_after, until=last.events_until, limit=None
    )
    sealed = (event for each in entries.values() for event in each.events)
    faults = [*seal_rules.event_faults(sealed, rows)]
    if faults:
        keys_of_faults = list({key for key, _, _ in faults})
        existing = await verify_store.existing_payments_any_merchant(
            engine.database, keys_of_faults
        )
        gone = [key for key in keys_of_faults if key not in existing]
        faults = [
            *((key, "deleted", "the payment was deleted") for key in gone),
            *(fault for fault in faults if fault[0] in existing),
        ]
    for (merchant_id, imp_uid), check, text in faults:
        code = codes.get(merchant_id, str(merchant_id))
        report.add(Discrepancy(merchant_code=code, imp_uid=imp_uid, check=check, text=text))
    audit = await seal_store.audit_any_merchant(
        engine.database, after=run.audit_after, until=last.audit_until, limit=None
    )
    for check, text in seal_rules.audit_faults(
        [(seal.mac, entries[seal.seal_number].audit) for seal in run.seals], audit, keys
    ):
        report.add(Discrepancy(check=check, text=text))


async def _verify_head(engine: Engine, head: LedgerHead, report: VerificationReport) -> None:
    same = await seal_store.seal_any_merchant(engine.database, head.seal)
    newest = await seal_store.newest_seal_any_merchant(engine.database)
    for check, text in seal_rules.head_faults(head, same, newest):
        report.add(Discrepancy(check=check, text=text))
