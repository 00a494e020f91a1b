"""/payments/prepare: a page cannot ask for another amount than its server registered."""

from support.gateway_merchant import MerchantClient

UNKNOWN = "사전등록된 결제정보가 존재하지 않습니다."


async def test_a_registered_amount_is_read_and_can_be_changed(gateway: MerchantClient) -> None:
    request = {"merchant_uid": "order-1", "amount": 19_900}

    made = await gateway.call("POST", "/payments/prepare", json=request)
    again = await gateway.call("POST", "/payments/prepare", data={**request, "amount": "20000"})
    changed = await gateway.call("PUT", "/payments/prepare", json={**request, "currency": "KRW"})
    read = await gateway.get("/payments/prepare/order-1/")

    assert made.response == {"merchant_uid": "order-1", "amount": 19_900, "currency": None}
    assert again.response["amount"] == 20_000
    assert changed.response == read.response == {**request, "currency": "KRW"}


async def test_an_unregistered_order_is_404(gateway: MerchantClient) -> None:
    request = {"merchant_uid": "order-1", "amount": 19_900}
    for answer in (
        await gateway.get("/payments/prepare/order-1"),
        await gateway.call("PUT", "/payments/prepare", json=request),
    ):
        assert (answer.http_status, answer.code, answer.message) == (404, 1, UNKNOWN)


async def test_another_amount_does_not_open_the_window(gateway: MerchantClient) -> None:
    request = {"merchant_uid": "order-1", "amount": 19_900}
    await gateway.call("POST", "/payments/prepare", json=request)

    answer = await gateway.ask_for_window(merchant_uid="order-1", amount=100)

    rsp = answer["rsp"]
    assert (rsp["success"], rsp["imp_uid"], rsp["error_code"]) == (False, None, "F1003")
    assert "19900원" in rsp["error_msg"]
    assert "100원" in rsp["error_msg"]
    assert await gateway.rows("SELECT imp_uid FROM payments") == []
    assert "window_token" in await gateway.ask_for_window(merchant_uid="order-1", amount=19_900)


async def test_registered_amounts_are_the_merchants_own(gateway: MerchantClient) -> None:
    request = {"merchant_uid": "order-1", "amount": 19_900}
    await gateway.call("POST", "/payments/prepare", json=request)

    for refused in ({**request, "amount": -1}, {**request, "currency": "USD"}, {"amount": 1}):
        answer = await gateway.call("POST", "/payments/prepare", json=refused)
        assert (answer.http_status, answer.code) == (400, -1), answer

    assert (await gateway.get("/payments/prepare/order-1")).response["amount"] == 19_900
