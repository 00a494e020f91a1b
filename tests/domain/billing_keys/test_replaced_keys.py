"""A replaced key stays at the PG for a grace period, can be restored, and is then deleted (B1)."""

import asyncio
from datetime import timedelta

import pytest

from dasi.billing_keys import delete_due_keys, delete_key, keys_of_customer, restore_key
from dasi.engine import Engine
from dasi.foundation.clock import ManualClock
from dasi.foundation.errors import Conflict
from dasi.ledger import ChargeDetails, Payment, Status
from dasi.merchants import Merchant
from dasi.outcomes import resolve_due
from dasi.payments import ChargeRequest, charge
from support.simulator_process import SimulatorControl
from support.window_payer import register_card

pytestmark = pytest.mark.usefixtures("channel")


async def live_at_pg(kicc: SimulatorControl) -> list[bool]:
    """Whether each issued key is live, oldest first."""
    return [key["isLive"] for key in (await kicc.state())["keys"]]


async def advance(clock: ManualClock, kicc: SimulatorControl, by: timedelta) -> None:
    """Advance our clock and the PG's."""
    clock.advance(by)
    await kicc.advance(by.total_seconds())


async def charge_once(
    engine: Engine,
    merchant: Merchant,
    merchant_uid: str,
    *,
    is_scheduled: bool = False,
    idempotency_key: str | None = None,
) -> Payment:
    request = ChargeRequest(
        is_sandbox=None,
        customer_uid="card-1",
        details=ChargeDetails(merchant_uid=merchant_uid, amount_krw=1_000),
        is_scheduled=is_scheduled,
        idempotency_key=idempotency_key,
    )
    return await charge(engine, merchant.merchant_id, request)


async def charged_key(kicc: SimulatorControl, payment: Payment) -> int:
    """Which of the issued keys the PG charged, counted from 0."""
    state = await kicc.state()
    keys = [key["batchKey"] for key in state["keys"]]
    (transaction,) = [row for row in state["transactions"] if row["pgCno"] == payment.pg_tid]
    return keys.index(transaction["batchKey"])


