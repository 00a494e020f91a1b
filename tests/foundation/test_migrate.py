"""Migrations: applied once, in order, whole or not at all; changed past files are refused."""

import asyncio

import asyncpg
import pytest

from dasi.foundation.db import Database, open_database
from dasi.foundation.errors import OperatorError
from dasi.schema import Migration, migrate, require_current
from dasi.schema.migrate import load_migrations
from support.database import TestServer

FIRST = Migration(1, "things", "CREATE TABLE things (thing_id bigint PRIMARY KEY);")
SECOND = Migration(2, "colours", "ALTER TABLE things ADD COLUMN colour text;")


@pytest.fixture
async def empty_url(database_server: TestServer):
    name = await database_server.create(template="template0")
    yield database_server.owner_url_of(name)
    await database_server.drop(name)


async def test_a_migrated_database_is_current(database: Database):
    await require_current(database)


async def test_shipped_migrations_apply_once_and_again_changes_nothing(empty_url: str):
    assert await migrate(empty_url) == load_migrations()
    assert await migrate(empty_url) == ()


async def test_two_migrators_at_once_apply_each_file_once(empty_url: str):
    both = await asyncio.gather(*(migrate(empty_url, [FIRST, SECOND]) for _ in range(2)))
    assert sorted(migration.number for applied in both for migration in applied) == [1, 2]


async def test_missing_migrations_are_named(empty_url: str):
    await migrate(empty_url, [FIRST])
    database = await open_database(empty_url, connections_max=1, statement_timeout_s=5)
    with pytest.raises(OperatorError, match="0002_colours"):
        await require_current(database, [FIRST, SECOND])
    await database.close()


async def test_changed_past_file_is_refused_by_name_and_nothing_is_applied(empty_url: str):
    await migrate(empty_url, [FIRST])
    changed = Migration(1, "things", FIRST.sql + " -- one word more")
    with pytest.raises(OperatorError, match="0001_things was changed"):
        await migrate(empty_url, [changed, SECOND])
    assert await migrate(empty_url, [FIRST, SECOND]) == (SECOND,)


async def test_database_of_a_newer_version_is_refused(empty_url: str):
    await migrate(empty_url, [FIRST, SECOND])
    with pytest.raises(OperatorError, match="newer than this version"):
        await migrate(empty_url, [FIRST])


async def test_failing_migration_leaves_nothing_of_itself(empty_url: str):
    broken = Migration(2, "broken", "CREATE TABLE half (n int); SELECT 1/0;")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty_url, [FIRST, broken])
    connection = await asyncpg.connect(empty_url)
    assert await connection.fetchval("SELECT to_regclass('half')") is None
    assert await connection.fetchval("SELECT max(number) FROM schema_migrations") == 1
    await connection.close()


async def test_each_test_has_an_empty_database_of_its_own(database: Database):
    assert (await database.fetch("SELECT code FROM merchants")) == []
