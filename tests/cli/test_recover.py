"""`dasi recover`: what a mode means, and the way out."""

import json
from pathlib import Path

import pytest

from dasi.foundation.db import Database
from dasi.foundation.vault import new_key
from dasi.recovery import recovery_state
from support.dasi_program import dasi
from support.gateway_merchant import MID, VAULT_KEY, MerchantClient


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    return {"DASI_DATABASE_URL": database_url, "DASI_VAULT_KEYS": new_key()}


async def test_held_ends_with_an_explicit_statement(
    env: dict[str, str], owner: Database, tmp_path: Path
) -> None:
    await owner.fetch("UPDATE installation SET home_cluster = '1/other'")
    dasi("recover", "--mode", "held", "--reason", "a copy", env=env, cwd=tmp_path)
    shown = dasi("recover", env=env, cwd=tmp_path)
    normal = ("recover", "--mode", "normal", "--yes", "--reason", "moved while stopped", "--json")
    refused = dasi(*normal, env=env, cwd=tmp_path)
    decided = dasi(*normal, "--this-is-the-original", env=env, cwd=tmp_path)

    assert shown.returncode == 1
    assert "dasi recover --this-is-the-original --mode normal --reason" in shown.stdout
    assert refused.returncode == 2
    assert "--this-is-the-original" in " ".join(refused.stderr.split())
    assert (decided.returncode, json.loads(decided.stdout)["mode"]) == (0, "normal")
    assert (await recovery_state(owner)).mode == "normal"
    assert [row["home_cluster"] for row in await owner.fetch("SELECT * FROM installation")] != [
        "1/other"
    ]


async def test_an_export_is_compared_and_nothing_is_written_without_apply(
    env: dict[str, str], gateway: MerchantClient, owner: Database, tmp_path: Path
) -> None:
    await gateway.register_card()
    await gateway.again(merchant_uid="order-1")
    (row,) = await gateway.rows("SELECT pg_order_id, pg_tid FROM pg_attempts WHERE kind = 'charge'")
    async with owner.transaction() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        for table in ("payment_events", "pg_attempts", "payments"):
            await connection.execute(f"DELETE FROM {table}")
    (tmp_path / "kicc.csv").write_text(
        "주문,번호,금액,상태,일시\n"
        f'{row["pg_order_id"]},{row["pg_tid"]},"9,900",승인,2026-09-03 10:00\n',
        encoding="cp949",
    )
    names = ("order=주문", "tid=번호", "amount=금액", "status=상태", "at=일시")
    columns = [option for name in names for option in ("--column", name)]
    compared = ("recover", "--pg-export", "kicc.csv", "--mid", MID, *columns)
    env = {**env, "DASI_VAULT_KEYS": VAULT_KEY}

    incomplete = dasi(*compared[:-2], env=env, cwd=tmp_path)
    dry = dasi(*compared, "--json", env=env, cwd=tmp_path)
    written = await gateway.rows("SELECT 1 FROM payments")
    applied = dasi(*compared, "--apply", "--reason", "restored", "--json", env=env, cwd=tmp_path)

    assert (incomplete.returncode, dry.returncode, applied.returncode) == (2, 1, 0)
    assert "name the column of at" in " ".join(incomplete.stderr.split())
    assert (json.loads(dry.stdout)["adopt"], written) == (1, [])
    assert json.loads(applied.stdout)["adopted"] == 1
    assert [
        dict(payment)
        for payment in await gateway.rows("SELECT merchant_uid, status, pg_tid FROM payments")
    ] == [{"merchant_uid": "order-1", "status": "paid", "pg_tid": row["pg_tid"]}]
