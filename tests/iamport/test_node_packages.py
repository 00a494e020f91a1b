"""Other people's Node clients, unmodified: npm `iamport-rest-client-nodejs` and `iamporter`."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from support.gateway_merchant import MerchantClient

CLIENTS = Path(__file__).parents[1] / "clients/node"
PAYMENT_GONE = "존재하지 않는 결제정보입니다."
TAKEN = "이미 주문이 이루어진 건입니다. (동일한 merchant_uid로 결제 또는 취소된 기록이 있습니다)"
CARD_GONE = "요청하신 customer_uid(card-1)로 등록된 정보를 찾을 수 없습니다."


async def live(script: str, client: MerchantClient) -> dict[str, Any]:
    """Runs one client through its life with `card-1`; what it was given, by act."""
    assert (CLIENTS / "node_modules").is_dir(), "run `make setup-dev`"
    tools = Path(sys.executable).parent
    key = client.key
    process = await asyncio.create_subprocess_exec(
        tools / "node", CLIENTS / script, client.url, key.api_key, key.api_secret, "card-1",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"},
    )  # fmt: skip
    out, trouble = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, trouble.decode()
    told: dict[str, Any] = json.loads(out)
    return told


async def test_the_typescript_client_lives_its_billing_life(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")

    told = await live("rest_client.js", gateway)

    paid = told["again"]["response"]
    assert (paid["status"], paid["amount"], paid["name"]) == ("paid", 9_900, "구독")
    assert told["again_twice"]["message"] == TAKEN
    assert told["again_nobody"]["code"] == 1
    assert told["card"]["response"]["customer_uid"] == "card-1"
    assert [one["customer_uid"] for one in told["cards"]["response"]] == ["card-1"]
    assert told["by_order"]["response"] == told["by_ids"]["response"][0] == paid
    assert paid in told["by_status"]["response"]["list"]
    assert paid in told["of_card"]["response"]["list"]
    part, rest = told["part"]["response"], told["rest"]["response"]
    assert (part["status"], part["cancel_amount"]) == ("cancelled", 900)
    assert (rest["cancel_amount"], len(rest["cancel_history"])) == (9_900, 2)
    assert told["too_late"]["message"] == "이미 전액취소된 주문입니다."
    assert (told["unknown"]["http"], told["unknown"]["message"]) == (404, PAYMENT_GONE)
    assert told["prepared"]["response"] == told["prepare"]["response"]
    assert told["bank"]["response"]["name"] == "KB국민은행"
    assert told["card_code"]["response"]["name"] == "신한카드"
    schedules = told["scheduled"]["response"]
    assert [one["merchant_uid"] for one in schedules] == ["node-s1", "node-s2"]
    assert told["booked_one"]["response"] == schedules[0]
    assert told["booked_list"]["response"]["list"] == schedules[::-1], "the newest first"
    assert told["booked_of_card"]["response"] == told["booked_list"]["response"]
    assert (told["booked_nobody"]["code"], told["revoked_none"]["code"]) == (1, 1)
    ended = told["revoked"]["response"] + told["revoked_rest"]["response"]
    assert [one["schedule_status"] for one in ended] == ["revoked", "revoked"]
    assert told["removed"]["response"]["customer_uid"] == "card-1"
    assert told["gone"]["message"] == CARD_GONE
    assert await gateway.net_krw() == 0


async def test_node_iamporter_lives_its_billing_life(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")

    told = await live("node_iamporter.js", gateway)

    paid = told["again"]["resolved"]["data"]
    assert set(told["token"]["resolved"]["data"]) == {"access_token", "now", "expired_at"}
    assert (paid["status"], paid["amount"]) == ("paid", 9_900)
    assert told["again_twice"]["rejected"] == TAKEN
    assert told["again_nobody"]["rejected"] == "등록되지 않은 구매자입니다."
    assert told["by_id"]["resolved"]["data"] == told["by_order"]["resolved"]["data"] == paid
    assert told["all_of_order"]["resolved"]["data"]["list"] == [paid]
    assert paid in told["all_paid"]["resolved"]["data"]["list"]
    assert told["bad_status"]["rejected"] == "지원되지 않는 상태값입니다."
    assert told["unknown"]["resolved"]["data"] is None
    assert told["unknown"]["resolved"]["message"] == PAYMENT_GONE
    assert told["prepared"]["resolved"]["data"]["amount"] == 100
    assert told["not_prepared"]["resolved"]["status"] == 404
    assert told["cancel_nothing"]["rejected"].endswith("지정해주셔야합니다.")
    assert told["cancelled"]["resolved"]["data"]["cancel_reason"] == "고객 변심"
    assert told["cancelled_twice"]["rejected"] == "이미 전액취소된 주문입니다."
    assert "카드정보 인증에 실패하였습니다." in told["onetime"]["rejected"]
    assert "카드정보 인증 및 빌키 발급에 실패하였습니다." in told["key_by_card"]["rejected"]
    assert told["certification"]["resolved"]["message"] == "인증결과가 존재하지 않습니다."
    assert told["card"]["resolved"]["data"]["customer_uid"] == "card-1"
    assert told["removed"]["resolved"]["data"]["customer_uid"] == "card-1"
    assert told["gone"]["rejected"] == CARD_GONE
    assert await gateway.net_krw() == 0
