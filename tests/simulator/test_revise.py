"""Cancels, whole and in part: V8, V13, V14, V15, V16, and the statuses of §12.1."""

import asyncio
from typing import Any

import pytest

from support.simulator_merchant import Merchant, signature
from support.simulator_process import SimulatorControl


async def test_two_partial_cancels_leave_nothing_and_a_third_is_refused(
    merchant: Merchant,
) -> None:
    paid = await merchant.pay(19_900)
    first = await merchant.revise(paid["pgCno"], "32", amount=5_000, remainAmount=19_900)
    second = await merchant.revise(paid["pgCno"], "32", amount=14_900, remainAmount=14_900)
    third = await merchant.revise(paid["pgCno"], "32", amount=1)
    for answer, cancelled, remain in ((first, 5_000, 14_900), (second, 14_900, 0)):
        assert answer["resCd"] == "0000"
        assert answer["resMsg"] == "정상처리"
        assert answer["oriPgCno"] == paid["pgCno"]
        assert answer["cancelPgCno"] not in ("", paid["pgCno"])
        assert answer["shopOrderNo"] == paid["shopOrderNo"]
        assert (answer["cancelAmount"], answer["remainAmount"]) == (cancelled, remain)
        assert (answer["statusCode"], answer["statusMessage"]) == ("TS06", "부분매입취소")
    assert third["resCd"] == "ZS04"
    assert await merchant.net() == 0


async def test_a_full_cancel_of_the_same_day_is_ts02(merchant: Merchant) -> None:
    paid = await merchant.pay()
    answer = await merchant.revise(paid["pgCno"], "40")
    assert (answer["resMsg"], answer["statusCode"]) == ("정상취소", "TS02")
    assert (answer["cancelAmount"], answer["remainAmount"]) == (19_900, 0)
    assert await merchant.net() == 0


async def test_a_full_cancel_after_the_capture_batch_is_ts05(merchant: Merchant) -> None:
    paid = await merchant.pay()
    await merchant.kicc.control("POST", "/capture")
    assert (await merchant.query(paid["shopTransactionId"]))["statusCode"] == "TS04"
    answer = await merchant.revise(paid["pgCno"], "40", amount=19_900)
    assert (answer["resMsg"], answer["statusCode"]) == (
        "EDI 취소 매입처리로 취소처리됨",
        "TS05",
    )


async def test_a_partial_cancel_after_the_capture_batch_is_ts06(merchant: Merchant) -> None:
    paid = await merchant.pay()
    await merchant.kicc.control("POST", "/capture")
    answer = await merchant.revise(paid["pgCno"], "32", amount=100)
    assert answer["statusCode"] == "TS06"


@pytest.mark.parametrize(
    "wrong",
    [
        "0" * 64,
        "",
        signature("26090310154110700102", "rf-01J6XK0000000000000000001"),
    ],
)
async def test_v8_a_wrong_signature_is_refused(merchant: Merchant, wrong: str) -> None:
    paid = await merchant.pay()
    answer = await merchant.revise(paid["pgCno"], "40", msgAuthValue=wrong)
    if wrong:
        assert answer["resCd"] == "ZS02"
        assert answer["resMsg"] == "메시지인증값 검증에 실패했습니다"
    else:
        assert answer["resMsg"].startswith("msgAuthValue: ")
    assert await merchant.net() == 19_900


async def test_v8_upper_case_is_a_wrong_signature(merchant: Merchant) -> None:
    paid = await merchant.pay()
    upper = signature(paid["pgCno"], "rf-upper").upper()
    answer = await merchant.revise(
        paid["pgCno"], "40", shopTransactionId="rf-upper", msgAuthValue=upper
    )
    assert answer["resCd"] == "ZS02"


async def test_v13_only_a_transaction_of_this_merchant_is_cancelled(kicc: SimulatorControl) -> None:
    async with Merchant(kicc) as owner, Merchant(kicc, mall_id="T5102001") as stranger:
        paid = await owner.pay()
        assert (await stranger.revise(paid["pgCno"], "40"))["resCd"] == "ZS05"
        assert (await owner.revise("1" * 20, "40"))["resCd"] == "ZS05"
        assert (await owner.revise(paid["pgCno"], "40"))["resCd"] == "0000"


@pytest.mark.parametrize("kind", ["40", "32"])
async def test_v14_a_cancelled_transaction_is_not_cancelled_again(
    merchant: Merchant, kind: str
) -> None:
    paid = await merchant.pay()
    assert (await merchant.revise(paid["pgCno"], "40"))["resCd"] == "0000"
    assert (await merchant.revise(paid["pgCno"], kind, amount=100))["resCd"] == "ZS04"
    assert await merchant.net() == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": 19_901}, "ZS11"),
        ({"amount": 100, "remainAmount": 19_800}, "ZS11"),
        ({"amount": 100, "remainAmount": 20_000}, "ZS11"),
        ({"amount": 0}, "ZS09"),
        ({"amount": -1}, "ZS09"),
        ({}, "ZS09"),
        ({"amount": "a"}, "ZS09"),
        ({"amount": 19_900, "remainAmount": 19_900}, "0000"),
        ({"amount": "100"}, "0000"),
        ({"amount": 100, "remainAmount": "19900"}, "0000"),
        ({"amount": 100}, "0000"),
    ],
)
async def test_v15_a_partial_cancel_fits_what_is_left(
    merchant: Merchant, changes: dict[str, Any], code: str
) -> None:
    paid = await merchant.pay(19_900)
    answer = await merchant.revise(paid["pgCno"], "32", **changes)
    assert answer["resCd"] == code
    cancelled = int(changes.get("amount", 0)) if code == "0000" else 0
    assert await merchant.net() == 19_900 - cancelled


