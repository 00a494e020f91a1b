"""How often a charge goes to the database: every statement more is paid by every charge."""

from typing import Any

from dasi.foundation.db import Database
from gateway_shop import running_gateway
from simulator_process import SimulatorControl


async def test_a_charge_takes_three_statements_and_two_commits(
    database_url: str, kicc: SimulatorControl
) -> None:
    seen: list[str] = []

    def note(told: Any) -> None:
        seen.append(" ".join(told.query.split()))

    async with running_gateway(database_url, kicc, DASI_DATABASE_CONNECTIONS="2") as shop:
        await shop.register_card("card-1")
        await shop.again()
        await _listen(shop.engine.database, note)

        assert (await shop.again()).code == 0

    ours = [sql for sql in seen if "pg_notify" not in sql]
    assert [_what(sql) for sql in ours] == ["who calls", "reserve", "record"], ours


def _what(sql: str) -> str:
    if "access_tokens" in sql:
        return "who calls"
    if "INSERT INTO payments" in sql:
        return "reserve"
    return "record" if "INSERT INTO webhook_events" in sql else sql[:80]


async def _listen(database: Database, note: Any) -> None:
    """Every connection of the pool tells what it is asked."""
    pool = database._pool
    for holder in pool._holders:
        if holder._con is not None:
            holder._con.add_query_logger(note)