async def register_twice(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> str:
    """Register a card and replace it; the id of the replaced key."""
    await register_card(engine, merchant, kicc, "card-1")
    clock.advance(timedelta(seconds=1))
    await register_card(engine, merchant, kicc, "card-1")
    (_, replaced) = await keys_of_customer(engine, merchant.merchant_id, "card-1")
    assert replaced.status == "replaced"
    return replaced.billing_key_id


async def test_replaced_key_is_deleted_at_the_pg_after_the_grace_period(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    await register_twice(engine, merchant, kicc, clock)

    await advance(clock, kicc, timedelta(days=7) - timedelta(minutes=1))
    assert await delete_due_keys(engine) == 0
    assert await live_at_pg(kicc) == [True, True]
    await advance(clock, kicc, timedelta(minutes=2))
    assert await delete_due_keys(engine) == 1
    assert await live_at_pg(kicc) == [False, True]


async def test_merchant_chooses_the_grace_period(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    await engine.database.fetch("UPDATE merchants SET replaced_key_days = 0")
    await register_twice(engine, merchant, kicc, clock)

    assert await delete_due_keys(engine) == 1
    assert await live_at_pg(kicc) == [False, True]


async def test_restored_key_is_charged_and_the_other_one_is_deleted_later(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    replaced_id = await register_twice(engine, merchant, kicc, clock)

    await restore_key(engine, merchant.merchant_id, "card-1", replaced_id)

    assert await charged_key(kicc, await charge_once(engine, merchant, "order-1")) == 0
    await advance(clock, kicc, timedelta(days=8))
    assert await delete_due_keys(engine) == 1
    assert await live_at_pg(kicc) == [True, False]


async def test_key_is_not_restored_after_its_grace_period_or_for_a_removed_customer(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    replaced_id = await register_twice(engine, merchant, kicc, clock)
    for customer_uid, billing_key_id in (("card-1", "bk_x"), ("card-2", replaced_id)):
        with pytest.raises(Conflict, match="key_not_restorable"):
            await restore_key(engine, merchant.merchant_id, customer_uid, billing_key_id)
    assert (await charge_once(engine, merchant, "order-1")).status is Status.PAID, "nothing changed"

    await delete_key(engine, merchant.merchant_id, "card-1")
    with pytest.raises(Conflict, match="key_not_restorable"):
        await restore_key(engine, merchant.merchant_id, "card-1", replaced_id)
    await delete_due_keys(engine)
    assert await live_at_pg(kicc) == [False, False], "the customer is removed with all cards"


async def test_key_whose_deletion_was_sent_is_not_restored(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    replaced_id = await register_twice(engine, merchant, kicc, clock)
    await advance(clock, kicc, timedelta(days=7))
    await kicc.scenario("executed_answer_cut", "remove_key")
    assert await delete_due_keys(engine) == 1

    with pytest.raises(Conflict, match="key_not_restorable"):
        await restore_key(engine, merchant.merchant_id, "card-1", replaced_id)

    assert (await keys_of_customer(engine, merchant.merchant_id, "card-1"))[0].status == "active"


async def test_key_is_deleted_at_the_pg_after_a_charge_under_way(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    await register_card(engine, merchant, kicc, "card-1")
    await kicc.hold("batch", when="before")
    charging = asyncio.create_task(charge_once(engine, merchant, "order-1"))
    await kicc.wait_held()

    await delete_key(engine, merchant.merchant_id, "card-1")
    assert await live_at_pg(kicc) == [True], "nothing was sent"
    await kicc.release()

    assert (await charging).status is Status.PAID
    clock.advance(timedelta(seconds=91))
    await delete_due_keys(engine)
    assert await live_at_pg(kicc) == [False]


async def test_key_is_deleted_at_the_pg_after_an_unresolved_charge(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    await register_card(engine, merchant, kicc, "card-1")
    await kicc.scenario("executed_answer_cut", "batch")
    assert (await charge_once(engine, merchant, "order-1")).status is Status.PENDING

    await delete_key(engine, merchant.merchant_id, "card-1")
    await delete_due_keys(engine)
    assert await live_at_pg(kicc) == [True]

    clock.advance(timedelta(seconds=91))
    await resolve_due(engine)
    await delete_due_keys(engine)
    assert await live_at_pg(kicc) == [False]


async def test_charge_that_meets_a_replaced_key_goes_on_with_the_new_one(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    await register_card(engine, merchant, kicc, "card-1")
    await kicc.scenario("refused", "batch", code="ZS03", message="등록되지 않은 빌링키입니다")
    await kicc.hold("batch", when="before")
    charging = asyncio.create_task(charge_once(engine, merchant, "order-1", idempotency_key="once"))
    await kicc.wait_held()
    clock.advance(timedelta(seconds=1))
    await register_card(engine, merchant, kicc, "card-1")
    await kicc.release()

    paid = await charging

    assert paid.status is Status.PAID
    assert await charged_key(kicc, paid) == 1
    rows = await engine.database.fetch(
        """SELECT p.status, p.fail_code, a.idempotency_key FROM payments p
           JOIN pg_attempts a ON a.merchant_id = p.merchant_id AND a.imp_uid = p.imp_uid
           WHERE p.merchant_uid = 'order-1' ORDER BY a.sent_at"""
    )
    assert [tuple(row) for row in rows] == [
        ("failed", "KEY_REPLACED", None),
        ("paid", None, "once"),
    ]


async def test_scheduled_charge_that_meets_a_replaced_key_sends_one_webhook(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl, clock: ManualClock
) -> None:
    await register_card(engine, merchant, kicc, "card-1")
    await kicc.scenario("refused", "batch", code="ZS03", message="등록되지 않은 빌링키입니다")
    await kicc.hold("batch", when="before")
    charging = asyncio.create_task(charge_once(engine, merchant, "order-1", is_scheduled=True))
    await kicc.wait_held()
    clock.advance(timedelta(seconds=1))
    await register_card(engine, merchant, kicc, "card-1")
    await kicc.release()

    assert (await charging).status is Status.PAID
    rows = await engine.database.fetch(
        "SELECT kind FROM webhook_events WHERE resource_id LIKE 'imps_%'"
    )
    assert [row["kind"] for row in rows] == ["payment.paid"]


async def test_charge_of_an_active_key_is_declined_once(
    engine: Engine, merchant: Merchant, kicc: SimulatorControl
) -> None:
    await register_card(engine, merchant, kicc, "card-1")
    await kicc.scenario("refused", "batch", code="8521", message="한도 초과")

    assert (await charge_once(engine, merchant, "order-1")).fail_code == "8521"
    assert (await kicc.state())["requests"]["batch.received"] == 1