async def test_v15_a_card_without_partial_cancel_is_not_partly_cancelled(
    merchant: Merchant,
) -> None:
    paid = await merchant.pay(card="0000002912340004")
    assert (await merchant.revise(paid["pgCno"], "32", amount=100))["resCd"] == "ZS12"
    assert (await merchant.revise(paid["pgCno"], "40"))["resCd"] == "0000"


async def test_v2_a_merchant_without_partial_cancel(merchant: Merchant) -> None:
    await merchant.kicc.mall(merchant.mall_id, partialCancel=False)
    paid = await merchant.pay()
    assert (await merchant.revise(paid["pgCno"], "32", amount=100))["resCd"] == "ZS08"
    assert (await merchant.revise(paid["pgCno"], "40"))["resCd"] == "0000"


async def test_v15_33_is_for_bank_transfers_and_32_for_cards(merchant: Merchant) -> None:
    by_card = await merchant.pay()
    by_bank = await merchant.pay(payMethodTypeCode="21")
    by_phone = await merchant.pay(payMethodTypeCode="31")
    refused = [
        await merchant.revise(by_card["pgCno"], "33", amount=100),
        await merchant.revise(by_bank["pgCno"], "32", amount=100),
        await merchant.revise(by_phone["pgCno"], "32", amount=100),
    ]
    done = [
        await merchant.revise(by_card["pgCno"], "32", amount=100),
        await merchant.revise(by_bank["pgCno"], "33", amount=100),
        await merchant.revise(by_phone["pgCno"], "33", amount=100),
    ]
    assert [answer["resCd"] for answer in refused] == ["ZS12"] * 3
    assert [answer["statusCode"] for answer in done] == ["TS06"] * 3


async def test_v16_a_full_cancel_after_a_partial_one_is_a_switch(merchant: Merchant) -> None:
    paid = await merchant.pay()
    await merchant.revise(paid["pgCno"], "32", amount=5_000)
    assert (await merchant.revise(paid["pgCno"], "40"))["resCd"] == "ZS16"
    await merchant.kicc.settings(cancel_after_partial=True)
    rest = await merchant.revise(paid["pgCno"], "40")
    assert (rest["resCd"], rest["cancelAmount"], rest["statusCode"]) == ("0000", 14_900, "TS02")
    assert await merchant.net() == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": 19_899}, "ZS11"),
        ({"remainAmount": 1}, "ZS11"),
        ({"cancelReqDate": "20260902"}, "ZS10"),
        ({"reviseTypeCode": "99"}, "ZS09"),
        ({"reviseMessage": "가" * 51}, "ZS09"),
        ({"reviseMessage": "가" * 50, "clientIp": "1.2.3.4", "clientId": "admin"}, "0000"),
    ],
)
async def test_full_cancel_checks(merchant: Merchant, changes: dict[str, Any], code: str) -> None:
    paid = await merchant.pay()
    kind = changes.pop("reviseTypeCode", "40")
    assert (await merchant.revise(paid["pgCno"], kind, **changes))["resCd"] == code


async def test_parallel_partial_cancels_never_exceed_the_payment(merchant: Merchant) -> None:
    paid = await merchant.pay(10_000)
    answers = await asyncio.gather(
        *(merchant.revise(paid["pgCno"], "32", amount=3_000) for _ in range(10))
    )
    assert sorted(answer["resCd"] for answer in answers) == ["0000"] * 3 + ["ZS11"] * 7
    assert await merchant.net() == 1_000


async def test_manual_capture_by_20_and_only_there(merchant: Merchant) -> None:
    automatic = await merchant.pay()
    assert (await merchant.revise(automatic["pgCno"], "20"))["resCd"] == "ZS08"
    await merchant.kicc.mall(merchant.mall_id, autoCapture=False)
    paid = await merchant.pay()
    assert (await merchant.revise(paid["pgCno"], "20"))["statusCode"] == "TS03"
    assert (await merchant.revise(paid["pgCno"], "20"))["resCd"] == "ZS17"
    assert (await merchant.revise(paid["pgCno"], "40"))["statusCode"] == "TS02"


async def test_a_key_issue_is_not_cancelled(merchant: Merchant) -> None:
    await merchant.issue_key()
    issued = (await merchant.kicc.state())["keys"][0]
    assert (await merchant.revise(issued["pgCno"], "40"))["resCd"] == "ZS12"


async def test_the_nightly_void_cancels_what_is_held(merchant: Merchant) -> None:
    kept = await merchant.pay(1_000)
    gone = await merchant.pay(2_000)
    await merchant.revise(gone["pgCno"], "40")
    assert (await merchant.kicc.control("POST", "/void"))["voided"] == 1
    assert (await merchant.query(kept["shopTransactionId"]))["statusCode"] == "TS02"
    assert (await merchant.revise(kept["pgCno"], "40"))["resCd"] == "ZS04"
    assert await merchant.net() == 0


async def test_the_issuer_may_refuse_a_cancel(merchant: Merchant) -> None:
    paid = await merchant.pay()
    await merchant.kicc.scenario("8373", "revise")
    assert (await merchant.revise(paid["pgCno"], "40"))["resCd"] == "8373"
    assert await merchant.net() == 19_900
