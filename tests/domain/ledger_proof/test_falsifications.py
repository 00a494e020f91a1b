"""`dasi ledger verify` finds changes made with SQL, and names payment and check (M9).

The falsifier is a superuser of the database, knows the code, and has no key.
"""

from dataclasses import dataclass, replace

import pytest
from msgspec import structs

from dasi.foundation.vault import Vault
from dasi.ledger_proof import ledger_head, seal_ledger, verify_ledger
from domain.ledger_proof.conftest import Ledger

_TABLES_OF_A_PAYMENT = (
    "webhook_events", "payment_windows", "pg_attempts", "payment_events", "payments",
)  # fmt: skip


async def test_an_honest_ledger_has_no_discrepancy(ledger: Ledger) -> None:
    report = await ledger.verify()

    assert report.discrepancies == []
    assert (report.payments, report.paid_krw, report.cancelled_krw) == (6, 39_800, 3_000)
    assert report.seals > 0
    assert (report.unsealed_events, report.unsealed_audit_entries) == (0, 0)


@dataclass(frozen=True)
class Falsification:
    name: str
    payment: str | None
    """The attribute of `Ledger` that must be named; None for no payment."""
    check: str
    statements: tuple[str, ...]


_REPEAT = (
    "INSERT INTO payment_events (merchant_id, imp_uid, seq, position, created_at, type, status, "
    " actor, detail, attempt_id, pg_code, pg_text, merchant_uid, amount_krw, pg_tid, "
    " buyer_digest, details_digest, mac) "
    "SELECT merchant_id, imp_uid, seq + 1, %s, created_at, type, status, actor, detail, "
    " attempt_id, pg_code, pg_text, merchant_uid, amount_krw, pg_tid, buyer_digest, "
    " details_digest, mac FROM payment_events WHERE imp_uid = '%s' AND type = '%s'"
)
FALSIFICATIONS = (
    Falsification(
        "amount_in_two_tables",
        "paid",
        "amount",
        (
            "UPDATE payments SET amount_krw = 1000 WHERE imp_uid = '{paid}'",
            "UPDATE pg_attempts SET amount_krw = 1000 WHERE imp_uid = '{paid}'",
        ),
    ),
    Falsification(
        "amount_in_all_tables",
        "paid",
        "event",
        (
            "UPDATE payments SET amount_krw = 1000 WHERE imp_uid = '{paid}'",
            "UPDATE pg_attempts SET amount_krw = 1000 WHERE imp_uid = '{paid}'",
            "UPDATE payment_events SET amount_krw = 1000 WHERE imp_uid = '{paid}'",
        ),
    ),
    Falsification(
        "buyer",
        "paid",
        "buyer",
        ("UPDATE payments SET buyer_name = '임꺽정' WHERE imp_uid = '{paid}'",),
    ),
    Falsification(
        "buyer_erased_without_an_event",
        "paid",
        "buyer",
        (
            "UPDATE payments SET buyer_name = NULL, buyer_email = NULL, buyer_tel = NULL "
            "WHERE imp_uid = '{paid}'",
        ),
    ),
    Falsification(
        "pg_number",
        "paid",
        "pg_number",
        (
            "UPDATE payments SET pg_tid = '99' WHERE imp_uid = '{paid}'",
            "UPDATE pg_attempts SET pg_tid = '99' WHERE imp_uid = '{paid}'",
        ),
    ),
    Falsification(
        "pg_number_of_a_cancel",
        "cancelled",
        "pg_number",
        ("UPDATE pg_attempts SET pg_tid = '99' WHERE imp_uid = '{cancelled}' AND kind = 'cancel'",),
    ),
    Falsification(
        "payment_deleted",
        "paid",
        "deleted",
        tuple(
            f"DELETE FROM {table} WHERE "
            f"{'resource_id' if table == 'webhook_events' else 'imp_uid'} = '{{paid}}'"
            for table in _TABLES_OF_A_PAYMENT
        ),
    ),
    Falsification("audit_log_emptied", None, "audit", ("TRUNCATE audit_log",)),
    Falsification(
        "audit_entry_changed",
        None,
        "audit",
        ("UPDATE audit_log SET email = 'x' WHERE position = 2",),
    ),
    Falsification(
        "audit_entry_inserted",
        None,
        "audit",
        (
            "DELETE FROM audit_log WHERE position = 2",
            "INSERT INTO audit_log (position, created_at, email, action, address, user_agent) "
            "VALUES (2, now(), 'x', 'x', 'x', 'x')",
        ),
    ),
    Falsification(
        "event_text",
        "declined",
        "event",
        ("UPDATE payment_events SET pg_text = '정상' WHERE imp_uid = '{declined}' AND seq = 2",),
    ),
    Falsification(
        "first_event_deleted",
        "paid",
        "deleted",
        ("DELETE FROM payment_events WHERE imp_uid = '{paid}' AND seq = 1",),
    ),
    Falsification(
        "cancel_undone",
        "cancelled",
        "deleted",
        (
            "DELETE FROM payment_events WHERE imp_uid = '{cancelled}' AND type LIKE 'cancel%'",
            "DELETE FROM pg_attempts WHERE imp_uid = '{cancelled}' AND kind = 'cancel'",
            "UPDATE payments SET status = 'paid', cancelled_krw = 0, cancelled_at = NULL "
            "WHERE imp_uid = '{cancelled}'",
        ),
    ),
    Falsification(
        "all_events_deleted",
        "paid",
        "event",
        ("DELETE FROM payment_events WHERE imp_uid = '{paid}'",),
    ),
    Falsification(
        "status_without_an_event",
        "window",
        "status",
        ("UPDATE payments SET status = 'cancelled' WHERE imp_uid = '{window}'",),
    ),
    Falsification(
        "approval_forged_with_the_mac_of_another",
        "pending",
        "event",
        (
            "UPDATE payments SET status = 'paid', pg_tid = '99', paid_at = now() "
            "WHERE imp_uid = '{pending}'",
            "UPDATE pg_attempts SET state = 'approved', pg_tid = '99' WHERE imp_uid = '{pending}'",
            "INSERT INTO payment_events (merchant_id, imp_uid, seq, created_at, type, status, "
            " actor, attempt_id, merchant_uid, amount_krw, pg_tid, mac) "
            "SELECT p.merchant_id, p.imp_uid, 3, now(), 'approved', 'paid', 'kicc', "
            " a.attempt_id, p.merchant_uid, p.amount_krw, '99', e.mac "
            "FROM payments p JOIN pg_attempts a USING (merchant_id, imp_uid), payment_events e "
            "WHERE p.imp_uid = '{pending}' AND e.imp_uid = '{paid}' AND e.type = 'approved'",
        ),
    ),
    Falsification(
        "genuine_event_repeated",
        "cancelled",
        "attempt",
        (_REPEAT % ("1000", "{cancelled}", "cancelled"),),
    ),
    Falsification(
        "genuine_event_repeated_among_sealed_ones",
        "paid",
        "inserted",
        (_REPEAT % ("0", "{paid}", "approved"),),
    ),
    Falsification(
        "order",
        "paid",
        "order",
        ("UPDATE payments SET merchant_uid = 'another' WHERE imp_uid = '{paid}'",),
    ),
    Falsification(
        "customer",
        "paid",
        "details",
        ("UPDATE payments SET customer_uid = 'another' WHERE imp_uid = '{paid}'",),
    ),
    Falsification(
        "card",
        "window",
        "details",
        ("UPDATE payments SET card_number = '1234' WHERE imp_uid = '{window}'",),
    ),
    Falsification(
        "attempt_deleted",
        "declined",
        "attempt",
        ("DELETE FROM pg_attempts WHERE imp_uid = '{declined}'",),
    ),
    Falsification(
        "attempt_of_another_day",
        "declined",
        "attempt",
        ("UPDATE pg_attempts SET business_date = '2020-01-01' WHERE imp_uid = '{declined}'",),
    ),
    Falsification(
        "window_of_another_order",
        "window",
        "window",
        ("UPDATE payment_windows SET pg_order_id = 'another' WHERE imp_uid = '{window}'",),
    ),
    Falsification(
        "seal_changed",
        None,
        "seal",
        ("UPDATE ledger_seals SET created_at = now() WHERE seal_number = 1",),
    ),
)


