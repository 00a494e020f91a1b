"""The window over HTTP: its address, its one use, its return, its switches (§6, §14.4)."""

import re
from html.parser import HTMLParser
from typing import Any

import aiohttp
import pytest

from support.simulator_merchant import RETURN_URL, Merchant

ELEVEN = {
    "resCd",
    "resMsg",
    "shopOrderNo",
    "authorizationId",
    *(f"shopValue{n}" for n in range(1, 8)),
}
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148 Safari/604.1"


class Page(HTMLParser):
    """The forms, fields and buttons of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.forms: list[dict[str, str | None]] = []
        self.inputs: dict[str, str] = {}
        self.buttons: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "form":
            self.forms.append(attributes)
        elif tag == "input":
            self.inputs[attributes["name"] or ""] = attributes.get("value") or ""
        elif tag == "button":
            self.buttons.append(attributes.get("value") or attributes.get("id") or "")


async def get(url: str, **query: str) -> tuple[int, Page]:
    async with aiohttp.ClientSession() as browser, browser.get(url, params=query) as answer:
        return answer.status, Page(await answer.text())


async def press(
    page: Page, base_url: str, choice: str, *, agent: str = "", **typed: str
) -> tuple[int, Page]:
    """Fill the form of the page and press a button, as a browser without scripts would."""
    data = page.inputs | typed | {"choice": choice}
    headers = {"User-Agent": agent or "Mozilla/5.0 (Windows NT 10.0)"}
    url = f"{base_url}{page.forms[0]['action']}"
    async with (
        aiohttp.ClientSession(headers=headers) as browser,
        browser.post(url, data=data) as answer,
    ):
        return answer.status, Page(await answer.text())


async def opened(merchant: Merchant, body: dict[str, Any]) -> tuple[str, Page]:
    url = (await merchant.register(body))["authPageUrl"]
    status, page = await get(url)
    assert status == 200
    return url, page


async def test_the_page_shows_shop_goods_and_amount_and_says_it_is_not_real(
    merchant: Merchant,
) -> None:
    body = merchant.register_body(129_000, mallName="원두 상점")
    _, page = await opened(merchant, body)
    for text in (
        "원두 상점",
        "커피 정기배송",
        "129,000",
        body["shopOrderNo"],
        "KICC 시뮬레이터 — 실제 결제가 아닙니다",
    ):
        assert text in page.text
    assert page.buttons == ["approve", "cancel", "fail", "close"]


async def test_a_billing_window_says_that_nothing_is_charged(merchant: Merchant) -> None:
    _, page = await opened(merchant, merchant.key_body())
    assert "등록만, 청구되지 않음" in page.text
    assert "<strong>0</strong>" not in page.text


@pytest.mark.parametrize("language", ["ENG", "JPN"])
async def test_other_languages_are_answered_in_english(merchant: Merchant, language: str) -> None:
    _, page = await opened(merchant, merchant.register_body(langFlag=language))
    assert "no real payment" in page.text
    assert "승인" not in re.sub(r"<li>.*?</li>", "", page.text)


@pytest.mark.parametrize(
    ("cert_type", "fields"),
    [
        ("0", {"card", "expiry", "birth", "password"}),
        ("1", {"card", "expiry"}),
        ("2", {"card", "expiry", "birth"}),
    ],
)
async def test_cert_type_decides_what_the_payer_types(
    merchant: Merchant, cert_type: str, fields: set[str]
) -> None:
    _, page = await opened(merchant, merchant.key_body(cert_type))
    assert set(page.inputs) == fields


async def test_a_shop_name_cannot_inject_markup(merchant: Merchant) -> None:
    await merchant.kicc.mall(merchant.mall_id, name="<script>alert(1)</script>")
    _, page = await opened(merchant, merchant.register_body())
    assert "<script>alert(1)" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text


async def test_pressing_approve_returns_by_a_form_the_browser_posts(merchant: Merchant) -> None:
    body = merchant.register_body(
        shopValueInfo={"value1": "하나", "value7": "일곱"}, returnUrl=f"{RETURN_URL}?a=1&b=2"
    )
    _, page = await opened(merchant, body)
    status, returned = await press(page, merchant.kicc.base_url, "approve")
    assert status == 200
    form = returned.forms[0]
    assert form["action"] == f"{RETURN_URL}?a=1&b=2"
    assert form["method"] == "post"
    assert "enctype" not in form
    assert set(returned.inputs) == ELEVEN
    assert returned.inputs["resCd"] == "0000"
    assert returned.inputs["shopOrderNo"] == body["shopOrderNo"]
    assert returned.inputs["shopValue1"] == "하나"
    assert returned.inputs["shopValue2"] == ""
    assert returned.inputs["shopValue7"] == "일곱"


@pytest.mark.parametrize(
    ("choice", "code", "message"),
    [("cancel", "W002", "[USER] 사용자 취소"), ("fail", "ZS15", "카드 인증에 실패했습니다")],
)
async def test_cancel_and_fail_return_without_authentication(
    merchant: Merchant, choice: str, code: str, message: str
) -> None:
    url, page = await opened(merchant, merchant.register_body())
    _, returned = await press(page, merchant.kicc.base_url, choice)
    assert (returned.inputs["resCd"], returned.inputs["resMsg"]) == (code, message)
    assert returned.inputs["authorizationId"] == url.partition("=")[2]
    status, _ = await get(url)
    assert status == 400


async def test_the_order_of_the_fields_is_shuffled(merchant: Merchant) -> None:
    orders = set()
    for _ in range(5):
        registered = await merchant.register(merchant.register_body())
        _, fields = await merchant.kicc.window(registered["authPageUrl"])
        assert set(fields) == ELEVEN
        orders.add(tuple(fields))
    assert len(orders) > 1


async def test_nick_name_comes_back_only_on_request(merchant: Merchant) -> None:
    info = {"billKeyMethodInfo": {"certType": "0", "nickNameUsed": True}}
    registered = await merchant.register(merchant.key_body(payMethodInfo=info))
    _, fields = await merchant.kicc.window(registered["authPageUrl"])
    assert set(fields) == ELEVEN | {"cardNickName"}


async def test_a_used_unknown_or_expired_window_shows_an_error(merchant: Merchant) -> None:
    used = (await merchant.register(merchant.register_body()))["authPageUrl"]
    await merchant.kicc.window(used)
    unknown = used[:-3] + "999"
    expired = (await merchant.register(merchant.register_body()))["authPageUrl"]
    await merchant.kicc.advance(31 * 60)
    for url in (used, unknown, expired, used.partition("?")[0]):
        status, page = await get(url)
        assert status == 400
        assert "결제창을 열 수 없습니다" in page.text
        assert not page.forms


async def test_a_window_may_be_reloaded_and_keeps_its_number(merchant: Merchant) -> None:
    body = merchant.register_body()
    url, _ = await opened(merchant, body)
    status, _ = await get(url)
    assert status == 200
    _, fields = await merchant.kicc.window(url)
    paid = await merchant.approve(
        merchant.approval_body(fields["authorizationId"], body["shopOrderNo"])
    )
    assert paid["resCd"] == "0000"


async def test_closing_sends_nothing_and_leaves_the_order_unpaid(merchant: Merchant) -> None:
    await opened(merchant, merchant.register_body())
    session = (await merchant.kicc.state())["sessions"][0]
    assert session["state"] == "opened"
    assert await merchant.net() == 0


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"card": "4111111111111111"}, "실제 카드일 수 있는 번호입니다"),
        ({"card": "98765"}, "14~16자리"),
        ({"card": "0000-0029-1234-000x"}, "14~16자리"),
        ({"expiry": "1"}, "MM/YY"),
        ({"birth": "90"}, "생년월일"),
        ({"password": ""}, "비밀번호"),
    ],
)
async def test_what_will_not_do_is_said_and_the_card_number_is_not_repeated(
    merchant: Merchant, typed: dict[str, str], message: str
) -> None:
    url, page = await opened(merchant, merchant.key_body())
    status, again = await press(page, merchant.kicc.base_url, "approve", **typed)
    assert status == 422
    assert message in again.text
    if "card" in typed:
        assert typed["card"] not in again.text
    status, _ = await get(url)
    assert status == 200


async def test_a_card_number_is_nowhere_but_masked(merchant: Merchant) -> None:
    number = "0000004712345678"
    await merchant.pay(card=number)
    shown = str(await merchant.kicc.state()) + str(await merchant.kicc.control("GET", "/log"))
    assert number not in shown
    assert "00000047****567*" in shown


async def test_a_mobile_browser_in_a_pc_window_comes_back_with_wn14(merchant: Merchant) -> None:
    for device, agent, code in (
        ("pc", PHONE, "WN14"),
        ("mobile", PHONE, "0000"),
        ("pc", "", "0000"),
    ):
        _, page = await opened(merchant, merchant.register_body(deviceTypeCode=device))
        _, returned = await press(page, merchant.kicc.base_url, "approve", agent=agent)
        assert returned.inputs["resCd"] == code


async def test_tamper_returns_success_without_authentication(merchant: Merchant) -> None:
    await merchant.kicc.settings(tamper=True)
    body = merchant.register_body()
    registered = await merchant.register(body)
    _, fields = await merchant.kicc.window(registered["authPageUrl"])
    assert fields["resCd"] == "0000"
    answer = await merchant.approve(
        merchant.approval_body(fields["authorizationId"], body["shopOrderNo"])
    )
    assert answer["resCd"] == "R102"


async def test_double_post_makes_the_browser_post_twice(merchant: Merchant) -> None:
    await merchant.kicc.settings(double_post=True)
    _, page = await opened(merchant, merchant.register_body())
    _, returned = await press(page, merchant.kicc.base_url, "approve")
    assert returned.forms[0]["data-posts"] == "2"
    assert "fetch(form.action" in returned.text


async def test_machine_mode_answers_the_return_page_at_once(merchant: Merchant) -> None:
    url = (await merchant.register(merchant.register_body()))["authPageUrl"]
    status, page = await get(url, auto="nonsense")
    assert status == 400
    status, page = await get(url, auto="approve")
    assert status == 200
    assert page.inputs["resCd"] == "0000"
    assert page.forms[0]["action"] == RETURN_URL


async def test_the_payer_chooses_among_methods(merchant: Merchant) -> None:
    for method, part in (("21", "bankInfo"), ("22", "virtualAccountInfo"), ("31", "mobInfo")):
        body = merchant.register_body(payMethodTypeCode="00")
        authorization_id = await merchant.authenticated(body, method=method)
        paid = await merchant.approve(merchant.approval_body(authorization_id, body["shopOrderNo"]))
        assert paid["paymentInfo"]["payMethodTypeCode"] == method
        assert part in paid["paymentInfo"]
        assert "cardInfo" not in paid["paymentInfo"]


async def test_a_wallet_pays_on_card_rails(merchant: Merchant) -> None:
    body = merchant.register_body(payMethodTypeCode="60")
    authorization_id = await merchant.authenticated(body, wallet="KKO")
    paid = await merchant.approve(merchant.approval_body(authorization_id, body["shopOrderNo"]))
    assert paid["paymentInfo"]["payMethodTypeCode"] == "11"
    assert paid["paymentInfo"]["cpCode"] == "KKO"


async def test_installments_are_offered_from_fifty_thousand_won(merchant: Merchant) -> None:
    _, cheap = await opened(merchant, merchant.register_body(49_999))
    assert 'name="installment"' not in cheap.text
    body = merchant.register_body(50_000)
    _, dear = await opened(merchant, body)
    _, returned = await press(dear, merchant.kicc.base_url, "approve", installment="3")
    paid = await merchant.approve(
        merchant.approval_body(returned.inputs["authorizationId"], body["shopOrderNo"])
    )
    assert paid["paymentInfo"]["cardInfo"]["installmentMonth"] == 3


async def test_the_window_is_only_read(merchant: Merchant) -> None:
    url = (await merchant.register(merchant.register_body()))["authPageUrl"]
    async with aiohttp.ClientSession() as browser, browser.post(url) as answer:
        assert answer.status == 405
