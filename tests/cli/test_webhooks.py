"""`dasi webhooks` as people run it."""

import asyncio
from pathlib import Path

import pytest

from dasi.foundation.vault import new_key
from support.dasi_program import dasi, facts
from support.webhook_endpoint import receiving

CODE = "imp00000001"


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    return {"DASI_DATABASE_URL": database_url, "DASI_VAULT_KEYS": new_key()}


def test_extended_events_can_be_switched_on_and_off(env: dict[str, str], tmp_path: Path):
    facts("merchant", "add", "--code", CODE, "--name", "x", env=env, cwd=tmp_path)

    def more(*turn: str) -> object:
        shown = facts(
            "webhooks", "extended-events", "--merchant", CODE, *turn, env=env, cwd=tmp_path
        )
        return shown["extended_events"]

    assert more() is False
    assert more("--enable") is True
    assert more() is True
    assert more("--disable") is False


def test_more_of_an_unknown_merchant_is_refused(env: dict[str, str], tmp_path: Path):
    done = dasi("webhooks", "extended-events", "--merchant", "nobody", env=env, cwd=tmp_path)
    assert done.returncode == 1
    assert "There is no merchant nobody." in done.stderr


def test_merchant_changes_its_addresses_one_by_one(env: dict[str, str], tmp_path: Path):
    facts("merchant", "add", "--code", CODE, "--name", "x", env=env, cwd=tmp_path)

    def change(*options: str) -> dict[str, object]:
        merchant = facts("merchant", "change", "--code", CODE, *options, env=env, cwd=tmp_path)
        names = ("webhook_url", "test_webhook_url", "webhook_content_type")
        return {name: merchant[name] for name in names}

    live, test = "https://shop.example/live", "https://shop.example/test"
    change("--webhook-url", live)
    both = {"webhook_url": live, "test_webhook_url": test, "webhook_content_type": "json"}
    assert change("--test-webhook-url", test) == both
    assert change("--webhook-content-type", "form") == {**both, "webhook_content_type": "form"}
    assert change("--test-webhook-url", "")["test_webhook_url"] is None
    bad = dasi("merchant", "change", "--code", CODE, "--webhook-url", "x", env=env, cwd=tmp_path)
    assert bad.returncode == 1
    assert "--webhook-url cannot be used." in bad.stderr


def test_merchant_changes_what_its_pages_may_decide(env: dict[str, str], tmp_path: Path):
    facts("merchant", "add", "--code", CODE, "--name", "x", env=env, cwd=tmp_path)

    def change(*options: str) -> tuple[object, ...]:
        merchant = facts("merchant", "change", "--code", CODE, *options, env=env, cwd=tmp_path)
        names = ("return_to", "require_registered_windows", "replaced_key_days")
        return tuple(merchant[name] for name in names)

    assert change() == (None, False, 7)
    assert change("--return-to", "https://Shop.example/x, myapp://,, MyApp:") == (
        "shop.example, myapp:",
        False,
        7,
    )
    assert change("--require-registered-windows") == ("shop.example, myapp:", True, 7)
    assert change("--replaced-key-days", "0", "--return-to", "") == (None, True, 0)
    for option, value in (
        ("--return-to", "javascript:"),
        ("--return-to", "shop.example/done"),
        ("--return-to", "쇼핑.example"),
        ("--replaced-key-days", "91"),
    ):
        bad = dasi("merchant", "change", "--code", CODE, option, value, env=env, cwd=tmp_path)
        assert bad.returncode == 1, (option, value)
        assert f"{option} cannot be used." in bad.stderr
    assert change() == (None, True, 0), "nothing was changed"


async def test_a_test_event_is_sent_and_its_answer_printed(env: dict[str, str], tmp_path: Path):
    async with receiving() as endpoint:
        url = f"{endpoint.url}/hooks"
        local = {**env, "DASI_ALLOW_LOCAL_WEBHOOKS": "on"}
        add = ("merchant", "add", "--code", CODE, "--name", "x", "--webhook-url", url)
        facts(*add, env=env, cwd=tmp_path)
        send = ("webhooks", "test", "--merchant", CODE)
        sent = await asyncio.to_thread(facts, *send, env=local, cwd=tmp_path)
        refused = await asyncio.to_thread(dasi, *send, env=env, cwd=tmp_path)
        assert (sent["url"], sent["status"], sent["request"]) == (
            url,
            200,
            endpoint.posts[0].body.decode(),
        )
        assert refused.returncode == 1
        assert "not a public address" in refused.stdout
        assert len(endpoint.posts) == 1


def test_endpoint_is_held_back_and_let_go(env: dict[str, str], tmp_path: Path):
    facts("merchant", "add", "--code", CODE, "--name", "x", env=env, cwd=tmp_path)
    endpoints = ("webhooks", "endpoints", "--merchant", CODE)
    url = "https://shop.example:8443/x"
    (endpoint,) = facts(*endpoints, "--pause", url, env=env, cwd=tmp_path)
    assert (endpoint["url"], endpoint["waiting"]) == (url, 0)
    assert endpoint["paused_since"]
    resumed = facts(*endpoints, "--resume", url, env=env, cwd=tmp_path)
    assert resumed == {"resumed": url, "deliveries_pending": 0}
    again = dasi(*endpoints, "--resume", url, env=env, cwd=tmp_path)
    assert f"No endpoint {url} of this merchant is failing" in again.stderr
    host = dasi(*endpoints, "--pause", "shop.example", env=env, cwd=tmp_path)
    assert (host.returncode, "--endpoint cannot be used." in host.stderr) == (1, True)
    nowhere = dasi("webhooks", "test", "--merchant", CODE, env=env, cwd=tmp_path)
    assert f"`dasi merchant change --code {CODE} --webhook-url URL`" in nowhere.stderr
