"""Anybody can open windows: how many a minute, and what they leave behind, is bounded."""

import asyncio
from datetime import datetime, timedelta

from dasi.foundation.clock import KST, ManualClock
from dasi.windows import delete_abandoned_windows, expire_windows
from support.gateway_merchant import MerchantClient, new_window, running_gateway
from support.simulator_process import SimulatorControl

DAYS = timedelta(days=30)
TABLES = ("payments", "payment_windows", "payment_events", "pg_attempts")
BYTES_PER_WINDOW_MAX = 4_096


async def open_one(client: MerchantClient, address: str, **param: object) -> tuple[int, dict]:
    body = {"param": {**new_window(), **param}, "device": "pc", "page_url": "http://shop.example/"}
    headers = {"X-Forwarded-For": address}
    async with client.http.post(client.window_path(), json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def bytes_kept(client: MerchantClient) -> int:
    sizes = [
        (await client.rows(f"SELECT coalesce(sum(pg_column_size(t.*)), 0) AS n FROM {table} t"))[0]
        for table in TABLES
    ]
    return sum(size["n"] for size in sizes)


async def test_flood_from_one_address_leaves_little_and_others_still_pay(
    database_url: str, kicc: SimulatorControl
):
    async with running_gateway(
        database_url, kicc, DASI_TRUSTED_PROXIES="127.0.0.1", DASI_WINDOWS_PER_ADDRESS="20"
    ) as client:
        statuses, refusals = [], []
        for _ in range(20):
            answers = await asyncio.gather(*(open_one(client, "198.51.100.7") for _ in range(10)))
            statuses += [status for status, _ in answers]
            refusals += [body["rsp"] for status, body in answers if status == 429]
        assert statuses.count(200) < 30
        assert statuses.count(200) + statuses.count(429) == 200
        assert refusals[0]["success"] is False
        assert refusals[0]["error_code"] == "F503"
        assert await bytes_kept(client) < 30 * BYTES_PER_WINDOW_MAX
        assert (await open_one(client, "198.51.100.8"))[0] == 200
        assert (await open_one(client, "2001:db8:1:2::1"))[0] == 200


async def test_addresses_of_one_ipv6_network_are_one_client(
    database_url: str, kicc: SimulatorControl
):
    async with running_gateway(
        database_url, kicc, DASI_TRUSTED_PROXIES="127.0.0.1", DASI_WINDOWS_PER_ADDRESS="2"
    ) as client:
        statuses = [(await open_one(client, f"2001:db8::{host}"))[0] for host in range(1, 4)]
        assert statuses == [200, 200, 429]
        assert (await open_one(client, "2001:db8:0:1::1"))[0] == 200


async def test_many_addresses_together_are_limited_for_one_merchant(
    database_url: str, kicc: SimulatorControl
):
    async with running_gateway(
        database_url, kicc, DASI_TRUSTED_PROXIES="127.0.0.1", DASI_WINDOWS_PER_MERCHANT="5"
    ) as client:
        statuses = [(await open_one(client, f"198.51.100.{host}"))[0] for host in range(1, 9)]
        assert statuses.count(200) == 5
        state = await client.kicc.state()
        registered = {name: n for name, n in state["requests"].items() if "executed" in name}
        assert sum(registered.values()) == 5, "each window is a request to the PG"


async def test_malformed_requests_do_not_count(database_url: str, kicc: SimulatorControl):
    async with running_gateway(database_url, kicc, DASI_WINDOWS_PER_ADDRESS="1") as client:
        for _ in range(3):
            assert (await open_one(client, "", amount="many"))[0] == 200
        status, body = await open_one(client, "")
        assert (status, "window_token" in body) == (200, True)


async def test_only_windows_that_nobody_returned_from_are_deleted(
    database_url: str, kicc: SimulatorControl
):
    clock = ManualClock(datetime.now(KST))  # the simulator's time
    async with running_gateway(database_url, kicc, clock=clock) as client:
        assert (await client.pay_in_window(merchant_uid="paid-1"))["success"]
        await client.register_card("card-1")
        _, abandoned = await open_one(client, "", merchant_uid="abandoned-1")
        _, closed = await open_one(client, "", merchant_uid="closed-1")
        await client.close_window(closed["window_token"])
        clock.advance(timedelta(days=31))
        assert await delete_abandoned_windows(client.engine, older_than=DAYS, batch=500) == 1
        assert await expire_windows(client.engine) == 1
        assert await delete_abandoned_windows(client.engine, older_than=DAYS, batch=500) == 1
        assert await delete_abandoned_windows(client.engine, older_than=DAYS, batch=500) == 0

        orders = await client.rows(
            "SELECT merchant_uid FROM payment_windows JOIN payments USING (merchant_id, imp_uid)"
        )
        assert "paid-1" in {row["merchant_uid"] for row in orders}
        assert len(orders) == 2, "the payment and the card registration"
        payment = await client.get(f"/payments/{abandoned['imp_uid']}")
        assert payment.response["status"] == "failed"
