"""`dasi channel check`, `dasi payments` and `dasi ledger verify`, as an operator runs them."""

import json
from pathlib import Path

import pytest

from dasi.foundation.vault import new_key
from support.dasi_program import dasi, facts
from support.gateway_merchant import VAULT_KEY, running_gateway
from support.simulator_process import SimulatorProcess, running_simulator

MERCHANT = ("merchant", "add", "--code", "imp00000001", "--name", "다시 상점")
CHANNEL = (
    *("channel", "add", "--merchant", "imp00000001", "--provider", "kicc", "--mode", "test"),
    *("--secret", "easypay!KICCTEST", "--mid"),
)


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    return {"DASI_DATABASE_URL": database_url, "DASI_VAULT_KEYS": new_key()}


def test_channel_check_lists_the_windows_of_channels(env: dict[str, str], tmp_path: Path) -> None:
    facts(*MERCHANT, env=env, cwd=tmp_path)
    with running_simulator() as kicc:
        there = {**env, "DASI_KICC_SANDBOX_URL": kicc}
        for pg_merchant_id in ("T0021766", "T0020391", "T9999999"):
            facts(*CHANNEL, pg_merchant_id, env=there, cwd=tmp_path)
        check = ("channel", "check", "--merchant", "imp00000001", "--json")

        done = dasi(*check, env=there, cwd=tmp_path)

    checks = {(row["pg"], row["window"]): row for row in json.loads(done.stdout)}
    assert checks[("kicc.T0021766", "payment")]["opens"]
    assert checks[("kicc.T0021766", "card registration")]["opens"]
    assert checks[("kicc.T0020391", "payment")]["opens"]
    assert not checks[("kicc.T0020391", "card registration")]["opens"]
    assert not checks[("kicc.T9999999", "payment")]["opens"]
    assert checks[("kicc.T9999999", "payment")]["code"]
    assert done.returncode == 1


def test_channel_check_reports_an_unreachable_pg(env: dict[str, str], tmp_path: Path) -> None:
    facts(*MERCHANT, env=env, cwd=tmp_path)
    there = {**env, "DASI_KICC_SANDBOX_URL": "http://127.0.0.1:9"}
    facts(*CHANNEL, "T0021766", env=there, cwd=tmp_path)

    done = dasi("channel", "check", "--merchant", "imp00000001", env=there, cwd=tmp_path)

    assert done.returncode == 1
    assert "127.0.0.1" in done.stdout, done.stdout


async def test_unresolved_payment_is_explained_and_then_looked_up(
    database_url: str, tmp_path: Path
) -> None:
    async with (
        SimulatorProcess() as kicc,
        running_gateway(database_url, kicc) as client,
    ):
        await client.register_card("card-1")
        await kicc.scenario("executed_truncated_json", "batch")
        lost = await client.again(merchant_uid="order-in-doubt")
        assert lost.code == -1
        env = {
            "DASI_DATABASE_URL": database_url,
            "DASI_VAULT_KEYS": VAULT_KEY,
            "DASI_KICC_SANDBOX_URL": kicc.base_url,
        }

        (listed,) = facts("payments", "unresolved", env=env, cwd=tmp_path)
        assert listed["order"] == "order-in-doubt"
        assert listed["detail"]
        assert (listed["kind"], listed["amount_krw"]) == ("charge", 9_900)
        assert (listed["handling"], listed["pg_merchant_id"]) == ("automatic", "T0021766")
        assert len(listed["request_id"]) == 32
        text = dasi("payments", "unresolved", env=env, cwd=tmp_path).stdout
        assert f"Request id    {listed['request_id']}" in text
        assert "Was a card charged 9,900 won? The outcome is not known yet." in text
        assert "order order-in-doubt" in text
        assert "dasi sends no second request for it" in text
        assert "at the latest, then resolve it by hand" in text
        await client.rows("UPDATE pg_attempts SET escalated_at = now() WHERE state = 'unknown'")
        text = dasi("payments", "unresolved", env=env, cwd=tmp_path).stdout
        assert f"dasi payments resolve {listed['attempt']} --not-approved --reason" in text
        await client.rows("UPDATE pg_attempts SET escalated_at = NULL WHERE state = 'unknown'")
        await client.rows("UPDATE pg_attempts SET next_lookup_at = sent_at WHERE state = 'unknown'")
        assert facts("payments", "resolve", env=env, cwd=tmp_path) == []
        proven = facts("ledger", "verify", env=env, cwd=tmp_path)

    assert (proven["discrepancies"], proven["paid_krw"]) == (0, 9_900)


async def test_escalated_payment_is_resolved_by_hand(database_url: str, tmp_path: Path) -> None:
    async with (
        SimulatorProcess() as kicc,
        running_gateway(database_url, kicc) as client,
    ):
        await client.register_card("card-1")
        await kicc.scenario("cut_before_processing", "batch")
        lost = await client.again(merchant_uid="order-1")
        assert lost.code == -1
        env = {
            "DASI_DATABASE_URL": database_url,
            "DASI_VAULT_KEYS": VAULT_KEY,
            "DASI_KICC_SANDBOX_URL": kicc.base_url,
        }
        (listed,) = facts("payments", "unresolved", env=env, cwd=tmp_path)
        by_hand = (
            "payments",
            "resolve",
            listed["attempt"],
            "--not-approved",
            "--reason",
            "no order",
            "--yes",
        )
        refused = dasi(*by_hand, env=env, cwd=tmp_path)
        assert refused.returncode == 1, (
            "an attempt that is not escalated cannot be resolved by hand"
        )
        await client.rows("UPDATE pg_attempts SET escalated_at = now() WHERE state = 'sending'")
        await client.rows("UPDATE pg_attempts SET escalated_at = now() WHERE state = 'unknown'")

        assert facts(*by_hand, env=env, cwd=tmp_path) == []
        (payment,) = await client.rows(
            "SELECT status, fail_code FROM payments WHERE merchant_uid = 'order-1'"
        )

    assert (payment["status"], payment["fail_code"]) == ("failed", "MANUALLY_RESOLVED")


@pytest.mark.parametrize(
    "options",
    [
        ("--not-approved", "--reason", "no attempt named"),
        ("ch-1", "--reason", "neither approved nor not"),
        ("ch-1", "--approved", "26090310154110700102"),
        ("ch-1", "--approved", "1", "--not-approved", "--reason", "both"),
    ],
)
def test_contradictory_options_of_resolve_are_refused(
    options: tuple[str, ...], env: dict[str, str], tmp_path: Path
) -> None:
    assert dasi("payments", "resolve", *options, env=env, cwd=tmp_path).returncode == 2
