"""The approval of a window: V4, V7, V9, V10, V11, and the answers to a payment and a key issue."""

import asyncio
import re
from typing import Any

import pytest

from support.simulator_merchant import Merchant

ISSUER_REFUSALS = ["8521", "8035", "8314", "8315", "8316", "8311", "8350", "8373", "8527"]


async def test_a_payment_answers_as_captured(merchant: Merchant) -> None:
    body = merchant.register_body(19_900)
    authorization_id = await merchant.authenticated(body)
    paid = await merchant.approve(merchant.approval_body(authorization_id, body["shopOrderNo"]))
    assert paid["resCd"] == "0000"
    assert paid["resMsg"] == "MPI결제 정상"
    assert paid["mallId"] == merchant.mall_id
    assert paid["shopOrderNo"] == body["shopOrderNo"]
    assert paid["amount"] == 19_900
    assert (paid["statusCode"], paid["statusMessage"]) == ("TS03", "매입요청")
    assert paid["escrowUsed"] == "N"
    assert re.fullmatch(r"\d{12}10\d{6}", paid["pgCno"])
    assert re.fullmatch(rf"{merchant.day}\d{{6}}", paid["transactionDate"])
    info = paid["paymentInfo"]
    assert info["payMethodTypeCode"] == "11"
    assert re.fullmatch(r"\d{8}", info["approvalNo"])
    card = info["cardInfo"]
    assert card["cardNo"] == "00000029****000*"
    assert not card.get("cardMaskNo")
    assert (card["issuerCode"], card["acquirerCode"]) == ("029", "029")
    assert (card["cardGubun"], card["cardBizGubun"], card["partCancelUsed"]) == ("N", "P", "Y")


async def test_a_key_issue_answers_the_key_in_card_no(merchant: Merchant) -> None:
    body = merchant.key_body()
    authorization_id = await merchant.authenticated(body)
    issued = await merchant.approve(merchant.approval_body(authorization_id, body["shopOrderNo"]))
    assert issued["resMsg"] == "단독인증 정상"
    assert issued["amount"] == 0
    assert (issued["statusCode"], issued["statusMessage"]) == ("", "")
    card = issued["paymentInfo"]["cardInfo"]
    assert re.fullmatch(rf"021766{merchant.day[2:]}BA\d{{6}}", card["cardNo"])
    assert card["cardMaskNo"] == "000000******000*"
    assert card["partCancelUsed"] == ""


@pytest.mark.parametrize(
    ("card", "field", "value"),
    [
        ("0000001612340002", "cardGubun", "Y"),
        ("0000001612340003", "cardBizGubun", "C"),
        ("0000001612340004", "partCancelUsed", "N"),
        ("0000001612340005", "acquirerCode", "026"),
        ("0000001612340005", "subCardCd", "526"),
        ("0000001612340001", "issuerCode", "016"),
        ("0000099912340001", "issuerCode", "029"),
    ],
)
async def test_the_card_number_chooses_the_kind_of_card(
    merchant: Merchant, card: str, field: str, value: str
) -> None:
    paid = await merchant.pay(card=card)
    assert paid["paymentInfo"]["cardInfo"][field] == value


@pytest.mark.parametrize("code", ISSUER_REFUSALS)
async def test_a_card_that_the_issuer_refuses(merchant: Merchant, code: str) -> None:
    refused = await merchant.pay(card=f"000000161234{code}")
    assert refused["resCd"] == code
    assert await merchant.net() == 0


async def test_v4_yesterday_and_tomorrow_are_refused(merchant: Merchant) -> None:
    body = merchant.register_body()
    authorization_id = await merchant.authenticated(body)
    for day in ("20200101", "20991231"):
        wrong = merchant.approval_body(authorization_id, body["shopOrderNo"], approvalReqDate=day)
        assert (await merchant.approve(wrong))["resCd"] == "ZS10"
    right = merchant.approval_body(authorization_id, body["shopOrderNo"])
    assert (await merchant.approve(right))["resCd"] == "0000"


async def test_v4_is_a_switch(merchant: Merchant) -> None:
    await merchant.kicc.settings(strict_dates=False)
    body = merchant.register_body()
    authorization_id = await merchant.authenticated(body)
    other_day = merchant.approval_body(
        authorization_id, body["shopOrderNo"], approvalReqDate="20200101"
    )
    assert (await merchant.approve(other_day))["resCd"] == "0000"


async def test_v9_only_an_authenticated_window_of_this_merchant_is_approved(
    merchant: Merchant,
) -> None:
    body = merchant.register_body()
    registered = await merchant.register(body)
    authorization_id = registered["authPageUrl"].partition("=")[2]
    order = body["shopOrderNo"]
    not_opened = await merchant.approve(merchant.approval_body(authorization_id, order))
    unknown = await merchant.approve(merchant.approval_body("1" * 20, order))
    await merchant.kicc.window(registered["authPageUrl"])
    of_another = await merchant.approve(
        merchant.approval_body(authorization_id, order, mallId="T5102001")
    )
    approved = await merchant.approve(merchant.approval_body(authorization_id, order))
    codes = [answer["resCd"] for answer in (not_opened, unknown, of_another, approved)]
    assert codes == ["R102", "R102", "R102", "0000"]


