"""A request id goes in and out: the response, the log lines, the attempt, the webhook."""

import asyncio
import json
import re
import time
from typing import Any

import pytest

from dasi.console.payments.timeline import build_timeline
from dasi.reporting import get_payment_detail
from dasi.scheduler import Runner
from dasi.webhooks import Deliverer
from support.gateway_merchant import MerchantClient, running_gateway
from support.logs import logged
from support.simulator_process import SimulatorControl
from support.webhook_endpoint import receiving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
MADE = re.compile("[0-9a-f]{32}")


async def id_returned(
    gateway: MerchantClient, headers: dict[str, str], path: str = "/health/live"
) -> str:
    async with gateway.http.get(gateway.url + path, headers=headers) as answered:
        return answered.headers["X-Request-Id"]


async def charge_as(gateway: MerchantClient, order: str, request_id: str) -> dict[str, Any]:
    headers = {"Authorization": await gateway.token(), "X-Request-Id": request_id}
    fields = {"customer_uid": "card-1", "merchant_uid": order, "amount": 9_900, "name": "커피"}
    answer = await gateway.call("POST", "/subscribe/payments/again", json=fields, headers=headers)
    return answer.response


async def ids_of(gateway: MerchantClient, kind: str = "charge") -> list[str | None]:
    rows = await gateway.rows(
        "SELECT request_id FROM pg_attempts WHERE kind = $1 ORDER BY sent_at", kind
    )
    return [row["request_id"] for row in rows]


@pytest.mark.parametrize("sent", ["a", "01J6XA-web.3_z", "x" * 128])
async def test_safe_id_of_the_client_is_returned(gateway: MerchantClient, sent: str) -> None:
    assert await id_returned(gateway, {"X-Request-Id": sent}) == sent
    both = {"X-Request-Id": sent, "traceparent": TRACEPARENT}
    assert await id_returned(gateway, both) == sent


@pytest.mark.parametrize(
    "sent", ["", "x" * 129, "two words", "a\tb", "a;b", "주문", "5555555555554444", "<b>", "a=b"]
)
async def test_any_other_id_is_replaced(gateway: MerchantClient, sent: str) -> None:
    assert MADE.fullmatch(await id_returned(gateway, {"X-Request-Id": sent}))


async def test_trace_id_is_the_request_id_without_another(gateway: MerchantClient) -> None:
    assert await id_returned(gateway, {"traceparent": TRACEPARENT}) == TRACE


@pytest.mark.parametrize(
    "sent",
    [
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        f"00-{TRACE}",
    ],
)
async def test_invalid_traceparent_is_ignored(gateway: MerchantClient, sent: str) -> None:
    assert MADE.fullmatch(returned := await id_returned(gateway, {"traceparent": sent}))
    assert returned != TRACE


@pytest.mark.parametrize("path", ["/nowhere", "/payments/imp_1", "/console/nothing"])
async def test_error_answer_has_the_header(gateway: MerchantClient, path: str) -> None:
    assert await id_returned(gateway, {"X-Request-Id": "wrong-1"}, path) == "wrong-1"


async def test_log_lines_of_a_request_have_its_ids(gateway: MerchantClient) -> None:
    await gateway.register_card()
    with logged() as log:
        await charge_as(gateway, "order-1", "req-1")
        await id_returned(gateway, {"traceparent": TRACEPARENT}, "/health/live")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    charged = [line for line in lines if line.get("request_id") == "req-1"]
    assert charged, "a charge writes a line"
    assert all("trace_id" not in line for line in charged)


async def test_attempts_of_one_batch_keep_their_own_ids(gateway: MerchantClient) -> None:
    await gateway.register_card()
    await asyncio.gather(*(charge_as(gateway, f"order-{n}", f"req-{n}") for n in range(24)))
    rows = await gateway.rows(
        """SELECT p.merchant_uid, a.request_id FROM pg_attempts a
           JOIN payments p USING (merchant_id, imp_uid) WHERE a.kind = 'charge'"""
    )
    ids = {row["merchant_uid"]: row["request_id"] for row in rows}
    assert ids == {f"order-{n}": f"req-{n}" for n in range(24)}


async def test_cancel_has_the_id_of_its_own_request(gateway: MerchantClient) -> None:
    await gateway.register_card()
    paid = await charge_as(gateway, "order-1", "req-1")
    headers = {"Authorization": await gateway.token(), "X-Request-Id": "req-2"}
    fields = {"imp_uid": paid["imp_uid"]}
    await gateway.call("POST", "/payments/cancel", json=fields, headers=headers)
    detail = await get_payment_detail(gateway.engine, gateway.merchant.merchant_id, paid["imp_uid"])
    assert [(a.kind, a.request_id) for a in detail.attempts] == [
        ("charge", "req-1"),
        ("cancel", "req-2"),
    ]
    shown = [dict(entry.raw).get("request_id") for entry in build_timeline(detail, [], [])]
    assert {"req-1", "req-2"} <= set(shown)


async def test_scheduled_charges_get_ids_of_their_own(gateway: MerchantClient) -> None:
    await gateway.register_card()
    schedules = [
        {"merchant_uid": f"due-{n}", "schedule_at": int(time.time()) + 3_600, "amount": 9_900}
        for n in range(2)
    ]
    fields = {"customer_uid": "card-1", "schedules": schedules}
    assert (await gateway.call("POST", "/subscribe/payments/schedule", json=fields)).code == 0
    await gateway.rows("UPDATE schedules SET due_at = now() - interval '1 s'")
    runner = Runner(gateway.engine, per_merchant=8)
    assert await runner.run_due() == 2
    first, second = await ids_of(gateway)
    assert first is not None
    assert second is not None
    assert MADE.fullmatch(first)
    assert MADE.fullmatch(second)
    assert first != second


async def test_webhook_has_the_id_of_the_request_that_caused_it(
    database_url: str, kicc: SimulatorControl
) -> None:
    async with (
        receiving() as endpoint,
        running_gateway(database_url, kicc, webhook_url=f"{endpoint.url}/") as gateway,
    ):
        await gateway.register_card()
        await charge_as(gateway, "order-1", "req-1")
        deliverer = Deliverer(gateway.engine, allow_local=True)
        try:
            await deliverer.run_due()
        finally:
            await deliverer.close()
        posts = {post.values["merchant_uid"]: post for post in await endpoint.until(2)}
    assert posts["order-1"].headers["x-request-id"] == "req-1"
