"""`dasi webhooks` as people run it."""

from pathlib import Path

import pytest

from dasi.foundation.vault import new_key
from dasi_program import dasi, facts

CODE = "imp00000001"


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    return {"DASI_DATABASE_URL": database_url, "DASI_VAULT_KEYS": new_key()}


def test_a_merchant_is_told_more_from_when_it_is_turned_on(env: dict[str, str], tmp_path: Path):
    facts("merchant", "add", "--code", CODE, "--name", "x", env=env, cwd=tmp_path)

    def more(*turn: str) -> object:
        asked = facts("webhooks", "more", "--merchant", CODE, *turn, env=env, cwd=tmp_path)
        return asked["told_more"]

    assert more() is False
    assert more("--turn", "on") is True
    assert more() is True
    assert more("--turn", "off") is False


def test_more_of_an_unknown_merchant_is_refused(env: dict[str, str], tmp_path: Path):
    done = dasi("webhooks", "more", "--merchant", "nobody", env=env, cwd=tmp_path)
    assert done.returncode == 1
    assert "There is no merchant nobody." in done.stderr