@pytest.mark.parametrize("falsification", FALSIFICATIONS, ids=lambda each: each.name)
async def test_a_falsification_is_found_and_named(
    ledger: Ledger, falsification: Falsification
) -> None:
    await ledger.falsify(*falsification.statements)

    discrepancies = await ledger.discrepancies()

    named = falsification.payment and getattr(ledger, falsification.payment).imp_uid
    assert (named, falsification.check) in discrepancies
    await ledger.seal()  # a seal that comes later does not hide it
    assert (named, falsification.check) in await ledger.discrepancies()


async def test_a_chain_rebuilt_with_another_key_is_found(ledger: Ledger) -> None:
    """The falsifier changes an event and makes its MAC and all seals again, with a key of his."""
    forger = replace(ledger.engine, vault=Vault([b"x" * 32]))
    key_id = ledger.engine.vault.mac_keys.newest
    forged = key_id + forger.vault.mac_keys.sign("event", "changed")[len(key_id) :]
    await ledger.falsify(
        f"UPDATE payment_events SET detail = 'changed', mac = '\\x{forged.hex()}' "
        "WHERE imp_uid = '{paid}' AND seq = 2",
        "DELETE FROM ledger_seals",
    )
    while await seal_ledger(forger):
        pass

    assert {(ledger.paid.imp_uid, "event"), (None, "key")} <= await ledger.discrepancies()


