"""Every fault by amount, by card and by the control API, as seen over HTTP (§14.5)."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from support.simulator_merchant import Merchant, signature

CHARGE = "/api/trades/approval/batch"
REVISE = "/api/trades/revise"


async def charge_raw(merchant: Merchant, body: dict[str, Any]) -> tuple[int, bytes] | None:
    """Status and body of a charge; None when the connection was cut."""
    return await send_raw(merchant, CHARGE, body)


async def send_raw(merchant: Merchant, path: str, body: dict[str, Any]) -> tuple[int, bytes] | None:
    try:
        return await merchant.raw(path, json.dumps(body).encode())
    except aiohttp.ServerDisconnectedError:
        return None


@pytest.mark.parametrize("by", ["amount", "scenario"])
async def test_executed_answer_withheld(merchant: Merchant, by: str) -> None:
    key = await merchant.issue_key()
    body = merchant.charge_body(key, 17_001 if by == "amount" else 20_000)
    if by == "scenario":
        await merchant.kicc.scenario("executed_answer_withheld", "batch")
    waiting = asyncio.create_task(charge_raw(merchant, body))
    answer = await until_found(merchant, body["shopTransactionId"])
    assert answer["statusCode"] == "TS03"
    assert not waiting.done()
    await merchant.kicc.advance(36)
    assert await waiting is None
    assert await merchant.net() == body["amount"]


async def until_found(merchant: Merchant, key: str) -> dict[str, Any]:
    """The query's answer once the request was executed; each look is a round trip, no sleep."""
    while True:
        answer = await merchant.query(key)
        if answer["resCd"] != "ZS13":
            return answer


async def test_withheld_time_is_a_setting(merchant: Merchant) -> None:
    await merchant.kicc.settings(withheld_s=0.05)
    key = await merchant.issue_key()
    assert await charge_raw(merchant, merchant.charge_body(key, 7_001)) is None
    assert await merchant.net() == 7_001


@pytest.mark.parametrize("by", ["amount", "scenario"])
async def test_cut_before_processing(merchant: Merchant, by: str) -> None:
    key = await merchant.issue_key()
    body = merchant.charge_body(key, 7_002 if by == "amount" else 9_900)
    if by == "scenario":
        await merchant.kicc.scenario("cut_before_processing", "batch")
    assert await charge_raw(merchant, body) is None
    assert (await merchant.query(body["shopTransactionId"]))["resCd"] == "ZS13"
    assert (await merchant.call(CHARGE, body))["resCd"] == "ZS01"
    assert await merchant.net() == 0


@pytest.mark.parametrize("by", ["amount", "scenario"])
async def test_executed_late_is_not_found_until_then(merchant: Merchant, by: str) -> None:
    key = await merchant.issue_key()
    body = merchant.charge_body(key, 7_003 if by == "amount" else 9_900)
    if by == "scenario":
        await merchant.kicc.scenario("executed_late", "batch")
    waiting = asyncio.create_task(charge_raw(merchant, body))
    await until_received(merchant, "batch")
    assert (await merchant.query(body["shopTransactionId"]))["resCd"] == "ZS13"
    assert await merchant.net() == 0
    await merchant.kicc.advance(46)
    answer = await waiting
    assert answer is not None
    assert json.loads(answer[1])["resCd"] == "0000"
    assert (await merchant.query(body["shopTransactionId"]))["resCd"] == "0000"
    assert await merchant.net() == body["amount"]


async def until_received(merchant: Merchant, endpoint: str) -> None:
    while not (await merchant.kicc.state())["requests"].get(f"{endpoint}.received"):
        pass


async def test_request_under_way_does_not_enter_the_records_after_a_reset(
    merchant: Merchant,
) -> None:
    key = await merchant.issue_key()
    waiting = asyncio.create_task(charge_raw(merchant, merchant.charge_body(key, 7_003)))
    await until_received(merchant, "batch")
    await merchant.kicc.reset()
    await merchant.kicc.set_clock("2026-09-03T10:00:00")
    assert await merchant.issue_key() == key, "the same key exists again, as in another test"
    await merchant.kicc.advance(46)
    assert await waiting is None
    assert await merchant.net() == 0


