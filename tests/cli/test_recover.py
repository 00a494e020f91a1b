"""`dasi recover`: what a mode means, and the way out."""

import json
from pathlib import Path

import pytest

from dasi.foundation.db import Database
from dasi.foundation.vault import new_key
from dasi.recovery import recovery_state
from support.dasi_program import dasi


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    return {"DASI_DATABASE_URL": database_url, "DASI_VAULT_KEYS": new_key()}


async def test_held_ends_with_an_explicit_statement(
    env: dict[str, str], owner: Database, tmp_path: Path
) -> None:
    await owner.fetch(
        """UPDATE installation SET mode = 'held', mode_detail = 'this may be a copy: moved',
                                   home_cluster = '1/other'"""
    )
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
