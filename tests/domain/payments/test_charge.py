"""Charge: works, refused, declined, answer lost, asked twice, many at once (M1-M4, M9)."""

import asyncio
import json
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from dasi.foundation.errors import Conflict, NotFound, Refused
from dasi.foundation.vault import Vault
from dasi.ledger import AMOUNT_MAX_KRW, ChargeDetails, Payment, Status, payment_store
from dasi.ledger_proof import verify_ledger
from dasi.payments import ChargeRequest, charge
from domain.payments.conftest import PaymentsFixture

LOST = [
    "executed_answer_withheld", "executed_answer_cut", "executed_bad_gateway", "executed_html",
    "executed_truncated_json", "executed_wrong_signature", "executed_missing_signature",
    "executed_wrong_echo", "executed_other_amount",
]  # fmt: skip
LOST_AND_NOT_DONE = [
    "cut_before_processing", "server_error_before_processing", "unavailable", "bad_request",
]  # fmt: skip


@pytest.fixture
async def open_connections(payments: PaymentsFixture) -> None:
    """Open every connection of the pool, because a caller waits 0.8 s for a new one, then gets 503.

    A machine that stands still for so long must not fail a test of charges.
    """
    pool = payments.engine.database.pool
    async with AsyncExitStack() as leases:
        for _ in range(pool.connections_max):
            await leases.enter_async_context(pool.lease())


async def test_works(payments: PaymentsFixture) -> None:
    paid = await payments.charge(merchant_uid="order-1")

    assert (paid.status, paid.amount_krw, paid.purpose) == (Status.PAID, 9_900, "payment")
    (approval,) = await payments.approvals()
    assert (approval["pgCno"], approval["amount"]) == (paid.pg_tid, 9_900)
    assert await payments.events(paid) == [("charge_requested", "pending"), ("approved", "paid")]
    assert await payments.webhooks(paid) == ["payment.paid"]
    (attempt,) = await payments.rows("SELECT * FROM pg_attempts WHERE imp_uid = $1", paid.imp_uid)
    assert (attempt["state"], attempt["attempt_id"]) == ("approved", approval["shopTransactionId"])


async def test_it_is_written_before_it_is_sent(payments: PaymentsFixture) -> None:
    await payments.kicc.hold("batch", when="before")
    charging = asyncio.create_task(payments.charge(merchant_uid="order-1"))
    (held_request,) = await payments.kicc.wait_held()

    (attempt,) = await payments.rows("SELECT * FROM pg_attempts WHERE kind = 'charge'")
    (payment,) = await payments.rows("SELECT * FROM payments WHERE merchant_uid = 'order-1'")
    open_transactions = await payments.rows(
        "SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
    )

    assert (attempt["state"], payment["status"]) == ("sending", "pending")
    assert attempt["attempt_id"] == held_request["facts"]["shopTransactionId"]
    assert (attempt["amount_krw"], str(attempt["business_date"])) == (9_900, "2026-09-03")
    assert open_transactions == [], "no transaction waits for the PG (M2)"
    await payments.kicc.release()
    assert (await charging).status is Status.PAID


async def test_an_unknown_customer_is_refused_and_nothing_is_written(
    payments: PaymentsFixture,
) -> None:
    before = await payments.rows("SELECT imp_uid FROM payments")

    with pytest.raises(NotFound, match="unknown_customer"):
        await payments.charge(customer_uid="nobody")

    assert await payments.rows("SELECT imp_uid FROM payments") == before
    assert set(await payments.requests_at_pg()) == {"register", "approval"}, (
        "of the card registration only"
    )


@pytest.mark.parametrize(
    ("amount_krw", "code", "reason"),
    [(8_521, "8521", "limit_exceeded"), (8_350, "8350", "lost_or_stolen")],
)
async def test_declined(payments: PaymentsFixture, amount_krw: int, code: str, reason: str) -> None:
    failed = await payments.charge(merchant_uid="order-1", amount_krw=amount_krw)

    assert (failed.status, failed.fail_code) == (Status.FAILED, code)
    assert failed.failed_at == payments.clock.now()
    assert await payments.events(failed) == [
        ("charge_requested", "pending"),
        ("declined", "failed"),
    ]
    (event,) = await payments.rows(
        "SELECT detail, pg_code, pg_text FROM payment_events WHERE type = 'declined'"
    )
    assert (event["detail"], event["pg_code"]) == (reason, code)
    assert await payments.webhooks(failed) == []
    assert await payments.approvals() == []