async def test_executed_late_even_when_the_merchant_gave_up(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    body = merchant.charge_body(key, 7_003)
    waiting = asyncio.create_task(charge_raw(merchant, body))
    await until_received(merchant, "batch")
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await merchant.kicc.advance(46)
    answer = await until_found(merchant, body["shopTransactionId"])
    assert answer["resCd"] == "0000"
    assert await merchant.net() == 7_003


@pytest.mark.parametrize(
    ("effect", "amount", "status"),
    [
        ("executed_bad_gateway", 7_004, 502),
        ("executed_truncated_json", 7_005, 200),
        ("executed_html", None, 200),
    ],
)
async def test_executed_and_answered_with_rubbish(
    merchant: Merchant, effect: str, amount: int | None, status: int
) -> None:
    key = await merchant.issue_key()
    charges = [merchant.charge_body(key, 9_900)]
    await merchant.kicc.scenario(effect, "batch")
    if amount:
        charges.append(merchant.charge_body(key, amount))
    for body in charges:
        answer = await charge_raw(merchant, body)
        assert answer is not None
        assert answer[0] == status
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer[1])
        assert (await merchant.query(body["shopTransactionId"]))["resCd"] == "0000"
    assert await merchant.net() == sum(body["amount"] for body in charges)


@pytest.mark.parametrize(
    ("effect", "status"),
    [("server_error_before_processing", 500), ("unavailable", 503), ("bad_request", 400)],
)
async def test_not_executed_and_answered_with_an_error(
    merchant: Merchant, effect: str, status: int
) -> None:
    key = await merchant.issue_key()
    await merchant.kicc.scenario(effect, "batch")
    body = merchant.charge_body(key)
    answer = await charge_raw(merchant, body)
    assert answer is not None
    assert answer[0] == status
    assert b"resCd" not in answer[1]
    assert (await merchant.query(body["shopTransactionId"]))["resCd"] == "ZS13"
    assert await merchant.net() == 0


