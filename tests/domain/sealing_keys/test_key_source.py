"""Sealing keys come from one setting, file or command, and no message shows them."""

import time
from pathlib import Path

import pytest

from dasi.foundation.errors import OperatorError
from dasi.foundation.vault import new_key, parse_keys
from dasi.sealing_keys import with_vault_keys
from dasi.sealing_keys.key_source import COMMAND, FILE, KEYS

FIRST, SECOND = new_key(), new_key()


def keys(environment: dict[str, str]) -> tuple[bytes, ...]:
    return parse_keys(with_vault_keys(environment, patience_s=1)[KEYS])


@pytest.mark.parametrize("text", ["{},{}", "{}\n{}\n", "{}, {}\n"])
def test_a_file_holds_keys_with_commas_or_one_a_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys"
    file.write_text(text.format(FIRST, SECOND))
    assert keys({FILE: str(file)}) == parse_keys(f"{FIRST},{SECOND}")


def test_a_command_prints_keys() -> None:
    assert keys({COMMAND: f"printf '%s\\n' {FIRST} {SECOND}"}) == parse_keys(f"{FIRST},{SECOND}")


def test_a_command_runs_without_a_shell() -> None:
    with pytest.raises(OperatorError):
        keys({COMMAND: f"echo $(echo {FIRST})"})


def test_a_command_sees_the_environment_without_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KMS_REGION", FIRST)
    monkeypatch.setenv("DASI_DATABASE_URL", "hush")
    assert keys({COMMAND: "sh -c 'echo $KMS_REGION$DASI_DATABASE_URL'"}) == parse_keys(FIRST)


def test_two_sources_are_refused() -> None:
    with pytest.raises(OperatorError, match=f"{KEYS} and {FILE} are both set"):
        with_vault_keys({KEYS: FIRST, FILE: "/keys"})


@pytest.mark.parametrize(
    ("command", "cause"),
    [
        ("false", "exit code was 1"),
        ("/no/such/kms-client", "No such file"),
        ("sh -c 'unclosed", "No closing quotation"),
        ("yes", "more than"),
        ("echo hush", "base64 keys"),
        ("sh -c 'echo hush >&2; exit 3'", "exit code was 3"),
    ],
)
def test_a_command_that_gives_no_keys_is_named_and_shows_nothing(
    command: str, cause: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OperatorError) as refused:
        keys({COMMAND: command})
    assert COMMAND in refused.value.problem
    assert cause in refused.value.cause
    assert "hush" not in str(refused.value) + "".join(capfd.readouterr())


def test_a_command_that_hangs_is_ended_with_its_children() -> None:
    began = time.monotonic()
    with pytest.raises(OperatorError, match="within 1 s"):
        keys({COMMAND: f"sh -c 'sleep 60 & echo {FIRST}; wait'"})
    assert time.monotonic() - began < 10


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be read") as refused:
        keys({FILE: str(tmp_path / "none")})
    assert str(tmp_path / "none") in refused.value.cause


def test_a_file_with_other_content_is_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("hush")
    with pytest.raises(OperatorError) as refused:
        keys({FILE: str(tmp_path / "keys")})
    assert FILE in refused.value.problem
    assert "hush" not in str(refused.value)
