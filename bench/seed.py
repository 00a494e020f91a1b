"""Fill databases with copies of payments that the product itself has made.

    make bench ARGS="growth --growth-data FOLDER --sizes 1000000 10000000"

The real gateway charges a key twice, once approved and once declined, and the real deliverer posts
the webhooks. `bulk_copy` then copies those rows with other identifiers and times:

- identifiers like the product's, in order of time, over a year that ends now; 5 % are declined;
- a customer with a billing key for every fifty payments;
- for each payment events that `dasi ledger verify` accepts (a sample is verified at the end);
- webhook events, deliveries and attempts of the newest million only, to spare the disk.

Indexes are made after the rows, and foreign keys are not checked during the copy: a copied
reference refers to the copy of its row. At the end the tables are normal ones.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from bench.bulk_copy import AFTER, COPIES, INDEXES, SEQUENCES, TABLES, copy_statement, mac_arguments
from dasi.foundation.db import open_database
from dasi.foundation.vault import Vault, parse_keys
from dasi.ledger_proof.payment_rules import find_discrepancies
from dasi.ledger_proof.verify_store import page_any_merchant
from dasi.runtime.embedded_postgres import EmbeddedPostgres
from dasi.schema import migrate
from dasi.webhooks import Deliverer
from support.gateway_merchant import VAULT_KEY, running_gateway
from support.simulator_process import SimulatorControl, running_simulator
from support.webhook_endpoint import receiving

_DECLINED_KRW = 8_521
_MAX_CONCURRENT = 2  # one statement for each spare core
_SAMPLES = 20
# PostgreSQL's settings during the copy; the product's are back at the end.
_WHILE_FILLING = {
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "maintenance_work_mem": "'1GB'",
    "max_parallel_maintenance_workers": "0",
    "autovacuum": "off",
}


def name_of(size: int) -> str:
    """The database with that many payments."""
    return f"growth_{size}"


async def prepare(folder: Path, sizes: Sequence[int]) -> None:
    """Make a database for each size on a server in `folder`, and keep existing ones."""
    async with _filling_server(folder) as postgres:
        for size in sizes:
            if await _exists(postgres, name_of(size)):
                print(f"{size:,} payments: already there", flush=True)
                continue
            began = time.perf_counter()
            await _fill(postgres, size)
            took_s = time.perf_counter() - began
            print(f"{size:,} payments: made in {took_s:.0f} s", flush=True)


@asynccontextmanager
async def _filling_server(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server without durability during the copy; its data is on disk after its stop."""
    for settings in (_WHILE_FILLING, {}):
        postgres = EmbeddedPostgres(folder, durable=not settings)
        await postgres.start()
        try:
            connection = await asyncpg.connect(postgres.url)
            await connection.execute("ALTER SYSTEM RESET ALL")
            for name, value in settings.items():
                await connection.execute(f"ALTER SYSTEM SET {name} = {value}")
            await connection.close()
            if settings:
                await postgres.stop()
                await postgres.start()
                yield postgres
        finally:
            await postgres.stop()
    await asyncio.to_thread(_sync)


def _sync() -> None:
    """Flush all writes to the disk."""
    os.sync()


async def _exists(postgres: EmbeddedPostgres, name: str) -> bool:
    connection = await asyncpg.connect(postgres.url)
    try:
        exists = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)
        return bool(exists)
    finally:
        await connection.close()


async def _fill(postgres: EmbeddedPostgres, size: int) -> None:
    """Make the database under another name and rename it when it is complete."""
    making, server = f"making_{size}", await asyncpg.connect(postgres.url)
    try:
        await server.execute(f"DROP DATABASE IF EXISTS {making}")
        await server.execute(f"CREATE DATABASE {making}")
        url = postgres.url_of(making)
        await migrate(url)
        await _made_by_the_product(url)
        pool = await asyncpg.create_pool(
            url, min_size=1, max_size=_MAX_CONCURRENT, command_timeout=7_200,
            server_settings={"session_replication_role": "replica"},
        )  # fmt: skip
        async with pool:
            await _copy(pool, size)
        await _prove(url, size)
        await server.execute(f"ALTER DATABASE {making} RENAME TO {name_of(size)}")
    finally:
        await server.close()


async def _made_by_the_product(url: str) -> None:
    """Make a key, an approved charge with its webhook, and a declined charge."""
    with running_simulator(is_strict=False) as kicc_url:
        async with (
            SimulatorControl(kicc_url) as kicc,
            receiving() as endpoint,
            running_gateway(url, kicc, webhook_url=endpoint.url) as client,
        ):
            buyer = {
                "buyer_name": "김0",
                "buyer_email": "a@b.example",
                "buyer_tel": "010-0000-0000",
            }
            await client.register_card("member-0", **buyer)
            for amount in (9_900, _DECLINED_KRW):
                await client.again(customer_uid="member-0", amount=amount, name="월간 구독")
            deliverer = Deliverer(client.engine, allow_local=True)
            while await deliverer.run_due():
                pass
            await deliverer.close()
            await client.engine.database.fetch("UPDATE merchants SET webhook_url = NULL")


async def _copy(pool: asyncpg.Pool, size: int) -> None:
    indexes = await pool.fetch(INDEXES, list(TABLES))
    for index in indexes:
        await pool.execute(f"DROP INDEX {index['name']}")
    for statement in COPIES:
        await pool.execute(statement)
    mac_keys = Vault(parse_keys(VAULT_KEY)).mac_keys
    rows = [
        (
            f"{table} written",
            await copy_statement(pool, table),
            (size, *mac_arguments(mac_keys)) if table == "payment_events" else (size,),
        )
        for table in TABLES
    ]
    await _side_by_side(pool, rows)
    for statement in SEQUENCES:
        await pool.execute(statement, size)
    for statement in AFTER:
        await pool.execute(statement)
    made = [(f"{index['name']} made", index["made_by"], ()) for index in indexes]
    await _side_by_side(pool, made)
    await _side_by_side(
        pool, [(f"{table} analysed", f"VACUUM ANALYZE {table}", ()) for table in TABLES]
    )
    await pool.execute("VACUUM ANALYZE")
    await pool.execute("CHECKPOINT")


async def _side_by_side(
    pool: asyncpg.Pool, statements: Sequence[tuple[str, str, tuple[Any, ...]]]
) -> None:
    """Execute all statements in order, as many at once as the pool allows."""

    async def execute(name: str, sql: str, values: tuple[Any, ...]) -> None:
        async with pool.acquire() as connection:
            began = time.perf_counter()
            await connection.execute(sql, *values)
            print(f"  {name}: {time.perf_counter() - began:.0f} s", flush=True)

    async with asyncio.TaskGroup() as group:
        for name, sql, values in statements:
            group.create_task(execute(name, sql, values))


async def _prove(url: str, size: int) -> None:
    """Verify samples of all payments as `dasi ledger verify` does."""
    mac_keys = Vault(parse_keys(VAULT_KEY)).mac_keys
    database = await open_database(url, connections_max=2, statement_timeout_s=60)
    try:
        for sample in range(_SAMPLES):
            after = (1, f"imp_{100_000_010_000 + sample * size // _SAMPLES}")
            page = await page_any_merchant(database, after=after, limit=50)
            assert page, f"no payments after {after}"
            for payment in page:
                wrong = [*find_discrepancies(payment, mac_keys)]
                assert not wrong, f"{payment.payment.imp_uid}: {wrong}"
    finally:
        await database.close()
