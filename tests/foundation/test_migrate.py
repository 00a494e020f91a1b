"""Migrations: applied once, in order, whole or not at all; changed past files are refused."""

import asyncio
import sys

import asyncpg
import pytest

from dasi.foundation.db import Database, open_database
from dasi.foundation.errors import OperatorError
from dasi.schema import Migration, contract, migrate, require_current, schema_state
from dasi.schema.migration import load_migrations
from support.database import TestServer

FIRST = Migration(
    1, "things", "-- expand: things.\nCREATE TABLE things (thing_id bigint PRIMARY KEY);"
)
SECOND = Migration(2, "colours", "-- expand: colours.\nALTER TABLE things ADD COLUMN colour text;")
THIRD = Migration(
    3,
    "no_colours",
    "-- contract: drop colours.\n-- ends: versions before 0.3.0.\n"
    "ALTER TABLE things DROP COLUMN colour;",
)
FOURTH = Migration(
    4,
    "index",
    "-- expand: find things by half.\n-- concurrently\n"
    "CREATE UNIQUE INDEX CONCURRENTLY things_half ON things ((thing_id / 2));",
)


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


async def is_current(url: str, shipped: list[Migration]) -> bool:
    """Whether a version that ships these migrations runs on the database. Raises if it is newer."""
    database = await open_database(url, connections_max=1, statement_timeout_s=5)
    try:
        await require_current(database, shipped)
    except OperatorError as error:
        if "newer" in str(error):
            raise
        return False
    finally:
        await database.close()
    return True


async def test_a_version_runs_on_the_expand_steps_of_the_next_one(empty_url: str):
    await migrate(empty_url, [FIRST])
    await migrate(empty_url, [FIRST, SECOND])
    assert await is_current(empty_url, [FIRST])
    assert (await schema_state(empty_url, [FIRST])).is_newer
    assert await migrate(empty_url, [FIRST]) == ()


async def test_contract_steps_wait_for_their_own_command(empty_url: str):
    await migrate(empty_url, [FIRST, SECOND])
    shipped = [FIRST, SECOND, THIRD, FOURTH]
    with pytest.raises(OperatorError, match="0004_index"):
        await contract(empty_url, shipped)

    assert await migrate(empty_url, shipped) == (FOURTH,)
    assert (await schema_state(empty_url, shipped)).waiting == (THIRD,)
    assert await is_current(empty_url, shipped), "a version runs with and without its contract step"
    assert await is_current(empty_url, [FIRST, SECOND])

    assert await contract(empty_url, shipped) == (THIRD,)
    assert await is_current(empty_url, shipped)
    with pytest.raises(OperatorError, match="contract step 0003_no_colours"):
        await is_current(empty_url, [FIRST, SECOND])
    with pytest.raises(OperatorError, match="contract step 0003_no_colours"):
        await migrate(empty_url, [FIRST, SECOND])


async def test_an_empty_database_gets_all_steps_in_order(empty_url: str):
    shipped = (FIRST, SECOND, THIRD, FOURTH)
    assert await migrate(empty_url, shipped) == shipped


async def test_a_migration_stops_waiting_for_a_table_and_starts_again(
    empty_url: str, capsys: pytest.CaptureFixture[str]
):
    await migrate(empty_url, [FIRST])
    busy = await asyncpg.connect(empty_url)
    transaction = busy.transaction()
    await transaction.start()
    await busy.execute("LOCK TABLE things IN ACCESS SHARE MODE")
    migrating = asyncio.create_task(migrate(empty_url, [FIRST, SECOND]))
    while "migration_waits_for_a_table" not in capsys.readouterr().out:
        await busy.fetchval("SELECT pg_sleep(0.05)")
    await transaction.rollback()
    assert await migrating == (SECOND,)
    await busy.close()


async def test_a_table_that_is_never_free_is_named(empty_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules["dasi.schema.migrate"], "_ATTEMPTS", 1)
    await migrate(empty_url, [FIRST])
    busy = await asyncpg.connect(empty_url)
    async with busy.transaction():
        await busy.execute("LOCK TABLE things IN ACCESS SHARE MODE")
        with pytest.raises(OperatorError, match="0002_colours was not applied"):
            await migrate(empty_url, [FIRST, SECOND])
    await busy.close()


async def test_an_interrupted_build_of_an_index_is_dropped_and_built_anew(empty_url: str):
    await migrate(empty_url, [FIRST, SECOND])
    shipped = [FIRST, SECOND, THIRD, FOURTH]
    writer = await asyncpg.connect(empty_url)
    transaction = writer.transaction()
    await transaction.start()
    await writer.execute("INSERT INTO things VALUES (2)")  # the build waits for it
    migrating = asyncio.create_task(migrate(empty_url, shipped))
    other = await asyncpg.connect(empty_url)
    index = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('things_half')"
    while await other.fetchval(index) is None:
        await other.fetchval("SELECT pg_sleep(0.01)")
    second = asyncio.create_task(migrate(empty_url, shipped))  # it does not hinder the build

    migrating.cancel()
    await asyncio.wait([migrating])
    assert await other.fetchval(index) is False
    await transaction.commit()

    assert await second == (FOURTH,)
    assert await other.fetchval(index) is True
    await writer.close()
    await other.close()


async def test_rows_that_break_a_unique_index_are_named_and_nothing_is_left(empty_url: str):
    await migrate(empty_url, [FIRST, SECOND])
    connection = await asyncpg.connect(empty_url)
    await connection.execute("INSERT INTO things VALUES (2), (3)")
    with pytest.raises(OperatorError, match="things_half was not built"):
        await migrate(empty_url, [FIRST, SECOND, THIRD, FOURTH])
    assert await connection.fetchval("SELECT to_regclass('things_half')") is None
    await connection.execute("DELETE FROM things WHERE thing_id = 3")
    assert await migrate(empty_url, [FIRST, SECOND, THIRD, FOURTH]) == (FOURTH,)
    await connection.close()


async def test_failing_migration_leaves_nothing_of_itself(empty_url: str):
    broken = Migration(2, "broken", "-- expand: half.\nCREATE TABLE half (n int); SELECT 1/0;")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty_url, [FIRST, broken])
    connection = await asyncpg.connect(empty_url)
    assert await connection.fetchval("SELECT to_regclass('half')") is None
    assert await connection.fetchval("SELECT max(number) FROM schema_migrations") == 1
    await connection.close()


async def test_each_test_has_an_empty_database_of_its_own(database: Database):
    assert (await database.fetch("SELECT code FROM merchants")) == []
