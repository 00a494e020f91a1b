"""The worker deletes old rows that are not the ledger, and the ledger is proven as before."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from dasi.foundation.clock import ManualClock
from dasi.foundation.db import open_database
from dasi.ledger_proof import seal_ledger, verify_ledger
from dasi.retention import delete_old
from dasi.settings import Settings, read_settings
from dasi.webhooks import Deliverer
from support.gateway_merchant import Answer, MerchantClient, environment, running_gateway
from support.simulator_process import SimulatorControl
from support.webhook_endpoint import receiving

_LEFT = """
    SELECT (SELECT count(*) FROM payments) AS payments,
           (SELECT count(*) FROM pg_attempts) AS attempts,
           (SELECT count(*) FROM pg_attempts WHERE exchanges <> '{}') AS messages,
           (SELECT count(*) FROM webhook_events) AS events,
           (SELECT count(*) FROM deliveries) AS deliveries,
           (SELECT count(*) FROM delivery_attempts) AS posts,
           (SELECT count(*) FROM payment_windows) AS windows,
           (SELECT count(*) FROM pg_notifications) AS notifications,
           (SELECT count(*) FROM idempotent_requests WHERE answered_at IS NOT NULL) AS responses"""


@pytest.fixture
async def client(
    database_url: str, kicc: SimulatorControl, clock: ManualClock
) -> AsyncIterator[MerchantClient]:
    """A merchant whose webhooks are taken."""
    await kicc.set_clock(clock.now().isoformat())
    async with (
        receiving() as endpoint,
        running_gateway(database_url, kicc, clock=clock, webhook_url=endpoint.url) as client,
    ):
        yield client


@pytest.fixture
def settings(client: MerchantClient, database_url: str) -> Settings:
    return read_settings(
        environment(database_url, kicc_url=client.kicc.base_url, public_url=client.url)
    )


async def cancel(client: MerchantClient, imp_uid: str) -> Answer:
    """Give a part back under a key: the same request each time."""
    return await client.call(
        "POST",
        "/payments/cancel",
        json={"imp_uid": imp_uid, "amount": 1_000},
        headers={"Authorization": await client.token(), "Idempotency-Key": "part-1"},
    )


async def pay_and_cancel(client: MerchantClient) -> str:
    """A payment in a window with a partial cancel; every webhook is delivered."""
    rsp = await client.pay_in_window(amount=19_900)
    assert (await cancel(client, rsp["imp_uid"])).code == 0
    await deliver_all(client)
    return str(rsp["imp_uid"])


async def deliver_all(client: MerchantClient) -> None:
    deliverer = Deliverer(client.engine, allow_local=True)
    while await deliverer.poll():
        pass
    await deliverer.close()


async def notify(client: MerchantClient) -> None:
    """A notification of the PG about the only payment, which is processed."""
    (attempt,) = await client.rows("SELECT pg_order_id FROM pg_attempts WHERE kind = 'approve'")
    claims = {"mallId": client.channel.pg_merchant_id, "shopOrderNo": attempt["pg_order_id"]}
    body = {**claims, "pgCno": "1", "notiType": "10", "amount": 19_900, "resCd": "0000"}
    async with client.http.post(f"{client.url}/pg-notifications/kicc", json=body) as answer:
        assert answer.status == 200
    async with asyncio.timeout(10):
        while not await client.rows("SELECT 1 FROM pg_notifications WHERE outcome IS NOT NULL"):
            pass


async def pass_days(client: MerchantClient, clock: ManualClock, days: int) -> None:
    clock.advance(timedelta(days=days))
    await client.kicc.set_clock(clock.now().isoformat())
    client._token = None


async def delete_all(client: MerchantClient, settings: Settings) -> None:
    while await delete_old(client.engine, settings):
        pass


async def left(client: MerchantClient) -> dict[str, Any]:
    (row,) = await client.rows(_LEFT)
    return row


async def test_old_rows_go_and_the_ledger_stays_proven(
    client: MerchantClient, settings: Settings, clock: ManualClock
) -> None:
    imp_uid = await pay_and_cancel(client)
    await notify(client)
    await seal_ledger(client.engine)
    before = await left(client)
    assert all(before.values()), before

    await pass_days(client, clock, 29)
    await delete_all(client, settings)
    assert await left(client) == before

    await pass_days(client, clock, 400 - 29 + 1)
    await delete_all(client, settings)

    ledger = {"payments": before["payments"], "attempts": before["attempts"]}
    assert await left(client) == {**dict.fromkeys(before, 0), **ledger}
    report = await verify_ledger(client.engine)
    assert report.discrepancy_count == 0, report.discrepancies
    assert (await client.get(f"/payments/{imp_uid}")).response["cancel_amount"] == 1_000


async def test_a_repetition_is_answered_and_cancels_nothing_when_its_response_is_forgotten(
    client: MerchantClient, settings: Settings, clock: ManualClock
) -> None:
    imp_uid = await pay_and_cancel(client)
    await pass_days(client, clock, 31)
    await delete_all(client, settings)
    assert (await left(client))["responses"] == 0

    repeated = await cancel(client, imp_uid)

    assert repeated.code == 0
    assert repeated.response["cancel_amount"] == 1_000
    assert await client.net_krw() == 18_900


async def test_pending_rows_are_not_deleted(
    client: MerchantClient, settings: Settings, clock: ManualClock
) -> None:
    await client.register_card()
    await client.kicc.scenario("executed_answer_cut", "batch")
    await client.again()
    events = await client.rows("SELECT event_id FROM webhook_events")
    await pass_days(client, clock, 500)
    await delete_all(client, settings)

    assert await client.rows("SELECT event_id FROM webhook_events") == events, "not delivered yet"
    assert await client.rows("SELECT 1 FROM pg_attempts WHERE state IN ('sending', 'unknown')")


async def test_a_deletion_gives_up_where_a_row_is_locked(
    client: MerchantClient, settings: Settings, clock: ManualClock, database_url: str
) -> None:
    await pay_and_cancel(client)
    await pass_days(client, clock, 500)
    other = await open_database(database_url, connections_max=1, statement_timeout_s=30)
    try:
        async with other.transaction() as connection:
            await connection.execute("SELECT 1 FROM pg_attempts FOR UPDATE")
            await delete_all(client, settings)
            assert (await left(client))["messages"] > 0, "put off"
            assert (await left(client))["events"] == 0, "other kinds go on"
    finally:
        await other.close()
    await delete_all(client, settings)
    assert (await left(client))["messages"] == 0


async def test_a_cursor_from_before_a_deletion_is_refused(
    client: MerchantClient, settings: Settings, clock: ManualClock
) -> None:
    async def read(cursor: int) -> Answer:
        return await client.get(f"/events?cursor={cursor}&limit=1")

    await client.pay_in_window()
    first = (await read(0)).response["next_cursor"]
    await deliver_all(client)
    await pass_days(client, clock, 50)
    await client.pay_in_window()
    await deliver_all(client)
    await pass_days(client, clock, 50)
    await delete_all(client, settings)
    second = await read(first)
    assert len(second.response["events"]) == 1, "none after the cursor is missing"

    await pass_days(client, clock, 50)
    await delete_all(client, settings)

    assert (await read(first)).http_status == 410
    assert (await read(second.response["next_cursor"])).response["events"] == []
    assert (await read(0)).code == 0


async def test_events_that_no_reader_has_numbered_leave_no_gap(
    client: MerchantClient, settings: Settings, clock: ManualClock
) -> None:
    await client.pay_in_window()
    cursor = (await client.get("/events")).response["next_cursor"]
    await client.pay_in_window()
    await deliver_all(client)
    await pass_days(client, clock, 100)
    await delete_all(client, settings)

    assert (await client.get(f"/events?cursor={cursor}")).http_status == 410
