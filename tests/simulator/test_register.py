"""The registration of a window: V1, V2, V3, V5, V6, each accepting and each refusing."""

from typing import Any

import pytest

from support.simulator_merchant import Merchant

ORDER_INFO = {"goodsName": "커피"}


def with_customer(**customer: str) -> dict[str, Any]:
    return {"orderInfo": ORDER_INFO | {"customerInfo": customer}}


async def test_registering_answers_the_window_address(merchant: Merchant) -> None:
    answer = await merchant.register(merchant.register_body())
    assert answer["resCd"] == "0000"
    assert answer["resMsg"] == "정상"
    address, _, authorization_id = answer["authPageUrl"].partition("?authorizationId=")
    assert address == f"{merchant.kicc.base_url}/view/trades/cert-req.do"
    assert len(authorization_id) == 20
    assert authorization_id.isdigit()


async def test_v1_unknown_and_inactive_merchants_are_refused(merchant: Merchant) -> None:
    unknown = await merchant.register(merchant.register_body(mallId="T9999999"))
    assert unknown["resCd"] == "ZS07"
    await merchant.kicc.mall(merchant.mall_id, active=False)
    assert (await merchant.register(merchant.register_body()))["resCd"] == "ZS07"
    await merchant.kicc.mall(merchant.mall_id, active=True)
    assert (await merchant.register(merchant.register_body()))["resCd"] == "0000"


@pytest.mark.parametrize(
    ("mall_id", "can_pay", "can_register_key"),
    [
        ("T0021766", True, True),
        ("T5102001", True, True),
        ("T0021792", False, True),
        ("T0020391", True, False),
    ],
)
async def test_v2_preset_merchants_have_their_permissions(
    merchant: Merchant, mall_id: str, can_pay: bool, can_register_key: bool
) -> None:
    paying = await merchant.register(merchant.register_body(mallId=mall_id))
    registering = await merchant.register(merchant.key_body(mallId=mall_id))
    for answer, is_allowed in ((paying, can_pay), (registering, can_register_key)):
        assert answer["resCd"] == ("0000" if is_allowed else "ZS08")
        if not is_allowed:
            assert answer["resMsg"] == "일반승인 불가 가맹점"


@pytest.mark.parametrize(
    "name",
    [
        "mallId",
        "shopOrderNo",
        "amount",
        "payMethodTypeCode",
        "currency",
        "returnUrl",
        "deviceTypeCode",
        "clientTypeCode",
        "orderInfo",
    ],
)
async def test_v3_a_missing_field_is_named(merchant: Merchant, name: str) -> None:
    answer = await merchant.register(merchant.register_body(**{name: None}))
    assert answer["resCd"] == "ZS09"
    assert answer["resMsg"].startswith(f"{name}: ")


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("orderInfo.goodsName", {"orderInfo": {}}),
    ("orderInfo.goodsName", {"orderInfo": {"goodsName": ""}}),
    ("orderInfo.goodsName", {"orderInfo": {"goodsName": "가" * 26}}),
    ("orderInfo.goodsName", {"orderInfo": {"goodsName": "커피 ☕🫘"}}),
    ("orderInfo.goodsName", {"orderInfo": {"goodsName": "a<b"}}),
    ("orderInfo.goodsName", {"orderInfo": {"goodsName": "a&b"}}),
    ("orderInfo.goodsName", {"orderInfo": {"goodsName": "줄\n바꿈"}}),
    ("shopOrderNo", {"shopOrderNo": "a" * 41}),
    ("shopOrderNo", {"shopOrderNo": "주문1"}),
    ("shopOrderNo", {"shopOrderNo": "a b"}),
    ("returnUrl", {"returnUrl": "https://x.kr/" + "a" * 256}),
    ("returnUrl", {"returnUrl": "ftp://x.kr/"}),
    ("currency", {"currency": "01"}),
    ("deviceTypeCode", {"deviceTypeCode": "tablet"}),
    ("clientTypeCode", {"clientTypeCode": "99"}),
    ("payMethodTypeCode", {"payMethodTypeCode": "99"}),
    ("langFlag", {"langFlag": "KO"}),
    ("amount", {"amount": 0}),
    ("amount", {"amount": -1}),
    ("amount", {"amount": "19900"}),
    ("amount", {"amount": 19_900.5}),
    ("orderInfo.customerInfo.customerName", with_customer(customerName="가" * 11)),
    ("orderInfo.customerInfo.customerContactNo", with_customer(customerContactNo="010-1234")),
    ("shopValueInfo.value3", {"shopValueInfo": {"value3": "x" * 33}}),
    ("escrowInfo.escrowType", {"escrowInfo": {"escrowType": "X"}}),
    ("nonsense", {"nonsense": 1}),
    ("orderInfo.nonsense", {"orderInfo": ORDER_INFO | {"nonsense": 1}}),
]


