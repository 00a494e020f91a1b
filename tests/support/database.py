"""A real PostgreSQL for tests: one server a worker, one migrated template, a copy for each test."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from dasi.foundation.grants import grant_to_application
from dasi.runtime.embedded_postgres import APP_USER, EmbeddedPostgres
from dasi.schema import migrate

TEMPLATE = "dasi_template"


class TestServer:
    """Makes copies of the template database."""

    __test__ = False

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._postgres = postgres
        self._numbers = itertools.count(1)
        self._prefix = f"test_{os.getpid()}"

    def url_of(self, database: str) -> str:
        """The address of a database for the application's role, as the gateway has it."""
        return self._postgres.url_of(database, user=APP_USER)

    def owner_url_of(self, database: str) -> str:
        """The address for the owner of the schema, who may do everything."""
        return self._postgres.url_of(database)

    async def create(self, *, template: str = TEMPLATE) -> str:
        """Create a database from a template and return its name."""
        name = f"{self._prefix}_{next(self._numbers)}"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        if template == TEMPLATE:
            # A copy is an installation of its own: its requests have other names at the PG (M10).
            await self.execute(
                "UPDATE installation SET installation_id = gen_random_uuid()", database=name
            )
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
        await self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def execute(self, sql: str, *, database: str = "postgres") -> None:
        connection = await asyncpg.connect(self.owner_url_of(database))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


@contextmanager
def running_server(folder: Path) -> Iterator[TestServer]:
    """Start the server and migrate the template once. The block's end removes everything."""
    with asyncio.Runner() as runner:
        postgres = EmbeddedPostgres(folder, durable=False)
        runner.run(postgres.start())
        try:
            server = TestServer(postgres)
            runner.run(server.execute(f"CREATE DATABASE {TEMPLATE}"))
            owner_url = server.owner_url_of(TEMPLATE)
            runner.run(migrate(owner_url))
            runner.run(grant_to_application(owner_url, server.url_of(TEMPLATE)))
            yield server
        finally:
            runner.run(postgres.stop())
