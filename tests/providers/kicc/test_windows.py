"""Opening windows, and reading what the payer's browser brings back."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from dasi.providers.kicc.adapter import KiccProvider
from dasi.providers.port import (
    Declined,
    NotSent,
    Order,
    PgAccount,
    Unknown,
    WindowOpened,
    WindowRequest,
)
from support.fake_kicc import HANGS_UP, Call, Reply, far_side, says

Make = Callable[..., KiccProvider]
URL = "https://testpgapi.easypay.co.kr/view/trades/cert-req.do?authorizationId=26090310014410700041"


def opened(_call: Call) -> Reply:
    return says({"resCd": "0000", "resMsg": "정상", "authPageUrl": URL})


@pytest.fixture
def request_(order: Order) -> WindowRequest:
    return WindowRequest(
        order=order,
        is_key_window=False,
        device="mobile",
        return_url="https://pay.example.kr/checkout/imp1/windows/t0k3n/return",
    )


async def test_registration_of_a_payment_window_has_its_amount(
    provider_at: Make, account: PgAccount, request_: WindowRequest
) -> None:
    async with far_side(opened) as side:
        outcome = await provider_at(side.url).open_window(account, request_)
    assert outcome == WindowOpened(url=URL, session_id="26090310014410700041")
    assert side.calls[0].path == "/api/ep9/trades/webpay"
    assert side.calls[0].body == {
        "mallId": "T0021766",
        "shopOrderNo": "SUB-202609-u1029",
        "amount": 9_900,
        "payMethodTypeCode": "11",
        "currency": "00",
        "returnUrl": request_.return_url,
        "deviceTypeCode": "mobile",
        "clientTypeCode": "00",
        "langFlag": "KOR",
        "orderInfo": {"goodsName": "월간 구독 9월"},
    }


@pytest.mark.parametrize(
    ("key_fields", "cert_type"),
    [("full", "0"), ("number_expiry", "1"), ("number_expiry_birth", "2")],
)
async def test_registration_of_a_key_window_has_no_amount(
    provider_at: Make, account: PgAccount, request_: WindowRequest, key_fields: str, cert_type: str
) -> None:
    account = replace(account, key_fields=key_fields, language="en")  # type: ignore[arg-type]  # a text of ours
    async with far_side(opened) as side:
        await provider_at(side.url).open_window(account, replace(request_, is_key_window=True))
    sent = side.calls[0].body
    assert (sent["amount"], sent["payMethodTypeCode"], sent["langFlag"]) == (0, "81", "ENG")
    assert sent["payMethodInfo"] == {"billKeyMethodInfo": {"certType": cert_type}}
    assert "taxInfo" not in sent


async def test_what_a_shop_may_choose_reaches_kicc(
    provider_at: Make, account: PgAccount, request_: WindowRequest, order: Order
) -> None:
    request = replace(
        request_,
        order=replace(
            order,
            amount_krw=55_000,
            tax_free_krw=22_000,
            buyer_id="u-1029",
            buyer_name="홍길동 <VIP>",
            buyer_email="hong@example.kr",
            buyer_tel="010-1234-5678",
        ),
        language="ja",
        app_scheme="myshop://",
        quotas_offered=(0, 2, 3),
        cards_offered=("hana", "shinhan", "no_such_card"),
    )
    async with far_side(opened) as side:
        await provider_at(side.url).open_window(account, request)
    sent = side.calls[0].body
    assert sent["langFlag"] == "JPN"
    assert sent["appScheme"] == "myshop://"
    assert sent["payMethodInfo"]["cardMethodInfo"] == {
        "installmentMonthList": [0, 2, 3],
        "cardInfoList": [{"cardCd": code} for code in ("006", "008", "029", "526")],
    }
    assert sent["taxInfo"] == {"taxAmount": 30_000, "freeAmount": 22_000, "vatAmount": 3_000}
    assert sent["orderInfo"]["customerInfo"] == {
        "customerId": "u-1029",
        "customerName": "홍길동 VIP",
        "customerMail": "hong@example.kr",
        "customerContactNo": "01012345678",
    }


async def test_a_goods_name_of_signs_alone_gives_way_to_the_order_number(
    provider_at: Make, account: PgAccount, request_: WindowRequest, order: Order
) -> None:
    async with far_side(opened) as side:
        await provider_at(side.url).open_window(
            account, replace(request_, order=replace(order, goods_name="★★★"))
        )
    assert side.calls[0].body["orderInfo"]["goodsName"] == order.pg_order_id


async def test_an_app_scheme_kicc_cannot_hold_is_left_out(
    provider_at: Make, account: PgAccount, request_: WindowRequest
) -> None:
    async with far_side(opened) as side:
        await provider_at(side.url).open_window(account, replace(request_, app_scheme="a<b>://"))
    assert "appScheme" not in side.calls[0].body


@pytest.mark.parametrize(
    "url", [None, "", "javascript:alert(1)", "/view/trades", "https://", "http://["]
)
async def test_a_window_without_a_sound_address_is_not_opened(
    provider_at: Make, account: PgAccount, request_: WindowRequest, url: str | None
) -> None:
    async with far_side(lambda _call: says({"resCd": "0000", "authPageUrl": url})) as side:
        outcome = await provider_at(side.url).open_window(account, request_)
    assert isinstance(outcome, Unknown)


async def test_a_window_may_be_refused_unanswered_or_unsent(
    provider_at: Make, account: PgAccount, request_: WindowRequest
) -> None:
    refusal = says({"resCd": "Q7Z1", "resMsg": "일반승인 불가 가맹점"})
    async with far_side(lambda _call: refusal) as side:
        refused = await provider_at(side.url).open_window(account, request_)
    assert refused == Declined(code="Q7Z1", text="일반승인 불가 가맹점", reason="not_contracted")
    async with far_side(lambda _call: HANGS_UP) as side:
        assert isinstance(await provider_at(side.url).open_window(account, request_), Unknown)
        url = side.url
    assert isinstance(await provider_at(url).open_window(account, request_), NotSent)


async def test_a_caller_that_breaks_kiccs_rules_is_stopped_before_anything_is_sent(
    provider_at: Make, account: PgAccount, request_: WindowRequest, order: Order
) -> None:
    async with far_side(opened) as side:
        provider = provider_at(side.url)
        for wrong in (
            replace(request_, order=replace(order, pg_order_id="x" * 41)),
            replace(request_, order=replace(order, pg_order_id="주문-1")),
            replace(request_, order=replace(order, amount_krw=0)),
            replace(request_, order=replace(order, tax_free_krw=order.amount_krw + 1)),
            replace(request_, return_url="https://pay.example.kr/" + "x" * 256),
            replace(request_, return_url="https://pay.example.kr/?a=1&b=2"),
        ):
            with pytest.raises(AssertionError):
                await provider.open_window(account, wrong)
    assert side.connections == 0


RETURNED = {
    "resCd": "0000",
    "resMsg": "정상",
    "shopOrderNo": "ORD-1",
    "authorizationId": "26090310014410700041",
    "shopValue1": "",
}


def test_an_authenticated_return(provider_at: Make) -> None:
    returned = provider_at("https://kicc.invalid").read_return(RETURNED)
    assert (returned.pg_order_id, returned.session_id) == ("ORD-1", "26090310014410700041")
    assert returned.is_authenticated


@pytest.mark.parametrize("session_id", ["26090310014410700041", ""])
def test_a_cancelled_return(provider_at: Make, session_id: str) -> None:
    fields = {**RETURNED, "resCd": "W002", "resMsg": "[USER] 사용자 취소\r\n" + "x" * 2_000}
    returned = provider_at("https://kicc.invalid").read_return(
        {**fields, "authorizationId": session_id}
    )
    assert not returned.is_authenticated
    assert returned.code == "W002"
    assert returned.text.startswith("[USER] 사용자 취소 x")
    assert len(returned.text) <= 300


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resCd", None),
        ("resCd", ""),
        ("resCd", "0000; DROP"),
        ("shopOrderNo", None),
        ("shopOrderNo", "x" * 41),
        ("shopOrderNo", "<b>"),
        ("authorizationId", None),
        ("authorizationId", ""),
        ("authorizationId", "1" * 61),
        ("authorizationId", "a b"),
    ],
)
def test_a_malformed_return_names_the_field(
    provider_at: Make, field: str, value: str | None
) -> None:
    fields = {name: old for name, old in RETURNED.items() if name != field}
    if value is not None:
        fields[field] = value
    with pytest.raises(ValueError, match=field):
        provider_at("https://kicc.invalid").read_return(fields)
