"""Billing keys: one a customer, replaced when the new one is stored, sealed, not shown (B1-B3)."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from dasi.billing_keys import BillingKey, delete_due_keys, delete_key, find_billing_key, open_key
from dasi.channels import Channel, add_channel
from dasi.engine import Engine
from dasi.foundation.clock import ManualClock
from dasi.foundation.errors import Conflict, NotFound
from dasi.foundation.vault import DecryptionError, Vault
from dasi.ledger import ChargeDetails, Status, find_payment
from dasi.merchants import Merchant, add_merchant
from dasi.outcomes import resolve_due
from dasi.payments import ChargeRequest, charge
from support.database_dump import database_text
from support.gateway_merchant import PG_SECRET
from support.simulator_process import SimulatorControl
from support.window_payer import register_card, walk_through_window

pytestmark = pytest.mark.usefixtures("channel")


async def keys_at_pg(kicc: SimulatorControl) -> list[str]:
    """Oldest first."""
    return [key["batchKey"] for key in (await kicc.state())["keys"]]


async def charged_with(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, customer_uid: str
) -> str:
    """The PG's key that a charge of this customer really used."""
    request = ChargeRequest(
        is_sandbox=None,
        customer_uid=customer_uid,
        details=ChargeDetails(merchant_uid="probe", amount_krw=1_000),
    )
    paid = await charge(engine, merchant.merchant_id, request)
    (approval,) = [
        transaction
        for transaction in (await kicc.state())["transactions"]
        if transaction["pgCno"] == paid.pg_tid
    ]
    return str(approval["batchKey"])


async def test_a_registered_card_is_the_customers_key(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl
) -> None:
    issued = await register_card(engine, merchant, kicc, "card-1", amount_krw=1_000)

    assert (issued.status, issued.purpose) == (Status.PAID, "key_issue")
    key = await find_billing_key(engine, merchant.merchant_id, "card-1")
    assert [open_key(engine, key)] == await keys_at_pg(kicc)
    assert key.card_number is not None
    assert "*" in key.card_number
    assert (await kicc.state())["sums"] == {}, "the amount was shown, never approved (B4)"


async def test_a_key_is_sealed_and_shown_nowhere(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl
) -> None:
    payment = await register_card(engine, merchant, kicc, "card-1")
    (secret,) = await keys_at_pg(kicc)
    key = await find_billing_key(engine, merchant.merchant_id, "card-1")

    assert secret not in await database_text(engine.database)
    assert secret not in repr(key) + repr(payment)


async def test_a_key_opens_for_its_own_customer_and_merchant_only(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl
) -> None:
    await register_card(engine, merchant, kicc, "card-1")
    await register_card(engine, merchant, kicc, "card-2")

    await engine.database.fetch(
        """UPDATE billing_keys SET sealed_key =
               (SELECT sealed_key FROM billing_keys WHERE customer_uid = 'card-1')
           WHERE customer_uid = 'card-2'"""
    )

    moved = await find_billing_key(engine, merchant.merchant_id, "card-2")
    with pytest.raises(DecryptionError, match="not bound to"):
        open_key(engine, moved)


