"""V7: a shopTransactionId is received once per mall and Korean day, over all endpoints."""

import asyncio

import pytest

from support.simulator_merchant import Merchant, signature
from support.simulator_process import SimulatorControl


async def test_a_repeated_charge_is_refused_and_not_replayed(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    body = merchant.charge_body(key)
    first = await merchant.call("/api/trades/approval/batch", body)
    again = await merchant.call("/api/trades/approval/batch", body)
    assert first["resCd"] == "0000"
    assert again["resCd"] == "ZS01"
    assert "pgCno" not in again
    assert await merchant.net() == 9_900


async def test_a_new_key_with_the_same_content_is_another_charge(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    await merchant.kicc.settings(unique_orders=False)
    body = merchant.charge_body(key)
    for number in ("one", "two"):
        answer = await merchant.call(
            "/api/trades/approval/batch", body | {"shopTransactionId": number}
        )
        assert answer["resCd"] == "0000"
    assert await merchant.net() == 2 * 9_900


async def test_many_parallel_requests_with_one_key_execute_once(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    body = merchant.charge_body(key)
    answers = await asyncio.gather(
        *(merchant.call("/api/trades/approval/batch", body) for _ in range(20))
    )
    codes = sorted(answer["resCd"] for answer in answers)
    assert codes == ["0000"] + ["ZS01"] * 19
    assert await merchant.net() == 9_900


async def test_a_second_request_is_refused_while_the_first_still_runs(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    body = merchant.charge_body(key)
    await merchant.kicc.hold("batch", when="before")
    first = asyncio.create_task(merchant.call("/api/trades/approval/batch", body))
    await merchant.kicc.wait_held()
    assert (await merchant.call("/api/trades/approval/batch", body))["resCd"] == "ZS01"
    assert (await merchant.query(body["shopTransactionId"]))["resCd"] == "ZS13"
    assert await merchant.net() == 0
    await merchant.kicc.release()
    assert (await first)["resCd"] == "0000"
    assert await merchant.net() == 9_900


async def test_a_key_is_shared_by_approval_charge_cancel_and_removal(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    charged = await merchant.charge(key, shopTransactionId="shared")
    assert charged["resCd"] == "0000"
    signed = signature(charged["pgCno"], "shared")
    cancelled = await merchant.revise(
        charged["pgCno"], "40", shopTransactionId="shared", msgAuthValue=signed
    )
    removed = await merchant.remove(key, shopTransactionId="shared")
    approved = await merchant.approve(
        merchant.approval_body("1" * 20, "A-1", shopTransactionId="shared")
    )
    assert [answer["resCd"] for answer in (cancelled, removed, approved)] == ["ZS01"] * 3
    assert await merchant.net() == 9_900


async def test_merchants_do_not_share_keys(kicc: SimulatorControl) -> None:
    async with Merchant(kicc) as first, Merchant(kicc, mall_id="T5102001") as second:
        for merchant in (first, second):
            key = await merchant.issue_key()
            assert (await merchant.charge(key, shopTransactionId="same"))["resCd"] == "0000"


@pytest.mark.parametrize(
    ("amount", "code"), [(8_521, "8521"), (-5, "ZS09"), (9_900, "ZS10"), (9_901, "ZS03")]
)
async def test_a_refused_request_has_used_its_key(
    merchant: Merchant, amount: int, code: str
) -> None:
    key = await merchant.issue_key()
    wrong = {"ZS10": {"approvalReqDate": "20200101"}}.get(code, {})
    used_key = "021766200101BA999999" if code == "ZS03" else key
    body = merchant.charge_body(used_key, amount, **wrong)
    assert (await merchant.call("/api/trades/approval/batch", body))["resCd"] == code
    right = merchant.charge_body(key, shopTransactionId=body["shopTransactionId"])
    assert (await merchant.call("/api/trades/approval/batch", right))["resCd"] == "ZS01"


async def test_a_request_of_the_wrong_shape_has_used_its_key(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    body = merchant.charge_body(key, orderInfo=None)
    assert (await merchant.call("/api/trades/approval/batch", body))["resCd"] == "ZS09"
    body = merchant.charge_body(key, shopTransactionId=body["shopTransactionId"])
    assert (await merchant.call("/api/trades/approval/batch", body))["resCd"] == "ZS01"


async def test_turning_the_clock_far_and_back_forgets_no_key_of_the_day(
    merchant: Merchant,
) -> None:
    key = await merchant.issue_key()
    for year in range(2027, 2033):
        await merchant.kicc.set_clock(f"{year}-01-01T10:00:00")
        merchant.day = await merchant.kicc.today()
        assert (await merchant.charge(key))["resCd"] == "0000"
    await merchant.kicc.set_clock("2026-01-01T10:00:00")
    merchant.day = "20260101"
    assert (await merchant.charge(key, shopTransactionId="once"))["resCd"] == "0000"
    assert (await merchant.charge(key, shopTransactionId="once"))["resCd"] == "ZS01"
    assert (await merchant.query("once"))["resCd"] == "0000"


async def test_after_midnight_the_same_key_charges_again(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    await merchant.kicc.settings(unique_orders=False)
    await merchant.kicc.midnight(before_s=60)
    merchant.day = await merchant.kicc.today()
    body = merchant.charge_body(key)
    assert (await merchant.call("/api/trades/approval/batch", body))["resCd"] == "0000"
    assert (await merchant.call("/api/trades/approval/batch", body))["resCd"] == "ZS01"
    await merchant.kicc.advance(61)
    next_day = await merchant.kicc.today()
    assert next_day > merchant.day
    again = await merchant.call("/api/trades/approval/batch", body | {"approvalReqDate": next_day})
    assert again["resCd"] == "0000"
    assert await merchant.net() == 2 * 9_900
