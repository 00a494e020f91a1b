"""How often the database is asked: every statement more is paid by every charge, every list."""

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
        asked = await _listen(client.engine.database)

        assert (await client.again()).code == 0

    assert asked == ["who calls", "reserve", "record"]


async def test_a_list_reads_payments_only_when_they_are_new_to_it(
    database_url: str, kicc: SimulatorControl
) -> None:
    async with running_gateway(database_url, kicc, DASI_DATABASE_POOL_SIZE="2") as client:
        await client.register_card("card-1")
        await client.again()
        await client.get("/payments/status/paid")
        asked = await _listen(client.engine.database)

        assert (await client.get("/payments/status/paid")).response["total"] == 2
        assert asked == ["who calls", "versions"], "a page that is not full tells its total"

        asked.clear()
        assert (await client.get("/payments/status/paid?limit=1")).response["total"] == 2
        assert asked == ["who calls", "versions", "total"]

        await client.again()
        asked.clear()
        assert (await client.get("/payments/status/paid")).response["total"] == 3
        assert asked == ["who calls", "versions", "payments"]


_SIGNS = {
    "access_tokens": "who calls",
    "INSERT INTO payments": "reserve",
    "INSERT INTO webhook_events": "record",
    "SELECT p.imp_uid, p.version": "versions",
    "AS total": "total",
    "AS input": "payments",
}


async def _listen(database: Database) -> list[str]:
    """What every connection of the pool is asked from now on, in order."""
    asked: list[str] = []

    def note(told: Any) -> None:
        sql = " ".join(told.query.split())
        if "pg_notify" not in sql:
            asked.append(next((what for sign, what in _SIGNS.items() if sign in sql), sql))

    pool = database._pool
    for holder in pool._holders:
        if holder._con is not None:
            holder._con.add_query_logger(note)
    return asked