async def test_registering_again_replaces_the_card(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    await register_card(engine, merchant, kicc, "card-1")
    clock.advance(timedelta(seconds=1))
    await register_card(engine, merchant, kicc, "card-1")

    older, newer = await keys_at_pg(kicc)
    assert await charged_with(engine, merchant, kicc, "card-1") == newer != older
    rows = await engine.database.fetch("SELECT status FROM billing_keys ORDER BY billing_key_id")
    assert [row["status"] for row in rows] == ["replaced", "active"]


async def test_a_card_that_is_not_registered_leaves_the_old_one(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl
) -> None:
    await register_card(engine, merchant, kicc, "card-1")
    (key,) = await keys_at_pg(kicc)

    await kicc.scenario("refused", "approval", code="8350", message="분실 카드")
    failed = await register_card(engine, merchant, kicc, "card-1")

    assert failed.status is Status.FAILED
    assert await charged_with(engine, merchant, kicc, "card-1") == key


async def test_a_lost_answer_leaves_the_old_card(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl
) -> None:
    await register_card(engine, merchant, kicc, "card-1")
    older = (await keys_at_pg(kicc))[0]

    await kicc.scenario("executed_answer_cut", "approval")
    unresolved = await register_card(engine, merchant, kicc, "card-1", merchant_uid="lost")

    assert unresolved.status is Status.PENDING
    assert await charged_with(engine, merchant, kicc, "card-1") == older
    with pytest.raises(Conflict, match="order_in_doubt"):
        await register_card(engine, merchant, kicc, "card-1", merchant_uid="lost")


async def test_two_registered_at_once_leave_one_live(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl
) -> None:
    payers = [
        await walk_through_window(engine, merchant, kicc, customer_uid=f"card-{n}", amount_krw=0)
        for n in (1, 2, 3, 4) * 3
    ]
    for _ in payers:
        await kicc.hold("approval", when="after")
    posting = [asyncio.create_task(payer.post()) for payer in payers]
    await kicc.wait_held(len(payers))

    await kicc.release()
    issued = await asyncio.gather(*posting)

    assert {payment.status for payment in issued} == {Status.PAID}
    rows = await engine.database.fetch("SELECT customer_uid, status FROM billing_keys")
    live = [row["customer_uid"] for row in rows if row["status"] == "active"]
    assert sorted(live) == ["card-1", "card-2", "card-3", "card-4"]
    assert len(rows) == 12, "none that the PG issued is forgotten"
    assert await charged_with(engine, merchant, kicc, "card-1") in await keys_at_pg(kicc)


async def test_the_same_customer_uid_of_two_merchants_is_two_cards(
    engine: Engine, merchant: Merchant, channel: Channel, kicc: SimulatorControl
) -> None:
    other = await add_merchant(engine, code="imp00000002", name="다른 상점", webhook_url=None)
    await add_channel(
        engine, other, provider="kicc", pg_merchant_id="T5102001", secret=PG_SECRET,
        is_sandbox=True, is_default=True,
    )  # fmt: skip
    await register_card(engine, merchant, kicc, "card-1")

    with pytest.raises(NotFound, match="unknown_billing_key"):
        await find_billing_key(engine, other.merchant_id, "card-1")
    await register_card(engine, other, kicc, "card-1")

    key, other_key = [
        await find_billing_key(engine, owner.merchant_id, "card-1") for owner in (merchant, other)
    ]
    assert open_key(engine, key) != open_key(engine, other_key)


async def test_a_key_is_charged_in_the_channel_that_issued_it(
    engine: Engine, merchant: Merchant, channel: Channel, kicc: SimulatorControl
) -> None:
    await register_card(engine, merchant, kicc, "card-1")
    await add_channel(
        engine, merchant, provider="kicc", pg_merchant_id="T5102001", secret=PG_SECRET,
        is_sandbox=True, is_default=True,
    )  # fmt: skip

    request = ChargeRequest(
        is_sandbox=None,
        customer_uid="card-1",
        details=ChargeDetails(merchant_uid="order-1", amount_krw=1_000),
    )
    paid = await charge(engine, merchant.merchant_id, request)

    assert (paid.status, paid.pg_merchant_id) == (Status.PAID, channel.pg_merchant_id)


async def test_vault_keys_rotate_without_losing_a_card(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl
) -> None:
    await register_card(engine, merchant, kicc, "card-1")
    old: BillingKey = await find_billing_key(engine, merchant.merchant_id, "card-1")
    secret = open_key(engine, old)

    rotated = replace(engine, vault=Vault([bytes(32), bytes(range(32))]))
    await register_card(rotated, merchant, kicc, "card-2")

    assert open_key(rotated, old) == secret
    newer = await find_billing_key(engine, merchant.merchant_id, "card-2")
    with pytest.raises(DecryptionError, match="not loaded"):
        open_key(engine, newer)


async def test_a_registration_found_late_does_not_replace_a_newer_card(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    await kicc.settings(key_in_query=True)
    await kicc.scenario("executed_answer_cut", "approval")
    lost = await register_card(engine, merchant, kicc, "card-1")
    clock.advance(timedelta(seconds=1))
    await kicc.advance(1)
    await register_card(engine, merchant, kicc, "card-1")
    older, newer = await keys_at_pg(kicc)

    clock.advance(timedelta(seconds=2))
    assert await resolve_due(engine) == 1

    settled = await find_payment(engine, merchant.merchant_id, lost.imp_uid)
    assert settled.status is Status.PAID
    clock.advance(timedelta(days=7))
    await kicc.advance(timedelta(days=7).total_seconds())
    await delete_due_keys(engine)
    assert await charged_with(engine, merchant, kicc, "card-1") == newer
    live = {key["batchKey"]: key["isLive"] for key in (await kicc.state())["keys"]}
    assert live == {older: False, newer: True}, "the one not in use is ended at the PG (B1)"


async def test_a_key_that_cannot_be_opened_does_not_keep_others_from_being_ended(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    for customer_uid in ("card-1", "card-2", "card-3"):
        await register_card(engine, merchant, kicc, customer_uid)
    await kicc.scenario("cut_before_processing", "remove_key", times=3)
    for customer_uid in ("card-1", "card-2", "card-3"):
        await delete_key(engine, merchant.merchant_id, customer_uid)
    sealed_by_another = Vault([bytes(32)]).seal("lost", associated_data="nothing")
    await engine.database.fetch(
        "UPDATE billing_keys SET sealed_key = $1 WHERE customer_uid = 'card-2'", sealed_by_another
    )

    clock.advance(timedelta(minutes=5))
    assert await delete_due_keys(engine) == 3

    assert sorted(key["isLive"] for key in (await kicc.state())["keys"]) == [False, False, True]
    rows = await engine.database.fetch(
        "SELECT customer_uid FROM billing_keys WHERE manual_review_reason IS NOT NULL"
    )
    assert [row["customer_uid"] for row in rows] == ["card-2"]
    clock.advance(timedelta(days=1))
    assert await delete_due_keys(engine) == 0
