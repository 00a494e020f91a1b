"""Settings: read once, refused by name, documented one by one."""

import base64
from pathlib import Path

import pytest

from dasi.foundation.errors import OperatorError
from dasi.settings import read_settings, unknown_names
from dasi.settings.environment import SETTINGS
from dasi.settings.settings import KICC_LIVE_URL

KEY = base64.b64encode(b"k" * 32).decode()
SECRETS = [setting for setting in SETTINGS if setting.is_secret]
LEAST = {"DASI_DATABASE_URL": "postgresql://dasi:hush@db/dasi", "DASI_VAULT_KEYS": KEY}
REFERENCE = Path(__file__).parents[2] / "docs/reference/settings.md"


def test_least_environment_gives_every_default():
    settings = read_settings(LEAST)
    assert settings.vault_keys == (b"k" * 32,)
    assert settings.kicc_live_url == KICC_LIVE_URL
    assert settings.window_ttl_s == 3600
    assert settings.max_body_bytes == 1024 * 1024
    assert settings.allow_local_webhooks is False


def test_nothing_is_erased_or_published_by_default():
    settings = read_settings(LEAST)
    assert settings.buyer_retention_days is None
    assert settings.security_contact == ""
    kept = read_settings(LEAST | {"DASI_BUYER_RETENTION_DAYS": "1827"})
    assert kept.buyer_retention_days == 1827


def test_empty_variable_counts_as_unset():
    assert read_settings(LEAST | {"DASI_WINDOW_TTL_S": " "}).window_ttl_s == 3600


@pytest.mark.parametrize("name", LEAST)
def test_required_value_missing_is_named_with_a_way_out(name: str):
    with pytest.raises(OperatorError, match=f"{name} is not set") as refused:
        read_settings({other: value for other, value in LEAST.items() if other != name})
    assert "dasi up" in refused.value.hint


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("DASI_DATABASE_URL", "mysql://db/dasi", "postgresql://"),
        ("DASI_DATABASE_POOL_SIZE", "1", "from 2 to 500"),
        ("DASI_DATABASE_POOL_SIZE", "many", "a whole number"),
        ("DASI_STATEMENT_TIMEOUT_S", "1.5", "a whole number"),
        ("DASI_PUBLIC_URL", "pay.example.com", "begins with http"),
        ("DASI_PUBLIC_URL", "https://pay.example.com/?a=1", "without user, query or fragment"),
        ("DASI_PUBLIC_URL", "https://pay.example.com:99999", "begins with http"),
        ("DASI_VAULT_KEYS", "short", "base64 keys of 32 bytes"),
        ("DASI_KICC_LIVE_URL", "http://pgapi.easypay.co.kr", "begins with https://"),
        ("DASI_ALLOW_LOCAL_WEBHOOKS", "maybe", "on or off"),
        ("DASI_WINDOW_TTL_S", "59", "from 60"),
        ("DASI_MAX_BODY_BYTES", "-1", "from 16384"),
        ("DASI_BUYER_RETENTION_DAYS", "29", "from 30"),
        ("DASI_SECURITY_CONTACT", "security@shop.example", "mailto:"),
        ("DASI_SECURITY_CONTACT", "mailto:a@b.example\nExpires: never", "mailto:"),
        ("DASI_LOG_LEVEL", "loud", "one of debug"),
        ("DASI_LOG_FORMAT", "xml", "one of auto"),
    ],
)
def test_wrong_value_is_refused_with_variable_rule_and_way_out(name: str, text: str, rule: str):
    with pytest.raises(OperatorError) as refused:
        read_settings(LEAST | {name: text})
    assert name in refused.value.problem
    assert rule in refused.value.cause
    assert name in refused.value.hint


@pytest.mark.parametrize("setting", SECRETS, ids=lambda setting: setting.name)
def test_wrong_secret_is_not_shown(setting):
    with pytest.raises(OperatorError) as refused:
        read_settings(LEAST | {setting.name: "hush\x7fhush"})
    assert "hush" not in str(refused.value)


def test_settings_do_not_print_their_secrets():
    shown = repr(read_settings(LEAST))
    assert "hush" not in shown
    assert "kkk" not in shown


def test_several_hosts_are_one_database_url():
    url = "postgresql://dasi@a,b/dasi?target_session_attrs=read-write"
    assert read_settings(LEAST | {"DASI_DATABASE_URL": url}).database_url == url


def test_slip_of_the_pen_is_found():
    assert unknown_names({"DASI_VAULT_KEY": "x", "PATH": "/bin"} | LEAST) == ("DASI_VAULT_KEY",)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_reference_has_the_row_of_every_setting(setting):
    default = f"`{setting.default}`" if setting.default else "required"
    row = f"| `{setting.name}` | {default} | {setting.unit} | {setting.sentence} |"
    assert row in REFERENCE.read_text(encoding="utf-8").splitlines()
