"""The next version's schema arrives under a running version, which may also be returned to (O1)."""

import asyncio
import shutil
from pathlib import Path

from architecture.migration_rules import complaints
from dasi.schema import Migration
from support.charge_load import charging
from support.dasi_program import dasi
from support.database import TestServer
from support.gateway_process import program, running_programs
from support.simulator_process import SimulatorControl

SRC = Path(__file__).parents[2] / "src"
_TABLES = ("payments", "pg_attempts", "payment_events", "access_tokens")
_COLUMNS = "ADD COLUMN next_note text, ADD COLUMN next_number integer NOT NULL DEFAULT 7"
STEPS = (
    *(
        Migration(number, f"next_{table}", f"-- expand: next.\nALTER TABLE {table} {_COLUMNS};\n")
        for number, table in enumerate(_TABLES, start=2)
    ),
    Migration(6, "next_notes", "-- expand: next.\nCREATE TABLE next_notes (id bigint);\n"),
    Migration(
        7,
        "next_index",
        "-- expand: find a payment by its note.\n-- concurrently\n"
        "CREATE INDEX CONCURRENTLY payments_next_note ON payments (merchant_id, next_note);\n",
    ),
    Migration(
        8,
        "next_contract",
        "-- contract: drop what only older versions read.\n"
        "-- ends: versions before 0.2.0.\nALTER TABLE payments DROP COLUMN buyer_tel;\n",
    ),
)
EXPAND = [str(step) for step in STEPS if step.kind == "expand"]


def next_version(folder: Path) -> dict[str, str]:
    """Write a copy of the code with further migrations; return the environment that runs it."""
    source = folder / "next"
    shutil.copytree(SRC, source, ignore=shutil.ignore_patterns("__pycache__"))
    for step in STEPS:
        assert complaints(step) == []
        (source / f"dasi/migrations/{step}.sql").write_text(step.sql, encoding="utf-8")
    grants = source / "dasi/foundation/grants.py"
    line = '    "vault_sentinel": _KEEP,\n'
    assert line in grants.read_text()
    grants.write_text(grants.read_text().replace(line, f'{line}    "next_notes": _KEEP,\n'))
    return {"PYTHONPATH": str(source)}


async def test_a_version_serves_on_the_schema_of_the_next_and_can_be_returned_to(
    database_server: TestServer,
    database_name: str,
    database_url: str,
    kicc: SimulatorControl,
    tmp_path: Path,
) -> None:
    new_code = next_version(tmp_path)
    owner_url = database_server.owner_url_of(database_name)
    urls = {"DASI_DATABASE_URL": database_url, "DASI_DATABASE_OWNER_URL": owner_url}

    async def run(*command: str, **more: str) -> tuple[int, str]:
        done = await asyncio.to_thread(dasi, *command, env=urls | more, cwd=tmp_path)
        return done.returncode, done.stdout + done.stderr

    async with running_programs(database_url, kicc, gateways=2) as (client, programs):
        await client.register_card("card-1")
        old, restarted = programs.gateways
        async with charging(client, old.url, restarted.url, is_mixed=True) as load:
            await load.until_more(10)
            code, text = await run("migrate", **new_code)
            assert code == 0, text
            applied = [line.split()[1] for line in text.splitlines() if "applied" in line]
            assert applied == EXPAND
            assert "waiting 0008_next_contract" in text
            await load.until_more(20)
            await restarted.replace()
            await load.until_more(20)
            newer = program("serve", "--port", "0", like=old, **new_code)
            await newer.start()
            async with charging(client, newer.ready_url(), clients=1) as on_newer:
                await on_newer.until_more(3)
            await newer.stop()
            load.add(on_newer)
            code, text = await run("migrate")
            assert (code, "A newer version has migrated this database" in text) == (0, True), text
            await load.until_more(10)
        bugs = [line for line in programs.log.splitlines() if '"error"' in line]
        assert not bugs, bugs[0][-3000:]
        await load.assert_books_agree()
        (granted,) = await client.rows("SELECT has_table_privilege('next_notes', 'INSERT') AS ok")
        assert granted["ok"], "the older version leaves the privileges of the newer one"

    code, text = await run("migrate", "--contract", **new_code)
    assert code == 1
    assert "0008_next_contract: drop what only older versions read. Ends versions before" in text
    code, text = await run("migrate", "--contract", "--yes", **new_code)
    assert (code, "applied 0008_next_contract" in text) == (0, True), text
    code, text = await run("migrate")
    assert code == 1
    assert "contract step 0008_next_contract" in text