async def test_a_declined_order_is_free_and_keeps_its_events(payments: PaymentsFixture) -> None:
    failed = await payments.charge(merchant_uid="order-1", amount_krw=8_521)
    paid = await payments.charge(merchant_uid="order-1", amount_krw=5_000)

    assert (failed.status, paid.status) == (Status.FAILED, Status.PAID)
    assert failed.imp_uid != paid.imp_uid
    assert [approval["amount"] for approval in await payments.approvals()] == [5_000]


@pytest.mark.parametrize("effect", LOST + LOST_AND_NOT_DONE)
async def test_a_lost_answer_takes_the_order_and_is_not_sent_again(
    payments: PaymentsFixture, effect: str
) -> None:
    await payments.kicc.settings(withheld_s=0)
    await payments.kicc.scenario(effect, "batch")

    unresolved = await payments.charge(merchant_uid="order-1")

    assert unresolved.status is Status.PENDING
    with pytest.raises(Conflict, match="order_in_doubt") as refused:
        await payments.charge(merchant_uid="order-1")
    assert refused.value.facts["imp_uid"] == unresolved.imp_uid
    assert await payments.webhooks(unresolved) == [], "no webhook says paid or failed"
    assert (await payments.requests_at_pg())["batch"] == 1
    assert len(await payments.approvals()) == (0 if effect in LOST_AND_NOT_DONE else 1)
    assert await payments.events(unresolved) == [
        ("charge_requested", "pending"),
        ("outcome_unknown", "pending"),
    ]


async def test_a_repeated_request_is_one_charge(payments: PaymentsFixture) -> None:
    paid = await payments.charge(merchant_uid="order-1")

    with pytest.raises(Conflict, match="order_already_paid") as refused:
        await payments.charge(merchant_uid="order-1", amount_krw=100)

    assert refused.value.facts["imp_uid"] == paid.imp_uid
    assert (await payments.requests_at_pg())["batch"] == 1


async def test_a_repeated_request_during_the_first_is_refused(payments: PaymentsFixture) -> None:
    await payments.kicc.hold("batch", when="before")
    charging = asyncio.create_task(payments.charge(merchant_uid="order-1"))
    await payments.kicc.wait_held()

    with pytest.raises(Conflict, match="order_in_doubt"):
        await payments.charge(merchant_uid="order-1")

    await payments.kicc.release()
    assert (await charging).status is Status.PAID
    assert len(await payments.approvals()) == 1


@pytest.mark.usefixtures("open_connections")
async def test_many_at_once_are_one_charge(payments: PaymentsFixture) -> None:
    outcomes = await asyncio.gather(
        *[payments.charge(merchant_uid="order-1") for _ in range(40)], return_exceptions=True
    )

    kinds = Counter(type(outcome) for outcome in outcomes)
    assert kinds == {Payment: 1, Conflict: 39}
    assert (await payments.requests_at_pg())["batch"] == 1


@pytest.mark.usefixtures("open_connections")
async def test_many_orders_at_once_are_all_charged(payments: PaymentsFixture) -> None:
    paid = await asyncio.gather(*[payments.charge(amount_krw=1_000 + n) for n in range(40)])

    assert {payment.status for payment in paid} == {Status.PAID}
    by_pg = {approval["pgCno"]: approval["amount"] for approval in await payments.approvals()}
    assert by_pg == {payment.pg_tid: payment.amount_krw for payment in paid}
    assert len({payment.imp_uid for payment in paid}) == 40


@pytest.mark.usefixtures("open_connections")
async def test_each_of_many_at_once_gets_its_own_payment(payments: PaymentsFixture) -> None:
    """They share statements and commits, and nothing else."""
    await payments.charge(merchant_uid="taken")
    requests: dict[str, dict[str, Any]] = {
        "paid": {},
        "declined": {"amount_krw": 8_521},
        "cut": {"amount_krw": 7_004},  # done, and answered with a bad gateway
        "unknown": {"customer_uid": "nobody"},
        "taken": {"merchant_uid": "taken"},
    }

    async def try_one(kind: str) -> tuple[str, str]:
        try:
            return kind, (await payments.charge(**requests[kind])).status.value
        except Refused as refused:
            return kind, refused.reason

    outcomes = Counter(await asyncio.gather(*[try_one(kind) for kind in [*requests] * 12]))

    assert outcomes == {
        ("paid", "paid"): 12,
        ("declined", "failed"): 12,
        ("cut", "pending"): 12,
        ("unknown", "unknown_customer"): 12,
        ("taken", "order_already_paid"): 12,
    }
    assert len(await payments.approvals()) == 1 + 12 + 12
    webhooks = await payments.rows(
        "SELECT resource_id FROM webhook_events WHERE kind = 'payment.paid'"
    )
    assert len(webhooks) == 1 + 1 + 12, "the card, the first one, and the twelve"


