"""`dasi ledger head` and `dasi ledger verify`, as an operator runs them."""

import json
from pathlib import Path

from dasi.foundation.db import Database
from dasi.ledger_proof import seal_ledger
from support.dasi_program import dasi, facts
from support.gateway_merchant import VAULT_KEY, running_gateway
from support.simulator_process import SimulatorControl


async def test_a_falsified_payment_is_named_and_an_exported_head_is_checked(
    database_url: str, owner: Database, kicc: SimulatorControl, tmp_path: Path
) -> None:
    env = {"DASI_DATABASE_URL": database_url, "DASI_VAULT_KEYS": VAULT_KEY}
    head, older = tmp_path / "head.json", tmp_path / "older.json"
    async with running_gateway(database_url, kicc) as client:
        await client.register_card("card-1")
        nothing = dasi("ledger", "head", env=env, cwd=tmp_path)
        assert (nothing.returncode, "no seal yet" in nothing.stderr) == (1, True)
        assert await seal_ledger(client.engine) > 0
        facts("ledger", "head", "--out", older, env=env, cwd=tmp_path)
        await client.again(merchant_uid="order-1")
        assert await seal_ledger(client.engine) > 0
        exported = facts("ledger", "head", "--out", head, env=env, cwd=tmp_path)
        assert json.loads(head.read_text()) == exported

        for export in (older, head):
            proven = facts("ledger", "verify", "--against", export, env=env, cwd=tmp_path)
            assert (proven["discrepancies"], proven["seals"]) == (0, 2)

        (row,) = await owner.fetch(
            "UPDATE payments SET buyer_name = '임꺽정' WHERE merchant_uid = 'order-1' "
            "RETURNING imp_uid"
        )
        await owner.fetch("ALTER TABLE ledger_seals DISABLE TRIGGER USER")
        await owner.fetch("DELETE FROM ledger_seals WHERE seal_number = 2")

    done = dasi("ledger", "verify", "--against", head, "--json", env=env, cwd=tmp_path)

    assert done.returncode == 1
    assert {
        (each["payment"], each["check"]) for each in json.loads(done.stdout)["first_discrepancies"]
    } == {(row["imp_uid"], "buyer"), (None, "head")}
    shown = dasi("ledger", "verify", "--against", head, env=env, cwd=tmp_path)
    text = " ".join(shown.stdout.split())
    assert "its buyer was changed after event 2 (approved)" in text
    assert "the ledger went back: it ends at" in text
    assert "dasi recover --mode recovering" in " ".join(shown.stderr.split())


def test_a_file_that_is_no_head_is_refused(database_url: str, tmp_path: Path) -> None:
    env = {"DASI_DATABASE_URL": database_url, "DASI_VAULT_KEYS": VAULT_KEY}
    (tmp_path / "head.json").write_text("{}")

    done = dasi("ledger", "verify", "--against", "head.json", env=env, cwd=tmp_path)

    assert done.returncode == 2
