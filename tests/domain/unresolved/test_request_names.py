"""Names of requests come from the order (M10): a forgotten charge is not repeated."""

from datetime import timedelta

import pytest

from dasi.cancels import CancelRequest, cancel
from dasi.foundation.db import Database
from dasi.foundation.errors import Conflict
from dasi.ledger import Payment, Status
from domain.unresolved.conftest import PaymentsFixture

DAY_S = 24 * 3600


async def forget(owner: Database, payment: Payment) -> None:
    """Delete a payment and its rows, as a restored backup that is older than they are."""
    async with owner.transaction() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        for table in ("payment_events", "pg_attempts", "payments"):
            await connection.execute(f"DELETE FROM {table} WHERE imp_uid = $1", payment.imp_uid)


async def attempt_names(payments: PaymentsFixture, payment: Payment) -> list[tuple[str, str]]:
    rows = await payments.engine.database.fetch(
        "SELECT attempt_id, pg_order_id FROM pg_attempts WHERE imp_uid = $1 ORDER BY sent_at",
        payment.imp_uid,
    )
    return [(row["attempt_id"], row["pg_order_id"]) for row in rows]


async def test_forgotten_charge_is_refused_by_the_pg_and_adopted(
    payments: PaymentsFixture, owner: Database
) -> None:
    forgotten = await payments.charge(merchant_uid="order-1")
    await forget(owner, forgotten)
    payments.kicc_merchant.clock.advance(timedelta(minutes=10))

    again = await payments.charge(merchant_uid="order-1")
    await payments.resolve_for(3, step_s=3)

    adopted = await payments.now(again)
    assert (again.status, adopted.status) == (Status.PENDING, Status.PAID)
    assert adopted.pg_tid == forgotten.pg_tid
    assert adopted.imp_uid != forgotten.imp_uid
    assert await payments.approvals_at_pg() == 1


async def test_forgotten_charge_of_another_amount_is_left_to_the_operator(
    payments: PaymentsFixture,
    owner: Database,
) -> None:
    forgotten = await payments.charge(9_900, merchant_uid="order-1")
    await forget(owner, forgotten)
    payments.kicc_merchant.clock.advance(timedelta(minutes=10))

    again = await payments.charge(8_000, merchant_uid="order-1")
    await payments.resolve_for(60)

    assert (await payments.now(again)).status is Status.PENDING
    assert "escalated" in await payments.events(again)
    assert await payments.approvals_at_pg() == 1
    with pytest.raises(Conflict, match="order_in_doubt"):
        await payments.charge(8_000, merchant_uid="order-1")


async def test_forgotten_cancel_is_refused_by_the_pg_and_adopted(
    payments: PaymentsFixture, owner: Database
) -> None:
    payment = await payments.charge(9_900, merchant_uid="order-1")
    request = CancelRequest(imp_uid=payment.imp_uid, merchant_uid=None, amount_krw=4_000)
    await cancel(payments.engine, payments.merchant.merchant_id, request)
    async with owner.transaction() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("DELETE FROM pg_attempts WHERE kind = 'cancel'")
        await connection.execute("DELETE FROM payment_events WHERE seq > 2")
        await connection.execute("UPDATE payments SET cancelled_krw = 0, status = 'paid'")

    with pytest.raises(Conflict, match="cancel_in_doubt"):
        await cancel(payments.engine, payments.merchant.merchant_id, request)
    await payments.resolve_for(3, step_s=3)

    adopted = await payments.now(payment)
    assert (adopted.status, adopted.cancelled_krw) == (Status.PARTLY_CANCELLED, 4_000)


async def test_names_count_the_requests_of_an_order(payments: PaymentsFixture) -> None:
    await payments.kicc_merchant.kicc.scenario("refused", "batch")
    declined = await payments.charge(merchant_uid="주문 1")
    paid = await payments.charge(merchant_uid="주문 1")
    other = await payments.charge(merchant_uid="order_2")

    ((first, first_order),) = await attempt_names(payments, declined)
    ((second, _second_order),) = await attempt_names(payments, paid)
    ((third, third_order),) = await attempt_names(payments, other)
    assert (declined.status, paid.status) == (Status.FAILED, Status.PAID)
    assert (first[-2:], second) == ("-1", f"{first[:-2]}-2")
    assert first_order == first
    assert third[:-2] != first[:-2]
    assert third_order == f"order_2-{third[4:12]}-1"


async def test_payment_numbers_ascend_and_do_not_repeat(payments: PaymentsFixture) -> None:
    numbers = [(await payments.charge()).imp_uid for _ in range(3)]

    assert all(number.startswith("imp_") and number[4:].isdigit() for number in numbers)
    assert len({len(number) for number in numbers}) == 1
    assert numbers == sorted(numbers)