async def test_names_that_differ_a_little_are_other_orders(payments: PaymentsFixture) -> None:
    for merchant_uid in ("order-1", "ORDER-1", "order-1 ", "order-１", "주문-1"):
        assert (await payments.charge(merchant_uid=merchant_uid)).status is Status.PAID

    assert len(await payments.approvals()) == 5


@pytest.mark.parametrize(
    "odd",
    [
        "가" * 40,
        "원두 <b>& \"'|\\;",
        "☕️ 커피 👩‍👩‍👧",
        "ﷺ" * 40,
        "a\u202eb\u200bc",
        "１２３,원",
    ],
)
async def test_any_name_is_charged_and_kept_as_it_is(payments: PaymentsFixture, odd: str) -> None:
    paid = await payments.charge(name=odd)

    assert (paid.status, paid.name) == (Status.PAID, odd)


async def test_a_key_that_cannot_be_opened_is_not_sent_and_leaves_the_order_free(
    payments: PaymentsFixture,
) -> None:
    without_the_key = replace(payments.engine, vault=Vault([bytes(32)]))
    request = ChargeRequest(
        is_sandbox=None,
        customer_uid="card-1",
        details=ChargeDetails(merchant_uid="order-1", amount_krw=9_900),
    )

    failed = await charge(without_the_key, payments.merchant.merchant_id, request)

    assert (failed.status, failed.fail_code) == (Status.FAILED, "NOT_SENT")
    assert "batch" not in await payments.requests_at_pg()
    assert (await payments.charge(merchant_uid="order-1")).status is Status.PAID


@pytest.mark.parametrize("amount_krw", [1, AMOUNT_MAX_KRW])
async def test_the_least_and_the_most(payments: PaymentsFixture, amount_krw: int) -> None:
    assert (await payments.charge(amount_krw=amount_krw)).amount_krw == amount_krw
    assert [approval["amount"] for approval in await payments.approvals()] == [amount_krw]


async def test_instalments_and_the_tax_free_part_reach_the_pg(payments: PaymentsFixture) -> None:
    paid = await payments.charge(amount_krw=60_000, quota_months=3, tax_free_krw=10_000)

    sent = (await payments.kicc.control("GET", "/log", limit="1"))["log"][0]["request"]
    assert paid.card.quota_months == 3
    assert sent["payMethodInfo"]["cardMethodInfo"]["installmentMonth"] == 3
    assert json.dumps(sent).count("10000") == 1, sent


async def test_an_event_written_before_the_answer_is_recorded_stays_in_one_chain(
    payments: PaymentsFixture,
) -> None:
    await payments.kicc.hold("batch", when="before")
    charging = asyncio.create_task(payments.charge(merchant_uid="order-1"))
    await payments.kicc.wait_held()
    async with payments.engine.database.transaction() as other:
        imp_uid = await other.fetchval(
            "SELECT imp_uid FROM payments WHERE merchant_uid = 'order-1'"
        )
        payment = await payment_store.payment_for_update(
            other, payments.merchant.merchant_id, imp_uid
        )
        await payments.kicc.release()
        async with asyncio.timeout(10):
            while not await payments.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
                assert not charging.done()
        await payment_store.record_event(
            other,
            payment,
            vault=payments.engine.vault,
            event_type="noticed",
            actor="pg",
            created_at=payments.engine.clock.now(),
        )

    paid = await charging

    assert paid.status is Status.PAID
    assert await payments.events(paid) == [
        ("charge_requested", "pending"), ("noticed", "pending"), ("approved", "paid"),
    ]  # fmt: skip
    assert await payments.webhooks(paid) == ["payment.paid"]
    assert (await verify_ledger(payments.engine)).discrepancies == []
