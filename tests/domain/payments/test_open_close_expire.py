"""Windows that are refused, closed, or left open until they end by themselves."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from dasi.foundation.errors import Conflict, Invalid, NotAllowed, NotFound, Unavailable
from dasi.ledger import Status
from dasi.merchants import add_merchant
from dasi.windows import OpenWindowRequest, close_window, expire_windows, open_window, view_window
from dasi.windows.open_window import PgRefusedWindow
from domain.payments.conftest import PaymentsFixture


def request(**other: Any) -> OpenWindowRequest:
    fields = {"merchant_uid": "order-1", "name": "원두", "amount_krw": 19_900, "device": "pc"}
    return OpenWindowRequest(**{**fields, **other})


async def payments_of(payments: PaymentsFixture, merchant_uid: str) -> list[dict[str, Any]]:
    return await payments.rows(
        "SELECT status, fail_code FROM payments WHERE merchant_uid = $1", merchant_uid
    )


async def test_an_open_window_takes_nothing(payments: PaymentsFixture) -> None:
    for _ in range(3):
        await open_window(payments.engine, payments.merchant, request())

    assert (await payments.charge(merchant_uid="order-1")).status is Status.PAID
    with pytest.raises(Conflict, match="order_already_paid"):
        await open_window(payments.engine, payments.merchant, request())


@pytest.mark.parametrize("amount_krw", [0, -1])
async def test_a_payment_of_nothing_is_refused(payments: PaymentsFixture, amount_krw: int) -> None:
    with pytest.raises(Invalid, match="amount"):
        await open_window(payments.engine, payments.merchant, request(amount_krw=amount_krw))

    assert await payments_of(payments, "order-1") == []


async def test_a_channel_that_is_not_there_is_refused_before_anything(
    payments: PaymentsFixture,
) -> None:
    bare = await add_merchant(payments.engine, code="imp00000002", name="빈 상점", webhook_url=None)

    with pytest.raises(NotAllowed, match="no_channel"):
        await open_window(payments.engine, bare, request())
    with pytest.raises(NotAllowed, match="pg_not_configured"):
        await open_window(payments.engine, payments.merchant, request(pg="html5_inicis"))

    assert await payments_of(payments, "order-1") == []


async def test_a_pg_that_refuses_fails_the_payment_and_frees_the_order(
    payments: PaymentsFixture,
) -> None:
    await payments.kicc.scenario("refused", "register", code="R102", message="가맹점 확인요망")

    with pytest.raises(PgRefusedWindow) as refused:
        await open_window(payments.engine, payments.merchant, request())

    assert refused.value.code == "R102"
    assert await payments_of(payments, "order-1") == [{"status": "failed", "fail_code": "R102"}]
    assert (await (await payments.window(merchant_uid="order-1")).post()).status is Status.PAID


@pytest.mark.parametrize("effect", ["executed_answer_cut", "unavailable", "executed_html"])
async def test_a_pg_that_does_not_answer_moves_no_money_and_frees_the_order(
    payments: PaymentsFixture, effect: str
) -> None:
    await payments.kicc.scenario(effect, "register")

    with pytest.raises(Unavailable):
        await open_window(payments.engine, payments.merchant, request())

    (failed,) = await payments_of(payments, "order-1")
    assert failed == {"status": "failed", "fail_code": "PG_UNREACHABLE"}
    assert (await (await payments.window(merchant_uid="order-1")).post()).status is Status.PAID


async def test_a_closed_window_ends_its_payment_and_takes_no_return(
    payments: PaymentsFixture,
) -> None:
    payer = await payments.window(merchant_uid="order-1")

    view = await close_window(payments.engine, payments.merchant, payer.window.window_token)
    late = await payer.post()

    assert (view.progress, view.payment.status) == ("done", Status.FAILED)
    assert (late.status, late.fail_code) == (Status.FAILED, "PAYER_CLOSED")
    assert await payments.approvals() == []
    assert (await payments.charge(merchant_uid="order-1")).status is Status.PAID


async def test_closing_twice_and_closing_what_is_paid_changes_nothing(
    payments: PaymentsFixture,
) -> None:
    closed, paid = await payments.window(), await payments.window()
    before = await close_window(payments.engine, payments.merchant, closed.window.window_token)
    await paid.post()

    again = await close_window(payments.engine, payments.merchant, closed.window.window_token)
    after = await close_window(payments.engine, payments.merchant, paid.window.window_token)

    assert again == before
    assert (after.progress, after.payment.status) == ("done", Status.PAID)


async def test_closing_during_the_request_to_the_pg_changes_nothing(
    payments: PaymentsFixture,
) -> None:
    payer = await payments.window()
    await payments.kicc.hold("approval", when="after")
    posting = asyncio.create_task(payer.post())
    await payments.kicc.wait_held()

    view = await close_window(payments.engine, payments.merchant, payer.window.window_token)

    assert (view.progress, view.payment.status) == ("processing", Status.PENDING)
    await payments.kicc.release()
    assert (await posting).status is Status.PAID


async def test_a_return_and_a_close_at_once_end_as_one_of_them(payments: PaymentsFixture) -> None:
    for _ in range(5):
        payer = await payments.window()
        await asyncio.gather(
            payer.post(),
            close_window(payments.engine, payments.merchant, payer.window.window_token),
        )

        ended = await payer.payment()
        approvals = [
            approval for approval in await payments.approvals() if approval["pgCno"] == ended.pg_tid
        ]
        assert (ended.status, len(approvals)) in ((Status.PAID, 1), (Status.FAILED, 0))


async def test_a_window_of_another_merchant_is_not_found(payments: PaymentsFixture) -> None:
    payer = await payments.window()
    other = await add_merchant(payments.engine, code="imp00000002", name="상점", webhook_url=None)

    for verb in (view_window, close_window):
        with pytest.raises(NotFound, match="window_not_found"):
            await verb(payments.engine, other, payer.window.window_token)

    assert (await payer.payment()).status is Status.READY


async def test_windows_without_a_return_expire(payments: PaymentsFixture) -> None:
    left = [await payments.window() for _ in range(3)]
    paid = await payments.window()
    await paid.post()
    payments.clock.advance(timedelta(seconds=payments.engine.window_ttl_s - 1))
    assert await expire_windows(payments.engine) == 0
    payments.clock.advance(timedelta(seconds=1))
    fresh = await payments.window()

    assert await expire_windows(payments.engine) == 3

    for payer in left:
        ended = await payer.payment()
        assert (ended.status, ended.fail_code) == (Status.FAILED, "WINDOW_EXPIRED")
        assert (await payments.events(ended))[-1] == ("window_expired", "failed")
    assert (await paid.payment()).status is Status.PAID
    assert (await fresh.payment()).status is Status.READY
    assert await expire_windows(payments.engine) == 0


async def test_a_payment_in_doubt_does_not_expire(payments: PaymentsFixture) -> None:
    payer = await payments.window()
    await payments.kicc.scenario("executed_answer_cut", "approval")
    await payer.post()
    payments.clock.advance(timedelta(seconds=payments.engine.window_ttl_s * 2))

    assert await expire_windows(payments.engine) == 0

    assert (await payer.payment()).status is Status.PENDING


async def test_two_workers_and_a_payer_at_once_end_each_window_once(
    payments: PaymentsFixture,
) -> None:
    payers = [await payments.window() for _ in range(6)]
    payments.clock.advance(timedelta(seconds=payments.engine.window_ttl_s))

    counted, *_ = await asyncio.gather(
        asyncio.gather(*[expire_windows(payments.engine) for _ in range(3)]),
        *[payer.post() for payer in payers],
    )

    assert sum(counted) <= 6
    for payer in payers:
        assert await payments.events(await payer.payment()) == [
            ("window_requested", "ready"), ("window_expired", "failed"),
        ]  # fmt: skip
