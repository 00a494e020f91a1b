"""Anybody can post notifications: what they leave behind is bounded."""

import asyncio
import itertools
import json
from datetime import timedelta

import pytest

from dasi.foundation.clock import ManualClock
from dasi.http.rate_limit import RateLimit
from dasi.pg_notifications import delete_unknown_notifications, inbox
from support.gateway_merchant import MerchantClient, running_gateway
from support.simulator_process import SimulatorControl

NUMBERS = itertools.count(1)
JUNK = "x" * 50_000


def notification(*, order: str, number: int) -> bytes:
    return json.dumps(
        {
            "mallId": "T0021766", "pgCno": f"{number:020}", "notiType": "10", "amount": 9900,
            "shopOrderNo": order, "resCd": "0000", "resMsg": JUNK, "unknownField": JUNK[:9_000],
        }
    ).encode()  # fmt: skip


async def post(client: MerchantClient, body: bytes) -> str:
    """KICC's result code of the acknowledgement."""
    headers = {"Content-Type": "application/json"}
    url = f"{client.url}/pg-notifications/kicc"
    async with client.http.post(url, data=body, headers=headers) as answer:
        assert answer.status == 200
        code: str = json.loads(await answer.text())["resCd"]
        return code


async def stored(client: MerchantClient) -> tuple[int, int]:
    (row,) = await client.rows(
        "SELECT count(*) AS rows, coalesce(sum(pg_column_size(n.*)), 0) AS bytes"
        " FROM pg_notifications n"
    )
    return row["rows"], row["bytes"]


async def test_flood_of_unknown_orders_leaves_little_behind(
    gateway: MerchantClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(inbox, "UNKNOWN_ORDERS", RateLimit(per_s=5, burst=20))
    codes = []
    for batch in range(20):
        bodies = [
            notification(order=f"ch-none-{batch}-{number}", number=next(NUMBERS))
            for number in range(10)
        ]
        codes += await asyncio.gather(*(post(gateway, body) for body in bodies))
    rows, size = await stored(gateway)
    assert codes.count("0000") == rows, "only a stored notification is acknowledged"
    assert rows < 60
    assert size < 60 * 1_500


async def test_only_the_newest_unknown_orders_are_kept(
    gateway: MerchantClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(inbox, "UNKNOWN_ORDERS", RateLimit(per_s=1_000, burst=1_000))
    monkeypatch.setattr(inbox, "UNKNOWN_ORDERS_STORED_MAX", 5)
    for number in range(12):
        await post(gateway, notification(order=f"ch-none-{number}", number=next(NUMBERS)))
    async with asyncio.timeout(10):
        while (await stored(gateway))[0] > 6:  # noqa: ASYNC110 - rows tell when it is done
            await asyncio.sleep(0)


async def test_notification_of_a_known_order_passes_a_flood(
    gateway: MerchantClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(inbox, "UNKNOWN_ORDERS", RateLimit(per_s=0, burst=0))
    await gateway.register_card("card-1")
    await gateway.again(merchant_uid="order-1")
    (row,) = await gateway.rows("SELECT pg_order_id FROM pg_attempts WHERE kind = 'charge'")
    known, unknown = (
        await post(gateway, notification(order=row["pg_order_id"], number=next(NUMBERS))),
        await post(gateway, notification(order="ch-none", number=next(NUMBERS))),
    )
    assert (known, unknown == "0000") == ("0000", False)


async def test_one_order_has_a_bounded_number_of_notifications(
    gateway: MerchantClient, monkeypatch: pytest.MonkeyPatch
):
    """A payer knows the number of an order, and sends as many notifications of it as it likes."""
    monkeypatch.setattr(inbox, "PER_ORDER_STORED_MAX", 5)
    await gateway.register_card("card-1")
    await gateway.again(merchant_uid="order-1")
    (row,) = await gateway.rows("SELECT pg_order_id FROM pg_attempts WHERE kind = 'charge'")
    before, _ = await stored(gateway)
    codes = [
        await post(gateway, notification(order=row["pg_order_id"], number=next(NUMBERS)))
        for _ in range(20)
    ]
    assert codes.count("0000") == 5
    assert (await stored(gateway))[0] == before + 5


async def test_old_notifications_of_unknown_orders_are_deleted(
    database_url: str, kicc: SimulatorControl, clock: ManualClock
):
    async with running_gateway(database_url, kicc, clock=clock) as client:
        await post(client, notification(order="ch-none", number=next(NUMBERS)))
        async with asyncio.timeout(10):
            while (await outcomes(client)) != ["unknown_order"]:  # noqa: ASYNC110 - rows tell when it is done
                await asyncio.sleep(0)
        days = timedelta(days=30)
        clock.advance(timedelta(days=29))
        assert await delete_unknown_notifications(client.engine, older_than=days, batch=500) == 0
        clock.advance(timedelta(days=2))
        assert await delete_unknown_notifications(client.engine, older_than=days, batch=500) == 1
        assert await outcomes(client) == []


async def outcomes(client: MerchantClient) -> list[str]:
    return [row["outcome"] for row in await client.rows("SELECT outcome FROM pg_notifications")]


async def test_body_above_its_limit_is_not_acknowledged(gateway: MerchantClient):
    body = notification(order="ch-none", number=next(NUMBERS)) + b" " * 70_000
    assert await post(gateway, body) != "0000"
    assert (await stored(gateway))[0] == 0
