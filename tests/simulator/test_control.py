"""The control API: malls, records, log, reset, and its refusals."""

import json
from typing import Any

import pytest

from support.simulator_merchant import Merchant, signature
from support.simulator_process import ControlError, SimulatorControl


async def test_a_new_merchant_has_its_own_key(kicc: SimulatorControl) -> None:
    await kicc.control("POST", "/malls", {"mallId": "05500001", "key": "easypay!OWNOWNOW"})
    async with Merchant(kicc, mall_id="05500001") as merchant:
        paid = await merchant.pay()
        parts = (paid["pgCno"], paid["amount"], paid["transactionDate"])
        assert paid["msgAuthValue"] == signature(*parts, key="easypay!OWNOWNOW")
        assert (await merchant.revise(paid["pgCno"], "40"))["resCd"] == "ZS02"
        signed = signature(paid["pgCno"], "own", key="easypay!OWNOWNOW")
        cancelled = await merchant.revise(
            paid["pgCno"], "40", shopTransactionId="own", msgAuthValue=signed
        )
        assert cancelled["resCd"] == "0000"


async def test_the_preset_merchants(kicc: SimulatorControl) -> None:
    contracts = (await kicc.control("GET", "/malls"))["malls"]
    assert {contract["mallId"] for contract in contracts} == {
        "T5102001",
        "T0021766",
        "T0021792",
        "T0020391",
    }
    assert {contract["key"] for contract in contracts} == {"easypay!KICCTEST"}


async def test_a_removed_merchant_is_inactive(merchant: Merchant) -> None:
    await merchant.kicc.control("DELETE", f"/malls/{merchant.mall_id}")
    assert (await merchant.register(merchant.register_body()))["resCd"] == "ZS07"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/malls", {"mallId": "TOO-LONG-9"}, 400),
        ("POST", "/malls", {"name": "x"}, 400),
        ("POST", "/malls", {"mallId": "T1", "nonsense": 1}, 400),
        ("PATCH", "/malls/T9999999", {"payment": True}, 404),
        ("PATCH", "/malls/T0021766", {"nonsense": 1}, 400),
        ("PATCH", "/malls/T0021766", {"mallId": "T1"}, 400),
        ("PATCH", "/malls/T0021766", {"notice": {"url": "x", "form": "xml"}}, 400),
        ("POST", "/deposit", {"pgCno": "1"}, 404),
        ("POST", "/hold", {"endpoint": "nowhere"}, 400),
        ("POST", "/hold", {"when": "never"}, 400),
        ("POST", "/hold", {"match": {"nonsense": 1}}, 400),
        ("POST", "/escrow", {"pgCno": "1"}, 400),
        ("POST", "/notices/forge", {"mallId": "T0021766"}, 400),
        ("POST", "/release", {"ids": "all"}, 400),
    ],
)
async def test_a_bad_request_is_refused_and_says_why(
    kicc: SimulatorControl, method: str, path: str, body: dict[str, Any], status: int
) -> None:
    with pytest.raises(ControlError, match=str(status)) as refused:
        await kicc.control(method, path, body)
    assert "error" in str(refused.value)


async def test_the_records_agree_to_the_won(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    paid = await merchant.pay(19_900)
    charged = await merchant.charge(key, 9_900, shopOrderNo="SUB-1")
    await merchant.charge(key, 8_521)
    await merchant.revise(paid["pgCno"], "32", amount=5_000)
    await merchant.revise(charged["pgCno"], "40")
    state = await merchant.kicc.state()
    assert state["sums"] == {
        merchant.mall_id: {
            "approvals": 2,
            "live": 1,
            "approved": 29_800,
            "cancelled": 14_900,
            "net": 14_900,
        }
    }
    by_order = {order["shopOrderNo"]: order for order in state["orders"]}
    assert by_order["SUB-1"]["net"] == 0
    assert by_order[paid["shopOrderNo"]]["net"] == 14_900
    assert by_order[paid["shopOrderNo"]]["approvals"] == 1
    assert state["requests"]["batch.executed"] == 1
    assert state["requests"]["batch.refused.8521"] == 1


async def test_the_records_can_be_filtered(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    charged = await merchant.charge(key, shopOrderNo="SUB-1")
    await merchant.charge(key, shopOrderNo="SUB-2")
    filtered = await merchant.kicc.state(order="SUB-1")
    assert [paid["pgCno"] for paid in filtered["transactions"]] == [charged["pgCno"]]
    assert filtered["transactions"][0]["shopTransactionId"] == charged["shopTransactionId"]
    by_key = await merchant.kicc.state(key=charged["shopTransactionId"])
    assert [paid["shopOrderNo"] for paid in by_key["transactions"]] == ["SUB-1"]
    other = await merchant.kicc.state(mall="T5102001")
    assert (other["transactions"], other["keys"], other["orders"]) == ([], [], [])
    assert (await merchant.kicc.state(transactions="0"))["transactions"] == []


async def test_the_log_masks_secrets_and_keeps_cut_requests(merchant: Merchant) -> None:
    key = await merchant.issue_key()
    await merchant.kicc.scenario("cut_before_processing", "batch")
    body = merchant.charge_body(key, orderInfo={"goodsName": "x"})
    with pytest.raises(Exception, match="disconnected"):
        await merchant.call("/api/trades/approval/batch", body)
    log = (await merchant.kicc.control("GET", "/log"))["log"]
    assert key not in json.dumps(log)
    assert (log[0]["endpoint"], log[0]["status"]) == ("batch", 0)
    assert log[0]["fault"] == "cut_before_processing"
    assert log[0]["request"]["payMethodInfo"]["billKeyMethodInfo"]["batchKey"].endswith("******")
    assert log[1]["answer"]["paymentInfo"]["cardInfo"]["cardNo"].endswith("******")
    assert (await merchant.kicc.control("DELETE", "/log"))["log"] == []


async def test_the_log_is_a_ring(merchant: Merchant) -> None:
    for _ in range(1_010):
        await merchant.raw("/api/trades/revise", b"", method="GET")
    log = (await merchant.kicc.control("GET", "/log", None, limit="1000"))["log"]
    assert len(log) == 1_000
    assert log[0]["number"] - log[-1]["number"] == 999


async def test_reset_forgets_everything(merchant: Merchant) -> None:
    await merchant.kicc.mall(merchant.mall_id, name="다른 이름")
    key = await merchant.issue_key()
    await merchant.charge(key)
    await merchant.kicc.reset()
    state = await merchant.kicc.state()
    assert (state["transactions"], state["keys"], state["requests"]) == ([], [], {})
    contracts = {
        contract["mallId"]: contract
        for contract in (await merchant.kicc.control("GET", "/malls"))["malls"]
    }
    assert contracts[merchant.mall_id]["name"] != "다른 이름"
    assert (await merchant.kicc.control("GET", "/health"))["status"] == "ok"


async def test_key_in_the_records_is_whole_and_shows_whether_it_is_active(
    merchant: Merchant,
) -> None:
    key = await merchant.issue_key()
    shown = (await merchant.kicc.state())["keys"][0]
    assert (shown["batchKey"], shown["isLive"]) == (key, True)
    await merchant.remove(key)
    assert (await merchant.kicc.state())["keys"][0]["isLive"] is False
