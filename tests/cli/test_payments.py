"""`dasi channel check`, `dasi reconcile` and `dasi verify`, as an operator runs them."""

import json
from pathlib import Path

import pytest

from dasi.foundation.vault import new_key
from support.dasi_program import dasi, facts
from support.gateway_merchant import VAULT_KEY, running_gateway
from support.simulator_process import SimulatorProcess, running_simulator

MERCHANT = ("merchant", "add", "--code", "imp00000001", "--name", "다시 상점")
CHANNEL = (
    *("channel", "add", "--merchant", "imp00000001", "--provider", "kicc", "--sandbox", "on"),
    *("--secret", "easypay!KICCTEST", "--mall-id"),
)


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    return {"DASI_DATABASE_URL": database_url, "DASI_VAULT_KEYS": new_key()}


def test_channel_check_says_what_each_mall_may_do(env: dict[str, str], tmp_path: Path) -> None:
    facts(*MERCHANT, env=env, cwd=tmp_path)
    with running_simulator() as kicc:
        there = {**env, "DASI_KICC_SANDBOX_URL": kicc}
        for mall_id in ("T0021766", "T0020391", "T9999999"):
            facts(*CHANNEL, mall_id, env=there, cwd=tmp_path)
        check = ("channel", "check", "--merchant", "imp00000001", "--json")

        done = dasi(*check, env=there, cwd=tmp_path)

    said = {(one["pg"], one["window"]): one for one in json.loads(done.stdout)}
    assert said[("kicc.T0021766", "payment")]["opens"]
    assert said[("kicc.T0021766", "card registration")]["opens"]
    assert said[("kicc.T0020391", "payment")]["opens"]
    assert not said[("kicc.T0020391", "card registration")]["opens"]
    assert not said[("kicc.T9999999", "payment")]["opens"]
    assert said[("kicc.T9999999", "payment")]["code"]
    assert done.returncode == 1


def test_channel_check_tells_a_pg_that_is_not_there(env: dict[str, str], tmp_path: Path) -> None:
    facts(*MERCHANT, env=env, cwd=tmp_path)
    there = {**env, "DASI_KICC_SANDBOX_URL": "http://127.0.0.1:9"}
    facts(*CHANNEL, "T0021766", env=there, cwd=tmp_path)

    done = dasi("channel", "check", "--merchant", "imp00000001", env=there, cwd=tmp_path)

    assert done.returncode == 1
    assert "127.0.0.1" in done.stdout, done.stdout


async def test_a_doubt_reads_like_an_explanation_and_is_settled_by_hand(
    database_url: str, tmp_path: Path
) -> None:
    async with (
        SimulatorProcess() as kicc,
        running_gateway(database_url, kicc) as shop,
    ):
        await shop.register_card("card-1")
        await kicc.scenario("executed_truncated_json", "batch")
        doubt = await shop.again(merchant_uid="order-in-doubt")
        assert doubt.code == -1
        env = {
            "DASI_DATABASE_URL": database_url,
            "DASI_VAULT_KEYS": VAULT_KEY,
            "DASI_KICC_SANDBOX_URL": kicc.base_url,
        }

        (listed,) = facts("reconcile", "--list", env=env, cwd=tmp_path)
        assert listed["order"] == "order-in-doubt"
        assert listed["why it is in doubt"]
        assert "mall T0021766" in listed["ask the PG for"]
        told = dasi("reconcile", "--list", env=env, cwd=tmp_path).stdout
        assert "Was a card charged 9,900 won? Nobody knows yet." in told
        assert "order order-in-doubt" in told
        assert "no second request leaves for it" in told
        assert "by itself; handed to a person at the latest" in told
        await shop.rows("UPDATE attempts SET handed_over_at = now() WHERE state = 'unknown'")
        told = dasi("reconcile", "--list", env=env, cwd=tmp_path).stdout
        assert f"dasi reconcile --settle {listed['attempt']} --did-not-happen --because" in told
        await shop.rows("UPDATE attempts SET handed_over_at = NULL WHERE state = 'unknown'")
        await shop.rows("UPDATE attempts SET next_look_at = sent_at WHERE state = 'unknown'")
        assert facts("reconcile", env=env, cwd=tmp_path) == []
        proven = facts("verify", env=env, cwd=tmp_path)

    assert (proven["discrepancies"], proven["paid_krw"]) == (0, 9_900)
