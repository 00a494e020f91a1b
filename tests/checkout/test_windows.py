"""A window's life over HTTP: opened, returned, its result read; repeats change nothing."""

import asyncio
from datetime import timedelta

import pytest

from dasi.ledger import find_payment
from dasi.merchants import add_merchant
from support.database_dump import database_text
from support.fake_kicc import HANGS_UP, Call, Reply, says

RSP_OF_A_PAYMENT = {
    "success", "imp_uid", "pay_method", "merchant_uid", "name", "paid_amount", "currency",
    "pg_provider", "pg_type", "pg_tid", "apply_num", "buyer_name", "buyer_email", "buyer_tel",
    "buyer_addr", "buyer_postcode", "custom_data", "status", "paid_at", "receipt_url", "card_name",
    "bank_name", "card_quota", "card_number",
}  # fmt: skip


async def test_an_opened_window_is_returned_with_its_token_and_url(checkout):
    body = await checkout.ask(amount=19_900)

    assert set(body) == {"imp_uid", "merchant_uid", "window_token", "window_url"}
    assert body["merchant_uid"] == "order-1"
    assert body["window_url"].startswith(checkout.kicc.side.url)
    assert await checkout.result(body["window_token"]) == {"progress": "open", "rsp": None}


async def test_a_returned_payment_has_every_field_of_a_real_answer(checkout):
    token = await checkout.open(
        buyer_name="홍길동", buyer_tel="010-1234-5678", custom_data={"a": [1]}
    )

    status, location = await checkout.post_return(token)

    assert (status, location) == (303, f"/checkout/imp00000001/windows/{token}")
    body = await checkout.result(token)
    assert body["progress"] == "done"
    rsp = body["rsp"]
    assert set(rsp) == RSP_OF_A_PAYMENT
    assert rsp["success"] is True
    assert rsp["status"] == "paid"
    assert rsp["paid_amount"] == 19_900
    assert rsp["apply_num"] == "00190871"
    assert rsp["buyer_name"] == "홍길동"
    assert rsp["custom_data"] == {"a": [1]}
    assert rsp["pg_tid"] == "26090310154110700102"
    assert rsp["paid_at"] > 0


async def test_a_card_registration_pays_nothing(checkout):
    token = await checkout.open(customer_uid="buyer-1", amount=0)

    await checkout.post_return(token)

    rsp = (await checkout.result(token))["rsp"]
    assert rsp["success"] is True
    assert rsp["paid_amount"] == 0
    assert rsp["card_number"] == "944100******123*"
    assert "021766260903BA000417" not in str(rsp), "the billing key never leaves the gateway"


async def test_a_payer_who_cancels_in_the_window_gets_that_result(checkout):
    token = await checkout.open()

    await checkout.post_return(token, code="W002", text="[USER] 사용자 취소")

    rsp = (await checkout.result(token))["rsp"]
    assert rsp["success"] is False
    assert rsp["error_code"] == "F0005"
    prefix = f"F0005:결제가 중단되었습니다({rsp['imp_uid']})."
    assert rsp["error_msg"] == f"{prefix}W002 | [USER] 사용자 취소"
    assert (rsp["pg_error_code"], rsp["pg_error_msg"]) == ("W002", "[USER] 사용자 취소")
    assert rsp["status"] == "failed"
    assert not checkout.kicc.calls_to("/approval")


async def test_a_declined_approval_has_the_text_of_the_pg(checkout):
    checkout.kicc.to_approve = lambda call: says({"resCd": "8324", "resMsg": "한도초과"})
    token = await checkout.open()

    await checkout.post_return(token)

    rsp = (await checkout.result(token))["rsp"]
    assert rsp["error_msg"].endswith("8324 | 한도초과")
    assert rsp["status"] == "failed"


