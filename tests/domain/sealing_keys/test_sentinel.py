"""Keys that are not those of the database are noticed before the first charge."""

from dataclasses import replace

import pytest

from dasi.commands.vault import encrypted_columns
from dasi.engine import Engine
from dasi.foundation.errors import OperatorError
from dasi.foundation.vault import Vault, new_key
from dasi.sealing_keys import check_sealing_keys, reencrypt
from support.gateway_merchant import running_gateway
from support.simulator_process import SimulatorControl

OLD, NEW = bytes(range(32)), bytes(32)


async def test_readiness_names_the_setting_of_wrong_keys(
    database_url: str, kicc: SimulatorControl
) -> None:
    async with running_gateway(database_url, kicc) as right:
        async with right.http.get(f"{right.url}/health/ready") as answered:
            assert answered.status == 200
        engine = replace(right.engine, vault=Vault([NEW]))
        with pytest.raises(OperatorError, match="not those of this database") as refused:
            await check_sealing_keys(engine.database, engine.vault)
        assert "DASI_VAULT_KEYS_FILE" in refused.value.hint


async def test_the_keys_of_a_rotation_are_right_at_each_of_its_steps(engine: Engine) -> None:
    database = engine.database
    for step in ([OLD], [OLD, NEW], [NEW, OLD]):
        await check_sealing_keys(database, Vault(step))
    with pytest.raises(OperatorError, match="vault rotate"):
        await check_sealing_keys(database, Vault([NEW]))

    for column in encrypted_columns():
        await reencrypt(database, Vault([NEW, OLD]), column)

    await check_sealing_keys(database, Vault([NEW]))
    with pytest.raises(OperatorError):
        await check_sealing_keys(database, Vault([OLD]))


async def test_wrong_keys_make_the_gateway_unready(
    database_url: str, kicc: SimulatorControl, engine: Engine
) -> None:
    await check_sealing_keys(engine.database, engine.vault)
    async with (
        running_gateway(database_url, kicc, DASI_VAULT_KEYS=new_key()) as wrong,
        wrong.http.get(f"{wrong.url}/health/ready") as answered,
    ):
        assert answered.status == 503
        text = await answered.text()
    assert "The sealing keys are not those of this database." in text
    assert "DASI_VAULT_KEYS" in text
