"""A database is restored under a running gateway and worker: no order is charged again (M11)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from dasi import worker
from dasi.outcomes import resolve_due
from dasi.recovery import recovery_state
from dasi.settings import read_settings
from support.database import TestServer
from support.gateway_merchant import Answer, MerchantClient, environment

ORDERS = [f"order-{number}" for number in range(1, 31)]
KNOWN, LOST = ORDERS[:10], ORDERS[10:]


@pytest.fixture
async def running_worker(database_url: str, gateway: MerchantClient) -> AsyncIterator[None]:
    """A worker beside the gateway, which runs the schedules."""
    settings = read_settings(
        environment(database_url, kicc_url=gateway.kicc.base_url, public_url=gateway.url)
    )
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(gateway.engine, settings, stop))
    yield
    stop.set()
    await running


async def charge_all(gateway: MerchantClient, orders: list[str]) -> list[Answer]:
    return await asyncio.gather(*(gateway.again(merchant_uid=order) for order in orders))


def name_of(database_url: str) -> str:
    return urlsplit(database_url).path.lstrip("/")


async def test_orders_that_are_sent_again_after_a_restore_are_adopted(
    database_server: TestServer, database_url: str, gateway: MerchantClient
) -> None:
    await gateway.register_card()
    await charge_all(gateway, KNOWN)
    snapshot = await database_server.snapshot(name_of(database_url))
    lost = await charge_all(gateway, LOST)
    await database_server.restore(name_of(database_url), snapshot)

    again = [await gateway.again(merchant_uid=order) for order in ORDERS]

    assert (await recovery_state(gateway.engine.database)).mode == "recovering"
    assert len(await gateway.approvals()) == len(ORDERS)
    assert await gateway.net_krw() == 9_900 * len(ORDERS)
    refused, adopted = again[: len(KNOWN)], again[len(KNOWN) :]
    assert 0 not in {answer.code for answer in refused}, "they are paid"
    assert [answer.response["status"] for answer in adopted] == ["paid"] * len(LOST)
    assert [answer.response["pg_tid"] for answer in adopted] == [
        answer.response["pg_tid"] for answer in lost
    ]
    assert not {answer.response["imp_uid"] for answer in adopted} & {
        answer.response["imp_uid"] for answer in lost
    }


async def test_schedules_that_ran_in_the_lost_time_are_adopted(
    database_server: TestServer,
    database_url: str,
    gateway: MerchantClient,
    running_worker: None,
) -> None:
    await gateway.register_card()
    due_at = int((datetime.now(UTC) + timedelta(seconds=6)).timestamp())
    schedules = [
        {"merchant_uid": order, "schedule_at": due_at, "amount": 9_900, "name": "정기"}
        for order in LOST
    ]
    created = await gateway.call(
        "POST",
        "/subscribe/payments/schedule",
        json={"customer_uid": "card-1", "schedules": schedules},
    )
    assert created.code == 0, created
    snapshot = await database_server.snapshot(name_of(database_url))
    await paid_schedules(gateway)
    assert len(await gateway.approvals()) == len(LOST)

    await database_server.restore(name_of(database_url), snapshot)
    await paid_schedules(gateway)

    assert len(await gateway.approvals()) == len(LOST)
    assert await gateway.net_krw() == 9_900 * len(LOST)


async def paid_schedules(gateway: MerchantClient) -> None:
    """Wait until every scheduled order is paid by the gateway's rows."""
    async with asyncio.timeout(60):
        while True:
            await resolve_due(gateway.engine)
            rows = await gateway.rows(
                "SELECT count(*) AS paid FROM payments WHERE is_scheduled AND status = 'paid'"
            )
            if rows[0]["paid"] == len(LOST):
                return