async def test_a_lost_answer_is_an_unknown_result_and_never_a_failure(checkout):
    checkout.kicc.to_approve = lambda call: HANGS_UP
    token = await checkout.open()

    await checkout.post_return(token)

    body = await checkout.result(token)
    assert body["progress"] == "unknown"
    assert body["rsp"]["error_code"] == "F0006"
    assert body["rsp"]["status"] == "ready"
    assert "다시 결제하지 마십시오" in body["rsp"]["error_msg"]
    _answer, page = await checkout.see(token)
    assert "다시 결제하지 마십시오" in page
    again = (await checkout.ask())["rsp"]
    assert again["error_code"] == "F0006"
    assert len(checkout.kicc.calls_to("/approval")) == 1


async def test_posting_the_return_again_asks_the_pg_nothing_and_shows_the_same(checkout):
    token = await checkout.open()
    await checkout.post_return(token)
    first = await checkout.result(token)

    status, location = await checkout.post_return(token)
    await checkout.post_return(token, code="W002", text="[USER] 사용자 취소")

    assert (status, location) == (303, f"/checkout/imp00000001/windows/{token}")
    assert await checkout.result(token) == first
    assert len(checkout.kicc.calls_to("/approval")) == 1


async def test_two_return_posts_at_once_ask_the_pg_once(checkout):
    token = await checkout.open()

    answers = await asyncio.gather(*[checkout.post_return(token) for _ in range(4)])

    assert {status for status, _ in answers} == {303}
    assert len(checkout.kicc.calls_to("/approval")) == 1
    assert (await checkout.result(token))["rsp"]["success"] is True


async def test_during_the_approval_the_page_shows_waiting_and_no_result(checkout):
    checkout.kicc.to_approve = lambda call: Reply(b"", never_ends=True)
    token = await checkout.open()
    checkout.kicc.side.called.clear()
    returning = asyncio.create_task(checkout.post_return(token))
    await checkout.kicc.side.called.wait()

    body = await checkout.result(token)
    answer, page = await checkout.see(token)
    async with checkout.http.post(checkout.path(token, "/close")) as closed:
        closed_body = await closed.json()

    assert body == {"progress": "processing", "rsp": None}
    assert closed_body == body, "giving up does not cut off an approval under way"
    assert answer.status == 200
    assert "결제를 확인하고 있습니다" in page
    assert '<noscript><meta http-equiv="refresh"' in page
    returning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await returning


async def test_a_closed_window_ends_the_payment_and_a_late_return_changes_nothing(checkout):
    token = await checkout.open()

    async with checkout.http.post(checkout.path(token, "/close"), data="") as answer:
        body = await answer.json()
    await checkout.post_return(token)

    assert body["progress"] == "done"
    assert body["rsp"]["error_code"] == "F0005"
    assert await checkout.result(token) == body
    assert not checkout.kicc.calls_to("/approval")


async def test_closing_a_paid_window_changes_nothing(checkout):
    token = await checkout.open()
    await checkout.post_return(token)

    async with checkout.http.post(checkout.path(token, "/close")) as answer:
        body = await answer.json()

    assert body["rsp"]["success"] is True
    payment = await find_payment(
        checkout.engine, checkout.merchant.merchant_id, body["rsp"]["imp_uid"]
    )
    assert payment.status == "paid"


async def test_a_return_for_another_order_changes_nothing(checkout):
    token = await checkout.open()

    status, _location = await checkout.post_return(token, shopOrderNo="wo-another")

    assert status == 303
    assert await checkout.result(token) == {"progress": "open", "rsp": None}


@pytest.mark.parametrize(
    "body", [b"", b"resCd=0000", b"%ff%fe", b"resCd=" + b"0" * 70_000, b"a=1&" * 100, b"x=%00"]
)
async def test_a_malformed_return_gets_a_page_and_changes_nothing(checkout, body):
    token = await checkout.open()

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with checkout.http.post(
        checkout.path(token, "/return"), data=body, headers=headers
    ) as answer:
        page = await answer.text()

    assert answer.status == 400
    assert answer.content_type == "text/html"
    assert "아무것도 처리하지 않았습니다" in page
    assert await checkout.result(token) == {"progress": "open", "rsp": None}


