"""Queries by key and day: V17, and the later changes that an answer shows (§10, §14.3)."""

import pytest

from support.simulator_merchant import Merchant


async def test_an_approval_is_found_with_its_original_amount_and_present_status(
    merchant: Merchant,
) -> None:
    paid = await merchant.pay()
    before = await merchant.query(paid["shopTransactionId"])
    await merchant.revise(paid["pgCno"], "32", amount=5_000)
    partly = await merchant.query(paid["shopTransactionId"])
    await merchant.revise(paid["pgCno"], "32", amount=14_900)
    wholly = await merchant.query(paid["shopTransactionId"])
    for answer, status in ((before, "TS03"), (partly, "TS06"), (wholly, "TS06")):
        assert answer["resCd"] == "0000"
        assert answer["pgCno"] == paid["pgCno"]
        assert answer["amount"] == 19_900
        assert answer["statusCode"] == status
        assert not {"msgAuthValue", "cancelAmount", "remainAmount", "cancelPgCno"} & set(answer)


async def test_a_full_cancel_shows_as_ts02(merchant: Merchant) -> None:
    paid = await merchant.pay()
    await merchant.revise(paid["pgCno"], "40")
    assert (await merchant.query(paid["shopTransactionId"]))["statusCode"] == "TS02"


async def test_a_cancel_is_found_by_its_own_key(merchant: Merchant) -> None:
    paid = await merchant.pay()
    cancelled = await merchant.revise(paid["pgCno"], "32", amount=5_000)
    await merchant.revise(paid["pgCno"], "32", amount=1_000)
    assert await merchant.query(cancelled["shopTransactionId"]) == cancelled


async def test_a_refused_request_is_found_refused(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    refused = await merchant.charge(key, 8_521, shopTransactionId="refused")
    assert await merchant.query("refused") == refused


@pytest.mark.parametrize("is_shown", [True, False])
async def test_whether_a_key_issue_shows_the_key_is_a_switch(
    merchant: Merchant, is_shown: bool
) -> None:
    await merchant.kicc.settings(key_in_query=is_shown)
    body = merchant.key_body()
    authorization_id = await merchant.authenticated(body)
    issued = await merchant.approve(merchant.approval_body(authorization_id, body["shopOrderNo"]))
    answer = await merchant.query(issued["shopTransactionId"])
    card = answer["paymentInfo"]["cardInfo"]
    assert card["cardMaskNo"] == issued["paymentInfo"]["cardInfo"]["cardMaskNo"]
    assert card["cardNo"] == (issued["paymentInfo"]["cardInfo"]["cardNo"] if is_shown else "")


async def test_v17_only_today_and_yesterday_are_answered(merchant: Merchant) -> None:
    paid = await merchant.pay()
    key, day = paid["shopTransactionId"], merchant.day
    codes = []
    for _ in range(3):
        codes.append((await merchant.query(key, day))["resCd"])
        await merchant.kicc.midnight()
    assert codes == ["0000", "0000", "ZS13"]


async def test_v17_another_day_merchant_or_key_is_not_found(merchant: Merchant) -> None:
    paid = await merchant.pay()
    key = paid["shopTransactionId"]
    assert (await merchant.query("unknown"))["resCd"] == "ZS13"
    assert (await merchant.query(key, "20260902"))["resCd"] == "ZS13"
    of_another = await merchant.call(
        "/api/trades/retrieveTransaction",
        {"mallId": "T5102001", "shopTransactionId": key, "transactionDate": merchant.day},
    )
    assert of_another["resCd"] == "ZS13"
    assert (await merchant.query(key))["resCd"] == "0000"


async def test_asking_does_not_use_the_key_up(merchant: Merchant) -> None:
    assert (await merchant.query("asked-first"))["resCd"] == "ZS13"
    key = await merchant.issue_key()
    assert (await merchant.charge(key, shopTransactionId="asked-first"))["resCd"] == "0000"
    assert (await merchant.query("asked-first"))["resCd"] == "0000"
    assert (await merchant.query("asked-first"))["resCd"] == "0000"


async def test_a_removal_is_not_found(merchant: Merchant) -> None:
    removed = await merchant.remove(await merchant.issue_key())
    assert (await merchant.query(removed["shopTransactionId"]))["resCd"] == "ZS13"


async def test_a_malformed_day_is_named(merchant: Merchant) -> None:
    answer = await merchant.query("x", "2026-9-3")
    assert answer["resMsg"].startswith("transactionDate: ")
