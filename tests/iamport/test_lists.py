"""Finds and lists: partial results, pages, ranges, sums, test channels (Iamport V1 1.4.1)."""

import time
from typing import Any

import pytest

from dasi.page_rules import change_page_rules
from support.gateway_merchant import MerchantClient

STATUSES = ("ready", "paid", "cancelled", "failed")
SHINHAN = ["029"]  # KICC's code of Annex B's 366
CLOCKS = {
    "ready": "started_at",
    "paid": "paid_at",
    "cancelled": "cancelled_at",
    "failed": "failed_at",
}


@pytest.fixture
async def client(gateway: MerchantClient) -> MerchantClient:
    await gateway.register_card("card-1")
    return gateway


async def test_of_many_payments_some_none_or_all_are_found(client: MerchantClient) -> None:
    first = (await client.again(merchant_uid="order-1")).response
    second = (await client.again(merchant_uid="order-2")).response

    every = await client.get(f"/payments?imp_uid[]={first['imp_uid']}&merchant_uid[]=order-2")
    some = await client.get(
        f"/payments?imp_uid[]={first['imp_uid']}&imp_uid[]=imp_1&merchant_uid[]=x"
    )
    none = await client.get("/payments?imp_uid[]=imp_1&merchant_uid[]=x")
    twice = await client.get(f"/payments?imp_uid[]={first['imp_uid']}&merchant_uid[]=order-1")
    too_many = await client.get("/payments?" + "&".join(f"imp_uid[]={n}" for n in range(101)))

    assert (every.http_status, every.response) == (200, [second, first])
    assert (some.http_status, some.code, some.response) == (207, 0, [first])
    assert (none.http_status, none.code) == (404, 1)
    assert (twice.http_status, twice.response) == (200, [first]), "one payment, named twice"
    assert (too_many.http_status, too_many.code) == (400, -1)
    assert "최대 100개" in str(too_many.message)


async def test_of_many_cards_some_none_or_all_are_found(client: MerchantClient) -> None:
    await client.register_card("card-2")
    path = "/subscribe/customers?customer_uid[]"

    every = await client.get(f"{path}=card-1&customer_uid[]=card-2")
    some = await client.get(f"{path}=card-1&customer_uid[]=nobody")
    none = await client.get(f"{path}=nobody")

    assert every.http_status == 200
    assert {row["customer_uid"] for row in every.response} == {"card-1", "card-2"}
    assert (some.http_status, len(some.response)) == (207, 1)
    assert (none.http_status, none.code) == (404, 1)


async def test_the_statuses_sum_up_to_all_and_each_has_its_own_clock(
    client: MerchantClient,
) -> None:
    await client.request_window(merchant_uid="opened")
    await client.again(amount=8_521)
    whole, part = [(await client.again(merchant_uid=name)).response for name in ("whole", "part")]
    await client.call("POST", "/payments/cancel", json={"imp_uid": whole["imp_uid"]})
    await client.call("POST", "/payments/cancel", json={"imp_uid": part["imp_uid"], "amount": 1})

    pages = {
        status: (await client.get(f"/payments/status/{status}")).response
        for status in (*STATUSES, "all")
    }

    totals = {name: page["total"] for name, page in pages.items()}
    assert totals == {"ready": 1, "paid": 1, "cancelled": 2, "failed": 1, "all": 5}
    for status in STATUSES:
        moment = pages[status]["list"][0][CLOCKS[status]]
        within = await client.get(f"/payments/status/{status}?from={moment}&to={moment}")
        outside = await client.get(f"/payments/status/{status}?from={moment + 60}&to={moment + 60}")
        assert within.response["total"] >= 1, f"both ends of {status} are included"
        assert outside.response == {"total": 0, "previous": 0, "next": 0, "list": []}


