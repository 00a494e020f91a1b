"""Commands that cannot be undone state what they do, and do it after a yes only."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from dasi.foundation.vault import new_key
from support.dasi_program import DASI, ENV, PATIENCE_S, dasi, facts

OWNER = ("--merchant", "imp00000001")
KEY = ("--api-key", "1234567890123456")
PASSWORD = "a long sentence of mine"
PAUSE = ("schedules", "pause")


@pytest.fixture
def env(database_url: str, tmp_path: Path) -> dict[str, str]:
    """An installation with one merchant and one user."""
    variables = {"DASI_DATABASE_URL": database_url, "DASI_VAULT_KEYS": new_key()}
    merchant = ("merchant", "add", "--code", OWNER[1], "--name", "shop", *KEY)
    facts(*merchant, "--api-secret", "s" * 80, env=variables, cwd=tmp_path)
    for email in ("kim@shop.example", "lee@shop.example"):
        user = ("user", "add", "--email", email, "--name", email[:3])
        added = dasi(*user, stdin=f"{PASSWORD}\n", env=variables, cwd=tmp_path)
        assert added.returncode == 0, added.stderr
    return variables


def on_a_terminal(
    *arguments: str, answer: str, env: dict[str, str], cwd: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command whose standard input is a terminal, and type an answer there."""
    keyboard, terminal = pty.openpty()
    try:
        os.write(keyboard, f"{answer}\n".encode())
        return subprocess.run(
            [*DASI, *arguments],
            env={**ENV, **env},
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            cwd=cwd,
        )
    finally:
        os.close(keyboard)
        os.close(terminal)


@pytest.mark.parametrize(
    ("command", "consequence"),
    [
        ((*PAUSE, *OWNER), "0 scheduled payments (0 won) of imp00000001"),
        (PAUSE, "of ALL merchants"),
        (
            ("schedules", "resume"),
            "This charges at once what is overdue: 0 scheduled payments (0 won) of ALL merchants",
        ),
        (("key", "revoke", *OWNER, *KEY), "1234567890123456 of shop are refused"),
        (("key", "rotate", *OWNER, *KEY), "In 24h, requests"),
        (("webhooks", "secret", *OWNER, "--rotate"), "signed with the new secret"),
        (("user", "disable", "--email", "lee@shop.example"), "lee is signed out"),
        (
            ("payments", "resolve", "ch-1", "--not-approved", "--reason", "no order"),
            "can be charged again",
        ),
        (("recover", "--mode", "normal", "--reason", "tired"), "sent without a lookup"),
    ],
)
def test_without_a_terminal_nothing_is_done_and_the_way_out_is_named(
    command: tuple[str, ...], consequence: str, env: dict[str, str], tmp_path: Path
) -> None:
    refused = dasi(*command, env=env, cwd=tmp_path)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert "Nothing was done." in refused.stderr
    assert consequence in " ".join(refused.stderr.split())
    assert "Add --yes" in refused.stderr


def test_refusal_at_the_terminal_changes_nothing(env: dict[str, str], tmp_path: Path) -> None:
    shown = ("schedules", "--json")

    refused = on_a_terminal(*PAUSE, answer="n", env=env, cwd=tmp_path)

    assert refused.returncode == 1
    assert refused.stdout == ""
    assert "This stops 0 scheduled payments (0 won) of ALL merchants" in refused.stderr
    assert "Continue? [y/N]" in refused.stderr
    assert facts("schedules", "resume", "--yes", env=env, cwd=tmp_path)["was_paused"] is False
    assert dasi(*shown, env=env, cwd=tmp_path).returncode == 0


def test_confirmation_at_the_terminal_pauses(env: dict[str, str], tmp_path: Path) -> None:
    done = on_a_terminal(*PAUSE, "--json", answer="y", env=env, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert '"paused": "all merchants"' in done.stdout, "the question is not in the result"
    assert facts("schedules", "resume", "--yes", env=env, cwd=tmp_path)["was_paused"] is True


def test_a_command_without_consequences_does_not_ask(env: dict[str, str], tmp_path: Path) -> None:
    assert facts("payments", "resolve", env=env, cwd=tmp_path) == []
    assert len(facts("webhooks", "secret", *OWNER, env=env, cwd=tmp_path)) == 1
