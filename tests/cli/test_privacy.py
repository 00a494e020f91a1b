"""`dasi privacy`, and every command in the audit log: who, what, and no secret."""

import asyncio
import getpass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from dasi.commands.context import describe_command
from dasi.foundation.vault import new_key
from support.dasi_program import dasi, facts

CODE = "imp00000001"


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    return {"DASI_DATABASE_URL": database_url, "DASI_VAULT_KEYS": new_key()}


def rows(env: dict[str, str], sql: str) -> list[dict[str, Any]]:
    async def read() -> list[dict[str, Any]]:
        connection = await asyncpg.connect(env["DASI_DATABASE_URL"])
        try:
            return [dict(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    return asyncio.run(read())


def test_every_command_is_in_the_audit_log_without_its_secrets(
    env: dict[str, str], tmp_path: Path
) -> None:
    secret = "s" * 80
    add = ("merchant", "add", "--code", CODE, "--name", "다시 상점", "--api-secret", secret)
    facts(*add, env=env, cwd=tmp_path)
    facts("key", "add", "--merchant", CODE, f"--api-secret={secret}", env=env, cwd=tmp_path)
    facts("merchant", "list", env=env, cwd=tmp_path)

    entries = rows(
        env, "SELECT email, target, detail, merchant_id, action FROM audit_log ORDER BY position"
    )
    assert [entry["target"] for entry in entries] == ["merchant add", "key add", "merchant list"]
    assert [entry["merchant_id"] is None for entry in entries] == [True, False, True]
    for entry in entries:
        assert (entry["email"], entry["action"]) == (f"cli:{getpass.getuser()}", "command_run")
        assert secret not in str(entry)
    assert f"--merchant {CODE}" in entries[1]["detail"]


def test_a_command_is_described_without_secrets_and_card_numbers() -> None:
    assert describe_command(
        ["payments", "resolve", "ch-1", "--not-approved", "--reason", "card 4111111111111111"]
    ) == ("payments resolve ch-1", "--not-approved --reason 'card [hidden]'")
    assert describe_command(["user", "add", "--password=pw", "--email", "kim@shop.example"]) == (
        "user add",
        "--password '[hidden]' --email kim@shop.example",
    )


def test_erasing_needs_a_confirmation(env: dict[str, str], tmp_path: Path) -> None:
    facts("merchant", "add", "--code", CODE, "--name", "다시 상점", env=env, cwd=tmp_path)
    erase = ("privacy", "erase", "--merchant", CODE, "--order", "order-1")
    unconfirmed = dasi(*erase, "--json", env=env, cwd=tmp_path)
    assert unconfirmed.returncode == 1
    assert '"erased": false' in unconfirmed.stdout
    assert "--yes" in unconfirmed.stderr
    assert facts(*erase, "--yes", env=env, cwd=tmp_path)["erased"] is True
    (entry,) = rows(
        env, "SELECT email, target FROM audit_log WHERE action = 'personal_data_erased'"
    )
    assert entry == {"email": f"operator:{getpass.getuser()}", "target": "order-1"}


def test_retention_needs_days_and_a_confirmation(env: dict[str, str], tmp_path: Path) -> None:
    facts("merchant", "add", "--code", CODE, "--name", "다시 상점", env=env, cwd=tmp_path)
    retention = ("privacy", "retention", "--merchant", CODE)
    assert dasi(*retention, "--days", "29", env=env, cwd=tmp_path).returncode == 2
    assert dasi(*retention, "--days", "1827", env=env, cwd=tmp_path).returncode == 1
    done = facts(*retention, "--days", "1827", "--yes", env=env, cwd=tmp_path)
    assert done == {"payments_with_buyer": 0, "erased": True}


def test_erasing_names_a_customer_or_orders(env: dict[str, str], tmp_path: Path) -> None:
    for options in ((), ("--customer", "card-1", "--order", "order-1")):
        done = dasi("privacy", "erase", "--merchant", CODE, *options, env=env, cwd=tmp_path)
        assert done.returncode == 2
