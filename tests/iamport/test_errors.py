"""Every refusal: the status, code and literal text that clients match on (Iamport V1 1.6)."""

from typing import Any

import pytest

from dasi.iamport.rendering.codes import CARD_CODES
from support.gateway_merchant import MerchantClient

FAR = "이 결제 서버는 KICC(이지페이) 카드 결제와 빌링키만 처리합니다."
REQUESTS: list[tuple[str, str, dict[str, Any] | None, int, int, str]] = [
    ("GET", "/payments/imp_1", None, 404, 1, "존재하지 않는 결제정보입니다."),
    ("GET", "/payments/find/nobody", None, 404, 1, "존재하지 않는 결제정보입니다."),
    ("GET", "/payments/findAll/nobody/paid", None, 404, 1, "존재하지 않는 결제정보입니다."),
    ("GET", "/payments?merchant_uid[]=nobody", None, 404, 1, "존재하지 않는 결제정보입니다."),
    ("GET", "/payments/status/wrong", None, 400, 1, "지원되지 않는 상태값입니다."),
    ("GET", "/payments/findAll/nobody/wrong", None, 400, 1, "지원되지 않는 상태값입니다."),
    ("GET", "/payments/status/all?page=2", None, 400, -1, "page"),
    ("GET", "/payments/status/all?from=1&to=99999999", None, 400, -1, "최대 90일"),
    ("GET", "/payments/status/all?from=2&to=1", None, 400, -1, "from"),
    ("GET", "/payments/status/all?limit=1001", None, 400, -1, "limit"),
    ("GET", "/payments", None, 404, 1, "imp_uid[]"),
    ("GET", "/subscribe/customers/x/payments", None, 404, 1, "등록된 정보를 찾을 수 없습니다."),
    ("GET", "/subscribe/customers?customer_uid[]=x", None, 404, 1, "찾을 수 없습니다."),
    ("GET", "/certifications/imp_1", None, 404, 1, "인증결과가 존재하지 않습니다."),
    ("DELETE", "/certifications/imp_1", None, 404, 1, "인증결과가 존재하지 않습니다."),
    ("GET", "/cards/1", None, 404, 1, "존재하지 않는 코드입니다"),
    ("GET", "/payments/prepare/x", None, 404, 1, "사전등록된 결제정보가 존재하지 않습니다."),
    ("POST", "/payments/cancel", {}, 400, -1, "지정해주셔야합니다."),
    ("POST", "/payments/cancel", {"imp_uid": "x"}, 200, 1, "취소할 결제건이 존재하지 않습니다."),
    ("POST", "/payments/cancel", {"imp_uid": "x", "amount": "1.5"}, 400, -1, "amount"),
    ("POST", "/vbanks", {}, 200, -1, FAR),
    ("GET", "/receipts/imp_1", None, 501, -1, FAR),
    ("POST", "/payments/imp_1/naver/ship", {}, 200, -1, FAR),
    ("PATCH", "/payments/cancel", {}, 405, -1, "POST"),
    ("GET", "/nowhere", None, 404, -1, "존재하지 않는 API입니다"),
]


@pytest.mark.parametrize("request_and_error", REQUESTS, ids=lambda row: f"{row[0]} {row[1]}")
async def test_it_is_refused_with_its_status_code_and_text(
    gateway: MerchantClient,
    request_and_error: tuple[str, str, dict[str, Any] | None, int, int, str],
) -> None:
    method, path, sent, status, code, text = request_and_error
    answer = await gateway.call(method, path, **({} if sent is None else {"json": sent}))

    assert (answer.http_status, answer.code) == (status, code)
    assert text in str(answer.message)


async def test_a_cancel_that_cannot_be_is_refused_and_nothing_is_moved(
    gateway: MerchantClient,
) -> None:
    await gateway.register_card("card-1")
    paid = (await gateway.again(amount=9_900)).response
    fields = {"imp_uid": paid["imp_uid"]}

    async def refused(**more: Any) -> tuple[int, int, str]:
        answer = await gateway.call("POST", "/payments/cancel", json={**fields, **more})
        return answer.http_status, answer.code, str(answer.message)

    assert (await refused(checksum=9_000))[:2] == (200, 1)
    assert (await refused(amount=9_901))[:2] == (200, 1)
    assert (await refused(amount=1_000, tax_free=1_001))[:2] == (200, 1)
    assert (await refused(tax_free=9_901))[:2] == (200, 1)
    assert await gateway.net_krw() == 9_900
    done = await gateway.call("POST", "/payments/cancel", json={**fields, "reason": "두 줄\n사유"})
    assert (done.response["status"], done.response["cancel_reason"]) == ("cancelled", "두 줄 사유")
    assert (await refused())[1:] == (1, "이미 전액취소된 주문입니다.")
    assert await gateway.net_krw() == 0


def test_the_window_offers_the_cards_that_answers_name() -> None:
    from dasi.checkout import cards

    assert dict(cards.BRANDS) == {code: brand for brand, (code, _) in CARD_CODES.items()}


async def test_the_tax_free_part_of_a_cancel_reaches_kicc(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    paid = (await gateway.again(amount=9_900, tax_free=1_100)).response
    fields = {"imp_uid": paid["imp_uid"], "amount": 2_200, "tax_free": 1_100}

    done = await gateway.call("POST", "/payments/cancel", json=fields)

    assert (done.code, done.response["cancel_amount"]) == (0, 2_200)
    log = (await gateway.kicc.control("GET", "/log"))["log"]
    (revised,) = [entry for entry in log if entry["endpoint"] == "revise"]
    tax = {"taxationAmount": 1_000, "taxFreeAmount": 1_100, "vatAmount": 100}
    assert revised["request"]["taxInfo"] == tax, revised