async def test_a_get_of_the_return_address_leads_to_the_result(checkout):
    token = await checkout.open()

    async with checkout.http.get(checkout.path(token, "/return"), allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (
            303,
            f"/checkout/imp00000001/windows/{token}",
        )


async def test_a_window_that_the_pg_refuses_has_the_text_of_the_pg(checkout):
    def refused(_call: Call) -> Reply:
        return says({"resCd": "R901", "resMsg": "일반승인 불가 가맹점"})

    checkout.kicc.to_register = refused

    rsp = (await checkout.ask())["rsp"]

    assert rsp["error_code"] == "F0004"
    prefix = f"F0004:PG사 결제요청에 실패하여 중단합니다.({rsp['imp_uid']})"
    assert rsp["error_msg"] == f"{prefix} R901 | 일반승인 불가 가맹점"
    assert rsp["imp_uid"].startswith("imp_")
    assert rsp["merchant_uid"] == "order-1"


async def test_an_unreachable_pg_means_try_later(checkout):
    checkout.kicc.to_register = lambda call: HANGS_UP

    rsp = (await checkout.ask())["rsp"]

    assert (rsp["success"], rsp["error_code"]) == (False, "F503")


async def test_a_paid_order_is_refused_before_any_window(checkout):
    await checkout.post_return(await checkout.open())

    rsp = (await checkout.ask())["rsp"]

    assert rsp["error_code"] == "F1002"
    assert rsp["error_msg"] == "이미 결제가 이루어진 거래건입니다."
    assert rsp["imp_uid"] is None
    assert len(checkout.kicc.calls_to("/webpay")) == 1


async def test_a_pg_that_is_not_configured_is_named(checkout):
    unknown = (await checkout.ask(pg="html5_inicis"))["rsp"]

    assert unknown["error_code"] == "F1001"
    assert "html5_inicis" in unknown["error_msg"]


async def test_a_shop_without_channels_is_not_ready(checkout):
    await add_merchant(checkout.engine, code="imp00000002", name="새 가게", webhook_url=None)
    address = f"{checkout.url}/checkout/imp00000002/windows"

    async with checkout.http.post(
        address, json={"param": checkout.order, "device": "pc"}
    ) as answer:
        rsp = (await answer.json())["rsp"]

    assert rsp["error_code"] == "NOT_READY"
    assert rsp["error_msg"] == "등록 된 PG 설정 정보를 찾을 수 없습니다."


async def test_a_channel_says_which_instalments_are_offered_unless_the_page_does(checkout):
    await checkout.engine.database.fetch(
        "UPDATE channels SET quota_months_max = 3 WHERE merchant_id = $1",
        checkout.merchant.merchant_id,
    )

    async def offered(**param):
        await checkout.open(**param)
        method_info = checkout.kicc.calls_to("/webpay")[-1].body.get("payMethodInfo") or {}
        return (method_info.get("cardMethodInfo") or {}).get("installmentMonthList")

    assert await offered(amount=60_000) == [0, 2, 3]
    assert await offered(merchant_uid="order-2", amount=49_999) == [0]
    page = {"card_quota": [6]}
    assert await offered(merchant_uid="order-3", amount=60_000, display=page) == [0, 6]
    assert await offered(merchant_uid="order-4", amount=60_000, customer_uid="card-1") is None


async def test_a_result_is_not_found_from_a_day_after_the_windows_end(checkout):
    token = await checkout.open(buyer_name="홍길동")
    await checkout.post_return(token)
    checkout.engine.clock.advance(timedelta(hours=24))
    assert (await checkout.result(token))["rsp"]["buyer_name"] == "홍길동"

    checkout.engine.clock.advance(timedelta(minutes=31))

    for path in ("/result", ""):
        async with checkout.http.get(checkout.path(token, path)) as answer:
            assert answer.status == 404
            assert "홍길동" not in await answer.text()


async def test_the_database_does_not_hold_the_token_of_a_result(checkout):
    token = await checkout.open()
    await checkout.post_return(token)

    text = await database_text(checkout.engine.database)

    assert token not in text
    assert token.encode().hex() not in text