async def test_amount_7010_is_a_server_error_before_processing(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    answer = await charge_raw(merchant, merchant.charge_body(key, 7_010))
    assert answer is not None
    assert answer[0] == 500
    assert await merchant.net() == 0


async def test_wrong_and_missing_signature(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    wrong = await merchant.charge(key, 7_006)
    assert wrong["resCd"] == "0000"
    right = signature(wrong["pgCno"], wrong["amount"], wrong["transactionDate"])
    assert wrong["msgAuthValue"] != right
    await merchant.kicc.scenario("executed_missing_signature", "batch")
    assert "msgAuthValue" not in await merchant.charge(key)
    assert await merchant.net() == 7_006 + 9_900


async def test_another_amount_in_the_answer(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    answer = await merchant.charge(key, 7_007)
    assert answer["amount"] == 7_107
    assert answer["msgAuthValue"] == signature(answer["pgCno"], 7_107, answer["transactionDate"])
    assert (await merchant.query(answer["shopTransactionId"]))["amount"] == 7_007
    assert await merchant.net() == 7_007


async def test_answer_without_payment_info_and_with_another_order(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    assert "paymentInfo" not in await merchant.charge(key, 7_008)
    await merchant.kicc.scenario("executed_wrong_echo", "batch")
    answer = await merchant.charge(key, shopOrderNo="SUB-ECHO")
    assert answer["shopOrderNo"] != "SUB-ECHO"


async def test_executed_answer_cut(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    await merchant.kicc.scenario("executed_answer_cut", "batch")
    body = merchant.charge_body(key)
    assert await charge_raw(merchant, body) is None
    assert (await merchant.query(body["shopTransactionId"]))["resCd"] == "0000"


async def test_slow_answers_rightly_later(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    await merchant.kicc.scenario("slow", "batch", delay_s=20)
    waiting = asyncio.create_task(merchant.charge(key))
    await until_received(merchant, "batch")
    assert not waiting.done()
    await merchant.kicc.advance(21)
    assert (await waiting)["resCd"] == "0000"


@pytest.mark.parametrize("digits", ["7002", "7010"])
async def test_a_card_may_bring_a_fault_to_its_approval(merchant: Merchant, digits: str) -> None:
    body = merchant.register_body()
    authorization_id = await merchant.authenticated(body, card=f"000000161234{digits}")
    approval = merchant.approval_body(authorization_id, body["shopOrderNo"])
    answer = await send_raw(merchant, "/api/ep9/trades/approval", approval)
    assert answer is None if digits == "7002" else (answer is not None and answer[0] == 500)
    assert (await merchant.query(approval["shopTransactionId"]))["resCd"] == "ZS13"
    assert await merchant.net() == 0


async def test_a_card_may_spoil_a_key_issue(merchant: Merchant) -> None:
    await merchant.kicc.settings(withheld_s=0.05)
    body = merchant.key_body()
    authorization_id = await merchant.authenticated(body, card="0000001612347001")
    approval = merchant.approval_body(authorization_id, body["shopOrderNo"])
    assert await send_raw(merchant, "/api/ep9/trades/approval", approval) is None
    assert len((await merchant.kicc.state())["keys"]) == 1
    assert (await merchant.query(approval["shopTransactionId"]))["resCd"] == "0000"


async def test_an_amount_steers_a_window_payment_too(merchant: Merchant) -> None:
    assert (await merchant.pay(28_521))["resCd"] == "8521"


@pytest.mark.parametrize(
    ("amount", "status", "is_executed"),
    [(7_101, None, True), (7_102, None, False), (7_104, 502, True), (7_105, 200, True)],
)
async def test_amounts_that_spoil_a_cancel(
    merchant: Merchant, amount: int, status: int | None, is_executed: bool
) -> None:
    await merchant.kicc.settings(withheld_s=0.05)
    paid = await merchant.pay(50_000)
    body = merchant.revise_body(paid["pgCno"], "32", amount=amount, remainAmount=50_000)
    answer = await send_raw(merchant, REVISE, body)
    assert (answer[0] if answer else None) == status
    answer = await merchant.query(body["shopTransactionId"])
    assert answer["resCd"] == ("0000" if is_executed else "ZS13")
    assert await merchant.net() == 50_000 - (amount if is_executed else 0)


async def test_amount_7103_cancels_late(merchant: Merchant) -> None:
    paid = await merchant.pay(50_000)
    body = merchant.revise_body(paid["pgCno"], "32", amount=7_103)
    waiting = asyncio.create_task(send_raw(merchant, REVISE, body))
    await until_received(merchant, "revise")
    assert await merchant.net() == 50_000
    await merchant.kicc.advance(46)
    assert await waiting is not None
    assert await merchant.net() == 50_000 - 7_103


async def test_charge_amounts_do_not_spoil_cancels(merchant: Merchant) -> None:
    await merchant.kicc.settings(withheld_s=0.05)
    key = await merchant.issue_key()
    body = merchant.charge_body(key, 7_001)
    assert await charge_raw(merchant, body) is None
    answer = await merchant.query(body["shopTransactionId"])
    cancelled = await merchant.revise(answer["pgCno"], "40", amount=7_001)
    assert cancelled["resCd"] == "0000"
    assert await merchant.net() == 0


async def test_refund_that_times_out_is_done_at_the_second_query(merchant: Merchant) -> None:
    paid = await merchant.pay(50_000)
    timed_out = await merchant.revise(paid["pgCno"], "32", amount=7_201)
    repeated = await merchant.revise(paid["pgCno"], "32", amount=7_200)
    refunds = [
        await merchant.revise(paid["pgCno"], "32", amount=7_201, refundQueryFlag="Y")
        for _ in range(3)
    ]
    assert (timed_out["resCd"], repeated["resCd"]) == ("VTIM", "VT00")
    assert [answer["resCd"] for answer in refunds] == ["VT00", "0000", "0000"]
    assert refunds[1]["cancelPgCno"] == refunds[2]["cancelPgCno"]
    assert refunds[1]["remainAmount"] == 50_000 - 7_201
    assert await merchant.net() == 50_000 - 7_201


async def test_asking_about_no_refund_finds_none(merchant: Merchant) -> None:
    paid = await merchant.pay()
    answer = await merchant.revise(paid["pgCno"], "40", refundQueryFlag="Y")
    assert answer["resCd"] == "ZS13"
    assert await merchant.net() == 19_900
