"""A real PostgreSQL for tests: one server a worker, one migrated template, a copy for each test."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from dasi.foundation.migrate import migrate
from dasi.runtime.embedded_postgres import EmbeddedPostgres

TEMPLATE = "dasi_template"


class TestServer:
    """Makes copies of the template database. `url_of` is the address of a database on it."""

    __test__ = False

    def __init__(self, url_form: str) -> None:
        self._url_form = url_form
        self._numbers = itertools.count(1)
        self._prefix = f"test_{os.getpid()}"

    def url_of(self, database: str) -> str:
        return self._url_form.replace("{database}", database)

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
        connection = await asyncpg.connect(self.url_of(database))
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
            server = TestServer(postgres.url_of("{database}"))
            runner.run(server.execute(f"CREATE DATABASE {TEMPLATE}"))
            runner.run(migrate(server.url_of(TEMPLATE)))
            yield server
        finally:
            runner.run(postgres.stop())
