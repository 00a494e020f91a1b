"""Payments that the PG holds and a restore has lost are adopted, or left to the operator (M11)."""

import itertools
from datetime import timedelta

import pytest

from dasi.forgotten_payments import (
    ExportColumns,
    Finding,
    adopt_export,
    examine_export,
    notified,
    read_export,
)
from dasi.foundation.db import Database
from dasi.foundation.errors import Conflict
from dasi.http.rate_limit import RateLimit
from dasi.ledger import ChargeDetails, Payment, Status, find_payment
from dasi.ledger_proof import verify_ledger
from dasi.pg_notifications import list_left_to_operator
from dasi.pg_notifications.inbox import process_pg_notification, store_pg_notification
from dasi.providers.port import PgNotification
from dasi.schedules import NewSchedule, create_schedules
from domain.unresolved.conftest import CUSTOMER, PaymentsFixture
from domain.unresolved.test_request_names import DAY_S, attempt_names, forget

NUMBERS = itertools.count(1)
COLUMNS = ExportColumns(order="주문번호", tid="거래번호", amount="금액", status="상태", at="일시")


async def notify(payments: PaymentsFixture, pg_order_id: str) -> str:
    """Receive a PG notification of an order number, and return what came of it."""
    notification = PgNotification(
        notification_id=f"n-{next(NUMBERS)}",
        pg_merchant_id=payments.channel.pg_merchant_id,
        pg_order_id=pg_order_id,
        claims="{}",
    )
    assert await store_pg_notification(payments.engine, "kicc", notification, source="127.0.0.1")
    return await process_pg_notification(payments.engine, "kicc", notification, source="127.0.0.1")


async def queries_at_pg(payments: PaymentsFixture) -> int:
    log = await payments.kicc_merchant.kicc.control("GET", "/log")
    return sum(entry["endpoint"] == "query" for entry in log["log"])


async def payment_of(payments: PaymentsFixture, order: str) -> Payment:
    (row,) = await payments.engine.database.fetch(
        "SELECT imp_uid FROM payments WHERE merchant_uid = $1 AND status <> 'failed'", order
    )
    return await find_payment(payments.engine, payments.merchant.merchant_id, row["imp_uid"])


async def lose(payments: PaymentsFixture, owner: Database, order: str) -> tuple[Payment, str]:
    """Charge an order, forget it, and return the payment and its order number at the PG."""
    lost = await payments.charge(merchant_uid=order)
    ((_name, pg_order_id),) = await attempt_names(payments, lost)
    await forget(owner, lost)
    return lost, pg_order_id


async def test_forgotten_charge_that_the_pg_notifies_of_is_adopted(
    payments: PaymentsFixture, owner: Database
) -> None:
    lost, pg_order_id = await lose(payments, owner, "order-1")

    result = await notify(payments, pg_order_id)

    adopted = await payment_of(payments, "order-1")
    assert (result, adopted.status, adopted.pg_tid) == ("adopted", Status.PAID, lost.pg_tid)
    assert await payments.events(adopted) == ["found_at_pg", "charge_requested", "approved"]
    assert await payments.webhooks(adopted) == ["payment.paid"]
    with pytest.raises(Conflict, match="order_already_paid"):
        await payments.charge(merchant_uid="order-1")
    assert await payments.approvals_at_pg() == 1
    assert (await verify_ledger(payments.engine)).discrepancies == []


async def test_forged_order_numbers_cause_few_lookups(
    payments: PaymentsFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notified, "WINDOW_LOOKUPS", RateLimit(per_s=0, burst=3))
    before = await queries_at_pg(payments)

    charges = [await notify(payments, f"order-{number}-0a1b2c3d-1") for number in range(5)]
    windows = [await notify(payments, f"order-{number}-0a1b2c3d4e") for number in range(9)]

    assert {*charges, *windows} == {"unknown_order"}
    # A lookup asks for both days, under both names.
    assert await queries_at_pg(payments) - before == 3 * 4


async def test_approval_after_another_lost_request_is_left_to_the_operator(
    payments: PaymentsFixture, owner: Database
) -> None:
    await payments.kicc_merchant.kicc.scenario("refused", "batch")
    declined = await payments.charge(merchant_uid="order-1")
    lost, pg_order_id = await lose(payments, owner, "order-1")
    await forget(owner, declined)

    result = await notify(payments, pg_order_id)
    (finding,) = await examine(payments, export((pg_order_id, lost.pg_tid, "9,900", "승인")))

    assert (declined.status, result, finding.verdict) == (
        Status.FAILED,
        "left_to_operator",
        "earlier_lost",
    )


async def test_order_that_cannot_be_looked_up_is_left_to_the_operator(
    payments: PaymentsFixture, owner: Database
) -> None:
    _lost, pg_order_id = await lose(payments, owner, "order-1")
    await payments.kicc_merchant.kicc.scenario(
        "server_error_before_processing", "query", times=1_000
    )

    result = await notify(payments, pg_order_id)

    assert result == "left_to_operator"
    assert [order for order, _at in await list_left_to_operator(payments.engine)] == [pg_order_id]


