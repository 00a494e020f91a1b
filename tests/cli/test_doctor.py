"""`dasi doctor`: every line is right, says the way out, and exit code 1 means that one fails."""

import asyncio
import json
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dasi.backup_folder import Backup, write_backup
from dasi.doctor import check_backups, check_disks
from dasi.doctor.findings import MESSAGES
from dasi.doctor.public_url import judge_proxy
from dasi.foundation.db import Database
from dasi.foundation.vault import Vault, new_key, parse_keys
from dasi.readiness import (
    SELF_TEST_HEADER,
    SELF_TEST_PATH,
    RequestView,
    new_question,
    open_answer,
)
from dasi.settings import read_settings
from support.dasi_program import dasi
from support.gateway_merchant import VAULT_KEY, MerchantClient, environment, running_gateway
from support.proxies import needs_program, running_proxy
from support.simulator_process import SimulatorControl


@pytest.fixture
def env(gateway: MerchantClient, database_url: str, kicc: SimulatorControl) -> dict[str, str]:
    return environment(database_url, kicc_url=kicc.base_url, public_url=gateway.url)


def examine(env: dict[str, str], cwd: Path, *more: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit code and findings by reason."""
    done = dasi("doctor", *more, "--json", env=env, cwd=cwd)
    assert done.stdout, done.stderr
    return done.returncode, {finding["reason"]: finding for finding in json.loads(done.stdout)}


async def test_a_sound_installation_has_no_failure(env: dict[str, str], tmp_path: Path) -> None:
    code, findings = await asyncio.to_thread(examine, env, tmp_path)

    assert code == 0, findings
    assert {
        "database_ok",
        "schema_ok",
        "clock_ok",
        "standbys_ok",
        "sealing_keys_ok",
        "public_url_ok",
        "proxy_none",
        "pg_ok",
        "pg_unused_unreachable",
        "wal_not_archived",
    } <= set(findings)
    assert findings["public_url_ok"]["facts"]["url"] == env["DASI_PUBLIC_URL"]
    shown = await asyncio.to_thread(dasi, "doctor", "--lang", "ko", env=env, cwd=tmp_path)
    lines = shown.stdout.splitlines()
    assert len(lines) == len(findings)
    assert lines[0].split(maxsplit=2) == ["ok", "database", "쓰기가 됩니다."]
    assert any(line.startswith("warn") and " → " in line for line in lines)
    korean = await asyncio.to_thread(
        dasi, "doctor", env=env | {"LC_ALL": "ko_KR.UTF-8"}, cwd=tmp_path
    )
    assert "쓰기가 됩니다." in korean.stdout


async def test_every_failure_is_named_and_the_rest_is_checked_still(
    env: dict[str, str], tmp_path: Path
) -> None:
    wrong = env | {
        "DASI_DATABASE_URL": "postgresql://dasi:hush@127.0.0.1:1/dasi",
        "DASI_KICC_SANDBOX_URL": "http://127.0.0.1:1",
        "DASI_PUBLIC_URL": "http://127.0.0.1:1",
    }
    done = await asyncio.to_thread(dasi, "doctor", "--json", env=wrong, cwd=tmp_path)
    reasons = {finding["reason"] for finding in json.loads(done.stdout)}

    assert done.returncode == 1
    assert {"database_unable", "public_url_unreachable", "pg_unreachable"} <= reasons
    assert any(reason.startswith("disk_") for reason in reasons)
    assert "hush" not in done.stdout + done.stderr


async def test_other_sealing_keys_and_an_older_schema_fail(
    env: dict[str, str], owner: Database, tmp_path: Path
) -> None:
    assert (await asyncio.to_thread(examine, env, tmp_path))[0] == 0
    code, findings = await asyncio.to_thread(
        examine, env | {"DASI_VAULT_KEYS": new_key()}, tmp_path
    )
    assert (code, findings["public_url_foreign"]["facts"]["status"]) == (1, "404")
    assert "sealing_keys_unable" in findings
    await owner.fetch("DELETE FROM schema_migrations WHERE number = 1")

    code, findings = await asyncio.to_thread(examine, env, tmp_path)

    assert code == 1
    assert "dasi migrate" in findings["schema_wrong"]["fix"]
    assert "public_url_ok" in findings, "the rest is checked still"


def _proxied(
    proxy_url: str, env: dict[str, str], certificate: Path, trusted: str
) -> dict[str, str]:
    return env | {
        "DASI_PUBLIC_URL": proxy_url,
        "DASI_TRUSTED_PROXIES": trusted,
        "DASI_KICC_LIVE_URL": "https://pg.invalid",  # no rehearsal
        "SSL_CERT_FILE": str(certificate),
    }


@needs_program("nginx")
@pytest.mark.parametrize(("trusted", "reason"), [("127.0.0.1", "proxy_local"), ("", "untrusted")])
async def test_through_a_proxy_with_tls(
    database_url: str, kicc: SimulatorControl, tmp_path: Path, trusted: str, reason: str
) -> None:
    settings = {"DASI_TRUSTED_PROXIES": trusted or "none"}
    async with running_gateway(database_url, kicc, **settings) as client:
        env = environment(database_url, kicc_url=kicc.base_url, public_url=client.url)
        with running_proxy("nginx", client.url, header="x-forwarded-for") as proxy:
            here = _proxied(proxy.url, env, proxy.certificate, trusted or "none")
            code, findings = await asyncio.to_thread(examine, here, tmp_path)
            (tmp_path / "none.pem").write_text("")
            blind = here | {"SSL_CERT_FILE": str(tmp_path / "none.pem")}
            _, unknown = await asyncio.to_thread(examine, blind, tmp_path)
    assert "certificate_ending" in findings, "it ends tomorrow"
    assert "public_url_ok" in findings, findings["public_url_unreachable"]
    assert "public_url_on_loopback" in findings
    assert findings["public_url_differs"]["facts"]["running"] == client.url
    assert ("proxy_local" in findings) == (reason == "proxy_local")
    assert ("proxy_untrusted" in findings) == (reason == "untrusted")
    assert (code == 1) == (reason == "untrusted"), findings
    assert "certificate" in unknown["public_url_unreachable"]["text"].lower()


@pytest.mark.parametrize(
    ("url", "seen", "reasons"),
    [
        ("https://pay.example", {"forwarded": "192.0.2.77, 203.0.113.9"}, ["proxy_ok"]),
        ("https://pay.example", {"forwarded": "203.0.113.9"}, ["proxy_ok"]),
        ("https://pay.example", {"forwarded": "192.0.2.77"}, ["proxy_passes_on"]),
        ("https://pay.example", {"forwarded": ""}, ["proxy_silent"]),
        ("https://pay.example", {"peer": "10.9.9.9"}, ["proxy_untrusted"]),
        ("https://pay.example", {"scheme": "http"}, ["proxy_ok", "proxy_scheme"]),
        ("https://pay.example", {"client": "192.0.2.77"}, ["proxy_local"]),
        ("http://pay.example", {"peer": "203.0.113.9", "forwarded": "192.0.2.77"}, ["proxy_none"]),
        ("http://pay.example", {"peer": "10.9.9.9"}, ["proxy_untrusted"]),
    ],
)
def test_what_the_gateway_sees_through_proxies_is_judged(
    url: str, seen: dict[str, str], reasons: list[str]
) -> None:
    settings = read_settings(
        {
            "DASI_DATABASE_URL": "postgresql://db/dasi",
            "DASI_VAULT_KEYS": VAULT_KEY,
            "DASI_PUBLIC_URL": url,
            "DASI_TRUSTED_PROXIES": "10.0.0.1",
        }
    )
    usual = {
        "version": "1",
        "public_url": url,
        "peer": "10.0.0.1",
        "client": "203.0.113.9",
        "scheme": "https",
        "forwarded_header": "x-forwarded-for",
        "forwarded": "192.0.2.77, 203.0.113.9",
    }
    findings = judge_proxy(RequestView(**(usual | seen)), settings)
    assert [finding.reason for finding in findings] == reasons


@pytest.mark.parametrize("asker", ["nobody", "other keys", "an hour ago", "garbage"])
async def test_the_gateway_answers_only_its_own_installation(
    gateway: MerchantClient, asker: str
) -> None:
    now, vault = datetime.now(UTC), Vault(parse_keys(VAULT_KEY))
    question = {
        "nobody": "",
        "other keys": new_question(Vault(parse_keys(new_key())), now=now)[1],
        "an hour ago": new_question(vault, now=now - timedelta(hours=1))[1],
        "garbage": "a.b.c",
    }[asker]
    url = f"{gateway.url}{SELF_TEST_PATH}"
    async with gateway.http.get(url, headers={SELF_TEST_HEADER: question}) as answer:
        assert answer.status == 404
    nonce, question = new_question(vault, now=now)
    async with gateway.http.get(url, headers={SELF_TEST_HEADER: question}) as answer:
        body = await answer.text()
    assert "127.0.0.1" not in body, "only the holder of the keys reads the answer"
    view = open_answer(vault, nonce, body)
    assert view is not None
    assert (view.peer, view.client) == ("127.0.0.1", "127.0.0.1")
    assert open_answer(vault, "another nonce", body) is None


def _backup(folder: Path, *, ended_at: datetime) -> None:
    made = folder / f"{ended_at:%Y%m%dT%H%M%SZ}"
    made.mkdir()
    write_backup(
        made,
        Backup(
            name=made.name,
            began_at=ended_at,
            ended_at=ended_at,
            bytes=1,
            system_identifier="1",
            postgresql=18,
            dasi="0.1.0",
            installation_id="1",
            sealing_key_ids=(),
            first_wal="0" * 24,
            is_ledger_verified=True,
        ),
    )


@pytest.mark.parametrize(
    ("age_h", "reason"), [(None, "backups_none"), (25, "backups_ok"), (40, "backups_old")]
)
async def test_the_newest_backup_has_an_age(tmp_path: Path, age_h: int | None, reason: str) -> None:
    now = datetime.now(UTC)
    if age_h is not None:
        _backup(tmp_path, ended_at=now - timedelta(hours=age_h))
        _backup(tmp_path, ended_at=now - timedelta(hours=99))
    (finding,) = await check_backups(None, folder=tmp_path, is_embedded=True, now=now)
    assert (finding.reason, finding.facts.get("hours")) == (reason, age_h)


def test_a_folder_that_is_not_there_fails(tmp_path: Path) -> None:
    (finding,) = check_disks([tmp_path / "none"])
    assert (finding.status, finding.reason) == ("fail", "disk_unable")
    (finding,) = check_disks([tmp_path, tmp_path])
    assert finding.reason in ("disk_ok", "disk_low")


@pytest.mark.parametrize("reason", MESSAGES)
def test_both_languages_say_the_same_and_what_is_wrong_has_a_way_out(reason: str) -> None:
    message = MESSAGES[reason]

    def blanks(text: str) -> set[str | None]:
        return {field for _, field, _, _ in string.Formatter().parse(text) if field}

    assert blanks(message.en) == blanks(message.ko)
    assert blanks(message.en_fix) == blanks(message.ko_fix)
    assert bool(message.en_fix) == bool(message.ko_fix) == (message.status != "ok")
