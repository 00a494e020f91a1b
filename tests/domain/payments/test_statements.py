"""How many statements a charge and a list send: each more would cost every one of them."""

from typing import Any

from dasi.foundation.db import Database
from support.gateway_merchant import running_gateway
from support.simulator_process import SimulatorControl


async def test_a_charge_takes_three_statements_and_two_commits(
    database_url: str, kicc: SimulatorControl
) -> None:
    async with running_gateway(database_url, kicc, DASI_DATABASE_POOL_SIZE="2") as client:
        await client.register_card("card-1")
        await client.again()
        statements = await _listen(client.engine.database)

        assert (await client.again()).code == 0

    assert statements == ["who calls", "reserve", "record"]


async def test_a_list_reads_payments_only_when_they_are_new_to_it(
    database_url: str, kicc: SimulatorControl
) -> None:
    async with running_gateway(database_url, kicc, DASI_DATABASE_POOL_SIZE="2") as client:
        await client.register_card("card-1")
        await client.again()
        await client.get("/payments/status/paid")
        statements = await _listen(client.engine.database)

        assert (await client.get("/payments/status/paid")).response["total"] == 2
        assert statements == ["who calls", "versions"], "a page that is not full tells its total"

        statements.clear()
        assert (await client.get("/payments/status/paid?limit=1")).response["total"] == 2
        assert statements == ["who calls", "versions", "total"]

        await client.again()
        statements.clear()
        assert (await client.get("/payments/status/paid")).response["total"] == 3
        assert statements == ["who calls", "versions", "payments"]


_SIGNS = {
    "access_tokens": "who calls",
    "INSERT INTO payments": "reserve",
    "INSERT INTO webhook_events": "record",
    "SELECT p.imp_uid, p.version": "versions",
    "AS total": "total",
    "AS input": "payments",
}


async def _listen(database: Database) -> list[str]:
    """The statements of every connection of the pool from now on, in order."""
    statements: list[str] = []

    def record(query: Any) -> None:
        sql = " ".join(query.query.split())
        if "pg_notify" not in sql:
            statements.append(next((label for sign, label in _SIGNS.items() if sign in sql), sql))

    pool = database.pool.asyncpg_pool
    for holder in pool._holders:
        if holder._con is not None:
            holder._con.add_query_logger(record)
    return statements
