"""The version before runs on every expand step, and a contract step names whom it ends (O1)."""

import pytest

from architecture.migration_rules import complaints, split
from architecture.source_tree import complain
from dasi.schema import Migration
from dasi.schema.migration import load_migrations


def test_shipped_migrations_keep_the_rules() -> None:
    broken = [
        f"{migration}: {complaint}"
        for migration in load_migrations()
        for complaint in complaints(migration)
    ]
    assert not broken, complain(broken, "docs/operate/upgrade.md says what each kind is for.")


def expand(sql: str) -> list[str]:
    return complaints(Migration(2, "next", f"-- expand: next.\n{sql};"))


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE payments ADD COLUMN note text, ADD COLUMN n int NOT NULL DEFAULT 0",
        "ALTER TABLE payments ADD COLUMN at timestamptz NOT NULL DEFAULT now()",
        "ALTER TABLE payments SET (fillfactor = 80)",
        "CREATE TABLE notes (id bigint PRIMARY KEY); CREATE INDEX notes_id ON notes (id);"
        "ALTER TABLE notes ADD CONSTRAINT few CHECK (id < 9)",
        "ALTER TABLE payments DROP CONSTRAINT payments_status_check,"
        " ADD CONSTRAINT payments_status_check CHECK (status IN ('paid', 'held')) NOT VALID",
        "ALTER TABLE payments VALIDATE CONSTRAINT payments_status_check",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM a; END $$",
    ],
)
def test_a_step_that_the_version_before_can_live_with_is_allowed(sql: str) -> None:
    assert expand(sql) == []


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE payments",
        "DROP INDEX payments_by_order",
        "ALTER TABLE payments RENAME TO orders",
        "ALTER TABLE payments RENAME COLUMN status TO state",
        "ALTER TABLE payments DROP COLUMN status",
        "ALTER TABLE payments ALTER COLUMN status TYPE int",
        "ALTER TABLE payments ALTER COLUMN status SET NOT NULL",
        "ALTER TABLE payments ALTER COLUMN status DROP NOT NULL",
        "ALTER TABLE payments ADD COLUMN note text NOT NULL",
        "ALTER TABLE payments ADD COLUMN note uuid DEFAULT gen_random_uuid()",
        "ALTER TABLE payments ADD COLUMN note text UNIQUE",
        "ALTER TABLE payments ADD COLUMN note text, DROP COLUMN status",
        "ALTER TABLE payments ADD CONSTRAINT few CHECK (amount_krw < 9) NOT VALID",
        "ALTER TABLE payments DROP CONSTRAINT payments_status_check",
        "CREATE INDEX payments_note ON payments (note)",
        "UPDATE payments SET status = 'paid'",
        "DELETE FROM payments",
        "TRUNCATE payments",
        "REVOKE ALL ON payments FROM dasi_app",
        "CREATE TABLE notes (id int); DROP TABLE payments",
        "ALTER TABLE payments ADD COLUMN a text; ALTER TABLE schedules ADD COLUMN a text",
        "CREATE TABLE notes (a bigint REFERENCES merchants, b bigint REFERENCES channels)",
    ],
)
def test_a_step_that_breaks_the_version_before_is_seen(sql: str) -> None:
    assert expand(sql)


def test_files_of_indexes_and_contract_steps_have_rules_of_their_own() -> None:
    build = "-- concurrently\nCREATE INDEX CONCURRENTLY a ON payments (imp_uid)"
    assert expand(build) == []
    assert expand("-- concurrently\nDROP INDEX CONCURRENTLY IF EXISTS a")
    assert expand("-- concurrently\nCREATE INDEX a ON payments (imp_uid)")
    drop = "-- contract: drop.\n{}ALTER TABLE payments DROP COLUMN status;"
    assert complaints(Migration(2, "drop", drop.format("")))
    assert not complaints(Migration(2, "drop", drop.format("-- ends: versions before 0.2.0.\n")))


def test_quotes_comments_and_parentheses_hold_no_marks() -> None:
    sql = "SELECT ';' -- a; b\n; f(1; 2); SELECT $$ ; $$"
    assert split(sql, ";") == ["SELECT ';'", "f(1; 2)", "SELECT $$ ; $$"]
