"""Setting up by commands: facts for people and scripts, secrets once, trouble in three parts."""

import json
from pathlib import Path

import pytest

from dasi.foundation.vault import new_key
from support.dasi_program import dasi, facts

MERCHANT = ("merchant", "add", "--code", "imp00000001", "--name", "다시 상점")
CHANNEL = ("channel", "add", "--merchant", "imp00000001", "--provider", "kicc")
SANDBOX = ("--mid", "T0021766", "--mode", "test", "--default")


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    return {
        "DASI_DATABASE_URL": database_url,
        "DASI_VAULT_KEYS": new_key(),
        "DASI_PUBLIC_URL": "https://pay.shop.example",
    }


def parts(stderr: str) -> list[str]:
    """The labels of the three parts, in order."""
    labels = ("What happened:", "Cause:", "Fix:")
    return [label for line in stderr.splitlines() for label in labels if line.startswith(label)]


def has_three_parts(stderr: str) -> bool:
    return parts(stderr) == ["What happened:", "Cause:", "Fix:"]


def test_merchant_is_added_with_given_keys_and_listed(env: dict[str, str], tmp_path: Path):
    added = facts(
        *MERCHANT, "--api-key", "1234567890123456", "--api-secret", "s" * 80, env=env, cwd=tmp_path
    )
    assert added["code"] == "imp00000001"
    assert (added["api_key"], added["api_secret"]) == ("1234567890123456", "s" * 80)
    (listed,) = facts("merchant", "list", env=env, cwd=tmp_path)
    assert listed["name"] == "다시 상점"
    assert "s" * 80 not in json.dumps(listed)


def test_keys_left_out_are_made_and_shown_once(env: dict[str, str], tmp_path: Path):
    done = dasi(*MERCHANT, env=env, cwd=tmp_path)
    assert done.returncode == 0
    assert "api secret" in done.stdout
    assert "shown this once" in done.stderr


