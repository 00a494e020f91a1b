"""Interrupted in the middle of a charge: by the client, by a restart, by the database (M2-M6)."""

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest

from dasi.foundation.grants import grant_to_application
from dasi.outcomes import resolve_due
from dasi.runtime.embedded_postgres import EmbeddedPostgres
from dasi.schema import migrate
from support.gateway_merchant import MerchantClient, running_gateway
from support.gateway_process import running_programs
from support.scratch_folder import scratch_folder
from support.simulator_process import SimulatorControl

AGAIN = "/subscribe/payments/again"


async def until_status(client: MerchantClient, merchant_uid: str, status: str) -> None:
    async with asyncio.timeout(20):
        while True:
            (row,) = await client.rows(
                "SELECT status FROM payments WHERE merchant_uid = $1", merchant_uid
            )
            if row["status"] == status:
                return


async def test_a_client_that_hangs_up_is_charged_once_and_recorded(gateway: MerchantClient) -> None:
    await gateway.register_card("card-1")
    await gateway.kicc.hold("batch", when="after")
    asking = asyncio.create_task(gateway.again(merchant_uid="order-1"))
    await gateway.kicc.wait_held()

    asking.cancel()
    await asyncio.wait([asking])
    await gateway.kicc.release()

    await until_status(gateway, "order-1", "paid")
    refused = await gateway.again(merchant_uid="order-1")
    assert refused.code == -1
    assert len(await gateway.approvals()) == 1


async def test_a_gateway_that_is_terminated_finishes_its_requests(
    database_url: str, kicc: SimulatorControl
) -> None:
    async with running_programs(database_url, kicc, workers=0, DASI_DRAIN_PAUSE_S="300") as (
        client,
        programs,
    ):
        await client.register_card("card-1")
        await kicc.hold("batch", when="after")
        asking = asyncio.create_task(client.again(merchant_uid="order-1"))
        await kicc.wait_held()
        host, port = client.url.removeprefix("http://").split(":")
        idle, writer = await asyncio.open_connection(host, int(port))

        ending = asyncio.create_task(programs.gateways[0].end(signal.SIGTERM))
        while (answer := await readiness(client))[0] == 200:
            pass
        assert answer == (503, "close"), "it serves, and says that it will end"
        assert not idle.at_eof()

        programs.gateways[0].send_signal(signal.SIGTERM)  # a second one skips the pause
        assert await idle.read() == b""
        writer.close()
        assert not asking.done()
        await kicc.release()

        assert (await asking).response["status"] == "paid"
        assert await ending == 0
        (payment,) = await client.rows("SELECT status FROM payments WHERE merchant_uid = 'order-1'")
        assert payment["status"] == "paid"


async def readiness(client: MerchantClient) -> tuple[int, str]:
    """The status of the health check and its `Connection` header."""
    async with client.http.get(f"{client.url}/health/ready") as answer:
        return answer.status, answer.headers.get("Connection", "")


@pytest.fixture
async def own_postgres() -> AsyncIterator[EmbeddedPostgres]:
    """A PostgreSQL that a test may stop. Its folder's name is short, because it holds a socket."""
    with scratch_folder("dasi-pg-") as folder:
        postgres = EmbeddedPostgres(folder / "data", durable=False)
        await postgres.start()
        try:
            await migrate(postgres.url)
            await grant_to_application(postgres.url, postgres.app_url)
            yield postgres
        finally:
            await postgres.stop()


async def test_a_database_that_goes_away_during_a_charge(
    own_postgres: EmbeddedPostgres, kicc: SimulatorControl
) -> None:
    async with running_gateway(own_postgres.app_url, kicc) as client:
        await client.register_card("card-1")
        await kicc.hold("batch", when="after")
        asking = asyncio.create_task(client.again(merchant_uid="order-1"))
        await kicc.wait_held()

        await own_postgres.stop()
        await kicc.release()

        answer = await asking
        assert (answer.http_status, answer.code) == (200, -1), (
            "the answer is neither paid nor failed"
        )
        assert "다시 청구하지 마세요" in str(answer.message)
        for answer in (
            await client.again(merchant_uid="order-2"),
            await client.get("/payments/find/order-1"),
        ):
            assert (answer.http_status, answer.code) == (503, -1)
        opened = await client.request_window()
        assert opened["rsp"]["error_code"] == "F503"
        assert len(await client.approvals()) == 1

        await own_postgres.start()

        refused = await client.again(merchant_uid="order-1")
        assert "다시 청구하지 마세요" in str(refused.message)
        await client.engine.database.fetch(
            "UPDATE pg_attempts SET next_lookup_at = now()"
        )  # 2 s on
        await resolve_due(client.engine)
        assert (await client.get("/payments/find/order-1")).response["status"] == "paid"
        assert len(await client.approvals()) == 1


async def test_a_database_that_goes_away_during_a_partial_cancel(
    own_postgres: EmbeddedPostgres, kicc: SimulatorControl
) -> None:
    async with running_gateway(own_postgres.app_url, kicc) as client:
        paid = await client.pay_in_window(merchant_uid="order-1", amount=20_000)
        request = {"imp_uid": paid["imp_uid"], "amount": 5_000}
        await kicc.hold("revise", when="after")
        asking = asyncio.create_task(client.call("POST", "/payments/cancel", json=request))
        await kicc.wait_held()

        await own_postgres.stop()
        await kicc.release()

        answer = await asking
        assert (answer.http_status, answer.code) == (200, -1)
        assert "다시 취소하지 마세요" in str(answer.message), "a repeated cancel would cancel twice"

        await own_postgres.start()
        again = await client.call("POST", "/payments/cancel", json=request)
        assert again.code != 0
        await client.engine.database.fetch(
            "UPDATE pg_attempts SET next_lookup_at = now()"
        )  # 2 s on
        await resolve_due(client.engine)
        payment = (await client.get("/payments/find/order-1")).response
        assert (payment["amount"], payment["cancel_amount"]) == (20_000, 5_000)
        assert await client.net_krw() == 15_000


async def test_a_database_that_goes_away_before_the_lookup(
    own_postgres: EmbeddedPostgres, kicc: SimulatorControl
) -> None:
    url = own_postgres.app_url
    async with running_gateway(url, kicc, DASI_INLINE_LOOKUP_DELAY_S="1") as client:
        await client.register_card("card-1")
        await kicc.scenario("executed_bad_gateway", "batch")
        await kicc.hold("query", when="before")
        asking = asyncio.create_task(client.again(merchant_uid="order-1"))
        await kicc.wait_held()

        await own_postgres.stop()
        await kicc.release()

        answer = await asking
        assert (answer.http_status, answer.code) == (200, -1)
        assert "다시 청구하지 마세요" in str(answer.message)
        await own_postgres.start()