@pytest.mark.parametrize(("path", "changes"), REFUSED)
async def test_v3_v5_a_field_that_breaks_a_rule_is_named(
    merchant: Merchant, path: str, changes: dict[str, Any]
) -> None:
    answer = await merchant.register(merchant.register_body(**changes))
    assert answer["resCd"] == "ZS09"
    assert answer["resMsg"].startswith(f"{path}: "), answer


ACCEPTED: list[dict[str, Any]] = [
    {"orderInfo": {"goodsName": "가" * 25}},
    {"orderInfo": {"goodsName": "a" * 50}},
    {"orderInfo": {"goodsName": "똠양꿍 쫄면 (2인분) [특] - 1.5"}},
    {"shopOrderNo": "A-z_0" + "9" * 35},
    {"returnUrl": "https://x.kr/return?order=1&user=2"},
    {"returnUrl": "http://127.0.0.1:8000/return"},
    {"langFlag": "ENG", "appScheme": "shop://", "mallName": "다른 상점"},
    {"amount": 1},
    with_customer(
        customerId="u-1",
        customerName="홍길동",
        customerMail="a@b.kr",
        customerContactNo="01012345678",
        customerAddr="서울시 어딘가 1-2",
    ),
    {"shopValueInfo": {f"value{n}": "x" for n in range(1, 8)}},
    {"taxInfo": {"taxAmount": 100, "freeAmount": 0, "vatAmount": 10}},
    {"payMethodTypeCode": "00", "deviceTypeCode": "mobile"},
    {
        "payMethodInfo": {
            "cardMethodInfo": {
                "installmentMonthList": [0, 2, 3],
                "usedSpayCode": ["KKO"],
                "cardInfoList": [{"cardCd": "029"}],
            }
        }
    },
]


@pytest.mark.parametrize("changes", ACCEPTED)
async def test_v3_v5_allowed_fields_are_not_refused(
    merchant: Merchant, changes: dict[str, Any]
) -> None:
    answer = await merchant.register(merchant.register_body(**changes))
    assert answer["resCd"] == "0000", answer


async def test_unknown_fields_are_ignored_when_not_strict(merchant: Merchant) -> None:
    await merchant.kicc.settings(strict_fields=False)
    answer = await merchant.register(merchant.register_body(nonsense={"a": 1}))
    assert answer["resCd"] == "0000"


@pytest.mark.parametrize("cert_type", ["0", "1", "2"])
async def test_v5_a_key_is_registered_for_nothing(merchant: Merchant, cert_type: str) -> None:
    assert (await merchant.register(merchant.key_body(cert_type)))["resCd"] == "0000"


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("amount", {"amount": 100}),
        ("payMethodInfo.billKeyMethodInfo.certType", {"payMethodInfo": None}),
        (
            "payMethodInfo.billKeyMethodInfo.certType",
            {"payMethodInfo": {"billKeyMethodInfo": {"certType": "3"}}},
        ),
        (
            "payMethodInfo.billKeyMethodInfo.certType",
            {"payMethodInfo": {"billKeyMethodInfo": {}}},
        ),
    ],
)
async def test_v5_a_key_is_not_registered_for_money_or_without_cert_type(
    merchant: Merchant, path: str, changes: dict[str, Any]
) -> None:
    answer = await merchant.register(merchant.key_body(**changes))
    assert answer["resCd"] == "ZS09"
    assert answer["resMsg"].startswith(f"{path}: ")


async def test_v6_an_order_number_is_used_once_per_merchant(merchant: Merchant) -> None:
    body = merchant.register_body()
    assert (await merchant.register(body))["resCd"] == "0000"
    assert (await merchant.register(body))["resCd"] == "ZS06"
    assert (await merchant.register(body | {"mallId": "T5102001"}))["resCd"] == "0000"


async def test_v6_is_a_switch(merchant: Merchant) -> None:
    await merchant.kicc.settings(unique_orders=False)
    body = merchant.register_body()
    assert (await merchant.register(body))["resCd"] == "0000"
    assert (await merchant.register(body))["resCd"] == "0000"


async def test_a_refused_registration_leaves_the_order_number_free(merchant: Merchant) -> None:
    body = merchant.register_body()
    assert (await merchant.register(body | {"langFlag": "XXX"}))["resCd"] == "ZS09"
    assert (await merchant.register(body))["resCd"] == "0000"
