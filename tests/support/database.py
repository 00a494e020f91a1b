"""A real PostgreSQL for tests: one server a worker, and an empty migrated database for each test.

A copy of the template writes and later removes some 800 files. So a test gets a database that an
earlier test has used, with its rows as in the template. Two kinds of database are not used again:
one that a test opened as its owner, who can change more than rows, and one that has become large.
"""

import asyncio
import itertools
import os
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from dasi.foundation.grants import grant_to_application
from dasi.runtime.embedded_postgres import APP_USER, EmbeddedPostgres
from dasi.schema import migrate

TEMPLATE = "dasi_template"
_REUSED_UP_TO_BYTES = 2_000_000
_SIZE = """
SELECT coalesce(sum(pg_relation_size(oid)), 0)::bigint FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
# Without triggers and foreign keys, as `replica`: the append-only tables refuse to delete.
_EMPTY_TABLES = """
SET session_replication_role = replica;
DO $$
DECLARE filled regclass;
BEGIN
    FOR filled IN SELECT oid FROM pg_class WHERE relkind = 'r' AND pg_relation_size(oid) > 0
                  AND relnamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('DELETE FROM %s', filled);
    END LOOP;
END $$;
"""
# A copy is an installation of its own: its requests have other names at the PG (M10).
_NEW_INSTALLATION = "UPDATE installation SET installation_id = gen_random_uuid()"


class TestServer:
    """Makes copies of the template database, and makes used ones like new."""

    __test__ = False

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._postgres = postgres
        self._numbers = itertools.count(1)
        self._prefix = f"test_{os.getpid()}"
        self._renewed: deque[str] = deque()
        self._opened_as_owner: set[str] = set()
        self._template_rows = ""

    async def make_template(self) -> None:
        """Make the database that all others are copies of. Its rows do not change later."""
        await self.execute(f"CREATE DATABASE {TEMPLATE}")
        owner_url = self.owner_url_of(TEMPLATE)
        await migrate(owner_url)
        await grant_to_application(owner_url, self.url_of(TEMPLATE))
        connection = await asyncpg.connect(owner_url)
        try:
            self._template_rows = await _statements_for_rows(connection)
        finally:
            await connection.close()

    async def lease(self) -> str:
        """Return the name of an empty, migrated database that no other test uses."""
        return self._renewed.popleft() if self._renewed else await self.create()

    async def give_back(self, name: str) -> None:
        """Make a used database like new for a later test, or drop it.

        Connections that a test left open end here, while the test's loop can still close them.
        """
        if name not in self._opened_as_owner and await self._renew(name):
            self._renewed.append(name)
        else:
            await self.drop(name)

    async def _renew(self, name: str) -> bool:
        """Make a used database like new; False if it has become too large for that."""
        connection = await asyncpg.connect(self._postgres.url_of(name))
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if await connection.fetchval(_SIZE) > _REUSED_UP_TO_BYTES:
                return False
            await connection.execute(f"{_EMPTY_TABLES};{self._template_rows};{_NEW_INSTALLATION}")
        finally:
            await connection.close()
        return True

    @property
    def postgres(self) -> EmbeddedPostgres:
        return self._postgres

    def url_of(self, database: str) -> str:
        """The address of a database for the application's role, as the gateway has it."""
        return self._postgres.url_of(database, user=APP_USER)

    def owner_url_of(self, database: str) -> str:
        """The address for the owner of the schema, who may do everything."""
        self._opened_as_owner.add(database)
        return self._postgres.url_of(database)

    async def create(self, *, template: str = TEMPLATE) -> str:
        """Create a database from a template and return its name."""
        name = f"{self._prefix}_{next(self._numbers)}"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        if template == TEMPLATE:
            connection = await asyncpg.connect(self._postgres.url_of(name))
            try:
                await connection.execute(_NEW_INSTALLATION)
            finally:
                await connection.close()
        return name

    async def snapshot(self, name: str) -> str:
        """Copy a database in use, as a backup. Its connections end and are opened anew."""
        async with self._closed(name):
            copy = f"{name}_snapshot"
            await self.execute(f"CREATE DATABASE {copy} TEMPLATE {name} STRATEGY FILE_COPY")
        return copy

    async def restore(self, name: str, snapshot: str) -> None:
        """Replace a database in use by its snapshot: its newer commits are lost."""
        async with self._closed(name):
            await self.execute(f"ALTER DATABASE {name} RENAME TO {name}_lost")
            await self.execute(f"ALTER DATABASE {snapshot} RENAME TO {name}")
        await self.drop(f"{name}_lost")

    @asynccontextmanager
    async def _closed(self, name: str) -> AsyncIterator[None]:
        """End all connections of a database and refuse new ones until the block ends."""
        await self.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await self.execute(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        try:
            yield
        finally:
            await self.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    async def drop(self, name: str) -> None:
        self._opened_as_owner.discard(name)
        await self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def execute(self, sql: str, *, database: str = "postgres") -> None:
        connection = await asyncpg.connect(self.owner_url_of(database))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


async def _statements_for_rows(connection: asyncpg.Connection) -> str:
    """Return the statements that write the present rows and the state of the sequences."""
    statements = []
    tables = await connection.fetch(
        "SELECT quote_ident(relname) AS name FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY oid"
    )
    for table in tables:
        statements += await connection.fetch(
            f"""SELECT format(
                  'INSERT INTO {table["name"]} OVERRIDING SYSTEM VALUE'
                  ' SELECT * FROM json_populate_recordset(NULL::{table["name"]}, %L)',
                  json_agg(line)
                ) AS sql FROM {table["name"]} AS line HAVING count(*) > 0"""
        )
    statements += await connection.fetch(
        """SELECT format('SELECT setval(%L, %s, %L)', format('%I.%I', schemaname, sequencename),
                         coalesce(last_value, start_value), last_value IS NOT NULL) AS sql
           FROM pg_sequences WHERE schemaname = 'public'"""
    )
    return ";".join(statement["sql"] for statement in statements)


@contextmanager
def running_server(folder: Path) -> Iterator[TestServer]:
    """Start the server and migrate the template once. The block's end removes everything."""
    with asyncio.Runner() as runner:
        postgres = EmbeddedPostgres(folder, durable=False)
        runner.run(postgres.start())
        try:
            server = TestServer(postgres)
            runner.run(server.make_template())
            yield server
        finally:
            runner.run(postgres.stop())
