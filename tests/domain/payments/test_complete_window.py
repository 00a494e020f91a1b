"""A payment in the PG's window: the payer's return is unsigned, repeated, late, forged, or lost.

A request to the PG comes from our own rows, at most once (M1, M4, I1).
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from dasi.foundation.errors import Conflict, Invalid, NotFound
from dasi.foundation.vault import DecryptionError, Vault
from dasi.ledger import Status
from dasi.windows import complete_window, open_window, view_window
from dasi.windows.window import OpenWindowRequest
from domain.payments.conftest import PaymentsFixture


async def test_works(payments: PaymentsFixture) -> None:
    payer = await payments.window(merchant_uid="order-1")
    assert await payments.approvals() == [], "no request before the payer comes back"

    paid = await payer.post()

    assert (paid.status, paid.amount_krw, paid.source) == (Status.PAID, 19_900, "pc")
    (approval,) = await payments.approvals()
    assert (approval["pgCno"], approval["amount"]) == (paid.pg_tid, 19_900)
    assert await payments.events(paid) == [
        ("window_requested", "ready"), ("approve_requested", "pending"), ("approved", "paid"),
    ]  # fmt: skip
    assert await payments.webhooks(paid) == ["payment.paid"]


@pytest.mark.parametrize("key_issue", [False, True])
async def test_declined(payments: PaymentsFixture, key_issue: bool) -> None:
    card = {"customer_uid": "card-2", "amount_krw": 0} if key_issue else {}
    payer = await payments.window(merchant_uid="order-1", **card)
    await payments.kicc.scenario("refused", "approval", code="8350", message="분실신고 카드")

    failed = await payer.post()

    assert (failed.status, failed.fail_code) == (Status.FAILED, "8350")
    assert await payments.webhooks(failed) == []
    again = await (await payments.window(merchant_uid="order-1", **card)).post()
    assert again.status is Status.PAID, "the order was free"


@pytest.mark.parametrize("key_issue", [False, True])
@pytest.mark.parametrize(
    "effect", ["executed_answer_cut", "cut_before_processing", "executed_wrong_signature"]
)
async def test_a_lost_answer_takes_the_order(
    payments: PaymentsFixture, effect: str, key_issue: bool
) -> None:
    card = {"customer_uid": "card-2", "amount_krw": 0} if key_issue else {}
    payer = await payments.window(merchant_uid="order-1", **card)
    await payments.kicc.scenario(effect, "approval")
    requests_before = (await payments.requests_at_pg())["approval"]

    unresolved = await payer.post()
    again = await payer.post()

    assert (unresolved.status, again.status) == (Status.PENDING, Status.PENDING)
    with pytest.raises(Conflict, match="order_in_doubt"):
        await payments.window(merchant_uid="order-1", **card)
    if not key_issue:
        with pytest.raises(Conflict, match="order_in_doubt"):
            await payments.charge(merchant_uid="order-1")
    assert (await payments.requests_at_pg())["approval"] == requests_before + 1
    assert await payments.webhooks(unresolved) == []


async def test_a_payer_who_stops_causes_no_request(payments: PaymentsFixture) -> None:
    payer = await payments.window(merchant_uid="order-1", choice="cancel")
    requests_before = await payments.requests_at_pg()

    failed = await payer.post()

    assert failed.status is Status.FAILED
    assert await payments.requests_at_pg() == requests_before
    assert (await (await payments.window(merchant_uid="order-1")).post()).status is Status.PAID


async def test_posted_twice_and_reloaded_it_is_one_payment(payments: PaymentsFixture) -> None:
    payer = await payments.window()
    paid = await payer.post()

    assert await payer.post() == paid
    assert await payer.post(resCd="W002", resMsg="사용자 취소") == paid
    assert len(await payments.approvals()) == 1


async def test_many_returns_at_once_are_one_payment(payments: PaymentsFixture) -> None:
    payer = await payments.window()

    seen = await asyncio.gather(*[payer.post() for _ in range(10)])

    assert {payment.status for payment in seen} <= {Status.PENDING, Status.PAID}
    assert (await payer.payment()).status is Status.PAID
    assert len(await payments.approvals()) == 1


async def test_a_decline_and_an_approval_at_once_end_as_one_of_them(
    payments: PaymentsFixture,
) -> None:
    for _ in range(5):
        payer = await payments.window()
        await asyncio.gather(payer.post(), payer.post(resCd="W002", resMsg="사용자 취소"))

        ended = await payer.payment()
        approvals = [
            approval for approval in await payments.approvals() if approval["pgCno"] == ended.pg_tid
        ]
        assert (ended.status, len(approvals)) in ((Status.PAID, 1), (Status.FAILED, 0))


async def test_two_windows_of_one_order_are_one_payment(payments: PaymentsFixture) -> None:
    first = await payments.window(merchant_uid="order-1")
    second = await payments.window(merchant_uid="order-1")

    ended = await asyncio.gather(first.post(), second.post())

    assert sorted(payment.status for payment in ended) == [Status.FAILED, Status.PAID]
    (loser,) = [payment for payment in ended if payment.status is Status.FAILED]
    assert loser.fail_code == "ORDER_ALREADY_PAID"
    assert await payments.events(loser) == [
        ("window_requested", "ready"),
        ("order_already_paid", "failed"),
    ]
    assert len(await payments.approvals()) == 1


async def test_a_window_and_a_charge_of_one_order_are_one_payment(
    payments: PaymentsFixture,
) -> None:
    payer = await payments.window(merchant_uid="order-1")
    await payments.charge(merchant_uid="order-1", amount_krw=5_000)

    ended = await payer.post()

    assert (ended.status, ended.fail_code) == (Status.FAILED, "ORDER_ALREADY_PAID")
    assert [approval["amount"] for approval in await payments.approvals()] == [5_000]


async def test_a_window_and_a_charge_at_once_are_one_payment(payments: PaymentsFixture) -> None:
    for number in range(5):
        merchant_uid = f"order-{number}"
        payer = await payments.window(merchant_uid=merchant_uid)
        await asyncio.gather(
            payer.post(), payments.charge(merchant_uid=merchant_uid), return_exceptions=True
        )

    assert len(await payments.approvals()) == 5


@pytest.mark.parametrize(
    ("forged", "named"),
    [
        ({"resCd": ""}, "resCd"),
        ({"resCd": "' OR 1=1"}, "resCd"),
        ({"shopOrderNo": ""}, "shopOrderNo"),
        ({"shopOrderNo": "x" * 500}, "shopOrderNo"),
        ({"authorizationId": ""}, "authorizationId"),
        ({"authorizationId": "../../etc"}, "authorizationId"),
        ({"authorizationId": "x" * 61}, "authorizationId"),
    ],
)
async def test_a_malformed_return_is_named_and_touches_nothing(
    payments: PaymentsFixture, forged: dict[str, str], named: str
) -> None:
    payer = await payments.window()
    requests_before = await payments.requests_at_pg()

    with pytest.raises(Invalid, match=named):
        await payer.post(**forged)

    assert (await payer.payment()).status is Status.READY
    assert await payments.requests_at_pg() == requests_before
    assert (await payer.post()).status is Status.PAID, "the payer's own return still counts"


async def test_a_return_that_names_another_order_touches_neither(payments: PaymentsFixture) -> None:
    payer, other = await payments.window(), await payments.window()

    with pytest.raises(Conflict, match="return_for_another_order"):
        await payer.post(**other.fields)

    assert (await payer.payment()).status is Status.READY
    assert (await other.payment()).status is Status.READY
    assert await payments.approvals() == []


async def test_a_forged_approval_of_an_unfinished_window_pays_nothing(
    payments: PaymentsFixture,
) -> None:
    honest = await payments.window()
    window = await open_window(
        payments.engine,
        payments.merchant,
        OpenWindowRequest(merchant_uid="order-1", name="원두", amount_krw=19_900, device="pc"),
    )
    (row,) = await payments.rows(
        "SELECT pg_order_id FROM payment_windows WHERE imp_uid = $1", window.imp_uid
    )
    forged = {**honest.fields, "shopOrderNo": row["pg_order_id"]}

    await complete_window(payments.engine, payments.merchant, window.window_token, forged)

    view = await view_window(payments.engine, payments.merchant, window.window_token)
    assert view.payment.status in (Status.FAILED, Status.PENDING)
    assert await payments.approvals() == [], "another payer's session pays no other order"
    assert (await honest.post()).status is Status.PAID


async def test_an_amount_in_the_return_is_not_believed(payments: PaymentsFixture) -> None:
    payer = await payments.window(amount_krw=19_900)

    paid = await payer.post(amount="1", payAmount="1", mallId="T5102001")

    assert paid.amount_krw == 19_900
    assert [approval["amount"] for approval in await payments.approvals()] == [19_900]


async def test_a_late_return_causes_no_request(payments: PaymentsFixture) -> None:
    payer = await payments.window(merchant_uid="order-1")
    payments.clock.advance(timedelta(seconds=payments.engine.window_ttl_s))
    requests_before = await payments.requests_at_pg()

    late = await payer.post()

    assert (late.status, late.fail_code) == (Status.FAILED, "WINDOW_EXPIRED")
    assert await payments.requests_at_pg() == requests_before
    assert (await payments.charge(merchant_uid="order-1")).status is Status.PAID, (
        "the order is free"
    )


async def test_a_return_in_the_last_second_counts(payments: PaymentsFixture) -> None:
    payer = await payments.window()
    payments.clock.advance(timedelta(seconds=payments.engine.window_ttl_s - 1))

    assert (await payer.post()).status is Status.PAID


async def test_a_return_to_nowhere_is_not_found(payments: PaymentsFixture) -> None:
    payer = await payments.window()

    with pytest.raises(NotFound, match="window_not_found"):
        await complete_window(payments.engine, payments.merchant, "0" * 32, payer.fields)

    assert (await payer.payment()).status is Status.READY


async def test_a_secret_that_cannot_be_opened_leaves_the_window_open(
    payments: PaymentsFixture,
) -> None:
    payer = await payments.window()
    without_the_key = replace(payer, engine=replace(payments.engine, vault=Vault([bytes(32)])))

    with pytest.raises(DecryptionError):
        await without_the_key.post()

    assert (await payer.post()).status is Status.PAID
