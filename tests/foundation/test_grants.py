"""The application's role has the privileges that `grants` lists, and no others."""

import asyncpg
import pytest

from dasi.foundation.db import Database
from dasi.foundation.grants import FUNCTIONS, SEQUENCES, TABLES, grant_to_application
from support.database import TestServer

_VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
LEDGER = ("payments", "pg_attempts", "payment_events", "audit_log")


async def _granted(database: Database, table: str) -> str:
    rows = await database.fetch(
        "SELECT verb FROM unnest($1::text[]) AS verb WHERE has_table_privilege($2, verb)",
        list(_VERBS),
        table,
    )
    return ", ".join(verb for verb in _VERBS if (verb,) in [tuple(row) for row in rows])


async def test_every_table_of_the_schema_has_exactly_the_privileges_listed(
    database: Database, owner: Database
) -> None:
    tables = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {table: await _granted(database, table) for (table,) in tables} == dict(TABLES)


async def test_sequences_can_be_advanced_and_not_set_back(database: Database) -> None:
    names = await database.fetch(
        "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' "
        "AND has_sequence_privilege(sequencename, 'USAGE')"
    )
    assert {name for (name,) in names} == SEQUENCES.keys()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await database.fetch("SELECT setval('webhook_event_sequence', 1)")


@pytest.mark.parametrize("table", LEDGER)
async def test_ledger_and_audit_log_cannot_be_deleted_or_emptied(
    database: Database, table: str
) -> None:
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await database.fetch(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payment_events SET detail = NULL",
        "UPDATE audit_log SET detail = NULL",
        "UPDATE schema_migrations SET sha256 = ''",
        "ALTER TABLE payment_events DISABLE TRIGGER USER",
        "CREATE TABLE more (n int)",
        "SET session_replication_role = replica",
        "COPY payments TO PROGRAM 'cat'",
    ],
)
async def test_the_application_changes_neither_past_nor_schema(
    database: Database, statement: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await database.fetch(statement)


async def test_functions_with_the_rights_of_the_owner_are_listed_and_safe(owner: Database) -> None:
    rows = await owner.fetch(
        """SELECT oid::regprocedure::text AS function, proconfig::text AS settings FROM pg_proc
           WHERE prosecdef AND pronamespace = 'public'::regnamespace"""
    )
    assert {row["function"] for row in rows} == set(FUNCTIONS)
    assert all("search_path=" in row["settings"] for row in rows)


async def test_a_privilege_that_is_not_listed_is_taken_away(
    database: Database, owner: Database, database_server: TestServer, database_name: str
) -> None:
    owner_url, app_url = (
        url_of(database_name) for url_of in (database_server.owner_url_of, database_server.url_of)
    )
    await owner.fetch("GRANT DELETE ON payments TO dasi_app")
    assert await grant_to_application(owner_url, app_url) == "dasi_app"
    assert "DELETE" not in await _granted(database, "payments")


async def test_one_role_for_both_owns_the_schema_and_gets_nothing(
    database_server: TestServer, database_name: str
) -> None:
    url = database_server.owner_url_of(database_name)
    assert await grant_to_application(url, url) is None
