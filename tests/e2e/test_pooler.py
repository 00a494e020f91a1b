"""A transaction pooler (PgBouncer) between the programs and PostgreSQL: two connections for all.

A client has a connection only for one transaction. Session state (statements prepared by name,
LISTEN, a session lock) would be lost or meet another client.
"""

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest

from dasi.foundation.errors import OperatorError
from dasi.runtime.bootstrap import open_current_engine
from dasi.settings import read_settings
from support.gateway_merchant import environment
from support.gateway_process import running_programs
from support.pooler import PGBOUNCER, running_pooler
from support.simulator_process import SimulatorControl
from support.webhook_endpoint import receiving

pytestmark = pytest.mark.skipif(
    PGBOUNCER is None, reason="PgBouncer is not installed (Debian: apt install pgbouncer)"
)
LISTENING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = $1"


async def test_charges_windows_schedules_and_webhooks_pass_a_pooler(
    database_url: str, kicc: SimulatorControl
) -> None:
    async with (
        running_pooler(database_url, connections=2) as (pooled, _),
        receiving() as endpoint,
        running_programs(
            pooled,
            kicc,
            gateways=2,
            workers=2,
            webhook_url=endpoint.url,
            DASI_DATABASE_DIRECT_URL=database_url,
        ) as (client, programs),
    ):
        await client.register_card("card-1")
        charges = [client.again(merchant_uid=f"order-{number % 20}") for number in range(40)]
        codes = [answer.code for answer in await asyncio.gather(*charges)]
        assert codes.count(0) == 20, "two for each order: one gets through"
        assert (await client.pay_in_window(merchant_uid="once"))["success"]
        due = {"merchant_uid": "scheduled", "schedule_at": int(datetime.now(UTC).timestamp()) + 2}
        request = {"customer_uid": "card-1", "schedules": [{**due, "amount": 9_900, "name": "9월"}]}
        assert (await client.call("POST", "/subscribe/payments/schedule", json=request)).code == 0

        posts = await endpoint.until(23)

        orders = sorted(post.values["merchant_uid"] for post in posts)
        assert len(orders) == len(set(orders)), "each once: a registration, 20 charges, two more"
        assert {"scheduled", "once"} <= set(orders)
        page = await client.get("/payments/status/paid?limit=100")
        assert (page.response["total"], len(page.response["list"])) == (23, 23)
        direct = await asyncpg.connect(database_url)
        name = await direct.fetchval("SELECT current_database()")
        assert await direct.fetchval(LISTENING, name) == 2
        await direct.close()
        await programs.stop()

    assert '"level":"error"' not in programs.log.replace('": "', '":"')
    assert "cannot_listen" not in programs.log
    assert await client.net_krw() == 21 * 9_900 + 19_900


async def test_pooler_without_the_direct_url_is_named_at_start(
    database_url: str, kicc: SimulatorControl
) -> None:
    for connections in (1, 3):
        async with running_pooler(database_url, connections=connections) as (pooled, _):
            variables = environment(pooled, kicc_url=kicc.base_url, public_url="http://127.0.0.1:9")
            with pytest.raises(OperatorError, match="transaction pooler") as refused:
                async with open_current_engine(read_settings(variables)):
                    pass
            assert len(str(refused.value).splitlines()) == 3
            assert "DASI_DATABASE_DIRECT_URL" in refused.value.hint


async def test_pooler_for_sessions_needs_no_direct_url(
    database_url: str, kicc: SimulatorControl
) -> None:
    async with running_pooler(database_url, connections=4, mode="session") as (pooled, _):
        variables = environment(pooled, kicc_url=kicc.base_url, public_url="http://127.0.0.1:9")
        async with open_current_engine(read_settings(variables)) as engine:
            assert [row[0] for row in await engine.database.fetch("SELECT 1")] == [1]