async def test_a_seal_deleted_among_others_is_found(ledger: Ledger) -> None:
    for action in ("a", "b", "c"):
        await ledger.audit(action)
        await ledger.seal()
    await ledger.falsify("DELETE FROM ledger_seals WHERE seal_number IN (2, 3)")

    report = await ledger.verify()

    assert [each.text for each in report.discrepancies] == ["the seals 2 to 3 were deleted"]


@pytest.mark.parametrize("is_sealed_again", [False, True])
async def test_the_newest_payments_dropped_with_their_seals_are_missed_by_an_exported_head(
    ledger: Ledger, is_sealed_again: bool
) -> None:
    sealed = await ledger_head(ledger.engine.database)
    dropped = await ledger.fixture.charge()
    await ledger.audit("payment_viewed")
    await ledger.seal()
    head = await ledger_head(ledger.engine.database)
    assert sealed is not None
    assert head is not None
    await ledger.falsify(
        *(
            f"DELETE FROM {table} WHERE imp_uid = '{dropped.imp_uid}'"
            for table in ("pg_attempts", "payment_events", "payments")
        ),
        f"DELETE FROM ledger_seals WHERE seal_number > {sealed.seal}",
    )
    if is_sealed_again:
        await ledger.fixture.charge()
        await ledger.seal()

    engine = ledger.engine
    assert (await verify_ledger(engine, against=sealed)).discrepancies == []
    (discrepancy,) = (await verify_ledger(engine, against=head)).discrepancies
    assert discrepancy.check == "head"
    expected = (
        f"its seal {head.seal} is not the exported one"
        if is_sealed_again
        else f"Lost are the seals {head.seal} to {head.seal}, with up to "
        "2 events and 1 audit entries"
    )
    assert expected in discrepancy.text


async def test_a_changed_head_is_refused(ledger: Ledger) -> None:
    head = await ledger_head(ledger.engine.database)
    assert head is not None
    forged = structs.replace(head, mac="00" * 20)

    (discrepancy,) = (await verify_ledger(ledger.engine, against=forged)).discrepancies

    assert discrepancy.check == "head"
