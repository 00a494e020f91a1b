"""Around midnight the PG has another day. A refusal for the date is never a declined card."""

from datetime import UTC, datetime

import pytest

from dasi.cancels import CancelRequest, cancel
from dasi.foundation.clock import KST
from dasi.ledger import Payment, Status
from dasi.outcomes import resolve_due
from dasi.windows import complete_window, view_window
from domain.payments.conftest import PaymentsFixture
from support.gateway_merchant import MID

BEFORE, AFTER = "2026-09-03T23:59:50", "2026-09-04T00:00:10"
CLOCKS = [(BEFORE, AFTER), (AFTER, BEFORE)]
"""Ours and the PG's: the PG is ahead, or behind."""


async def set_clocks(payments: PaymentsFixture, here: str, at_pg: str) -> None:
    at = datetime.fromisoformat(here).replace(tzinfo=KST).astimezone(UTC)
    payments.clock.advance(at - payments.clock.now())
    await payments.kicc.set_clock(at_pg)


async def attempts_of(
    payments: PaymentsFixture, payment: Payment, kind: str
) -> list[tuple[str, str]]:
    rows = await payments.rows(
        "SELECT business_date, state, attempt_id FROM pg_attempts"
        " WHERE imp_uid = $1 AND kind = $2 ORDER BY is_replaced DESC",
        payment.imp_uid,
        kind,
    )
    assert len({row["attempt_id"] for row in rows}) == len(rows), "each has a name of its own"
    return [(str(row["business_date"]), row["state"]) for row in rows]


@pytest.mark.parametrize(("here", "at_pg"), CLOCKS)
async def test_a_charge_is_sent_once_more_with_the_other_day(
    payments: PaymentsFixture, here: str, at_pg: str
) -> None:
    await set_clocks(payments, here, at_pg)

    paid = await payments.charge()

    assert paid.status is Status.PAID
    assert await attempts_of(payments, paid, "charge") == [
        (here[:10], "declined"),
        (at_pg[:10], "approved"),
    ]
    types = [event_type for event_type, _ in await payments.events(paid)]
    assert types == ["charge_requested", "day_refused", "charge_requested", "approved"]
    assert await payments.webhooks(paid) == ["payment.paid"], "nothing says that it failed"
    assert len(await payments.approvals()) == 1


@pytest.mark.parametrize(("here", "at_pg"), CLOCKS)
async def test_a_cancel_is_sent_once_more_with_the_other_day(
    payments: PaymentsFixture, here: str, at_pg: str
) -> None:
    paid = await payments.charge(amount_krw=10_000, tax_free_krw=1_000)
    await set_clocks(payments, here, at_pg)
    request = CancelRequest(
        imp_uid=paid.imp_uid, merchant_uid=None, amount_krw=4_000, tax_free_krw=1_000
    )

    cancelled = await cancel(payments.engine, payments.merchant.merchant_id, request)

    assert (cancelled.cancelled_krw, cancelled.cancelled_tax_free_krw) == (4_000, 1_000)
    assert await attempts_of(payments, paid, "cancel") == [
        (here[:10], "declined"),
        (at_pg[:10], "approved"),
    ]
    assert (await payments.kicc.state())["sums"][MID]["net"] == 6_000


@pytest.mark.parametrize(("here", "at_pg"), CLOCKS)
@pytest.mark.parametrize("customer_uid", [None, "card-2"])
async def test_a_window_is_approved_with_the_other_day(
    payments: PaymentsFixture, here: str, at_pg: str, customer_uid: str | None
) -> None:
    at_start = min(here, at_pg)
    await set_clocks(payments, at_start, at_start)
    payer = await payments.window(customer_uid=customer_uid)
    await set_clocks(payments, here, at_pg)

    window = payer.window
    await complete_window(payments.engine, payments.merchant, window.window_token, payer.fields)

    view = await view_window(payments.engine, payments.merchant, window.window_token)
    assert view.payment.status is Status.PAID
    kind = "issue_key" if customer_uid else "approve"
    assert await attempts_of(payments, view.payment, kind) == [
        (here[:10], "declined"),
        (at_pg[:10], "approved"),
    ]


async def test_a_second_refusal_ends_it_and_names_no_card(payments: PaymentsFixture) -> None:
    await set_clocks(payments, "2026-09-03T12:00:00", "2026-09-09T12:00:00")

    failed = await payments.charge()

    assert failed.status is Status.FAILED
    assert "요청일자" in (failed.fail_reason or "")
    assert await attempts_of(payments, failed, "charge") == [
        ("2026-09-03", "declined"),
        ("2026-09-04", "declined"),
    ]
    assert await payments.requests_at_pg() == {**await payments.requests_at_pg(), "batch": 2}
    assert await payments.approvals() == []
    await set_clocks(payments, "2026-09-09T12:00:00", "2026-09-09T12:00:00")
    paid = await payments.charge(merchant_uid=failed.merchant_uid)
    assert paid.status is Status.PAID, "the order is free again"


async def test_a_lost_answer_to_the_second_request_is_looked_up(payments: PaymentsFixture) -> None:
    await set_clocks(payments, BEFORE, AFTER)
    await payments.kicc.scenario("executed_answer_cut", "batch")

    pending = await payments.charge()
    assert pending.status is Status.PENDING
    await payments.rows(
        "UPDATE pg_attempts SET next_lookup_at = $1 WHERE next_lookup_at IS NOT NULL RETURNING 1",
        payments.clock.now(),
    )
    await resolve_due(payments.engine)

    assert len(await payments.approvals()) == 1
    assert await attempts_of(payments, pending, "charge") == [
        ("2026-09-03", "declined"),
        ("2026-09-04", "approved"),
    ]
