"""A page that knows only the merchant code decides nothing that is the merchant's (A4)."""

from typing import Any

import pytest

from dasi.page_rules import change_page_rules
from support.gateway_merchant import MerchantClient

RETURN_URL = "http://shop.example/done"


async def set_rules(client: MerchantClient, **rules: Any) -> None:
    await change_page_rules(
        client.engine,
        client.merchant.merchant_id,
        **{
            "return_addresses": (),
            "requires_registered_windows": False,
            "replaced_key_days": 7,
            **rules,
        },
    )


async def register(client: MerchantClient, **fields: Any) -> dict[str, Any]:
    answer = await client.call("POST", "/payments/prepare", json=fields)
    assert answer.code == 0, answer
    return dict(answer.response)


async def refusal(client: MerchantClient, **param: Any) -> tuple[str, str]:
    """Code and text of a window that is refused."""
    answer = await client.request_window(**param)
    assert "rsp" in answer, answer
    return answer["rsp"]["error_code"], answer["rsp"]["error_msg"]


async def opens(client: MerchantClient, **param: Any) -> bool:
    return "window_token" in await client.request_window(**param)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/phish",
        "https://shop.example.evil.example/",
        "https://shop.example@evil.example/",
        "https://evil.example#shop.example",
        "https://shop.example./",
        "https://shop.example%2eevil.example/",
        "//evil.example/",
        "https:evil.example",
        "https:///evil.example",
        "ms-msdt:/id PCWDiagnostic",
        "ms-msdt:/id",
        "search-ms:query=x",
        "javascript:alert(1)",
        "intent://evil#Intent;scheme=x;end",
        "myapp://done",
    ],
)
async def test_payer_is_sent_to_no_address_that_the_merchant_does_not_allow(
    gateway: MerchantClient, url: str
) -> None:
    code, text = await refusal(gateway, m_redirect_url=url)
    assert code == "F400"
    assert "m_redirect_url" in text
    assert await gateway.rows("SELECT 1 FROM payments") == []


@pytest.mark.parametrize("scheme", ["ms-msdt", "ms-msdt:/id", "JavaScript:alert(1)", "myapp://"])
async def test_app_scheme_is_one_that_the_merchant_registered(
    gateway: MerchantClient, scheme: str
) -> None:
    code, text = await refusal(gateway, app_scheme=scheme)
    assert (code, "app_scheme" in text) == ("F400", True)
    await set_rules(gateway, return_addresses=["myapp://"])
    assert await opens(gateway, app_scheme=scheme) == scheme.startswith("myapp")


async def test_payer_returns_to_the_host_of_the_page_or_of_the_webhooks_by_default(
    gateway: MerchantClient,
) -> None:
    await gateway.rows("UPDATE merchants SET webhook_url = 'https://api.shop.example/hooks'")
    for url in (
        RETURN_URL,
        "https://SHOP.example:8443/done",
        "https://api.shop.example/payments/complete",
        "http://detectchangingwebview/iamport/rn",
    ):
        assert await opens(gateway, m_redirect_url=url), url


async def test_registered_hosts_and_schemes_replace_the_host_of_the_page(
    gateway: MerchantClient,
) -> None:
    await set_rules(gateway, return_addresses=["pay.shop.example", "MyApp://"])

    assert (await refusal(gateway, m_redirect_url=RETURN_URL))[0] == "F400"
    assert await opens(gateway, m_redirect_url="https://pay.shop.example/done")
    assert await opens(gateway, m_redirect_url="myapp://done", app_scheme="myapp")
    assert not await opens(gateway, m_redirect_url="other://done")

    await set_rules(gateway, return_addresses=["myapp:"])
    assert await opens(gateway, m_redirect_url=RETURN_URL), "a scheme replaces no host"


async def test_window_in_our_frame_returns_to_the_page_around_it(gateway: MerchantClient) -> None:
    """Iamport's own script asks from a frame, whose origin is the gateway's."""
    order = {"merchant_uid": "o-1", "name": "x", "amount": 1_000, "m_redirect_url": RETURN_URL}
    body = {"param": order, "device": "mobile", "page_url": "http://shop.example"}
    for origin, is_open in ((gateway.url, True), ("http://evil.example", False)):
        async with gateway.http.post(
            gateway.window_path(), json=body, headers={"Origin": origin}
        ) as response:
            assert ("window_token" in await response.json()) == is_open


async def test_page_cannot_take_an_order_with_100_won(gateway: MerchantClient) -> None:
    await set_rules(gateway, requires_registered_windows=True)

    code, text = await refusal(gateway, merchant_uid="order-1", amount=100)
    assert (code, "order-1" in text) == ("F1004", True)
    await register(gateway, merchant_uid="order-1", amount=59_000)
    assert (await refusal(gateway, merchant_uid="order-1", amount=100))[0] == "F1003"
    rsp = await gateway.pay_in_window(merchant_uid="order-1", amount=59_000)
    assert (rsp["success"], rsp["paid_amount"]) == (True, 59_000)


async def test_page_cannot_replace_a_customers_card(gateway: MerchantClient) -> None:
    await set_rules(gateway, requires_registered_windows=True)
    await register(gateway, merchant_uid="card-1-order", amount=0, customer_uid="card-1")
    await gateway.register_card("card-1", merchant_uid="card-1-order")
    await register(gateway, merchant_uid="mine", amount=1_000)
    await register(gateway, merchant_uid="my-card", amount=0, customer_uid="mine")

    for order in (
        {"merchant_uid": "new", "amount": 0},
        {"merchant_uid": "mine", "amount": 1_000},
        {"merchant_uid": "my-card", "amount": 0},
    ):
        assert (await refusal(gateway, customer_uid="card-1", **order))[0] == "F1004", order
    (key,) = await gateway.rows("SELECT status FROM billing_keys")
    assert key["status"] == "active"


async def test_registered_values_are_compared_also_without_the_switch(
    gateway: MerchantClient,
) -> None:
    registered = await register(
        gateway,
        merchant_uid="order-1",
        amount=1_000,
        m_redirect_url="myapp://done",
        notice_url=["https://a.shop.example/", "https://b.shop.example/"],
        confirm_url="https://shop.example/confirm",
    )
    assert registered == {
        "merchant_uid": "order-1",
        "amount": 1_000,
        "currency": None,
        "m_redirect_url": "myapp://done",
        "notice_url": ["https://a.shop.example/", "https://b.shop.example/"],
        "confirm_url": "https://shop.example/confirm",
    }
    same = {name: registered[name] for name in ("notice_url", "m_redirect_url", "confirm_url")}
    for name in same:
        page = {**same, "merchant_uid": "order-1", "amount": 1_000, name: None}
        code, text = await refusal(gateway, **page)
        assert (code, name in text) == ("F1004", True)
    same["notice_url"].reverse()
    assert await opens(gateway, merchant_uid="order-1", amount=1_000, **same)
    assert await opens(gateway, merchant_uid="new", customer_uid="card-1"), "not registered: free"


async def test_registration_is_replaced_as_a_whole(gateway: MerchantClient) -> None:
    await register(gateway, merchant_uid="order-1", amount=0, customer_uid="card-1")
    answer = await gateway.call(
        "PUT", "/payments/prepare", json={"merchant_uid": "order-1", "amount": 5_000}
    )
    assert answer.response == {"merchant_uid": "order-1", "amount": 5_000, "currency": None}
    assert await opens(gateway, merchant_uid="order-1", amount=5_000)
