"""People of the console from the command line."""

from pathlib import Path

import pytest

from dasi.foundation.vault import new_key
from support.dasi_program import dasi, facts

PASSWORD = "a long password"


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    return {"DASI_DATABASE_URL": database_url, "DASI_VAULT_KEYS": new_key()}


def test_an_owner_is_added_and_listed(env: dict[str, str], tmp_path: Path) -> None:
    options = ("--email", "Kim@Shop.example", "--name", "Kim", "--password", PASSWORD)
    added = facts("user", "add", *options, env=env, cwd=tmp_path)
    assert (added["email"], added["role"]) == ("kim@shop.example", "owner")
    (listed,) = facts("user", "list", env=env, cwd=tmp_path)
    assert (listed["email"], listed["role"]) == ("kim@shop.example", "owner")
    assert PASSWORD not in str(listed)


def test_a_weak_password_and_a_role_without_a_shop_are_refused(
    env: dict[str, str], tmp_path: Path
) -> None:
    command = ("user", "add", "--email", "kim@shop.example", "--name", "Kim")
    weak = dasi(*command, "--password", "short", env=env, cwd=tmp_path)
    assert weak.returncode == 1
    assert "--password cannot be used" in weak.stderr
    homeless = dasi(*command, "--password", PASSWORD, "--role", "operator", env=env, cwd=tmp_path)
    assert homeless.returncode == 1
    assert "--role cannot be used" in homeless.stderr
    assert facts("user", "list", env=env, cwd=tmp_path) == []


def test_users_are_disabled_and_demoted_but_never_the_last_owner(
    env: dict[str, str], tmp_path: Path
) -> None:
    def user(*arguments: str) -> dict[str, object]:
        return facts("user", *arguments, env=env, cwd=tmp_path)

    kim, lee = ("--email", "kim@shop.example"), ("--email", "lee@shop.example")
    merchant = ("--merchant", "imp00000001")
    facts("merchant", "add", "--code", merchant[1], "--name", "Shop", env=env, cwd=tmp_path)
    for email in (kim, lee):
        user("add", *email, "--name", "Name", "--password", PASSWORD)
    assert user("role", *lee, "--role", "admin", *merchant)["role"] == "admin"
    for refused in (
        dasi("user", "disable", *kim, "--yes", env=env, cwd=tmp_path),
        dasi("user", "role", *kim, "--role", "admin", *merchant, env=env, cwd=tmp_path),
    ):
        assert refused.returncode == 1
        assert "the last owner" in refused.stderr
    assert user("disable", *lee, "--yes")["disabled"] is True
    listed = facts("user", "list", env=env, cwd=tmp_path)
    assert [row["disabled"] for row in listed] == [False, True]
    assert user("enable", *lee)["disabled"] is False
    assert user("role", *lee, "--role", "owner")["role"] == "owner"
    assert user("disable", *kim, "--yes")["disabled"] is True
    assert facts("user", "invitations", *merchant, env=env, cwd=tmp_path) == []
    withdrawn = dasi("user", "invitations", *merchant, "--withdraw", "x@y", env=env, cwd=tmp_path)
    assert withdrawn.returncode == 1
