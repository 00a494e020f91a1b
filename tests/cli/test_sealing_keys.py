"""Sealing keys of running programs: apart from the data, from a command, refused if wrong."""

import signal
from pathlib import Path

import pytest

from cli.conftest import up_url
from dasi.foundation.vault import new_key
from dasi.runtime.embedded_postgres import EmbeddedPostgres
from support.dasi_program import dasi, facts, running


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    return {
        "DASI_DATABASE_URL": database_url,
        "DASI_VAULT_KEYS": new_key(),
        "DASI_LOG_FORMAT": "json",
    }


async def test_lost_sealing_keys_are_not_replaced_by_new_ones(short_path: Path):
    data_without_keys = EmbeddedPostgres(short_path / "data", durable=False)
    await data_without_keys.start()
    await data_without_keys.stop()
    refused = dasi("up", "--data", "data", "--port", "0", cwd=short_path)
    assert refused.returncode == 1
    assert "The sealing keys" in refused.stderr
    assert not (short_path / "data-keys").exists()
    assert not (short_path / "data/vault.keys").exists()


def test_keys_in_the_data_folder_move_out_of_it_with_a_message(short_path: Path):
    add = ("merchant", "add", "--data", "data", "--code", "kept", "--name", "x")
    with running("up", "--data", "data", "--port", "0", cwd=short_path) as up:
        up_url(up)
        facts(*add, cwd=short_path)
        assert up.stop() == 0
    (short_path / "data-keys/vault.keys").rename(short_path / "data/vault.keys")

    listed = dasi("merchant", "list", "--data", "data", cwd=short_path)

    assert listed.returncode == 0, listed.stderr
    assert "The sealing keys were moved from" in listed.stderr
    assert not (short_path / "data/vault.keys").exists()
    assert (short_path / "data-keys/vault.keys").stat().st_mode & 0o777 == 0o600


def test_a_keys_folder_of_its_own_is_remembered(short_path: Path):
    elsewhere = ("--keys", "elsewhere/keys")
    with running("up", "--data", "data", *elsewhere, "--port", "0", cwd=short_path) as up:
        up_url(up)
        assert up.until("Sealing keys in").split()[3].startswith(f"{short_path}/elsewhere/keys/")
        programs = [part for part in up.descendants() if "dasi.serve" in part.cmdline()]
        assert programs
        key = (short_path / "elsewhere/keys/vault.keys").read_text().strip()
        assert not any(key in str(part.environ()) for part in programs), "a path, not the keys"
        assert not any("OWNER" in str(part.environ()) for part in programs)
        assert up.stop() == 0
    add = ("merchant", "add", "--data", "data", "--code", "kept", "--name", "x")
    assert facts(*add, cwd=short_path)["code"] == "kept"
    assert not (short_path / "data-keys").exists()


@pytest.mark.parametrize("part", [("serve", "--port", "0"), ("worker",)], ids=lambda part: part[0])
def test_a_command_that_prints_the_keys_runs_once(
    env: dict[str, str], tmp_path: Path, part: tuple[str, ...]
):
    key = env.pop("DASI_VAULT_KEYS")
    runs = tmp_path / "runs"
    command = f"sh -c 'echo once >> {runs}; echo $DASI_DATABASE_URL hush >&2; echo {key}'"
    with running(*part, env=env | {"DASI_VAULT_KEYS_COMMAND": command}, cwd=tmp_path) as program:
        program.until("_ready")
        assert program.stop(signal.SIGTERM) == 0
        assert "hush" not in "".join(program.lines)
    assert runs.read_text() == "once\n"


def test_other_sealing_keys_than_those_of_the_database_are_refused(
    env: dict[str, str], tmp_path: Path
):
    with running("worker", env=env, cwd=tmp_path) as worker:
        worker.until('"worker_ready"')
        assert worker.stop(signal.SIGTERM) == 0
    refused = dasi("worker", env=env | {"DASI_VAULT_KEYS": new_key()}, cwd=tmp_path)
    assert refused.returncode == 1
    assert "The sealing keys are not those of this database." in refused.stderr
    assert "DASI_VAULT_KEYS" in refused.stderr
    added = f"{new_key()},{env['DASI_VAULT_KEYS']}"
    with running("worker", env=env | {"DASI_VAULT_KEYS": added}, cwd=tmp_path) as worker:
        worker.until('"worker_ready"')
