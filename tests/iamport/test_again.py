"""POST /subscribe/payments/again: every outcome in the codes and texts of Iamport V1 (1.4.4)."""

import asyncio

import pytest

from support.gateway_merchant import MerchantClient, open_merchant, running_gateway
from support.simulator_process import SimulatorControl, start_simulator, stop_simulator

TAKEN = "이미 주문이 이루어진 건입니다. (동일한 merchant_uid로 결제 또는 취소된 기록이 있습니다)"


async def test_an_approved_charge_is_code_0_with_a_paid_payment(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")

    answer = await gateway.again(merchant_uid="order-1", amount=9_900, name="1월 구독")

    assert (answer.http_status, answer.code, answer.message) == (200, 0, None)
    paid = answer.response
    assert paid["status"] == "paid"
    assert (paid["merchant_uid"], paid["amount"], paid["name"]) == ("order-1", 9_900, "1월 구독")
    assert (paid["channel"], paid["customer_uid"]) == ("api", "card-1")
    assert paid["customer_uid_usage"] == "payment"
    assert paid["imp_uid"].startswith("imp_")
    assert paid["paid_at"] > 0
    assert (paid["failed_at"], paid["cancelled_at"], paid["cancel_amount"]) == (0, 0, 0)
    (approval,) = await gateway.approvals()
    assert (approval["pgCno"], approval["amount"]) == (paid["pg_tid"], 9_900)
    assert approval["approvalNo"] == paid["apply_num"]


@pytest.mark.parametrize("amount", ["9900", "9900.00", 9900.0])
async def test_a_whole_amount_may_be_a_text_or_a_float(
    gateway: MerchantClient, amount: object
) -> None:
    await gateway.register_card("card-1")

    answer = await gateway.again(amount=amount)

    assert answer.response["amount"] == 9_900
    assert await gateway.net_krw() == 9_900


async def test_a_form_is_as_good_as_json(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    form = {"customer_uid": "card-1", "merchant_uid": "order-1", "amount": "9900", "name": "1월"}

    answer = await gateway.call("POST", "/subscribe/payments/again/", data=form)

    assert (answer.code, answer.response["status"]) == (0, "paid")
    assert await gateway.net_krw() == 9_900


async def test_absent_fields_are_inherited_from_the_card(gateway: MerchantClient) -> None:
    await gateway.register_card(
        "card-1", name="정기구독 등록", buyer_name="홍길동", buyer_tel="010-1234-5678"
    )

    paid = (await gateway.again(buyer_tel="02-123-4567")).response

    assert paid["name"] == "정기구독 등록"
    assert (paid["buyer_name"], paid["buyer_tel"]) == ("홍길동", "02-123-4567")


async def test_undeclared_names_are_ignored_and_custom_data_is_kept_as_text(
    gateway: MerchantClient,
) -> None:
    await gateway.register_card("card-1")
    extra = {"currency ": "KRW", "vat": 0, "browser_ip": "127.0.0.1", "extra": {"a": [1]}}

    paid = (await gateway.again(custom_data={"구독": [1, 2]}, **extra)).response

    assert paid["custom_data"] == '{"구독": [1, 2]}'


async def test_a_declined_card_is_code_0_with_a_failed_payment(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")

    answer = await gateway.again(merchant_uid="order-1", amount=8_521)  # the card's limit

    assert (answer.http_status, answer.code) == (200, 0)
    failed = answer.response
    assert failed["status"] == "failed"
    assert "한도" in failed["fail_reason"]
    assert failed["failed_at"] > 0
    assert (failed["paid_at"], failed["apply_num"]) == (0, None)
    assert await gateway.net_krw() == 0


async def test_a_declined_order_may_be_charged_again(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    await gateway.again(merchant_uid="order-1", amount=8_521)

    answer = await gateway.again(merchant_uid="order-1", amount=5_000)

    assert answer.response["status"] == "paid"
    assert await gateway.net_krw() == 5_000


async def test_an_unknown_customer_is_code_1_and_leaves_nothing(gateway: MerchantClient) -> None:
    answer = await gateway.again(customer_uid="nobody")

    assert (answer.http_status, answer.code) == (200, 1)
    assert answer.message == "등록되지 않은 구매자입니다."
    assert await gateway.rows("SELECT 1 FROM payments") == []


@pytest.mark.parametrize("customer_uid", ["card-1", "nobody"])
async def test_a_paid_order_is_refused_before_the_customer_is_checked(
    gateway: MerchantClient, customer_uid: str
) -> None:
    await gateway.register_card("card-1")
    await gateway.again(merchant_uid="order-1", amount=9_900)

    answer = await gateway.again(merchant_uid="order-1", amount=9_900, customer_uid=customer_uid)

    assert (answer.http_status, answer.code, answer.message) == (200, -1, TAKEN)
    assert await gateway.net_krw() == 9_900


async def test_a_lost_answer_is_reported_as_unknown_and_never_charged_again(
    gateway: MerchantClient,
) -> None:
    await gateway.register_card("card-1")
    await gateway.kicc.scenario("executed_answer_cut", "batch")

    first = await gateway.again(merchant_uid="order-1")
    second = await gateway.again(merchant_uid="order-1")

    (payment,) = await gateway.rows("SELECT imp_uid FROM payments WHERE merchant_uid = 'order-1'")
    for answer in (first, second):
        assert (answer.http_status, answer.code) == (200, -1)
        assert answer.message is not None
        assert "다시 청구하지 마세요" in answer.message
        assert payment["imp_uid"] in answer.message
    assert (await gateway.get(f"/payments/{payment['imp_uid']}")).response["status"] == "ready"
    assert len(await gateway.approvals()) == 1


async def test_a_lost_answer_is_resolved_inline_while_the_client_waits(
    database_url: str, kicc: SimulatorControl
) -> None:
    async with running_gateway(database_url, kicc, DASI_INLINE_LOOKUP_DELAY_S="1") as client:
        await client.register_card("card-1")
        await kicc.scenario("executed_answer_cut", "batch")

        answer = await client.again(merchant_uid="order-1")

        assert (answer.code, answer.response["status"]) == (0, "paid")
        (approval,) = await client.approvals()
        assert approval["pgCno"] == answer.response["pg_tid"]


async def test_a_pg_that_cannot_be_reached_charges_nothing_and_leaves_the_order_free(
    database_url: str,
) -> None:
    process, kicc_url = start_simulator()
    async with (
        SimulatorControl(kicc_url) as kicc,
        running_gateway(database_url, kicc) as client,
    ):
        await client.register_card("card-1")
        stop_simulator(process)

        answer = await client.again(merchant_uid="order-1")

        assert (answer.http_status, answer.code) == (200, -1)
        assert answer.message is not None
        assert "청구되지 않았습니다" in answer.message
        payment = (await client.get("/payments/find/order-1")).response
        assert (payment["status"], payment["imp_uid"] in answer.message) == ("failed", True)
        second = await client.again(merchant_uid="order-1")
        assert "청구되지 않았습니다" in str(second.message), (
            "the order is free: the charge is sent again"
        )


@pytest.mark.parametrize("message", ["일반승인 불가 가맹점", "알 수 없는 사유"])
async def test_a_decline_of_the_merchant_is_code_minus_1_and_of_the_card_code_0(
    gateway: MerchantClient, message: str
) -> None:
    await gateway.register_card("card-1")
    await gateway.kicc.scenario("refused", "batch", code="R901", message=message)
    headers = {"Authorization": await gateway.token(), "Idempotency-Key": "key-1"}
    request = {"customer_uid": "card-1", "merchant_uid": "order-1", "amount": 9_900}

    answer, once_more = [
        await gateway.call("POST", "/subscribe/payments/again", json=request, headers=headers)
        for _ in range(2)
    ]

    payment = (await gateway.get("/payments/find/order-1")).response
    assert (payment["status"], payment["fail_reason"]) == ("failed", message)
    if "가맹점" in message:
        assert (answer.http_status, answer.code, answer.response) == (200, -1, None)
        assert answer.message == f"[R901] {message} ({payment['imp_uid']})"
    else:
        assert (answer.code, answer.response) == (0, payment)
    assert once_more.body == answer.body
    assert (await gateway.again(merchant_uid="order-1")).response["status"] == "paid"
    assert await gateway.net_krw() == 9_900


async def test_the_same_order_of_two_merchants_is_two_orders(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    async with open_merchant(
        gateway.engine, gateway.url, gateway.kicc, code="imp00000002", pg_merchant_id="T5102001"
    ) as other:
        unknown = await other.again(customer_uid="card-1")
        assert unknown.code == 1, "a card of another merchant is unknown here"
        await other.register_card("card-1")

        first = await gateway.again(merchant_uid="order-1")
        second = await other.again(merchant_uid="order-1")

        assert {first.response["status"], second.response["status"]} == {"paid"}
        assert await gateway.net_krw() == await other.net_krw() == 9_900
        foreign = await gateway.get(f"/payments/{second.response['imp_uid']}")
        assert (foreign.http_status, foreign.code) == (404, 1)


async def test_many_at_once_for_one_order_are_one_charge(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")

    answers = await asyncio.gather(*[gateway.again(merchant_uid="order-1") for _ in range(20)])

    assert sorted(answer.code for answer in answers) == [-1] * 19 + [0]
    assert await gateway.net_krw() == 9_900
