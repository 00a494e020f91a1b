"""A late approval is never dropped (M6): what was reported as failed is reversed at the PG."""

import pytest

from dasi.ledger import Payment, Status, attempt_store
from dasi.outcomes.record import record_outcome
from dasi.providers.port import Approved, Declined, Found
from domain.unresolved.conftest import PaymentsFixture
from support.kicc_merchant import ACCOUNT


@pytest.fixture
async def failed(payments: PaymentsFixture) -> Payment:
    """A payment that was recorded as declined although KICC holds its money."""
    await payments.kicc_merchant.kicc.scenario("executed_answer_cut", "batch")
    payment = await payments.charge()
    await record_outcome(
        payments.engine,
        payment.merchant_id,
        payment.imp_uid,
        await attempt_id(payments, payment),
        Declined(code="8521", text="한도초과"),
    )
    assert await payments.net_at_pg() == 9_900
    return await payments.now(payment)


async def attempt_id(payments: PaymentsFixture, payment: Payment) -> str:
    approval = await attempt_store.approval_of(
        payments.engine.database, payment.merchant_id, payment.imp_uid
    )
    assert approval is not None
    return approval.attempt_id


async def approval_at_pg(payments: PaymentsFixture, payment: Payment) -> Approved:
    attempt = await attempt_store.approval_of(
        payments.engine.database, payment.merchant_id, payment.imp_uid
    )
    assert attempt is not None
    finding = await payments.kicc_merchant.provider.look_up(
        ACCOUNT, attempt.reference, kind=attempt.kind, pg_order_id=None, amount_krw=9_900
    )
    assert isinstance(finding, Found)
    assert isinstance(finding.outcome, Approved)
    return finding.outcome


async def test_the_answer_that_arrives_after_the_failure_is_reversed(
    payments: PaymentsFixture, failed: Payment
) -> None:
    approval = await approval_at_pg(payments, failed)

    after = await record_outcome(
        payments.engine,
        failed.merchant_id,
        failed.imp_uid,
        await attempt_id(payments, failed),
        approval,
    )
    await payments.resolve_for(3, step_s=3)

    assert after.status is Status.FAILED
    assert (await payments.now(failed)).status is Status.FAILED
    assert await payments.net_at_pg() == 0
    assert {"approval_after_failure", "reversal_cancelled"} <= set(await payments.events(failed))
    assert "payment.paid" not in await payments.webhooks(failed)


async def test_a_notification_after_the_failure_is_looked_up_until_the_pg_answers(
    payments: PaymentsFixture, failed: Payment
) -> None:
    attempt = await attempt_store.approval_of(
        payments.engine.database, failed.merchant_id, failed.imp_uid
    )
    assert attempt is not None
    await attempt_store.wake_by_order_any_merchant(
        payments.engine.database,
        pg_merchant_id=attempt.pg_merchant_id,
        pg_order_id=str(attempt.pg_order_id),
        now=payments.engine.clock.now(),
    )
    await payments.kicc_merchant.kicc.scenario("server_error_before_processing", "query", times=2)

    await payments.resolve_for(70, step_s=5)

    assert await payments.net_at_pg() == 0
    assert (await payments.now(failed)).status is Status.FAILED
    assert "reversal_cancelled" in await payments.events(failed)
