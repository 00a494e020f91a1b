"""The pages of a live merchant open live windows only (M12, A4)."""

from datetime import timedelta
from typing import Any

import pytest

from dasi.merchants import find_merchant_by_code, live_mode
from support.gateway_merchant import LIVE_MID, MID, MerchantClient
from support.window_payer import walk_through_window

LIVE, TEST = f"kicc.{LIVE_MID}", f"kicc.{MID}"
ORDER = {"merchant_uid": "order-1", "amount": 59_000}


@pytest.fixture
async def live(gateway: MerchantClient) -> MerchantClient:
    await gateway.go_live()
    return gateway


async def prepare(client: MerchantClient, **more: Any) -> None:
    assert (await client.call("POST", "/payments/prepare", json={**ORDER, **more})).code == 0


async def payments(client: MerchantClient) -> list[dict[str, Any]]:
    return await client.rows("SELECT status FROM payments")


async def page_channels(client: MerchantClient) -> list[tuple[str, bool]]:
    async with client.http.get(f"{client.url}/users/pg/{client.merchant.code}") as response:
        listed = (await response.json())["data"]
    return [(channel["pg_id"], channel["sandbox"]) for channel in listed]


@pytest.mark.parametrize("way", ["pg", "channelKey"])
async def test_payer_cannot_pay_a_prepared_order_in_a_test_window(
    live: MerchantClient, way: str
) -> None:
    await prepare(live)
    named = {"pg": TEST} if way == "pg" else {"channelKey": live.channel.channel_key}

    answer = await live.request_window(**ORDER, **named)

    assert answer["rsp"]["error_code"] == "F1001"
    assert TEST in answer["rsp"]["error_msg"]
    assert await payments(live) == []
    lookup = await live.get("/payments/find/order-1?include_sandbox=true")
    assert (lookup.code, lookup.response) == (1, None)


async def test_payer_cannot_register_a_test_card(live: MerchantClient) -> None:
    answer = await live.request_window(customer_uid="card-1", amount=0, pg=TEST)
    assert answer["rsp"]["error_code"] == "F1001"


@pytest.mark.parametrize("named", [{}, {"pg": "kicc"}, {"pg": LIVE}])
async def test_other_windows_are_live(live: MerchantClient, named: dict[str, str]) -> None:
    imp_uid = (await live.pay_in_window(**ORDER, **named))["imp_uid"]
    paid = (await live.get(f"/payments/{imp_uid}")).response
    assert (paid["status"], paid["pg_id"], paid["sandbox"]) == ("paid", LIVE_MID, False)


async def test_lists_for_pages_name_live_channels_only(live: MerchantClient) -> None:
    assert await page_channels(live) == [(LIVE_MID, False)]
    for path, status in ((f"kicc/{MID}", 404), (f"kicc/{LIVE_MID}", 200), ("kicc", 200)):
        url = f"{live.url}/payments/ready/{live.merchant.code}/{path}"
        async with live.http.get(url) as response:
            assert response.status in (status, 400 if status == 404 else status), path


async def test_operator_allows_test_windows_for_a_time(live: MerchantClient) -> None:
    await live_mode.allow_test_windows(live.engine, live.merchant.merchant_id, timedelta(hours=1))
    assert await page_channels(live) == [(LIVE_MID, False), (MID, True)]
    imp_uid = (await live.pay_in_window(pg=TEST))["imp_uid"]
    assert (await live.get(f"/payments/{imp_uid}")).http_status == 404
    assert (await live.get(f"/payments/{imp_uid}?include_sandbox=true")).response["sandbox"]

    await live.rows("UPDATE merchants SET test_windows_until = now() - interval '1 second'")
    assert (await live.request_window(pg=TEST))["rsp"]["error_code"] == "F1001"


async def test_server_registers_an_order_for_a_test_window(live: MerchantClient) -> None:
    await prepare(live, include_sandbox=True)

    assert "window_url" in await live.request_window(**ORDER, pg=TEST)
    other = await live.request_window(pg=TEST)
    assert other["rsp"]["error_code"] == "F1001", "an order that was not registered"
    await prepare(live)
    assert "rsp" in await live.request_window(**ORDER, pg=TEST), "the newest registration decides"


async def test_order_prepared_before_the_live_channel_opens_no_test_window(
    gateway: MerchantClient,
) -> None:
    await prepare(gateway)
    await gateway.go_live()
    assert "rsp" in await gateway.request_window(**ORDER, pg=TEST)


async def test_test_card_never_replaces_a_live_card(live: MerchantClient) -> None:
    await live.register_card("card-1")
    await live_mode.allow_test_windows(live.engine, live.merchant.merchant_id, timedelta(hours=1))

    refused = await live.request_window(customer_uid="card-1", amount=0, pg=TEST)

    assert refused["rsp"]["error_code"] == "F1001"
    assert (await live.get("/subscribe/customers/card-1")).response["pg_id"] == LIVE_MID


async def test_live_card_replaces_a_test_card(live: MerchantClient) -> None:
    await live_mode.allow_test_windows(live.engine, live.merchant.merchant_id, timedelta(hours=1))
    await live.register_card("card-1", pg=TEST)
    await live.register_card("card-1")
    charged = await live.again(merchant_uid="order-2")
    assert (charged.response["status"], charged.response["sandbox"]) == ("paid", False)


async def test_live_card_stays_if_a_test_window_was_open_meanwhile(live: MerchantClient) -> None:
    await live_mode.allow_test_windows(live.engine, live.merchant.merchant_id, timedelta(hours=1))
    merchant = await find_merchant_by_code(live.engine, live.merchant.code)
    payer = await walk_through_window(
        live.engine, merchant, live.kicc, customer_uid="card-1", pg=TEST
    )
    await live.register_card("card-1")

    assert (await payer.post()).is_sandbox

    assert (await live.get("/subscribe/customers/card-1")).response["pg_id"] == LIVE_MID