def test_merchant_code_in_use_is_refused(env: dict[str, str], tmp_path: Path):
    facts(*MERCHANT, env=env, cwd=tmp_path)
    done = dasi(*MERCHANT, env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert has_three_parts(done.stderr)
    assert "There is a merchant imp00000001 already." in done.stderr


@pytest.mark.parametrize(
    "bad", [("--api-key", "a b"), ("--api-secret", "x"), ("--api-key", "used")]
)
def test_merchant_with_a_bad_key_is_not_added(
    env: dict[str, str], tmp_path: Path, bad: tuple[str, str]
):
    other = ("merchant", "add", "--code", "imp00000002", "--name", "다른 상점")
    facts(*other, "--api-key", "used", env=env, cwd=tmp_path)

    refused = dasi(*MERCHANT, *bad, env=env, cwd=tmp_path)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert has_three_parts(refused.stderr)
    codes = [row["code"] for row in facts("merchant", "list", env=env, cwd=tmp_path)]
    assert codes == ["imp00000002"], "nothing was changed, as the message says"
    assert facts(*MERCHANT, env=env, cwd=tmp_path)["code"] == "imp00000001"


def test_a_day_at_the_end_of_the_calendar_is_wrong_usage(env: dict[str, str], tmp_path: Path):
    for day in ("9999-12-31", "0001-01-01"):
        done = dasi("schedules", "--on", day, env=env, cwd=tmp_path)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert "2026-12-01" in done.stderr


def test_api_secret_too_short_names_option_and_rule(env: dict[str, str], tmp_path: Path):
    facts(*MERCHANT, env=env, cwd=tmp_path)
    done = dasi(
        "key", "add", "--merchant", "imp00000001", "--api-secret", "x", env=env, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "--api-secret cannot be used." in done.stderr
    assert "characters" in done.stderr


def test_key_is_added_rotated_and_revoked(env: dict[str, str], tmp_path: Path):
    facts(*MERCHANT, env=env, cwd=tmp_path)
    owner = ("--merchant", "imp00000001")
    old = facts("key", "add", *owner, env=env, cwd=tmp_path)["api_key"]
    rotated = facts(
        "key",
        "rotate",
        *owner,
        "--api-key",
        old,
        "--keep-old-for",
        "30m",
        "--yes",
        env=env,
        cwd=tmp_path,
    )
    assert rotated["old_api_key"] == old != rotated["api_key"]
    revoked = facts("key", "revoke", *owner, "--api-key", old, "--yes", env=env, cwd=tmp_path)
    assert revoked["revoked_api_key"] == old
    again = dasi("key", "revoke", *owner, "--api-key", old, "--yes", env=env, cwd=tmp_path)
    assert again.returncode == 1
    assert f"no API key {old}" in again.stderr


def test_time_that_is_none_is_wrong_usage(env: dict[str, str], tmp_path: Path):
    done = dasi(
        *("key", "rotate", "--merchant", "imp00000001", "--api-key", "k", "--yes"),
        *("--keep-old-for", "soon"),
        env=env,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "--keep-old-for" in done.stderr


def test_channel_secret_is_read_from_standard_input_and_never_shown(
    env: dict[str, str], tmp_path: Path
):
    facts(*MERCHANT, env=env, cwd=tmp_path)
    done = dasi(
        *(*CHANNEL, *SANDBOX, "--secret", "-", "--json"),
        env=env,
        stdin="easypay!KICCTEST\n",
        cwd=tmp_path,
    )
    added = json.loads(done.stdout)
    assert (added["pg"], added["mode"]) == ("kicc.T0021766", "test")
    assert "easypay" not in done.stdout + done.stderr
    (listed,) = facts("channel", "list", "--merchant", "imp00000001", env=env, cwd=tmp_path)
    assert listed["channel_key"] == added["channel_key"]


def test_channel_says_itself_whether_money_is_real(env: dict[str, str], tmp_path: Path):
    done = dasi(*CHANNEL, "--mid", "T1", "--secret", "s", env=env, cwd=tmp_path)
    assert done.returncode == 2
    assert "--mode" in done.stderr


def test_live_channel_is_the_default_and_test_windows_have_an_end(
    env: dict[str, str], tmp_path: Path
):
    facts(*MERCHANT, env=env, cwd=tmp_path)
    facts(*CHANNEL, *SANDBOX, "--secret", "easypay!KICCTEST", env=env, cwd=tmp_path)
    live = (*CHANNEL, "--mode", "live", "--default", "--mid")
    done = dasi(*live, "T5102001", "--secret", "s", env=env, cwd=tmp_path)
    assert (done.returncode, "T5102001" in done.stderr) == (1, True)

    added = facts(*live, "05700001", "--secret", "live secret", env=env, cwd=tmp_path)

    assert (added["mode"], added["is_default"]) == ("live", True)
    windows = ("merchant", "test-windows", "--code", "imp00000001")
    allowed = facts(*windows, "--for", "2h", env=env, cwd=tmp_path)
    assert allowed["live_since"] < allowed["test_windows_until"]
    assert facts(*windows, env=env, cwd=tmp_path)["test_windows_until"] is None
    assert dasi(*windows, "--for", "8d", env=env, cwd=tmp_path).returncode == 1


@pytest.mark.parametrize(
    ("public_url", "reason"),
    [
        ("", "this machine only"),
        ("http://pay.shop.example", "is not https"),
        ("https://localhost", "this machine only"),
    ],
)
def test_live_channel_needs_the_public_url_of_the_service(
    env: dict[str, str], tmp_path: Path, public_url: str, reason: str
):
    facts(*MERCHANT, env=env, cwd=tmp_path)
    live = (*CHANNEL, "--mid", "05700001", "--secret", "live secret", "--mode", "live")
    (tmp_path / "dasi.env").write_text("\n".join(f"{name}={env[name]}" for name in env))

    done = dasi(*live, env=env | {"DASI_PUBLIC_URL": public_url}, cwd=tmp_path)

    assert (done.returncode, has_three_parts(done.stderr)) == (1, True)
    assert reason in done.stderr
    assert "dasi --env-file FILE" in done.stderr
    named = dasi("--env-file", "dasi.env", *live, cwd=tmp_path)
    assert named.returncode == 0, named.stderr


def test_the_environment_comes_before_the_file_and_says_so(env: dict[str, str], tmp_path: Path):
    lines = [f"{name}={env[name]}" for name in env if name != "DASI_DATABASE_URL"]
    lines.append("DASI_DATABASE_URL_FILE=database-url")
    (tmp_path / "dasi.env").write_text("\n".join([*lines, "DASI_LOG_FORMAT=text"]))
    (tmp_path / "database-url").write_text(env["DASI_DATABASE_URL"])
    file = ("--env-file", "dasi.env")

    added = dasi(*file, *MERCHANT, "--json", env={"DASI_LOG_FORMAT": "json"}, cwd=tmp_path)

    assert added.returncode == 0, added.stderr
    assert "comes before dasi.env: DASI_LOG_FORMAT." in " ".join(added.stderr.split())
    assert json.loads(dasi(*file, "merchant", "list", "--json", cwd=tmp_path).stdout)
    absent = dasi("--env-file", "none.env", "merchant", "list", cwd=tmp_path)
    assert (absent.returncode, has_three_parts(absent.stderr)) == (1, True)


def test_unknown_merchant_is_refused_by_name(env: dict[str, str], tmp_path: Path):
    done = dasi("channel", "list", "--merchant", "nobody", env=env, cwd=tmp_path)
    assert done.returncode == 1
    assert "There is no merchant nobody." in done.stderr


def test_without_a_database_the_error_names_the_ways_to_one(tmp_path: Path):
    done = dasi("merchant", "list", cwd=tmp_path)
    assert done.returncode == 1
    assert has_three_parts(done.stderr)
    assert "dasi up" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_setting_that_cannot_be_used_stops_the_command(env: dict[str, str], tmp_path: Path):
    done = dasi("merchant", "list", env=env | {"DASI_VAULT_KEYS": "hush-hush"}, cwd=tmp_path)
    assert done.returncode == 1
    assert "DASI_VAULT_KEYS cannot be used" in done.stderr
    assert "hush" not in done.stderr


def test_unreachable_database_is_an_error_without_its_password(env: dict[str, str], tmp_path: Path):
    url = "postgresql://dasi:hush-hush@127.0.0.1:1/dasi"
    done = dasi("merchant", "list", env=env | {"DASI_DATABASE_URL": url}, cwd=tmp_path)
    assert done.returncode == 1
    assert has_three_parts(done.stderr)
    assert "hush" not in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_database_name_is_an_error(env: dict[str, str], tmp_path: Path):
    url = env["DASI_DATABASE_URL"].replace("/test_", "/absent_")
    done = dasi("migrate", env=env | {"DASI_DATABASE_URL": url}, cwd=tmp_path)
    assert done.returncode == 1
    assert has_three_parts(done.stderr)
    assert "does not exist" in done.stderr


def test_channels_are_put_in_their_places(env: dict[str, str], tmp_path: Path):
    here = ("--merchant", "imp00000001", "--mid")
    facts(*MERCHANT, env=env, cwd=tmp_path)
    add = (*CHANNEL, "--secret", "s", "--mode", "test", "--quota-months-max", "6", "--mid")
    assert facts(*add, "T1", env=env, cwd=tmp_path)["quota_months_max"] == 6
    facts(*add, "T2", env=env, cwd=tmp_path)
    refused = dasi("channel", "disable", *here, "T1", env=env, cwd=tmp_path)
    assert refused.returncode == 1
    assert has_three_parts(refused.stderr)
    assert facts("channel", "default", *here, "T2", env=env, cwd=tmp_path)["is_default"]
    assert facts("channel", "disable", *here, "T1", env=env, cwd=tmp_path)["disabled_at"]
    enabled = facts("channel", "enable", *here, "T1", env=env, cwd=tmp_path)
    assert (enabled["disabled_at"], enabled["is_default"]) == (None, False)
    unknown = dasi("channel", "enable", *here, "T9", env=env, cwd=tmp_path)
    assert "T9" in unknown.stderr
    assert has_three_parts(unknown.stderr)
