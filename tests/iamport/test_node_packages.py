"""Published Node clients, unmodified: npm `iamport-rest-client-nodejs` and `iamporter`."""

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
    """Run a client through its calls with `card-1` and return its answers by call."""
    assert (CLIENTS / "node_modules").is_dir(), "run `make setup-dev`"
    tools = Path(sys.executable).parent
    key = client.key
    process = await asyncio.create_subprocess_exec(
        tools / "node", CLIENTS / script, client.url, key.api_key, key.api_secret, "card-1",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"},
    )  # fmt: skip
    out, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
    answers: dict[str, Any] = json.loads(out)
    return answers


async def test_the_typescript_client_lives_its_billing_life(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")

    answers = await live("rest_client.js", gateway)

    paid = answers["again"]["response"]
    assert (paid["status"], paid["amount"], paid["name"]) == ("paid", 9_900, "구독")
    assert answers["again_twice"]["message"] == TAKEN
    assert answers["again_nobody"]["code"] == 1
    assert answers["card"]["response"]["customer_uid"] == "card-1"
    assert [card["customer_uid"] for card in answers["cards"]["response"]] == ["card-1"]
    assert answers["by_order"]["response"] == answers["by_ids"]["response"][0] == paid
    assert paid in answers["by_status"]["response"]["list"]
    assert paid in answers["of_card"]["response"]["list"]
    part, rest = answers["part"]["response"], answers["rest"]["response"]
    assert (part["status"], part["cancel_amount"]) == ("cancelled", 900)
    assert (rest["cancel_amount"], len(rest["cancel_history"])) == (9_900, 2)
    assert answers["too_late"]["message"] == "이미 전액취소된 주문입니다."
    assert (answers["unknown"]["http"], answers["unknown"]["message"]) == (404, PAYMENT_GONE)
    assert answers["prepared"]["response"] == answers["prepare"]["response"]
    assert answers["bank"]["response"]["name"] == "KB국민은행"
    assert answers["card_code"]["response"]["name"] == "신한카드"
    schedules = answers["scheduled"]["response"]
    assert [schedule["merchant_uid"] for schedule in schedules] == ["node-s1", "node-s2"]
    assert answers["booked_one"]["response"] == schedules[0]
    assert answers["booked_list"]["response"]["list"] == schedules[::-1], "the newest first"
    assert answers["booked_of_card"]["response"] == answers["booked_list"]["response"]
    assert (answers["booked_nobody"]["code"], answers["revoked_none"]["code"]) == (1, 1)
    ended = answers["revoked"]["response"] + answers["revoked_rest"]["response"]
    assert [schedule["schedule_status"] for schedule in ended] == ["revoked", "revoked"]
    assert answers["removed"]["response"]["customer_uid"] == "card-1"
    assert answers["gone"]["message"] == CARD_GONE
    assert await gateway.net_krw() == 0


async def test_node_iamporter_lives_its_billing_life(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")

    answers = await live("node_iamporter.js", gateway)

    paid = answers["again"]["resolved"]["data"]
    assert set(answers["token"]["resolved"]["data"]) == {"access_token", "now", "expired_at"}
    assert (paid["status"], paid["amount"]) == ("paid", 9_900)
    assert answers["again_twice"]["rejected"] == TAKEN
    assert answers["again_nobody"]["rejected"] == "등록되지 않은 구매자입니다."
    assert answers["by_id"]["resolved"]["data"] == answers["by_order"]["resolved"]["data"] == paid
    assert answers["all_of_order"]["resolved"]["data"]["list"] == [paid]
    assert paid in answers["all_paid"]["resolved"]["data"]["list"]
    assert answers["bad_status"]["rejected"] == "지원되지 않는 상태값입니다."
    assert answers["unknown"]["resolved"]["data"] is None
    assert answers["unknown"]["resolved"]["message"] == PAYMENT_GONE
    assert answers["prepared"]["resolved"]["data"]["amount"] == 100
    assert answers["not_prepared"]["resolved"]["status"] == 404
    assert answers["cancel_nothing"]["rejected"].endswith("지정해주셔야합니다.")
    assert answers["cancelled"]["resolved"]["data"]["cancel_reason"] == "고객 변심"
    assert answers["cancelled_twice"]["rejected"] == "이미 전액취소된 주문입니다."
    assert "카드정보 인증에 실패하였습니다." in answers["onetime"]["rejected"]
    assert "카드정보 인증 및 빌키 발급에 실패하였습니다." in answers["key_by_card"]["rejected"]
    assert answers["certification"]["resolved"]["message"] == "인증결과가 존재하지 않습니다."
    assert answers["card"]["resolved"]["data"]["customer_uid"] == "card-1"
    assert answers["removed"]["resolved"]["data"]["customer_uid"] == "card-1"
    assert answers["gone"]["rejected"] == CARD_GONE
    assert await gateway.net_krw() == 0
