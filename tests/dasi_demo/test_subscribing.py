"""From the plan to the first paid month, and what must not be believed on the way."""

import asyncio

from support.browser_customer import Customer
from support.fake_gateway import SHOWN_CARD, FakeGateway

AGAIN = "POST subscribe/payments"


async def test_a_registered_card_is_verified_and_charged_at_once(
    customer: Customer, stand_in: FakeGateway
) -> None:
    request = await customer.order("morning")
    assert request["pg"] == "kicc.T0021766"
    assert request["m_redirect_url"] == f"{customer.url}/finish"
    assert request["customer_uid"]
    imp_uid = stand_in.window_ends(request, "paid")

    page = await customer.see("/finish", merchant_uid=request["merchant_uid"], imp_uid=imp_uid)

    assert customer.path == "/my"
    assert "결제 완료" in page
    assert "14,900원" in page
    assert SHOWN_CARD in page
    assert "https://receipt.example/1" in page
    assert stand_in.calls[AGAIN] == 1


async def test_callback_redirect_and_webhook_together_charge_once(
    customer: Customer, stand_in: FakeGateway
) -> None:
    request = await customer.order("morning")
    imp_uid = stand_in.window_ends(request, "paid")
    fields = {"merchant_uid": request["merchant_uid"], "imp_uid": imp_uid}

    await asyncio.gather(
        customer.see("/finish", **fields),
        customer.see("/finish", **fields),
        customer.press("/webhook", **fields, status="paid"),
    )
    await customer.see("/finish", **fields)

    assert stand_in.calls[AGAIN] == 1


async def test_the_webhook_alone_finishes_an_order_whose_browser_never_came_back(
    customer: Customer, stand_in: FakeGateway
) -> None:
    request = await customer.order("morning")
    imp_uid = stand_in.window_ends(request, "paid")

    await customer.press(
        "/webhook", imp_uid=imp_uid, merchant_uid=request["merchant_uid"], status="paid"
    )

    assert "결제 완료" in await customer.see("/my")


async def test_somebody_elses_payment_does_not_pay_for_this_order(
    customer: Customer, stand_in: FakeGateway
) -> None:
    paid = await customer.order("drip-bags")
    paid_imp_uid = stand_in.window_ends(paid, "paid")
    other = await customer.order("dripper")
    stand_in.window_ends(other, "failed", fail_reason="사용자 취소")

    page = await customer.see(
        "/finish", merchant_uid=other["merchant_uid"], imp_uid=paid_imp_uid, imp_success="true"
    )

    assert customer.path == f"/checkout/{other['merchant_uid']}"
    assert "결제되지 않았습니다" in page
    assert "사용자 취소" in page


async def test_a_callback_that_lies_about_success_starts_nothing(
    customer: Customer, stand_in: FakeGateway
) -> None:
    request = await customer.order("office")
    imp_uid = stand_in.window_ends(request, "failed", fail_reason="본인 인증 실패")

    page = await customer.see(
        "/finish", merchant_uid=request["merchant_uid"], imp_uid=imp_uid, success="true"
    )

    assert "카드가 등록되지 않았습니다" in page
    assert stand_in.calls[AGAIN] == 0
    assert "아직 구독이 없습니다" in await customer.see("/my")


async def test_a_refusal_before_the_window_is_shown_and_can_be_tried_again(
    customer: Customer, stand_in: FakeGateway
) -> None:
    request = await customer.order("drip-bags")
    refused = await customer.see(
        "/finish", merchant_uid=request["merchant_uid"], error_msg="등록되지 않은 PG <b>모듈</b>"
    )
    assert "등록되지 않은 PG <b>모듈</b>" in refused
    assert "결제하기" in refused

    imp_uid = stand_in.window_ends(request, "paid")
    page = await customer.see("/finish", merchant_uid=request["merchant_uid"], imp_uid=imp_uid)

    assert "주문이 완료되었습니다" in page


async def test_what_a_window_said_is_shown_as_text_never_as_markup(customer: Customer) -> None:
    request = await customer.order("drip-bags")
    params = {"merchant_uid": request["merchant_uid"], "error_msg": "<script>alert(1)</script>"}
    async with customer.session.get(f"{customer.url}/finish", params=params) as answer:
        raw = await answer.text()
    assert "<script>alert" not in raw
    assert "&lt;script&gt;alert" in raw


async def test_another_amount_than_ordered_is_not_taken_for_paid(
    customer: Customer, stand_in: FakeGateway
) -> None:
    request = await customer.order("dripper")
    imp_uid = stand_in.window_ends(request, "paid", amount=100)

    page = await customer.see("/finish", merchant_uid=request["merchant_uid"], imp_uid=imp_uid)

    assert "결과 확인 중" in page
    assert "완료되었습니다" not in page


async def test_a_purchase_in_doubt_says_do_not_pay_again_until_it_is_settled(
    customer: Customer, stand_in: FakeGateway, time_: object
) -> None:
    request = await customer.order("dripper")
    imp_uid = stand_in.window_ends(request, "ready")
    page = await customer.see("/finish", merchant_uid=request["merchant_uid"], imp_uid=imp_uid)
    assert "다시 결제하지 마세요" in page
    assert 'http-equiv="refresh"' in page
    assert "다시 결제하지 마세요" in await customer.see(f"/checkout/{request['merchant_uid']}")

    stand_in.resolve(request["merchant_uid"], "paid")
    await customer.press("/webhook", imp_uid=imp_uid, status="paid")

    assert "주문이 완료되었습니다" in await customer.see(f"/orders/{request['merchant_uid']}")


async def test_a_live_subscriber_is_not_sold_a_second_subscription(
    subscriber: Customer, stand_in: FakeGateway
) -> None:
    await subscriber.press("/orders", item="office")
    assert subscriber.path == "/my"
    assert stand_in.calls[AGAIN] == 1


async def test_changing_the_card_charges_nothing(
    subscriber: Customer, stand_in: FakeGateway
) -> None:
    request = await subscriber.order("morning", change="1")
    imp_uid = stand_in.window_ends(request, "paid")
    await subscriber.see("/finish", merchant_uid=request["merchant_uid"], imp_uid=imp_uid)
    assert subscriber.path == "/my"
    assert stand_in.calls[AGAIN] == 1
