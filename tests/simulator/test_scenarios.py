"""Planned and random faults: the requests that they meet, their number, and refusals (§14.5)."""

import json
from typing import Any

import aiohttp
import pytest

from support.simulator_merchant import Merchant
from support.simulator_process import ControlError


async def status_of(merchant: Merchant, body: dict[str, Any]) -> int | None:
    """The HTTP status of a charge; None when the connection was cut."""
    try:
        status, _ = await merchant.raw("/api/trades/approval/batch", json.dumps(body).encode())
    except aiohttp.ServerDisconnectedError:
        return None
    return status


async def test_scenario_meets_only_matching_requests_and_at_most_its_times(
    merchant: Merchant,
) -> None:
    key = await merchant.issue_key()
    await merchant.kicc.scenario(
        "refused", "batch", times=2, code="8350", match={"shopOrderNo": "BAD-1"}
    )
    assert (await merchant.charge(key, shopOrderNo="GOOD-1"))["resCd"] == "0000"
    await merchant.kicc.settings(unique_orders=False)
    codes = [(await merchant.charge(key, shopOrderNo="BAD-1"))["resCd"] for _ in range(3)]
    assert codes == ["8350", "8350", "0000"]


@pytest.mark.parametrize(
    "match",
    [
        {"mallId": "T0021766"},
        {"amount": 9_900},
        {"shopTransactionId": "wanted"},
        {"batchKey": "KEY"},
        {"mallId": "T0021766", "amount": 9_900},
    ],
)
async def test_every_field_of_a_match_counts(merchant: Merchant, match: dict[str, Any]) -> None:
    key = await merchant.issue_key()
    match = {name: key if value == "KEY" else value for name, value in match.items()}
    await merchant.kicc.scenario("8521", "batch", times=0, match=match)
    hit = await merchant.charge(key, 9_900, shopTransactionId="wanted")
    other_key = await merchant.issue_key()
    async with Merchant(merchant.kicc, mall_id="T5102001") as other:
        missed = await other.charge(await other.issue_key(), 9_901)
    assert (hit["resCd"], missed["resCd"]) == ("8521", "0000")
    assert other_key != key


async def test_a_scenario_for_any_call_also_meets_queries_and_removals(
    merchant: Merchant,
) -> None:
    key = await merchant.issue_key()
    await merchant.kicc.scenario("unavailable", times=2)
    for path in ("/api/trades/retrieveTransaction", "/api/trades/removeBatchKey"):
        body = {
            "mallId": merchant.mall_id,
            "shopTransactionId": merchant.new("x"),
            **({"transactionDate": merchant.day} if "retrieve" in path else {}),
            **({"batchKey": key, "removeReqDate": merchant.day} if "remove" in path else {}),
        }
        answer = await merchant.raw(path, json.dumps(body).encode())
        assert answer[0] == 503
    assert (await merchant.remove(key))["resCd"] == "0000"


async def test_scenarios_are_listed_and_deleted(merchant: Merchant) -> None:
    scenario = await merchant.kicc.scenario("slow", "batch", times=0)
    await merchant.kicc.scenario("slow", "query")
    left = await merchant.kicc.control("DELETE", f"/scenarios/{scenario['id']}")
    assert [other["endpoint"] for other in left["scenarios"]] == ["query"]
    assert (await merchant.kicc.control("DELETE", "/scenarios"))["scenarios"] == []
    with pytest.raises(ControlError, match="404"):
        await merchant.kicc.control("DELETE", "/scenarios/999")


async def test_an_unknown_effect_or_endpoint_is_refused(merchant: Merchant) -> None:
    with pytest.raises(ControlError, match="no such effect"):
        await merchant.kicc.scenario("explodes")
    with pytest.raises(ControlError, match="endpoint"):
        await merchant.kicc.scenario("slow", "nowhere")


async def test_every_effect_is_listed_with_what_it_does(merchant: Merchant) -> None:
    listed = (await merchant.kicc.control("GET", "/scenarios/effects"))["effects"]
    names = {effect["name"] for effect in listed}
    assert {"executed_answer_withheld", "cut_before_processing", "executed_late"} <= names
    assert all(effect["description"] for effect in listed)


async def test_faults_by_chance_are_repeatable_and_lose_no_money(merchant: Merchant) -> None:
    async def run() -> list[int | None]:
        await merchant.kicc.reset()
        await merchant.kicc.set_clock("2026-09-03T10:00:00")
        await merchant.kicc.settings(withheld_s=0)
        key = await merchant.issue_key()
        await merchant.kicc.settings(fault_probability=0.5)
        bodies = [merchant.charge_body(key) for _ in range(40)]
        answers = [await status_of(merchant, body) for body in bodies]
        executed = 0
        for body in bodies:
            answer = await merchant.query(body["shopTransactionId"])
            executed += answer["resCd"] == "0000"
        assert await merchant.net() == executed * 9_900
        return answers

    first, second = await run(), await run()
    assert first == second
    assert {None, 200, 500, 502} >= set(first)
    assert len(set(first)) > 2