@pytest.mark.parametrize("choice", ["cancel", "fail"])
async def test_v9_a_cancelled_or_failed_window_is_not_approved(
    merchant: Merchant, choice: str
) -> None:
    body = merchant.register_body()
    registered = await merchant.register(body)
    _, fields = await merchant.kicc.window(registered["authPageUrl"], choice)
    answer = await merchant.approve(
        merchant.approval_body(fields["authorizationId"], body["shopOrderNo"])
    )
    assert answer["resCd"] == "R102"


@pytest.mark.parametrize("family", ["/ep9", "", "/v2"])
async def test_v9_each_family_of_paths_works_and_none_mixes(
    merchant: Merchant, family: str
) -> None:
    body = merchant.register_body()
    authorization_id = await merchant.authenticated(body, family=family)
    for other in {"/ep9", "", "/v2"} - {family}:
        mixed = await merchant.approve(
            merchant.approval_body(authorization_id, body["shopOrderNo"]), family=other
        )
        assert mixed["resCd"] == "R102"
    approved = await merchant.approve(
        merchant.approval_body(authorization_id, body["shopOrderNo"]), family=family
    )
    assert approved["resCd"] == "0000"


async def test_v10_a_window_is_approved_once(merchant: Merchant) -> None:
    body = merchant.register_body()
    authorization_id = await merchant.authenticated(body)
    first, second = await asyncio.gather(
        merchant.approve(merchant.approval_body(authorization_id, body["shopOrderNo"])),
        merchant.approve(merchant.approval_body(authorization_id, body["shopOrderNo"])),
    )
    assert sorted((first["resCd"], second["resCd"])) == ["0000", "R102"]
    assert await merchant.net() == 19_900


async def test_v10_an_authentication_expires(merchant: Merchant) -> None:
    body, late = merchant.register_body(), merchant.register_body()
    fresh_id = await merchant.authenticated(body)
    await merchant.kicc.advance(29 * 60)
    approved = await merchant.approve(merchant.approval_body(fresh_id, body["shopOrderNo"]))
    stale_id = await merchant.authenticated(late)
    await merchant.kicc.advance(31 * 60)
    expired = await merchant.approve(merchant.approval_body(stale_id, late["shopOrderNo"]))
    assert (approved["resCd"], expired["resCd"]) == ("0000", "R102")


async def test_v10_a_refused_approval_uses_the_window_up(merchant: Merchant) -> None:
    body = merchant.register_body()
    authorization_id = await merchant.authenticated(body, card="0000001612348521")
    order = body["shopOrderNo"]
    assert (await merchant.approve(merchant.approval_body(authorization_id, order)))[
        "resCd"
    ] == "8521"
    assert (await merchant.approve(merchant.approval_body(authorization_id, order)))[
        "resCd"
    ] == "R102"


async def test_v11_another_order_number_is_refused_or_echoed(merchant: Merchant) -> None:
    body = merchant.register_body()
    authorization_id = await merchant.authenticated(body)
    other = merchant.approval_body(authorization_id, "ANOTHER-1")
    assert (await merchant.approve(other))["resMsg"].startswith("shopOrderNo: ")
    await merchant.kicc.settings(lenient_approval_order=True)
    echoed = await merchant.approve(merchant.approval_body(authorization_id, "ANOTHER-1"))
    assert (echoed["resCd"], echoed["shopOrderNo"]) == ("0000", "ANOTHER-1")


@pytest.mark.parametrize(
    "changes",
    [
        {"shopTransactionId": "x" * 61},
        {"shopTransactionId": ""},
        {"shopTransactionId": None},
        {"authorizationId": "x" * 61},
        {"approvalReqDate": "2026-9-3"},
        {"amount": 100},
    ],
)
async def test_v3_a_bad_field_is_named(merchant: Merchant, changes: dict[str, Any]) -> None:
    answer = await merchant.approve(merchant.approval_body("1" * 20, "A-1", **changes))
    assert answer["resCd"] == "ZS09"
    assert answer["resMsg"].startswith(f"{next(iter(changes))}: ")


async def test_a_manual_capture_merchant_approves_to_ts01(merchant: Merchant) -> None:
    await merchant.kicc.mall(merchant.mall_id, autoCapture=False)
    assert (await merchant.pay())["statusCode"] == "TS01"


async def test_the_transaction_number_is_of_the_window_not_of_the_approval(
    merchant: Merchant,
) -> None:
    body = merchant.register_body()
    authorization_id = await merchant.authenticated(body)
    await merchant.kicc.advance(45)
    paid = await merchant.approve(merchant.approval_body(authorization_id, body["shopOrderNo"]))
    assert paid["pgCno"].startswith("2609031000")
    assert paid["transactionDate"].startswith("202609031000")
    assert int(paid["transactionDate"][-2:]) >= 45 > int(paid["pgCno"][10:12])