async def test_pages_lead_to_each_other_and_end(client: MerchantClient) -> None:
    paid = [(await client.again(merchant_uid=f"order-{n}")).response["imp_uid"] for n in range(3)]
    now = int(time.time())
    path = f"/payments/status/paid?from={now - 60}&to={now + 60}&limit=2"

    first, second, third = [await client.get(f"{path}&page={n}") for n in (1, 2, 3)]

    assert (first.response["previous"], first.response["next"]) == (0, 2)
    assert (second.response["previous"], second.response["next"]) == (1, 0)
    seen = [row["imp_uid"] for page in (first, second) for row in page.response["list"]]
    assert seen[:3] == paid[::-1], "the newest first; the last is the card's registration"
    assert (third.http_status, third.code) == (400, -1)


async def test_parameter_decides_for_a_merchant_without_a_live_channel(
    client: MerchantClient,
) -> None:
    imp_uid = (await client.pay_in_window())["imp_uid"]

    async def read(query: str) -> tuple[int, Any]:
        answer = await client.get(f"/payments/{imp_uid}{query}")
        return answer.http_status, answer.response and answer.response["sandbox"]

    assert await read("?include_sandbox=true") == (200, True)
    assert await read("?include_sandbox=false") == (404, None)
    assert await read("") == (200, True)


async def test_window_options_of_the_page_reach_kicc(client: MerchantClient) -> None:
    await change_page_rules(
        client.engine,
        client.merchant.merchant_id,
        return_addresses=["myapp:"],
        requires_registered_windows=False,
        replaced_key_days=7,
    )
    opened = await client.request_window(
        amount=66_000, tax_free=11_000, language="en", app_scheme="myapp://back",
        display={"card_quota": [3, 6]},
        card={"detail": [
            {"card_code": "*", "enabled": False}, {"card_code": "366", "enabled": True},
        ]},
    )  # fmt: skip

    assert "rsp" not in opened, opened
    log = (await client.kicc.control("GET", "/log"))["log"]
    sent = next(
        entry["request"]
        for entry in log
        if entry["endpoint"] == "register" and entry["request"]["amount"]
    )
    assert (sent["amount"], sent["langFlag"], sent["appScheme"]) == (66_000, "ENG", "myapp://back")
    assert sent["taxInfo"] == {"taxAmount": 50_000, "freeAmount": 11_000, "vatAmount": 5_000}
    offered = sent["payMethodInfo"]["cardMethodInfo"]
    assert offered["installmentMonthList"] == [0, 3, 6]
    assert [entry["cardCd"] for entry in offered["cardInfoList"]] == SHINHAN


async def test_a_page_beyond_the_end_names_the_last_page(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    for _ in range(3):
        await gateway.again()

    for page, path in ((9_999, "/payments/status/paid"), (9_999, "/payments/status/all"),
                       (3, "/subscribe/customers/card-1/payments")):  # fmt: skip
        answer = await gateway.get(f"{path}?page={page}&limit=2")
        assert answer.http_status == 400
        assert "마지막 페이지는 2입니다" in str(answer.message), answer
    nothing = await gateway.get("/payments/findAll/unknown?page=50")
    assert nothing.http_status == 404, nothing


async def test_a_failed_retry_does_not_hide_that_the_order_is_paid(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    paid = (await gateway.again(merchant_uid="order-1")).response
    await gateway.rows(
        "INSERT INTO payments (merchant_id, imp_uid, merchant_uid, purpose, status, amount_krw,"
        " source, channel_id, name, started_at, failed_at, updated_at)"
        " SELECT merchant_id, 'imp_900000000000', merchant_uid, purpose, 'failed', amount_krw,"
        " source, channel_id, name, started_at + interval '1 hour', now(), now()"
        " FROM payments WHERE imp_uid = $1 RETURNING imp_uid",
        paid["imp_uid"],
    )

    for path in ("/payments/find/order-1", "/payments?merchant_uid[]=order-1"):
        answer = (await gateway.get(path)).response
        payment = answer[0] if isinstance(answer, list) else answer
        assert (payment["imp_uid"], payment["status"]) == (paid["imp_uid"], "paid")
    newest = (await gateway.get("/payments/find/order-1?sorting=-started")).response
    failed = (await gateway.get("/payments/find/order-1/failed")).response
    assert newest["imp_uid"] == failed["imp_uid"] == "imp_900000000000"
