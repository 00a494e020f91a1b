"""Charges and removals of billing keys: V2, V3, V5, V6, V12."""

from typing import Any

import pytest

from support.simulator_merchant import Merchant
from support.simulator_process import SimulatorControl


async def test_a_charge_answers_as_captured(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    charged = await merchant.charge(key, 9_900)
    assert charged["resMsg"] == "단독승인 정상"
    assert charged["statusCode"] == "TS03"
    assert charged["amount"] == 9_900
    assert charged["pgCno"].startswith(charged["transactionDate"][2:])
    card = charged["paymentInfo"]["cardInfo"]
    assert card["cardNo"] == "00000029****000*"
    assert not card.get("cardMaskNo")
    assert card["partCancelUsed"] == "Y"


async def test_v12_only_an_active_key_of_this_merchant_is_charged(kicc: SimulatorControl) -> None:
    async with Merchant(kicc) as owner, Merchant(kicc, mall_id="T5102001") as stranger:
        key = await owner.issue_key()
        assert (await stranger.charge(key))["resCd"] == "ZS03"
        assert (await owner.charge("021766200101BA999999"))["resCd"] == "ZS03"
        assert (await owner.charge(key))["resCd"] == "0000"
        assert (await stranger.remove(key))["resCd"] == "ZS03"
        assert (await owner.remove(key))["resCd"] == "0000"
        assert (await owner.charge(key))["resCd"] == "ZS03"
        assert (await owner.remove(key))["resCd"] == "ZS03"
        assert await owner.net() == 9_900


async def test_removal_echoes_and_leaves_past_charges_cancellable(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    charged = await merchant.charge(key)
    removed = await merchant.remove(key)
    assert removed == {
        "resCd": "0000",
        "resMsg": "정상",
        "mallId": merchant.mall_id,
        "shopTransactionId": removed["shopTransactionId"],
        "removeReqDate": merchant.day,
    }
    assert (await merchant.revise(charged["pgCno"], "40"))["resCd"] == "0000"
    assert await merchant.net() == 0


async def test_v4_removal_and_charge_are_of_today(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    assert (await merchant.remove(key, removeReqDate="20200101"))["resCd"] == "ZS10"
    assert (await merchant.charge(key, approvalReqDate="20200101"))["resCd"] == "ZS10"
    assert (await merchant.charge(key))["resCd"] == "0000"


async def test_v2_a_merchant_without_billing_charges_nothing(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    await merchant.kicc.mall(merchant.mall_id, billing=False)
    refused = await merchant.charge(key)
    assert (refused["resCd"], refused["resMsg"]) == ("ZS08", "일반승인 불가 가맹점")
    await merchant.kicc.mall(merchant.mall_id, billing=True)
    assert (await merchant.charge(key))["resCd"] == "0000"


async def test_v6_an_order_is_charged_once(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    assert (await merchant.charge(key, shopOrderNo="SUB-1"))["resCd"] == "0000"
    assert (await merchant.charge(key, shopOrderNo="SUB-1"))["resCd"] == "ZS06"
    window = await merchant.register(merchant.register_body(shopOrderNo="SUB-1"))
    assert window["resCd"] == "ZS06"
    assert await merchant.net() == 9_900


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("amount", {"amount": 0}),
        ("amount", {"amount": "9900"}),
        ("currency", {"currency": "KRW"}),
        ("currency", {"currency": None}),
        ("orderInfo", {"orderInfo": None}),
        ("payMethodInfo", {"payMethodInfo": None}),
        (
            "payMethodInfo.cardMethodInfo",
            {"payMethodInfo": {"billKeyMethodInfo": {"batchKey": "k"}}},
        ),
        (
            "payMethodInfo.billKeyMethodInfo.batchKey",
            {
                "payMethodInfo": {
                    "billKeyMethodInfo": {"batchKey": "k" * 61},
                    "cardMethodInfo": {"installmentMonth": 0},
                }
            },
        ),
        (
            "payMethodInfo.cardMethodInfo.installmentMonth",
            {
                "payMethodInfo": {
                    "billKeyMethodInfo": {"batchKey": "k"},
                    "cardMethodInfo": {"installmentMonth": -1},
                }
            },
        ),
        ("shopOrderNo", {"shopOrderNo": "a/b"}),
        ("customerInfo", {"customerInfo": {"customerId": "u"}}),
    ],
)
async def test_v3_v5_a_bad_field_is_named(
    merchant: Merchant, path: str, changes: dict[str, Any]
) -> None:
    answer = await merchant.charge("021766200101BA999999", **changes)
    assert answer["resCd"] == "ZS09"
    assert answer["resMsg"].startswith(f"{path}: "), answer


@pytest.mark.parametrize("amount", [8_521, 18_035, 8_314, 8_315, 8_316, 8_311, 8_350, 8_373, 8_527])
async def test_an_amount_that_the_issuer_refuses(merchant: Merchant, amount: int) -> None:
    key = await merchant.issue_key()
    refused = await merchant.charge(key, amount)
    assert refused["resCd"] == f"{amount % 10_000:04d}"
    assert refused["resMsg"]
    assert await merchant.net() == 0
