"""Webhooks: read back, acted on once, and no attack from other senders works."""

from support.browser_customer import Customer
from support.fake_gateway import FakeGateway


async def _post(customer: Customer, **options: object) -> int:
    async with customer.session.post(f"{customer.url}/webhook", **options) as answer:
        return answer.status


async def test_a_forged_webhook_changes_nothing(customer: Customer, stand_in: FakeGateway) -> None:
    request = await customer.order("dripper")
    forged = {"imp_uid": "imp_999", "merchant_uid": request["merchant_uid"], "status": "paid"}

    assert await _post(customer, json=forged) == 200

    assert (await customer.webhooks())[0]["verdict"] == "unknown"
    assert "완료되었습니다" not in await customer.see(f"/orders/{request['merchant_uid']}")


async def test_json_and_form_are_both_read_and_listed_newest_first(
    customer: Customer, stand_in: FakeGateway
) -> None:
    first = stand_in.window_ends(await customer.order("dripper"), "paid")
    second = stand_in.window_ends(await customer.order("drip-bags"), "paid")

    assert await _post(customer, json={"imp_uid": first, "status": "paid"}) == 200
    assert await _post(customer, data={"imp_uid": second, "status": "cancelled"}) == 200

    listed = await customer.webhooks()
    assert [(hook["imp_uid"], hook["verdict"]) for hook in listed] == [
        (second, "differs"),
        (first, "agrees"),
    ]
    assert listed[1]["read_amount"] == 28_000


async def test_what_the_webhook_claims_is_not_used_only_what_is_read_back(
    customer: Customer, stand_in: FakeGateway
) -> None:
    request = await customer.order("dripper")
    imp_uid = stand_in.window_ends(request, "failed")
    await _post(
        customer,
        json={"imp_uid": imp_uid, "merchant_uid": request["merchant_uid"], "status": "paid"},
    )
    assert "결제되지 않았습니다" in await customer.see(f"/checkout/{request['merchant_uid']}")


async def test_a_gateway_that_cannot_be_read_is_asked_to_send_it_again(
    customer: Customer, stand_in: FakeGateway
) -> None:
    stand_in.is_offline = True
    assert await _post(customer, json={"imp_uid": "imp_1", "status": "paid"}) == 503
    assert (await customer.webhooks())[0]["verdict"] == "unread"


async def test_a_webhook_sent_again_after_the_end_does_not_subscribe_again(
    customer: Customer, stand_in: FakeGateway
) -> None:
    request = await customer.order("morning")
    imp_uid = stand_in.window_ends(request, "paid")
    fields = {"imp_uid": imp_uid, "merchant_uid": request["merchant_uid"], "status": "paid"}
    await _post(customer, json=fields)
    await customer.press("/my/end")

    await _post(customer, json=fields)

    assert stand_in.calls["POST subscribe/payments"] == 1
    assert "구독이 해지되었습니다" in await customer.see("/my")


async def test_a_charge_made_outside_the_shop_appears_on_the_page(
    subscriber: Customer, stand_in: FakeGateway
) -> None:
    (customer_uid,) = stand_in.cards
    request = {"merchant_uid": "by-hand-1", "amount": 3_300}
    imp_uid = stand_in.window_ends(request, "paid", customer_uid=customer_uid)
    await _post(subscriber, json={"imp_uid": imp_uid, "status": "paid"})
    page = await subscriber.see("/my/live")
    assert "3,300원" in page
    assert "by-hand-1" in page


async def test_what_is_no_webhook_is_refused(customer: Customer) -> None:
    assert await _post(customer, data=b"\xff\xfe{") == 400
    assert await _post(customer, json=["a", "list"]) == 400
    assert await _post(customer, data=b"x" * 20_000) == 413