def export(*rows: tuple[str, str | None, str, str]) -> bytes:
    """An export with the order number, the PG's number, the amount and the status of each row."""
    lines = ["주문번호,거래번호,금액,상태,일시"]
    lines += [
        f'{order},{tid},"{amount}",{status},2026-09-03 10:00:00'
        for order, tid, amount, status in rows
    ]
    return "\n".join(lines).encode("cp949")


async def examine(
    payments: PaymentsFixture, content: bytes, *, include_windows: bool = False
) -> list[Finding]:
    return await examine_export(
        payments.engine,
        read_export(content, COLUMNS),
        pg_merchant_id=payments.channel.pg_merchant_id,
        approved=["승인"],
        include_windows=include_windows,
    )


async def apply(payments: PaymentsFixture, finding: Finding) -> Finding:
    return await adopt_export(
        payments.engine,
        finding,
        pg_merchant_id=payments.channel.pg_merchant_id,
        actor="operator:kim",
        reason="export of 4 September",
    )


async def test_export_shows_forgotten_and_unresolved_payments(
    payments: PaymentsFixture, owner: Database
) -> None:
    kept = await payments.charge(merchant_uid="order-kept")
    await payments.kicc_merchant.kicc.scenario("executed_answer_cut", "batch")
    unresolved = await payments.charge(merchant_uid="order-unresolved")
    ((_name, kept_order),) = await attempt_names(payments, kept)
    ((_name, unresolved_order),) = await attempt_names(payments, unresolved)
    lost, lost_order = await lose(payments, owner, "order-lost")
    await payments.resolve_for(0)
    await payments.turn(3 * DAY_S)
    await payments.resolve_for(120)
    content = export(
        (kept_order, kept.pg_tid, "9,900", "승인"),
        (lost_order, lost.pg_tid, "9,900", "승인"),
        (unresolved_order, "26090310000009", "9,900", "승인"),
        ("2026-0a1b2c3d4e", "26090310000010", "5,000", "승인"),
        ("OTHER SYSTEM", "26090310000011", "5,000", "승인"),
    )

    findings = await examine(payments, content)
    before = await payments.now(unresolved)
    again = await examine(payments, content)
    done = [await apply(payments, finding) for finding in findings if finding.is_certain]
    after = await examine(payments, content)

    verdicts = ["agrees", "adopt", "resolve", "unproven", "not_ours"]
    assert [finding.verdict for finding in findings] == verdicts
    assert (before.status, again) == (Status.PENDING, findings), "nothing was written"
    assert [finding.verdict for finding in done] == ["adopted"] * 2
    assert [finding.verdict for finding in after] == ["agrees"] * 3 + verdicts[3:]
    adopted = await payment_of(payments, "order-lost")
    assert (adopted.status, adopted.pg_tid) == (Status.PAID, lost.pg_tid)
    assert (await payments.now(unresolved)).pg_tid == "26090310000009"
    assert (await verify_ledger(payments.engine)).discrepancies == []


async def test_export_that_contradicts_the_ledger_is_left_to_the_operator(
    payments: PaymentsFixture, owner: Database
) -> None:
    paid = await payments.charge(merchant_uid="order-paid")
    await payments.kicc_merchant.kicc.scenario("refused", "batch")
    failed = await payments.charge(merchant_uid="order-failed")
    other = await payments.charge(merchant_uid="order-other")
    orders = [(await attempt_names(payments, payment))[0][1] for payment in (paid, failed, other)]
    lost, lost_order = await lose(payments, owner, "order-lost")

    findings = await examine(
        payments,
        export(
            (orders[0], paid.pg_tid, "1,000", "승인"),
            (orders[1], "26090310000001", "9,900", "승인"),
            (orders[2], "26090310000002", "9,900", "승인"),
            (lost_order, lost.pg_tid, "9,900", "승인"),
            (lost_order, lost.pg_tid, "9,900", "취소"),
        ),
    )

    assert [finding.verdict for finding in findings] == [
        "amount_differs",
        "failed_here",
        "number_differs",
        "not_plain",
    ]


async def test_scheduled_order_whose_number_does_not_show_it_is_adopted(
    payments: PaymentsFixture, owner: Database
) -> None:
    lost, lost_order = await lose(payments, owner, "주문 1")
    assert lost_order.startswith("pay-")
    before = await examine(payments, export((lost_order, lost.pg_tid, "9,900", "승인")))
    await create_schedules(
        payments.engine,
        payments.merchant.merchant_id,
        customer_uid=CUSTOMER,
        customer_id=None,
        requests=[
            NewSchedule(
                details=ChargeDetails(merchant_uid="주문 1", amount_krw=9_900),
                schedule_at=payments.engine.clock.now() + timedelta(days=1),
            )
        ],
        checking_amount_krw=0,
    )

    (finding,) = await examine(payments, export((lost_order, lost.pg_tid, "9,900", "승인")))

    assert ([each.verdict for each in before], finding.verdict) == (["not_ours"], "adopt")
    await apply(payments, finding)
    assert (await payment_of(payments, "주문 1")).pg_tid == lost.pg_tid
